"""LSAT6 (Bock & Lieberman 1970): 1000 people, five items, as how often each pattern came up."""

from __future__ import annotations

import numpy as np

from omr.score.key_file import load_key_file
from omr.score.responses import U8, AnswerMatrix

COUNTS = {
    "00000": 3,
    "00001": 6,
    "00010": 2,
    "00011": 11,
    "00100": 1,
    "00101": 1,
    "00110": 3,
    "00111": 4,
    "01000": 1,
    "01001": 8,
    "01011": 16,
    "01101": 3,
    "01110": 2,
    "01111": 15,
    "10000": 10,
    "10001": 29,
    "10010": 14,
    "10011": 81,
    "10100": 3,
    "10101": 28,
    "10110": 15,
    "10111": 80,
    "11000": 16,
    "11001": 56,
    "11010": 21,
    "11011": 173,
    "11100": 11,
    "11101": 61,
    "11110": 28,
    "11111": 298,
}


def rights() -> U8:
    """(1000, 5): who had what right."""
    rows = [[int(one) for one in pattern] for pattern, n in COUNTS.items() for _ in range(n)]
    return np.array(rows, np.uint8)


def simple_matrix(rights: U8) -> AnswerMatrix:
    """Rights as answers to a key of nothing but A: right is A, wrong is B."""
    items = rights.shape[1]
    text = f'paper = "1"\nversion = 1\noptions = "AB"\n[[section]]\nanswers = "{"A" * items}"\n'
    return AnswerMatrix(np.where(rights, 1, 2).astype(np.uint8), load_key_file(text.encode()))
