"""The sheet behind the fields: where a scan is drawn, and what stands in for it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from admin_api.studio.background import blank_beside, draw_background
from admin_api.studio.document import Document
from admin_api.studio.upright import PX_PER_MM
from omr.design import load_design
from omr.simulate import load_mix, read_truth, simulate


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A simulated scan of the exam's card."""
    simulate(load_design("cn-health-203"), load_mix("clean"), 1, 6, tmp_path / "cards")
    truth = next(iter(read_truth(tmp_path / "cards" / "truth.jsonl")))
    return tmp_path / "cards" / truth.file


def mark_colours(picture: bytes, document: Document) -> list[float]:
    """How light a drawn sheet is where the design's marks are."""
    assert document.design
    drawn = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
    places = (document.design.sides[0].marks_mm() * PX_PER_MM).astype(int)
    return [float(drawn[y - 2 : y + 3, x - 2 : x + 3].mean()) for x, y in places]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_scan_is_drawn_upright_under_the_marks(
    document: Document, filled: Path, tmp_path: Path, turn: int
) -> None:
    blank = tmp_path / "blank.png"
    Image.open(filled).rotate(turn, expand=True).save(blank)
    assert document.design
    drawn = draw_background(document.design, blank)
    assert drawn.note == ""
    assert max(mark_colours(drawn.pictures["front"], document)) < 90


def test_without_a_scan_the_sheet_is_printed(document: Document) -> None:
    assert document.design
    drawn = draw_background(document.design, None)
    assert "press prints it" in drawn.note
    assert max(mark_colours(drawn.pictures["front"], document)) < 30
    inked = np.asarray(Image.open(io.BytesIO(drawn.pictures["front"])), int)
    assert (inked[:, :, 0] - inked[:, :, 2]).max() > 60, "red ink is red"


@pytest.mark.parametrize("content", [b"", b"no picture at all"])
def test_a_background_that_cannot_be_opened_is_told(
    document: Document, tmp_path: Path, content: bytes
) -> None:
    blank = tmp_path / "blank.png"
    blank.write_bytes(content)
    assert document.design
    drawn = draw_background(document.design, blank)
    assert drawn.note.startswith("blank.png")
    assert drawn.pictures


def test_a_sheet_without_the_marks_is_shown_as_it_is(document: Document, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("L", (900, 1200), 230).save(blank)
    assert document.design
    drawn = draw_background(document.design, blank)
    assert "as it is" in drawn.note
    assert min(mark_colours(drawn.pictures["front"], document)) > 200


def test_what_a_design_was_traced_from_is_found(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "my blank.pdf").touch()
    (tmp_path / "designs").mkdir()
    design = tmp_path / "designs" / "card.toml"
    text = "# Traced from ../scans/my blank.pdf. Positions are measured; names are proposals.\n"
    assert blank_beside(design, text) == tmp_path / "designs" / "../scans/my blank.pdf"
    assert blank_beside(design, "# Traced from gone.pdf. Positions are measured") is None
    assert blank_beside(design, 'name = "x"') is None
