"""Transcripts on paper: every character can be read, be it as its code point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
import pytest

from admin_api.exam.parse import load_exam
from admin_api.release.records import Statement
from admin_api.release.transcript_pdf import print_transcripts
from omr.pdf_font import lacking, register, spelled
from tests.office.papers import EXAM

STATEMENT = Statement("a" * 64, "b" * 64, "public", 2026, "卫生专业技术资格考试")
NOTE = "打印字库无此字，以其统一码编号代替；二维码内为原字。"
BEYOND = "𬴂𫄨"  # over U+FFFF, and in the font
MISSING = "𠮷𪚥"  # not in it


def record(name: str) -> dict[str, Any]:
    one = {"subject": "1", "state": "scored", "score": "61", "passed": True, "carried": ""}
    person = {"ticket": "370000000001", "name": name, "id_number": "370102198001010011"}
    return person | {
        "specialty": "203",
        "level": "师",
        "region": "37",
        "qualified": False,
        "subjects": [one],
    }


@pytest.fixture
def printed(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[pypdfium2.PdfPage]:
    """The first page of one name's transcript."""
    exam, _ = load_exam(EXAM)
    out = tmp_path / "one.pdf"
    assert print_transcripts(out, exam, STATEMENT, iter([(record(request.param), "KW1:A")])) == 1
    document = pypdfium2.PdfDocument(str(out))
    yield document[0]
    document.close()


def lines(page: pypdfium2.PdfPage) -> list[str]:
    return str(page.get_textpage().get_text_range()).splitlines()


def picture(page: pypdfium2.PdfPage, x_mm: float, y_mm: float, width_mm: float) -> np.ndarray:
    """A strip of the page, 6 mm high, whose text stands on y_mm from the foot; ink is 1."""
    scale = 300 / 72
    whole = page.render(scale=scale).to_numpy()
    grey = cv2.cvtColor(whole, cv2.COLOR_BGR2GRAY)
    per_mm = scale * 72 / 25.4
    foot = grey.shape[0] - round((y_mm - 1.5) * per_mm)
    left, width = round(x_mm * per_mm), round(width_mm * per_mm)
    return (grey[foot - round(6 * per_mm) : foot, left : left + width] < 128).astype(np.uint8)


@pytest.mark.parametrize("printed", ["考生䶮㐂", f"王{BEYOND}"], indirect=True)
def test_rare_characters_of_the_font_are_read_back(printed: pypdfium2.PdfPage) -> None:
    """They stand in the PDF's text too, so that a name can be searched for and copied."""
    text = "\n".join(lines(printed))
    assert "考生䶮㐂" in text or f"王{BEYOND}" in text
    assert "[U+" not in text
    assert NOTE not in text


@pytest.mark.parametrize("printed", [f"王{MISSING}甲"], indirect=True)
def test_a_missing_character_stands_as_its_code_point(printed: pypdfium2.PdfPage) -> None:
    text = "\n".join(lines(printed))
    assert "王[U+20BB7][U+2A6A5]甲" in text
    assert f"[U+20BB7]、[U+2A6A5]：{NOTE}" in text
    assert not set(MISSING) & set(text)


@pytest.mark.parametrize("printed", ["王\u200b丽\ue5f1"], indirect=True)
def test_what_nobody_could_see_is_seen(printed: pypdfium2.PdfPage) -> None:
    assert "王[U+200B]丽[U+E5F1]" in "\n".join(lines(printed))


@pytest.mark.parametrize(
    "printed", ["阿卜杜热合曼·买买提明·图尔荪江·吐尔逊" + MISSING], indirect=True
)
def test_a_long_name_keeps_off_its_neighbour(printed: pypdfium2.PdfPage) -> None:
    """The ticket's heading begins 85 mm right of the name's; between them is white."""
    assert picture(printed, 45, 232, 60).any()
    assert not picture(printed, 108.5, 232, 1).any()


def test_a_box_would_have_been_printed() -> None:
    """The font does lack them: else the tests above would hold whatever is done."""
    register("a test's")
    assert lacking("王" + BEYOND + MISSING + "䶮㐂", "a test's") == MISSING
    assert spelled("王" + MISSING, "a test's") == "王[U+20BB7][U+2A6A5]"
    assert spelled("王" + BEYOND, "a test's") == "王" + BEYOND
