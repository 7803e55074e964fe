"""Reading by many machines: a scheduler, workers that read, and the crew that asks them."""
