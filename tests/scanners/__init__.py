"""Scanner drivers: what they promise, kept against broken devices and broken folders."""
