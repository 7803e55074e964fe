"""Where scanned pages come from."""
