"""Marking: any key over any masks, and answers as texts."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omr.errors import AnswerKeyError, ScoringError
from omr.score.grading import Verdict
from omr.score.key import Accepted, Item, Key, Void
from omr.score.marking import (
    answers_text,
    compile_key,
    explain,
    item_units,
    letters_of,
    mark_cards,
    mask_type,
    masks_of_groups,
    masks_of_values,
    pack_answers,
)
from omr.score.scaling import Rounding, Scale, passed, score_texts
from tests.kernels.examples import STRICT, fixed
from tests.oracle import scoring as twin

pytestmark = STRICT

MARKS = st.builds(Fraction, st.integers(-40, 40), st.sampled_from([1, 2, 3, 4, 7, 10]))
LETTERS = "ABCDEFGHIJKLMNOP"


@st.composite
def keys(draw):
    """A key over 1 to 9 options: several right answers, parts, voids, any marks."""
    options = LETTERS[: draw(st.integers(1, 9))]
    items = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        masks = st.integers(1, (1 << len(options)) - 1)
        right = draw(st.dictionaries(masks, MARKS, min_size=1, max_size=4))
        accepted = tuple(Accepted(letters_of(m, options), marks) for m, marks in right.items())
        void = draw(st.sampled_from([Void.NO, Void.NO, *Void]))
        items.append(Item(str(number), accepted, draw(MARKS), draw(MARKS), "all", void))
    return Key.of(items), options


@st.composite
def marked(draw):
    """A key and cards for it."""
    key, options = draw(keys())
    row = st.lists(
        st.integers(0, (1 << len(options)) - 1), min_size=len(key.items), max_size=len(key.items)
    )
    rows = draw(st.lists(row, max_size=5))
    masks = np.array(rows, mask_type(options)).reshape(len(rows), len(key.items))
    return key, options, masks


@fixed(200)
@given(marked(), st.integers(1, 300), st.sampled_from(Rounding), MARKS)
def test_totals_scores_and_passes_are_the_plain_ones(example, full, rounding, line) -> None:
    key, options, masks = example
    table = compile_key(key, options)
    cards = [[letters_of(int(m), options) for m in row] for row in masks]
    totals = [twin.total(card, key.items) for card in cards]
    units = mark_cards(masks, table)
    assert [Fraction(int(u), table.denominator) for u in units] == totals
    each = item_units(masks, table)
    assert (each.sum(axis=1) == units).all()
    assert all(table.least <= u <= table.most for u in units)
    for card, row, by_item in zip(cards, masks, each, strict=True):
        graded = explain(row, key, options)
        assert [i.answer for i in graded.items] == card
        assert [i.marks * table.denominator for i in graded.items] == by_item.tolist()
    if key.full <= 0:
        with pytest.raises(ScoringError, match="full marks are 0"):
            Scale.of(table, Fraction(full), rounding)
        return
    scores = Scale.of(table, Fraction(full), rounding).scores(units)
    half_up = rounding is Rounding.HALF_UP
    plain = [twin.scaled(t, key.full, Fraction(full), half_up) for t in totals]
    assert [scores.exact(k) for k in range(len(plain))] == plain
    assert passed(scores, [line]).tolist() == [score >= line for score in plain]
    assert [Fraction(text) for text in score_texts(scores)] == plain


@fixed(200)
@given(marked())
def test_texts_and_values_are_the_masks(example) -> None:
    key, options, masks = example
    packed = pack_answers([answers_text(row, options) for row in masks], len(key.items), options)
    assert (packed.masks.tolist(), packed.faults) == (masks.tolist(), {})
    assert packed.masks.dtype == masks.dtype
    values = [[letters_of(int(m), options) for m in row] for row in masks]
    assert masks_of_values(values, options).tolist() == masks.tolist()
    assert masks_of_groups(masks.astype(np.uint32), options).tolist() == masks.tolist()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A[BD]-", "has 3 answers for the paper's 4 items"),
        ("A[BD]-CC", "has 5 answers"),
        ("", "has 0 answers"),
        ("A[BD]-F", "answer 4 .* none of the options"),
        ("A[BD]-c", "answer 4 .* none of the options"),
        ("A[B-]CD", "answer 2 .* none of the options"),
        ("A[BD]é", "answer 3 .* none of the options"),
        ("A[BD-C", "answer 2 .*"),
        ("AB-[D", "answer 4 .* brackets that do not close"),
        ("A[[BD]]C", "answer 2 .* brackets"),
        ("A]BC", "answer 2 .* brackets"),
        ("A[]BC", "answer 2 .* nothing in them"),
        ("A[BB]CD", "answer 2 .* an option twice"),
    ],
)
def test_texts_that_are_no_answers(text: str, told: str) -> None:
    packed = pack_answers(["ABCD", text, "[BD]---"], 4, "ABCDE")
    assert list(packed.faults) == [1]
    assert re.search(told, packed.faults[1])
    assert packed.masks.tolist() == [[1, 2, 4, 8], [0] * 4, [10, 0, 0, 0]]


def test_a_computer_s_answer_and_a_card_s_are_marked_alike() -> None:
    key = Key.of(
        Item(str(n), (Accepted(a, Fraction(1)),), Fraction(0), Fraction(0), "x")
        for n, a in enumerate(("A", "BD", "C"), 1)
    )
    table = compile_key(key, "ABCDE")
    card = masks_of_values([["A", "BD", ""]], "ABCDE")
    screen = pack_answers(["A[BD]-"], 3, "ABCDE").masks
    assert mark_cards(card, table) == mark_cards(screen, table) == [2]
    verdicts = [i.verdict for i in explain(card[0], key, "ABCDE").items]
    assert verdicts == [Verdict.RIGHT, Verdict.RIGHT, Verdict.BLANK]


def _key(value: str, marks: Fraction = Fraction(1)) -> Key:
    return Key.of([Item("1", (Accepted(value, marks),), Fraction(0), Fraction(0), "x")])


@pytest.mark.parametrize("value", ["F", "DB", "BB", "08"])
def test_an_answer_that_no_mask_has_is_refused_unseen(value: str) -> None:
    with pytest.raises(AnswerKeyError, match="1 accepts what is not made of ABCDE") as told:
        compile_key(_key(value), "ABCDE")
    assert value not in str(told.value)


def test_marks_that_would_not_fit_are_refused() -> None:
    fine = Fraction(1, 999_999_937)
    items = [
        Item(str(n), (Accepted("A", marks),), Fraction(0), Fraction(0), "x")
        for n, marks in enumerate((fine, Fraction(1, 999_999_929), Fraction(1000)))
    ]
    with pytest.raises(AnswerKeyError, match="fewer digits"):
        compile_key(Key.of(items), "A")
    table = compile_key(Key.of([items[0], items[2]]), "A")
    assert mark_cards(np.ones((1, 2), np.uint8), table)[0] == 1 + 1000 * 999_999_937
    with pytest.raises(ScoringError, match="fewer digits"):
        Scale.of(table, Fraction(10**6, 999_983), Rounding.NONE)


@pytest.mark.parametrize(
    "masks",
    [
        np.zeros((1, 2), np.uint8),
        np.zeros(1, np.uint8),
        np.zeros((1, 1), np.int64),
        np.full((1, 1), 32, np.uint8),
    ],
)
def test_masks_that_are_not_the_key_s(masks) -> None:
    with pytest.raises(ScoringError, match="mask"):
        mark_cards(masks, compile_key(_key("A"), "ABCDE"))
    if masks.shape != (1, 1):
        with pytest.raises(ScoringError, match="mask"):
            explain(masks[0] if masks.ndim == 2 else masks[:0], _key("A"), "ABCDE")


def test_values_and_groups_beyond_the_options() -> None:
    for values in ([["F"]], [["AA"]]):
        with pytest.raises(ScoringError, match="not made of ABCDE"):
            masks_of_values(values, "ABCDE")
    with pytest.raises(ScoringError, match="different numbers"):
        masks_of_values([["A"], ["A", "B"]], "ABCDE")
    with pytest.raises(ScoringError, match="beyond"):
        masks_of_groups(np.array([[32]], np.uint32), "ABCDE")
    for options in ("", "AA", LETTERS + "Q", "A[", "-"):
        with pytest.raises(ScoringError, match="different letters"):
            mask_type(options)
    assert masks_of_values([], "AB").shape == (0, 0)
