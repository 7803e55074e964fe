"""What counts as a mark, told as the exam tells it; and what a policy file may say."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.design import CheckRule
from omr.design_parse import parse_design
from omr.errors import PolicyError
from omr.policy import (
    EvidenceRules,
    MarkRules,
    RivalRules,
    SeveralRules,
    default_policy,
    load_policy,
    parse_policy,
)
from omr.records import BarcodeRead, DoubtKind
from omr.score.judge import judge_many
from omr.score.reading import names_of, read_many

EXAM = parse_design(
    """\
name = "exam"
title = "考试"
ink = "red"

[page]
width_mm = 400.0
height_mm = 400.0

[bubble]
shape = "box"
width_mm = 5.0
height_mm = 3.0

[[front.track]]
edge = "right"
at_mm = 392.0
first_mm = 10.0
pitch_mm = 5.0
count = 76
mark_mm = [4.0, 2.0]

[front.columns]
first_mm = 10.0
pitch_mm = 7.0

[[front.field]]
name = "ticket"
kind = "digits"
length = 4
at = { column = 1, row = 1 }
character_step = { column = 1 }
value_step = { row = 1 }

[[front.field]]
name = "citizen"
kind = "digits"
length = 18
values = "0123456789X"
check = "mod11-2"
required = false
at = { column = 6, row = 1 }
character_step = { column = 1 }
value_step = { row = 1 }

[[front.field]]
name = "school"
kind = "digits"
length = 2
allowed = ["07", "12"]
required = false
at = { column = 25, row = 1 }
character_step = { column = 1 }
value_step = { row = 1 }

[[front.field]]
name = "form"
kind = "form"
values = ["A", "B"]
at = { column = 30, row = 1 }
value_step = { row = 1 }

[[front.field]]
name = "form_again"
kind = "form"
values = ["A", "B"]
same_as = "form"
at = { column = 32, row = 1 }
value_step = { row = 1 }

[[front.field]]
name = "absent"
kind = "flag"
at = { column = 34, row = 1 }

[[front.field]]
name = "q{n}"
kind = "single"
values = "ABCDE"
count = 30
at = { column = 1, row = 20 }
value_step = { column = 1 }
field_step = { row = 1 }

[[front.field]]
name = "strict"
kind = "single"
values = "ABCDE"
several = "doubt"
at = { column = 1, row = 55 }
value_step = { column = 1 }

[[front.field]]
name = "m{n}"
kind = "multiple"
values = "ABCDE"
count = 5
at = { column = 10, row = 20 }
value_step = { column = 1 }
field_step = { row = 1 }

[[front.field]]
name = "number"
kind = "barcode"
at = { x_mm = 300.0, y_mm = 30.0 }
size_mm = [50.0, 20.0]

