"""From a page to its reading, end to end: what is on the card, or why it cannot be read."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from omr.design import Design, builtin_names, load_design
from omr.design_parse import parse_design
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.records import (
    U8,
    DoubtKind,
    RejectedPage,
    RejectReason,
    ScannedPage,
    SideName,
    Status,
    Turn,
)
from omr.simulate import SimulatedPage, load_mix, simulate_card
from omr.simulate.mix import ScanKind, ScanMode
from scanner_drivers.files import FileDriver
from tests.faults.cards import CARD, SAMPLES, SMALL_CARD, card_files

BOTH = "two-sided-60"
SEED = 2


def scanned_as(mode: ScanMode, threshold: float = 165.0) -> ScanKind:
    return ScanKind(mode, 200, 1.0, (80, 80), (threshold, threshold))


GREY = scanned_as(ScanMode.GREY)


@cache
def pages_of(
    design: str, mix: str = "clean", index: int = 0, scan: ScanKind = GREY
) -> tuple[SimulatedPage, ...]:
    kinds = replace(load_mix(mix), scans=(scan,))
    return simulate_card(load_design(design), kinds, SEED, index)


def card(design: str = CARD, mix: str = "clean", index: int = 0) -> SimulatedPage:
    return pages_of(design, mix, index)[0]


def pixels(page: SimulatedPage) -> U8:
    image = cv2.imdecode(np.frombuffer(page.image, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return np.asarray(image, np.uint8)


def png(picture: U8) -> bytes:
    return cv2.imencode(".png", np.ascontiguousarray(picture))[1].tobytes()


def outcome_of(image: bytes, design: Design | str = CARD) -> ReadPage | RejectedPage:
    known = load_design(design) if isinstance(design, str) else design
    page = ScannedPage(image, ScannedPage.digest(image), "box/card.jpg", 41)
    return read_page(page, known, default_policy())


def reading_of(image: bytes, design: Design | str = CARD) -> ReadPage:
    outcome = outcome_of(image, design)
    assert isinstance(outcome, ReadPage), outcome
    return outcome


def refusal_of(image: bytes, design: str = CARD) -> RejectedPage:
    outcome = outcome_of(image, design)
    assert isinstance(outcome, RejectedPage), outcome.reading
    assert outcome.evidence
    assert outcome.advice.endswith(".")
    return outcome


def values_of(page: ReadPage) -> dict[str, str]:
    return dict(zip(page.reading.fields, page.reading.values, strict=True))


def assert_read_exactly(page: ReadPage, values: dict[str, str]) -> None:
    assert page.reading.doubts == ()
    assert page.reading.status is Status.READ
    assert values_of(page) == values


# ── cards that are read ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", list(ScanMode))
@pytest.mark.parametrize("design", builtin_names())
def test_a_clean_card_is_read_exactly(design: str, mode: ScanMode) -> None:
    pages = pages_of(design, scan=scanned_as(mode))
    assert len(pages) == len(load_design(design).sides)
    for page in pages:
        read = reading_of(page.image, design)
        assert_read_exactly(read, page.truth.values)
        assert read.reading.side is page.truth.side
        assert read.scores.bitonal is (mode is ScanMode.BITONAL)


@pytest.mark.parametrize("design", builtin_names())
def test_a_card_is_read_whichever_way_it_lies(design: str) -> None:
    page = card(design)
    turns = {}
    for quarters in range(4):  # counter-clockwise
        read = reading_of(png(np.rot90(pixels(page), quarters)), design)
        assert_read_exactly(read, page.truth.values)
        turns[quarters] = read.reading.turn
    assert turns == {0: Turn.UPRIGHT, 1: Turn(270), 2: Turn.OVER, 3: Turn(90)}


def known_cards() -> dict[str, dict[str, str]]:
    """What each clean sample says, by its candidate's number."""
    cards = {}
    for family, number in (("clean", "ticket"), ("clean_quiz", "student")):
        for line in (SAMPLES / family / "expected.jsonl").read_text("utf-8").splitlines():
            values = json.loads(line)["values"]
            cards[values[number]] = values
    return cards


