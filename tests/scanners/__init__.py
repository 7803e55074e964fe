"""Scanner drivers against devices that can be had without a scanner."""