[[front.field]]
name = "sticker"
kind = "barcode"
required = false
at = { x_mm = 300.0, y_mm = 60.0 }
size_mm = [50.0, 20.0]
""",
    "exam.toml",
)
SIDE = EXAM.sides[0]
FIELD = {f.name: f for f in SIDE.fields}

# The limits that these stories rest on; those of default.toml may be tuned without them.
DEFAULT = default_policy()
POLICY = replace(
    DEFAULT,
    marks=MarkRules(
        floor=0.06,
        faint_from=0.16,
        filled_from=0.35,
        filled_least=0.18,
        weak_sigmas=3.5,
        quiet=0.025,
        letter_left=0.06,
        bitonal_floor=0.4,
        bitonal_quiet=0.15,
        hand_low=0.06,
        hand_default=0.6,
        light_below=0.45,
        thin_below=0.4,
        swallowed_below=0.1,
        swallowed_sigmas=4.0,
    ),
    rivals=RivalRules(erased_from=0.4, several_from=0.66, classic_margin=0.0),
    several=SeveralRules(answer="reading", identity="doubt", staff="doubt"),
    evidence=EvidenceRules(
        around_from=0.3,
        margin_usual=0.25,
        blot_from=0.25,
        pale_below=0.55,
        weak_below=0.75,
        weak_pale_more=0.12,
        smudge_below=0.6,
        hole_from=0.12,
        hole_fill=0.3,
        hole_even=0.9,
        hole_below=0.82,
        beside_below=0.8,
        beside_from=0.55,
        through_from=0.8,
        line_fill=0.25,
    ),
)
CODES = (BarcodeRead("number", "1234", "Code128", "zxing"), BarcodeRead("sticker", ""))
USUAL = [f"q{n}" for n in range(1, 26)]  # rows that only show the card's hand


class Card:
    """A card's figures. It begins as one that everybody fills in: ticket, form, 25 answers C."""

    def __init__(self, hand=0.7, paper=0.01, filled_in=True):
        self.figures = np.zeros((4, SIDE.bubble_count), np.uint8)
        self.figures[:2] = round(255 * paper)
        self.hand = hand
        if filled_in:
            for at, digit in enumerate("1234"):
                self.mark("ticket", digit, character=at)
            self.mark("form", "A").mark("form_again", "A")
            for name in USUAL:
                self.mark(name, "C")

    def at(self, name, option, character=0):
        field = FIELD[name]
        return SIDE.group_start[field.groups[0] + character] + field.values.index(option)

    def mark(self, name, options, share=1.0, darkness=None, character=0):
        """Marks options with a share of the hand; its darkness the same unless told."""
        for option in options:
            at = self.at(name, option, character)
            self.figures[0, at] = round(255 * min(1, self.hand * share))
            level = self.hand * (share if darkness is None else darkness)
            self.figures[1, at] = round(255 * min(1, level))
        return self

    def number(self, name, text):
        for at, character in enumerate(text):
            if character != " ":
                self.mark(name, character, character=at)
        return self

    def ink(self, name, option, *, around=0.0, through=0.0):
        self.figures[2:, self.at(name, option)] = round(255 * around), round(255 * through)
        return self

    def read(self, policy=POLICY, bitonal=False, codes=CODES):
        return Said([self], policy, bitonal, codes)

    def judged(self, policy=POLICY, bitonal=False):
        return judge_many(SIDE, policy, tuple(self.figures[:, None, :]), np.array([bitonal]))


class Said:
    """What the first of some cards says."""

    def __init__(self, cards, policy, bitonal, codes):
        figures = tuple(np.array([c.figures[k] for c in cards]) for k in range(4))
        flags = np.full(len(cards), bitonal)
        self.all = read_many(SIDE, policy, figures, flags, [codes] * len(cards))
        self.values = dict(zip(self.all.names, self.all.values[0], strict=True))
        self.doubts = {(d.field, d.kind) for d in self.all.doubts[0]}

    def __getitem__(self, name):
        return self.values[name]

    def evidence(self, field, kind):
        (said,) = (d.evidence for d in self.all.doubts[0] if (d.field, d.kind) == (field, kind))
        return said

    def risk(self, name):
        return self.all.probability[0][self.all.names.index(name)]


def doubt(field, *kinds):
    return {(field, kind) for kind in kinds}


# ── hands ────────────────────────────────────────────────────────────────────────────────────


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


# ── one row ──────────────────────────────────────────────────────────────────────────────────


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


# ── multiple choice and flags ────────────────────────────────────────────────────────────────


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


# ── ink where none is expected ───────────────────────────────────────────────────────────────


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


# ── black and white ──────────────────────────────────────────────────────────────────────────


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


# ── whole values ─────────────────────────────────────────────────────────────────────────────


def test_a_blank_or_double_digit_shows_as_a_question_mark():
    said = Card().number("school", "1 ").read()
    assert (said["school"], said.doubts) == ("1?", set())
    said = Card().number("school", "12").mark("school", "5", character=1).read()
    assert (said["school"], said.doubts) == ("1?", doubt("school", DoubtKind.SEVERAL))
    assert said.evidence("school", DoubtKind.SEVERAL).startswith("character 2: ")
    assert Card().read()["school"] == ""


def test_a_required_field_must_not_be_blank():
    card = Card()
    card.figures[:, card.at("ticket", "0", 2) : card.at("ticket", "0", 3)] = 0
    said = card.read()
    assert said["ticket"] == "12?4"
    assert said.doubts == doubt("ticket", DoubtKind.REQUIRED_BLANK)
    assert said.evidence("ticket", DoubtKind.REQUIRED_BLANK) == "character 3 is blank"
    blank = Card(filled_in=False).read()
    assert blank.evidence("form", DoubtKind.REQUIRED_BLANK) == "no option is filled"


