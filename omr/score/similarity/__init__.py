"""Screening for identical answers (雷同): pairs alike beyond chance, for people to look at."""
