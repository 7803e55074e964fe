"""Reads scanned answer cards: pixels → readings → marks."""