@pytest.mark.parametrize("name", card_files())
def test_every_format_is_read_alike_through_a_driver(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(card_files()[name])
    driver = FileDriver([tmp_path])
    design = load_design(SMALL_CARD if name.startswith(SMALL_CARD) else CARD)
    pages = list(driver.pages())
    driver.close()
    assert not driver.refused
    assert len(pages) == (2 if name.endswith(".zip") else 1)
    for page in pages:
        read = read_page(page, design, default_policy())
        assert isinstance(read, ReadPage), read
        values = values_of(read)
        assert_read_exactly(read, known_cards()[values.get("ticket") or values["student"]])


def test_a_reading_tells_where_it_comes_from_and_by_what_it_was_made() -> None:
    image, design = card().image, load_design(CARD)
    reading = reading_of(image).reading
    assert (reading.position, reading.source, reading.frame) == (41, "box/card.jpg", 0)
    assert reading.sha256 == ScannedPage.digest(image)
    assert (reading.design_hash, reading.policy_hash) == (design.hash, default_policy().hash)
    assert reading.side is SideName.FRONT
    refused = refusal_of(b"no image")
    assert (refused.position, refused.source) == (41, "box/card.jpg")
    assert refused.sha256 == ScannedPage.digest(b"no image")
    assert (refused.design_hash, refused.policy_hash) == (design.hash, default_policy().hash)


def test_the_same_page_twice_gives_the_same() -> None:
    one, two = (reading_of(card().image) for _ in range(2))
    for name in ("fill", "darkness", "around", "through"):
        measured = getattr(one.scores, name)
        assert (measured == getattr(two.scores, name)).all()
        assert not measured.flags.writeable
    assert (one.reading.error_probability == two.reading.error_probability).all()
    assert values_of(one) == values_of(two)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
def test_resolution_does_not_matter(factor: float) -> None:
    page = card()
    picture = cv2.resize(
        pixels(page), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA
    ).astype(np.uint8)
    read = reading_of(png(picture))
    doubted = {doubt.field for doubt in read.reading.doubts}
    assert doubted <= {"barcode"}  # whose bars are too fine for 100 dpi
    got = values_of(read)
    assert {n: v for n, v in got.items() if n not in doubted} == {
        n: v for n, v in page.truth.values.items() if n not in doubted
    }


WIDE = """\
name = "ballot"
title = "ballot"
ink = "black"

[page]
width_mm = 120.0
height_mm = 160.0

[bubble]
shape = "oval"
width_mm = 5.0
height_mm = 3.0

[[front.track]]
edge = "right"
at_mm = 112.0
first_mm = 20.0
pitch_mm = 6.0
count = 20
mark_mm = [4.0, 2.0]

[[front.corner]]
shape = "square"
x_mm = 8.0
y_mm = 20.0
size_mm = 4.0

[[front.corner]]
shape = "square"
x_mm = 8.0
y_mm = 134.0
size_mm = 4.0

[front.columns]
first_mm = 22.0
pitch_mm = 8.0

[[front.field]]
name = "race{n}"
kind = "multiple"
values = ["Ann", "Bob", "Cy", "Di", "Ed", "Flo", "Gus", "Hal", "Ida", "Jo", "Kit"]
first = 1
count = 12
at = { column = 1, row = 3 }
value_step = { column = 1 }
field_step = { row = 1 }
"""


def test_a_choice_of_eleven_options_gives_all_that_are_marked() -> None:
    design = parse_design(WIDE, "ballot.toml")
    (page,) = simulate_card(design, load_mix("clean"), SEED, 0)
    options = design.sides[0].fields[0].values
    marked = [sum(option in value for option in options) for value in page.truth.values.values()]
    assert marked.count(2) > 0
    assert values_of(reading_of(page.image, design)) == page.truth.values


# ── pages that are refused ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("design", builtin_names())
def test_a_blank_sheet_is_refused(design: str) -> None:
    for index in range(2):
        page = card(design, "blank_sheet", index)
        assert refusal_of(page.image, design).reason is RejectReason.BLANK_PAGE


@pytest.mark.parametrize("design", builtin_names())
def test_another_designs_card_is_refused_and_named(design: str) -> None:
    for other in set(builtin_names()) - {design}:
        for page in pages_of(other):
            refused = refusal_of(page.image, design)
            assert refused.reason is RejectReason.WRONG_DESIGN
            assert other in refused.evidence


def test_a_jpeg_that_is_not_whole_is_refused() -> None:
    whole = card().image
    middle = len(whole) // 2
    for damaged in (
        whole[:middle],
        whole[:-2000] + whole[-2:],
        whole[:middle] + bytes(300) + whole[middle + 300 :],
        whole[: middle - 500] + whole[middle + 500 :],
    ):
        assert refusal_of(damaged).reason is RejectReason.DAMAGED_FILE


@pytest.mark.parametrize("design", builtin_names())
def test_a_page_that_is_too_dark_is_refused(design: str) -> None:
    grey = (pixels(card(design)) * 0.2).astype(np.uint8)
    assert refusal_of(png(grey), design).reason is RejectReason.TOO_DARK
    black = pages_of(design, scan=scanned_as(ScanMode.BITONAL, 250))[0]
    assert refusal_of(black.image, design).reason is RejectReason.TOO_DARK


@pytest.mark.parametrize("design", builtin_names())
def test_a_washed_out_page_is_refused(design: str) -> None:
    pale = 200 + (pixels(card(design)).astype(float) - 240) * 0.15
    assert refusal_of(png(pale.astype(np.uint8)), design).reason is RejectReason.LOW_CONTRAST


@pytest.mark.parametrize("design", builtin_names())
def test_two_sheets_at_once_are_refused(design: str) -> None:
    """Where one sheet's marks hide the other's, a hidden mark is all that shows."""
    pages = [page for index in range(8) for page in pages_of(design, "double_feed", index)]
    reasons = Counter(refusal_of(page.image, design).reason for page in pages)
    assert reasons[RejectReason.DOUBLE_FEED] >= 0.7 * len(pages), reasons


def test_a_page_of_twice_the_length_is_a_double_feed() -> None:
    picture = pixels(card())
    ahead = np.full_like(picture[: len(picture) // 2], 244)
    outcome = refusal_of(png(np.concatenate([picture, ahead])))
    assert outcome.reason is RejectReason.DOUBLE_FEED


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("factor", [0.5, 0.6, 0.7])
@pytest.mark.parametrize("design", builtin_names())
def test_a_card_printed_too_small_is_refused(design: str, factor: float, place: float) -> None:
    picture = pixels(card(design))
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    page = np.full_like(picture, 244)
    top, left = (int(place * (a - b)) for a, b in zip(page.shape, small.shape, strict=True))
    page[top : top + height, left : left + width] = small
    refused = refusal_of(png(page), design)
    assert refused.reason is RejectReason.WRONG_SCALE
    assert f"{factor:.0%}" in refused.evidence


def turned_by(picture: U8, degrees: float) -> U8:
    """The sheet askew on a page that is large enough for it."""
    height, width = picture.shape
    border = 80
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += border
    size = (width + 2 * border, height + 2 * border)
    turned = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_AREA, borderValue=244)
    return np.asarray(turned, np.uint8)


@pytest.mark.parametrize("degrees", [6.5, -8.0, 15.0])
@pytest.mark.parametrize("design", builtin_names())
def test_a_page_that_is_too_skewed_is_refused(design: str, degrees: float) -> None:
    outcome = refusal_of(png(turned_by(pixels(card(design)), degrees)), design)
    assert outcome.reason is RejectReason.TOO_SKEWED
    said = re.search(r"by (about )?(-?[0-9.]+) degrees", outcome.evidence)
    assert said
    assert abs(abs(float(said[2])) - abs(degrees)) < 3.5


@pytest.mark.parametrize("degrees", [-5.0, 5.0])
@pytest.mark.parametrize("design", [CARD, BOTH])
def test_a_page_that_is_skewed_less_is_read(design: str, degrees: float) -> None:
    page = card(design)
    read = reading_of(png(turned_by(pixels(page), degrees)), design)
    assert_read_exactly(read, page.truth.values)
    assert abs(read.alignment.skew_deg + degrees) < 0.5


# ── what once went wrong ─────────────────────────────────────────────────────────────────────


def test_a_corner_folded_over_a_locator_mark_is_refused() -> None:
    """Something else was once taken for the locator, and the page read askew."""
    design = load_design(CARD)
    (page,) = simulate_card(design, load_mix("everyday"), 17, 272)
    assert page.truth.unreadable == "mark hidden"
    assert refusal_of(page.image).reason is RejectReason.FOLDED_OR_TORN


def test_a_hole_over_a_box_is_doubted() -> None:
    """A hole that shows the scanner's black bed looks like a mark, or hides one."""
    (page,) = simulate_card(load_design(CARD), load_mix("hole"), 33, 1)
    assert page.truth.unsettled == {"q30": "hidden"}
    reading = reading_of(page.image).reading
    assert "q30" in {doubt.field for doubt in reading.doubts}
    assert reading.status is Status.REVIEW


def part_of(design: Design, picture: U8, from_mm: float, to_mm: float) -> slice:
    """The rows of pixels between two heights on the card."""
    px_per_mm = picture.shape[0] / design.height_mm
    return slice(int(from_mm * px_per_mm), int(to_mm * px_per_mm))


def test_rows_that_lie_awry_between_good_marks_are_doubted() -> None:
    """A strip is shifted sideways by most of a bubble. So looks a fax that lost some bits."""
    picture, design = pixels(card(SMALL_CARD)), load_design(SMALL_CARD)
    form = next(field for field in design.sides[0].fields if field.name == "form")
    y_mm = design.sides[0].centres_mm[slice(*design.sides[0].group_start[list(form.groups)]), 1]
    rows = part_of(design, picture, y_mm.min() - 5, y_mm.max() + 5)
    awry = picture.copy()
    awry[rows] = np.roll(awry[rows], round(3.5 * picture.shape[0] / design.height_mm), axis=1)
    doubts = reading_of(png(awry), SMALL_CARD).reading.doubts
    assert not reading_of(png(picture), SMALL_CARD).reading.doubts
    assert (DoubtKind.OUTSIDE, "form") in {(d.kind, d.field) for d in doubts}


def test_rows_under_a_strip_of_paper_do_not_read_as_blank() -> None:
    picture, design = pixels(card(SMALL_CARD)), load_design(SMALL_CARD)
    side = design.sides[0]
    answers = [field for field in side.fields if field.name.startswith("q")]
    y_mm = {f.name: side.centres_mm[side.group_start[f.groups[0]], 1] for f in answers}
    covered = picture.copy()
    covered[part_of(design, picture, y_mm["q6"] - 2.5, y_mm["q8"] + 2.5)] = picture.max()
    reading = reading_of(png(covered), SMALL_CARD).reading
    under = {name for name, y in y_mm.items() if y_mm["q6"] - 1 < y < y_mm["q8"] + 1}
    assert under == {d.field for d in reading.doubts if d.kind is DoubtKind.OUTSIDE}
    covered[part_of(design, picture, 25, 140)] = picture.max()
    refused = refusal_of(png(covered), SMALL_CARD)
    assert refused.reason is RejectReason.FOLDED_OR_TORN
    assert "not where the marks say" in refused.evidence
