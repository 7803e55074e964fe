"""Back-ups: one moment of the store and every file that it names, and offices made of them."""
