"""The matrix of answers: what was chosen and what is right."""

from __future__ import annotations

import numpy as np
import pytest

from omr.errors import ScoringError
from omr.score.key_file import PaperKey, load_key_file
from omr.score.marking import mark_cards
from omr.score.responses import OMITTED, SEVERAL, AnswerMatrix, choices

KEY = load_key_file(
    b'paper = "2031"\nversion = 1\noptions = "ABCDE"\n'
    b'[[section]]\nname = "A1"\nanswers = "ABCD"\naccept = { "3" = ["C", "E"] }\n'
    b'void = { "4" = "left_out" }\n'
    b'[[section]]\nname = "X"\nkind = "multiple"\nanswers = ["BD"]\npartial = "0.5"\n'
)


def matrix(rows: list[list[int]], key: PaperKey = KEY) -> AnswerMatrix:
    return AnswerMatrix(np.array(rows, np.uint8).reshape(len(rows), -1), key)


def test_what_was_chosen() -> None:
    found = matrix([[0b00001, 0, 0b10000, 0b00110, 0b01010], [0b11111, 0b10, 0b100, 1, 0b10]])
    assert found.chosen().tolist() == [[1, OMITTED, 5, SEVERAL, SEVERAL], [SEVERAL, 2, 3, 1, 2]]


def test_what_is_right() -> None:
    found = matrix([[0b00001, 0, 0b10000, 0b01000, 0b01010], [0b11, 0b10, 0b100, 0b1, 0b10]])
    assert found.right().tolist() == [[1, 0, 1, 0, 1], [0, 1, 1, 0, 0]]
    assert found.counts.tolist() == [True, True, True, False, True]
    assert mark_cards(found.masks, found.table()).tolist() == [6, 5], "halves of a mark"


def test_the_options_that_are_right_alone() -> None:
    rows = matrix([[0] * 5]).right_options()
    letters = ["".join(np.array(list("ABCDE"))[row]) for row in rows]
    assert letters == ["A", "B", "CE", "D", ""]


def test_what_is_no_matrix_of_the_key() -> None:
    with pytest.raises(ScoringError, match=r"masks must be \(persons, 5\)"):
        matrix([[0, 0]])
    with pytest.raises(ScoringError, match="beyond ABCDE"):
        matrix([[0, 0, 0, 0, 32]])
    with pytest.raises(ScoringError, match="1 to 16"):
        choices(17)


def test_nobody_is_a_matrix_too() -> None:
    found = AnswerMatrix(np.zeros((0, 5), np.uint8), KEY)
    assert (found.persons, found.right().shape, found.chosen().shape) == (0, (0, 5), (0, 5))
