"""Each card by its own hand; and cards that a black-and-white scan may have robbed of marks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.records import DoubtKind
from tests.judging.exam import CODES, POLICY, SIDE, USUAL, Card, Said, doubt

# ── hands ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hand", [0.12, 0.2, 0.4, 0.7, 1.0])
@pytest.mark.parametrize("bitonal", [False, True])
def test_light_and_heavy_hands_are_read_alike(hand, bitonal):
    said = Card(hand).mark("m1", "BD").read(bitonal=bitonal)
    assert said.doubts == set()
    assert (said["ticket"], said["form"], said["q1"], said["q26"]) == ("1234", "A", "C", "")
    assert (said["m1"], said["m2"], said["absent"]) == ("BD", "", "")


def test_a_hand_below_what_is_believed_goes_to_a_person():
    said = Card(0.07).read(replace(POLICY, marks=replace(POLICY.marks, hand_low=0.1)))
    assert said["q1"] == "C"
    assert ("q1", DoubtKind.FAINT) in said.doubts
    assert ("q26", DoubtKind.FAINT) in said.doubts


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(st.floats(0.06, 1), st.floats(0, 1), st.booleans(), st.integers(0, 1 << 32))
def test_a_blank_row_never_becomes_marks(hand, grain, bitonal, seed):
    """Whatever the hand, ink that is too little to be anything is blank or shown to a person."""
    card = Card(hand, paper=0)
    grain *= POLICY.marks.quiet
    rng = np.random.default_rng(seed)
    untouched = [f"q{n}" for n in range(26, 31)]
    for name in untouched:
        at = card.at(name, "A")
        card.figures[:2, at : at + 5] = 255 * rng.choice([0, grain], (2, 5))
    said = card.read(bitonal=bitonal)
    shown = {name for name, _ in said.doubts}
    assert all(said[name] == "" or name in shown for name in untouched)


@pytest.mark.parametrize("hand", [0.2, 0.5, 1.0])
def test_the_papers_own_tint_is_no_mark(hand):
    said = Card(hand, paper=0.02).read()
    assert said["q30"] == ""
    assert said.doubts == set()


def test_an_all_blank_card_is_blank():
    said = Card(filled_in=False).read(codes=(CODES[0], CODES[1]))
    assert set(said.values.values()) == {"", "1234"}
    assert {kind for _, kind in said.doubts} == {DoubtKind.REQUIRED_BLANK}
    assert {name for name, _ in said.doubts} == {"ticket", "form", "form_again"}


def test_grey_that_is_nowhere_dark_goes_to_a_person():
    """Its marks fill nothing, so that there is no fill to compare with: no figure divides by it."""
    card = Card(0.19)
    card.figures[0] = 0
    said = card.read()
    assert {(name, DoubtKind.FIGURES_DISAGREE) for name in USUAL} <= said.doubts


def test_cards_are_judged_each_by_its_own_hand():
    cards = [Card(0.2), Card(1.0), Card(0.4).mark("q26", "A", 0.25)]
    together = [Said([c, *cards], POLICY, False, CODES) for c in cards]
    assert [t.values for t in together] == [c.read().values for c in cards]
    assert [t.doubts for t in together] == [c.read().doubts for c in cards]


# ── black and white ──────────────────────────────────────────────────────────────────────────────


def swallowed(card):
    """Rows that a person is shown because their marks may have been lost."""
    faint = {name for name, kind in card.read(bitonal=True).doubts if kind is DoubtKind.FAINT}
    assert not card.read().doubts & doubt("q27", DoubtKind.FAINT)
    return faint


def test_a_black_and_white_card_of_thin_marks_may_have_lost_others():
    everything = {f.name for f in SIDE.fields if f.name != "absent"}
    assert swallowed(Card(0.09)) == everything
    assert swallowed(Card(0.5)) == set()


def test_a_black_and_white_card_of_very_uneven_marks_may_have_lost_others():
    card = Card(0.6)
    for k, name in enumerate(USUAL):
        card.mark(name, "C", (1.0, 0.5, 0.25, 0.12)[k % 4])
    assert {"q27", "m1", "form", "ticket"} <= swallowed(card)


def test_a_black_and_white_card_of_hardly_a_mark_may_have_lost_others():
    assert "q1" in swallowed(Card(filled_in=False).mark("q26", "B"))
