"""Whole values: numbers, checks, barcodes, and how likely a field is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omr.design import CheckRule
from omr.records import BarcodeRead, DoubtKind
from omr.score.reading import names_of
from tests.judging.exam import CODES, SIDE, Card, doubt

# ── whole values ─────────────────────────────────────────────────────────────────────────────────


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


# ── barcodes ─────────────────────────────────────────────────────────────────────────────────────


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


# ── risk ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_error_probability_rises_with_doubt():
    said = Card().mark("q26", "B").mark("q27", "B", 0.4).mark("q28", "B", 0.25).read()
    assert 0 < said.risk("q26") < said.risk("q27") < said.risk("q28") <= 1
    assert (said.all.probability <= 1).all()
    assert said.all.probability.shape == (1, len(SIDE.fields))
