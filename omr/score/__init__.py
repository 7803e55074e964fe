"""Judges what was measured; sees no pixel."""