def test_what_must_be_said_twice_must_agree():
    card = Card()
    at = card.at("form_again", "A")
    card.figures[:2, [at, at + 1]] = card.figures[:2, [at + 1, at]]
    said = card.read()
    assert said.doubts == doubt("form_again", DoubtKind.IDENTITY_CLASH)
    assert said.evidence("form_again", DoubtKind.IDENTITY_CLASH) == (
        "form_again says 'B', form says 'A'"
    )


def test_only_allowed_values_pass():
    assert Card().number("school", "07").read().doubts == set()
    assert Card().number("school", "08").read().doubts == doubt(
        "school", DoubtKind.VALUE_NOT_ALLOWED
    )


def test_check_characters_on_the_card():
    said = Card().number("citizen", "11010519491231002X").read()
    assert (said["citizen"], said.doubts) == ("11010519491231002X", set())
    said = Card().number("citizen", "110105194912310021").read()
    assert said.doubts == doubt("citizen", DoubtKind.CHECK_FAILED)


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (CheckRule.MOD10, "79927398713"),
        (CheckRule.MOD10, "4111111111111111"),
        (CheckRule.MOD10, "49927398716"),
        (CheckRule.MOD11_2, "11010519491231002X"),
        (CheckRule.MOD11_2, "440524188001010014"),
        (CheckRule.MOD11_2, "07940"),
    ],
)
def test_check_characters_catch_every_single_slip_and_swap(rule, good):
    """Numbers published with the rules: the rules' own promise is single slips, and swaps."""
    assert rule.passes(good)
    assert rule.character_for(good[:-1]) == good[-1]
    for at, right in enumerate(good):
        for wrong in set("0123456789") - {right}:
            assert not rule.passes(good[:at] + wrong + good[at + 1 :])
    for at in range(len(good) - 1):
        a, b = good[at], good[at + 1]
        # Luhn does not see 09 and 90 swapped.
        if a != b and {a, b} != {"0", "9"}:
            assert not rule.passes(good[:at] + b + a + good[at + 2 :])


def test_no_check_rule_passes_everything():
    assert CheckRule.NONE.passes("12345")


# ── barcodes ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reader", ["pyzbar", "split"])
def test_a_barcode_that_one_reader_sees_alone_is_a_doubt(reader):
    said = Card().read(codes=(replace(CODES[0], reader=reader), CODES[1]))
    assert said["number"] == "1234"
    assert said.doubts == doubt("number", DoubtKind.BARCODE_ALONE)


def test_a_missing_barcode_is_a_doubt_where_it_is_required():
    said = Card().read(codes=(BarcodeRead("number", ""), CODES[1]))
    assert (said["number"], said["sticker"]) == ("", "")
    assert said.doubts == doubt("number", DoubtKind.BARCODE_MISSING)


def test_a_barcode_that_cannot_be_read_is_a_doubt_even_where_none_is_required():
    said = Card().read(codes=(CODES[0], BarcodeRead("sticker", "", "", "unread")))
    assert said.doubts == doubt("sticker", DoubtKind.BARCODE_MISSING)


def test_names_run_fields_first_then_barcodes():
    names = names_of(SIDE)
    assert names[0] == "ticket"
    assert names[-2:] == ("number", "sticker")
    assert len(names) == len(SIDE.fields) + 2


# ── risk ─────────────────────────────────────────────────────────────────────────────────────


def test_the_error_probability_rises_with_doubt():
    said = Card().mark("q26", "B").mark("q27", "B", 0.4).mark("q28", "B", 0.25).read()
    assert 0 < said.risk("q26") < said.risk("q27") < said.risk("q28") <= 1
    assert (said.all.probability <= 1).all()
    assert said.all.probability.shape == (1, len(SIDE.fields))


# ── properties ───────────────────────────────────────────────────────────────────────────────


