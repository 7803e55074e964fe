"""Rows of options: marks, residues, rivals; and ink where none is expected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omr.records import DoubtKind
from tests.judging.exam import POLICY, USUAL, Card, doubt

# ── one row ──────────────────────────────────────────────────────────────────────────────────────


def test_residue_of_an_erasure_beside_a_full_mark_is_nothing():
    said = Card().mark("q26", "B").mark("q26", "D", 0.3).read()
    assert said["q26"] == "B"
    assert said.doubts == set()


@pytest.mark.parametrize("share", [0.2, 0.25, 0.3])
def test_residue_alone_is_a_doubt(share):
    said = Card().mark("q26", "D", share).read()
    assert said.doubts == doubt("q26", DoubtKind.FAINT)
    assert said.evidence("q26", DoubtKind.FAINT).startswith(f"D {0.7 * share:.2f}"[:4])
    assert "hand 0.70/0.70" in said.evidence("q26", DoubtKind.FAINT)


def test_what_is_neither_residue_nor_a_second_mark_is_a_doubt():
    said = Card().mark("q26", "B").mark("q26", "D", 0.5).read()
    assert said["q26"] == "B"
    assert said.doubts == doubt("q26", DoubtKind.ERASED)


def test_two_faint_boxes_are_doubted_as_erased_too():
    said = Card().mark("q26", "B", 0.3).mark("q26", "D", 0.2).read()
    assert said.doubts == doubt("q26", DoubtKind.FAINT, DoubtKind.ERASED)


def test_two_full_marks_are_a_reading_in_an_answer_and_a_doubt_in_an_identity():
    said = Card().mark("q26", "BD").mark("form", "B").mark("ticket", "7").read()
    assert (said["q26"], said["form"], said["ticket"]) == ("BD", "AB", "?234")
    several = doubt("form", DoubtKind.SEVERAL) | doubt("ticket", DoubtKind.SEVERAL)
    assert said.doubts == several | doubt("form_again", DoubtKind.IDENTITY_CLASH)


def test_a_field_may_overrule_the_policy_about_several():
    assert Card().mark("strict", "BD").read().doubts == doubt("strict", DoubtKind.SEVERAL)
    lenient = replace(POLICY, several=replace(POLICY.several, identity="reading"))
    assert Card().mark("strict", "BD").read(lenient).doubts == doubt("strict", DoubtKind.SEVERAL)
    said = Card().mark("form", "B").mark("form_again", "B").read(lenient)
    assert (said["form"], said.doubts) == ("AB", set())


def test_a_third_box_between_residue_and_mark_is_a_doubt():
    said = Card().mark("q26", "BD").mark("q26", "E", 0.5).read()
    assert (said["q26"], said.doubts) == ("BD", doubt("q26", DoubtKind.ERASED))


def test_a_first_box_far_above_the_hand_makes_no_residue_of_a_usual_mark():
    said = Card(0.35).mark("q26", "B", 2.8).mark("q26", "D").read()
    assert (said["q26"], said.doubts) == ("BD", set())


def test_the_classic_margin_wants_the_two_darkest_far_apart():
    card = Card().mark("q26", "B").mark("q26", "D", 0.35)
    assert card.read().doubts == set()
    classic = replace(POLICY, rivals=replace(POLICY.rivals, classic_margin=0.7))
    assert card.read(classic).doubts == doubt("q26", DoubtKind.SEVERAL)
    assert Card().mark("q26", "B").read(classic).doubts == set()


def test_figures_that_contradict_each_other_are_a_doubt():
    """Dark without strokes: a smudge. Strokes that are not dark are no mark either."""
    said = Card().mark("q26", "B", 0.1, darkness=0.9).read()
    assert said.doubts == doubt("q26", DoubtKind.FIGURES_DISAGREE)
    said = Card().mark("q26", "B", 0.9, darkness=0.1).read()
    assert said.doubts == doubt("q26", DoubtKind.FIGURES_DISAGREE)


def test_weak_marks_of_an_uneven_hand_are_read():
    """A third of full strength is a mark where a fifth of the card's marks look like that.

    Only in black and white and on light hands do strokes fill a box by chance.
    """
    even, uneven = Card(), Card()
    for name in USUAL[::5]:
        uneven.mark(name, "C", 0.34)
    even.mark("q26", "B", 0.34)
    uneven.mark("q26", "B", 0.34)
    assert even.read(bitonal=True).doubts == doubt("q26", DoubtKind.FAINT)
    assert uneven.read(bitonal=True).doubts == set()
    assert ("q26", DoubtKind.FAINT) in uneven.read().doubts


# ── multiple choice and flags ────────────────────────────────────────────────────────────────────


def test_multiple_choice_options_stand_each_for_itself():
    said = Card().mark("m1", "ABE").mark("m2", "C").mark("m3", "ABCDE").read()
    assert (said["m1"], said["m2"], said["m3"], said["m4"]) == ("ABE", "C", "ABCDE", "")
    assert said.doubts == set()


def test_a_faint_option_of_multiple_choice_is_a_doubt_even_beside_a_full_one():
    said = Card().mark("m1", "A").mark("m1", "D", 0.25).read()
    assert said["m1"] == "A"
    assert said.doubts == doubt("m1", DoubtKind.FAINT)


def test_the_nearer_verdict_stands_in_while_a_person_looks():
    assert Card().mark("m1", "A").mark("m1", "D", 0.3).read()["m1"] == "AD"


def test_a_smudge_beside_a_multiple_choice_mark_was_rubbed_out():
    smudge = {"share": 0.05, "darkness": 0.25}
    assert Card().mark("m1", "A").mark("m1", "D", **smudge).read().doubts == set()
    assert Card().mark("m1", "D", **smudge).read().doubts == doubt("m1", DoubtKind.FAINT)
    said = Card().mark("m1", "A").mark("m1", "D", **smudge).read(bitonal=True)
    assert said.doubts == doubt("m1", DoubtKind.FAINT)


def test_flags():
    assert Card().mark("absent", "1").read()["absent"] == "1"
    assert Card().read()["absent"] == ""
    assert Card().mark("absent", "1", 0.25).read().doubts == doubt("absent", DoubtKind.FAINT)


# ── ink where none is expected ───────────────────────────────────────────────────────────────────


def test_ink_beside_the_boxes_of_a_blank_row_is_a_doubt():
    card = Card().ink("q26", "B", around=0.35)
    assert card.read().doubts == doubt("q26", DoubtKind.OUTSIDE)
    assert card.mark("q26", "B").read().doubts == set()
    assert card.mark("q26", "A").read().doubts == set()
    assert Card().ink("m1", "E", around=0.35).read().doubts == doubt("m1", DoubtKind.OUTSIDE)
    assert Card().ink("q26", "B", around=0.25).read().doubts == set()


def test_much_more_ink_round_a_mark_than_round_others_is_a_doubt():
    """A blot, or a hole; a hand that always overshoots its boxes is not doubted for it."""
    blot = Card().mark("q26", "B").ink("q26", "B", around=0.6)
    assert blot.read().doubts == doubt("q26", DoubtKind.OUTSIDE)
    for name in USUAL:
        blot.ink(name, "C", around=0.4)
    assert blot.read().doubts == set()


def test_a_mark_paler_than_its_strokes_was_rubbed():
    said = Card().mark("q26", "B", 0.9, darkness=0.45).read()
    assert (said["q26"], said.doubts) == ("B", doubt("q26", DoubtKind.FIGURES_DISAGREE))


def test_black_and_even_beyond_the_box_is_a_hole_and_no_pencil():
    card = Card(0.8)
    card.figures[1] = card.figures[1] * 0.6
    assert card.read().doubts == set()
    card.mark("q26", "B", 1.0, darkness=1.0).ink("q26", "B", around=0.45)
    assert card.read().doubts == doubt("q26", DoubtKind.FIGURES_DISAGREE)


def test_a_blot_over_two_boxes_is_a_doubt():
    card = Card().mark("q26", "B").mark("q26", "C", 0.75)
    assert (card.read()["q26"], card.read().doubts) == ("BC", set())
    card.ink("q26", "C", around=0.4)
    assert card.read().doubts == doubt("q26", DoubtKind.FIGURES_DISAGREE)


def test_a_line_through_an_otherwise_empty_box_is_a_doubt():
    card = Card(0.5).mark("q26", "B", 0.45).ink("q26", "B", through=0.9)
    assert card.read().doubts == doubt("q26", DoubtKind.LINE)
    assert Card(0.5).mark("q26", "B", 0.45).ink("q26", "B", through=0.7).read().doubts == set()
    assert Card(0.5).mark("q26", "B", 0.6).ink("q26", "B", through=0.9).read().doubts == set()
