"""Scanners that are stood in for, and the drivers that are put before them."""
