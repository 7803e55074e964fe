"""Pages without marks that lie upside down or on their side: refused, never misread."""

from __future__ import annotations

from base64 import b64encode

import cv2
import numpy as np
import pytest

from omr.design import Design
from omr.design_check import check_design
from omr.design_parse import parse_design
from omr.pipeline import ReadPage
from omr.records import U8, RejectedPage, RejectReason
from tests.real_sheets import SCANS, compared, design_in, sheets
from tests.test_forms import TEMPLATES, needs_scans
from tests.test_pictures import (
    NO_BUBBLES,
    SAMPLES,
    cases,
    doubted,
    imported,
    needs_samples,
    png,
    read,
    said,
)

PX = 6  # a millimetre
SYMMETRIC = """
name = "even"
title = "even"
ink = "black"
[page]
width_mm = 100.0
height_mm = 140.0
[bubble]
shape = "oval"
width_mm = 6.0
height_mm = 4.0
[[front.field]]
name = "q{n}"
kind = "single"
values = "ABCD"
count = 10
at = { x_mm = 35.0, y_mm = 25.0 }
value_step = { x_mm = 10.0 }
field_step = { y_mm = 10.0 }
"""
FOUND = '[[find]]\nkind = "frame"\n'


def layout(down_mm: float = 0.0, found: str = FOUND) -> Design:
    """Ten rows of four, in the middle of the page or `down_mm` off it."""
    text = SYMMETRIC.replace("y_mm = 25.0", f"y_mm = {25.0 + down_mm}")
    return parse_design(text + found, "even.toml")


def drawn(design: Design, marks: int, quarters: int = 0) -> bytes:
    """The design's sheet with the first `marks` questions answered C, and turned."""
    size = (round(design.height_mm * PX), round(design.width_mm * PX))
    sheet = np.full(size, 245, np.uint8)
    for k, (x, y) in enumerate(design.sides[0].centres_mm * PX):
        middle, axes = (round(x), round(y)), (3 * PX, 2 * PX)
        cv2.ellipse(sheet, middle, axes, 0, 0, 360, 30, 2, cv2.LINE_AA)
        if k % 4 == 2 and k < 4 * marks:
            cv2.ellipse(sheet, middle, axes, 0, 0, 360, 40, -1, cv2.LINE_AA)
    turned: U8 = np.ascontiguousarray(np.rot90(sheet, quarters))
    return png(turned)


@pytest.mark.parametrize("quarters", [0, 2])
def test_a_layout_that_reads_the_same_upside_down_is_never_guessed(quarters: int) -> None:
    design = layout()
    page = read(drawn(design, 6, quarters), design)
    assert isinstance(page, RejectedPage)
    assert page.reason is RejectReason.WRONG_WAY_UP
    assert "may lie upside down" in page.evidence
    assert "reference picture" in page.advice


def test_a_page_with_nothing_filled_in_is_the_same_either_way() -> None:
    for quarters in (0, 2):
        page = read(drawn(layout(), 0, quarters), layout())
        assert isinstance(page, ReadPage)
        assert set(said(page).values()) == {""}


@pytest.mark.parametrize("down_mm", [3.0, 5.0, 8.0])
@pytest.mark.parametrize("marks", [1, 2, 6, 10])
def test_bubbles_off_the_middle_tell_the_way_up(down_mm: float, marks: int) -> None:
    """Upside down the sheet is refused; upright it is read, or refused where that is not sure."""
    design = layout(down_mm)
    upright = read(drawn(design, marks), design)
    if isinstance(upright, ReadPage):
        assert list(said(upright).values()) == ["C"] * marks + [""] * (10 - marks)
    else:
        assert upright.reason is RejectReason.WRONG_WAY_UP
        assert down_mm == 5.0  # bubbles stand on one another but for a row
    for quarters in (1, 2, 3):
        over = read(drawn(design, marks, quarters), design)
        assert isinstance(over, RejectedPage)


def test_the_check_finds_a_layout_that_stands_on_itself() -> None:
    (finding,) = [f for f in check_design(layout()) if "upside down" in f]
    assert "100% of the bubbles" in finding
    assert "reference picture" in finding
    assert not [f for f in check_design(layout(3.0)) if "upside down" in f]
    blank = png(np.full((140, 100), 255, np.uint8))
    inline = "base64:" + b64encode(blank).decode()
    named = layout(found=f'[[find]]\nkind = "reference"\npicture = "{inline}"\n')
    assert not [f for f in check_design(named) if "upside down" in f]


@needs_samples
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["image"].split("samples/")[-1])
def test_no_sample_is_read_the_wrong_way_up(case: dict[str, str]) -> None:
    design = imported(case["template"]).design()
    content = np.fromfile(SAMPLES / case["image"], np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    page = read(png(np.ascontiguousarray(np.asarray(picture, np.uint8)[::-1, ::-1])), design)
    assert isinstance(page, RejectedPage), doubted(page)
    if case["image"] != NO_BUBBLES:
        assert page.reason in (RejectReason.WRONG_WAY_UP, RejectReason.WRONG_DESIGN)


@needs_scans
def test_marks_that_are_the_same_upside_down_do_not_mislead() -> None:
    """Four equal corner marks: such sheets once read as other answers without a doubt."""
    for sheet in sheets(SCANS / "formscanner"):
        design = design_in(TEMPLATES[sheet.template])
        content = np.fromfile(sheet.folder / sheet.image, np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        for quarters in (1, 2, 3):
            turned = np.ascontiguousarray(np.rot90(np.asarray(picture, np.uint8), quarters))
            page = read(png(turned), design)
            if isinstance(page, RejectedPage):
                assert page.reason is RejectReason.WRONG_WAY_UP, page.evidence
            else:
                assert not compared(page, design, sheet.expected).wrong
