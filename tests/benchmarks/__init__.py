"""Benchmarks: `make bench` runs them whole; the suite only sees that every figure comes out."""