def random_card(seed, hand):
    """A card whose rows hold anything from nothing to two marks; no two boxes of a row alike."""
    rng = np.random.default_rng(seed)
    card = Card(hand)
    for g in range(SIDE.group_count):
        span = slice(SIDE.group_start[g], SIDE.group_start[g + 1])
        count = span.stop - span.start
        figures = 3.0 + rng.permutation(count)
        marks = rng.choice(count, min(count, rng.integers(0, 3)), replace=False)
        figures[marks] = 255 * hand * rng.uniform(0.1, 1.2, len(marks))
        while len(set(figures.astype(int))) < count:
            figures[marks] += rng.uniform(-2, 2, len(marks))
        card.figures[0, span] = figures.clip(0, 254)
        card.figures[1, span] = (figures * rng.uniform(0.8, 1)).clip(0, 254)
    return card


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 1 << 32), st.floats(0.15, 0.8), st.floats(0, 1), st.booleans())
def test_a_darker_mark_never_turns_a_reading_into_another(seed, hand, more, bitonal):
    card = random_card(seed, hand)
    before = card.judged(bitonal=bitonal)
    rows = [g for g in range(SIDE.group_count) if not before.doubts[0, g]]
    for g in rows[:: max(1, len(rows) // 6)]:
        mask = int(before.masks[0, g])
        if mask.bit_count() != 1:
            continue
        at = SIDE.group_start[g] + mask.bit_length() - 1
        darker = Card(hand)
        darker.figures = card.figures.copy()
        old = darker.figures[:2, at].astype(float)
        darker.figures[:2, at] = old + more * (255 - old)
        after = darker.judged(bitonal=bitonal)
        assert after.masks[0, g] == mask or after.doubts[0, g]


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 1 << 32), st.floats(0.15, 0.8), st.booleans())
def test_the_order_of_options_does_not_matter(seed, hand, bitonal):
    card = random_card(seed, hand)
    rng = np.random.default_rng(seed + 1)
    orders = [rng.permutation(n) for n in np.diff(SIDE.group_start)]
    shuffled = Card(hand)
    for g, order in enumerate(orders):
        start = SIDE.group_start[g]
        span = slice(start, SIDE.group_start[g + 1])
        shuffled.figures[:, span] = card.figures[:, start + order]
    one, other = card.judged(bitonal=bitonal), shuffled.judged(bitonal=bitonal)
    for g, order in enumerate(orders):
        mask = sum(1 << k for k, old in enumerate(order) if one.masks[0, g] >> old & 1)
        assert other.masks[0, g] == mask
    assert np.array_equal(one.doubts, other.doubts)
    assert np.array_equal(one.margin, other.margin)
    assert np.array_equal(one.hand, other.hand)


# ── policy files ─────────────────────────────────────────────────────────────────────────────

TOML = (resources.files("omr") / "policies" / "default.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("line", "new", "says"),
    [
        ("[marks]", "[marks", "not TOML"),
        ("[marks]", "[mark]", "unknown: mark"),
        ("floor =", "flor = 0.06", r"\[marks\] must hold exactly: floor, faint_from"),
        ("floor =", "", r"\[marks\] must hold exactly"),
        ("floor =", 'floor = "6 %"', "marks.floor must be a number, got '6 %'"),
        ("floor =", "floor = true", "marks.floor must be a number, got True"),
        ("floor =", "floor = 6", "marks.floor must be from 0 to 1, got 6"),
        ("bitonal_floor =", "bitonal_floor = 0", "floor, .*filled_from must be above 0"),
        ("floor =", "floor = nan", "marks.floor must be from 0 to 1, got nan"),
        ("answer =", 'answer = "both"', 'several.answer must be "reading" or "doubt"'),
        ("faint_from =", "faint_from = 0.9", "faint_from must not be above marks.filled_from"),
        ("erased_from =", "erased_from = 1", "erased_from must not be above rivals.several_from"),
    ],
)
def test_a_policy_says_what_is_wrong_with_it(line, new, says):
    lines = TOML.splitlines()
    (at,) = (k for k, text in enumerate(lines) if text.startswith(line))
    lines[at] = new
    with pytest.raises(PolicyError, match=says) as caught:
        parse_policy("\n".join(lines), "strict.toml")
    assert "strict.toml" in str(caught.value)


def test_a_policy_is_known_by_its_content():
    assert parse_policy(TOML + "# a remark\n", "other.toml").hash == DEFAULT.hash
    darker = re.sub("floor = [0-9.]+", "floor = 0.05", TOML)
    assert parse_policy(darker, "other.toml").hash != DEFAULT.hash


def test_a_policy_is_loaded_from_a_file(tmp_path):
    file = tmp_path / "strict.toml"
    file.write_text(TOML, "utf-8")
    assert load_policy(file) == load_policy(None) == DEFAULT
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")
    file.write_bytes(b"\xff")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(file)
