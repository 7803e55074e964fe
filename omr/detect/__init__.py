"""Measures what is on a page; learns no answer."""
