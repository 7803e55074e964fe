"""Cards on pictures that are no scans: photographed, cropped, found by markers or by a reference.

The pictures of OMRChecker's samples are not part of the project (see `../shared/scans`); their
tests are skipped where they are absent.
"""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from omr.batch import engine
from omr.design import Design
from omr.design_parse import parse_design
from omr.importers.imported import ImportedDesign
from omr.importers.omrchecker import load_omrchecker
from omr.importers.omrchecker_evaluation import KeyCard, import_evaluation
from omr.pipeline import ReadPage
from omr.policy import default_policy
from omr.records import U8, RejectedPage, RejectReason, ScannedPage
from omr.score.grading import grade
from omr.simulate import SimulatedPage, load_mix, simulate_card
from omr.trace import overlay_of

SAMPLES = Path(__file__).parent.parent.parent / "shared" / "scans" / "omrchecker"

# What these pictures show, where it is not what their truth states.
TRUTH_IS_WRONG = {
    # The B of question 131 is scribbled over, to a half; the truth calls the row blank.
    ("samples/community/UmarFarootAPS/scans/scan-type-2.jpg", "q131"): "B",
}
# A reference picture of a page without bubbles: refused, for nothing shows where they should be.
NO_BUBBLES = "samples/sample6/reference.png"

needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="../shared/scans/omrchecker is not here"
)

# ── OMRChecker's samples ─────────────────────────────────────────────────────────────────────


def cases() -> list[dict[str, Any]]:
    if not SAMPLES.is_dir():
        return []
    found: list[dict[str, Any]] = json.loads((SAMPLES / "truth.json").read_text("utf-8"))["cases"]
    return found


@cache
def imported(template: str) -> ImportedDesign:
    return load_omrchecker(SAMPLES / template)


@cache
def read_sample(image: str, template: str) -> ReadPage | RejectedPage:
    return read((SAMPLES / image).read_bytes(), imported(template).design())


def read(image: bytes, design: Design) -> ReadPage | RejectedPage:
    return engine(
        ScannedPage(image, ScannedPage.digest(image), "p", 0), design, default_policy(), None
    )


def said(page: ReadPage) -> dict[str, str]:
    return dict(zip(page.reading.fields, page.reading.values, strict=True))


def doubted(page: ReadPage) -> set[str]:
    return {doubt.field for doubt in page.reading.doubts}


@needs_samples
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["image"].split("samples/")[-1])
def test_a_sample_reads_as_its_truth_states_or_is_doubted(case: dict[str, Any]) -> None:
    page, design = read_sample(case["image"], case["template"]), imported(case["template"])
    if isinstance(page, RejectedPage):
        assert case["image"] == NO_BUBBLES
        assert page.reason is RejectReason.WRONG_DESIGN
        return
    labels = design.labelled(said(page), fill=True)
    unsure = doubted(page)
    doubts = 0
    for label, expected in case["expected"].items():
        expected = TRUTH_IS_WRONG.get((case["image"], label), expected)
        if unsure & set(design.parts(label)):
            doubts += 1
        else:
            assert labels[label] == expected, label
    assert doubts <= max(1, 0.26 * len(case["expected"]))


def key_card(path: Path, template: str) -> KeyCard:
    page = read(path.read_bytes(), imported(template).design())
    assert isinstance(page, ReadPage)
    return KeyCard(said(page), doubted(page))


@needs_samples
@pytest.mark.parametrize(
    "case",
    [case for case in cases() if case["evaluation"]],
    ids=lambda case: case["image"].split("samples/")[-1],
)
def test_a_sample_scores_as_its_truth_states(case: dict[str, Any]) -> None:
    """Fields in doubt are taken as a person would settle them: as the truth has them."""
    page, design = read_sample(case["image"], case["template"]), imported(case["template"])
    assert isinstance(page, ReadPage)
    key = import_evaluation(
        SAMPLES / case["evaluation"], design, lambda path: key_card(path, case["template"])
    )
    answers = design.labelled(said(page), fill=False)
    unsure = doubted(page)
    filled = set(design.empty_values.values())
    for label, expected in case["expected"].items():
        if unsure & set(design.parts(label)) or (case["image"], label) in TRUTH_IS_WRONG:
            answers[label] = "" if expected in filled else expected
    assert float(grade(key, answers).total) == pytest.approx(float(case["score"]))


@needs_samples
@pytest.mark.parametrize(
    ("template", "image"),
    [
        ("community/Sandeep-1507/template.json", "sample5/ScanBatch1/camscanner-1.jpg"),
        ("community/UPSC-mock/template.json", "sample6/doc-scans/sample_roll_01.jpg"),
        ("sample1/template.json", "sample4/IMG_20201116_143512.jpg"),
        ("sample3/xeroxed-thin-sheet/template.json", "community/Shamanth/omr_sheet_01.png"),
        ("sample4/template.json", "community/UmarFarootAPS/scans/scan-type-1.jpg"),
        ("sample6/template_fb_align.json", "sample5/ScanBatch1/camscanner-1.jpg"),
    ],
)
def test_a_picture_of_another_form_is_refused(template: str, image: str) -> None:
    page = read(
        (SAMPLES / "samples" / image).read_bytes(), imported(f"samples/{template}").design()
    )
    assert isinstance(page, RejectedPage)
    assert page.reason in (
        RejectReason.WRONG_DESIGN,
        RejectReason.MARK_MISSING,
        RejectReason.NO_CARD,
        RejectReason.FOLDED_OR_TORN,
    )


# ── our own card, photographed ───────────────────────────────────────────────────────────────

TARGET = 120  # px of a marker's picture


def target() -> U8:
    picture = np.full((TARGET, TARGET), 255, np.uint8)
    for radius, grey in ((58, 0), (44, 255), (30, 0), (16, 255), (7, 0)):
        cv2.circle(picture, (TARGET // 2, TARGET // 2), radius, grey, -1, cv2.LINE_AA)
    return picture


def png(picture: U8) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1])


def found_by(*steps: str) -> Design:
    """The small card without its corner marks and code, found by `[[find]]` steps."""
    text = (resources.files("omr") / "designs" / "quiz-a5.toml").read_text("utf-8")
    blocks = text.split("\n\n")
    kept = [b for b in blocks if "corner]]" not in b and "barcode" not in b and "picture" not in b]
    return parse_design("\n\n".join([*kept, *(f"[[find]]\n{s}\n" for s in steps)]), "found.toml")


@cache
def card(index: int) -> SimulatedPage:
    text = (resources.files("omr") / "designs" / "quiz-a5.toml").read_text("utf-8")
    return simulate_card(parse_design(text, "quiz"), load_mix("clean"), 12, index)[0]


def sheet(index: int) -> U8:
    picture = cv2.imdecode(np.frombuffer(card(index).image, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(picture, np.uint8)


def photographed(picture: U8, slant: float, background: int = 40) -> U8:
    """The sheet on a desk, seen from the side, in uneven light."""
    height, width = picture.shape
    room = 150
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners + room
    seen += np.array([[60, 10], [-20, 50], [10, -30], [-30, -20]], np.float32) * slant
    size = (width + 2 * room, height + 2 * room)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    desk = np.full((size[1], size[0]), background, np.uint8)
    there = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_AREA)
    covered = cv2.warpPerspective(np.full_like(picture, 255), matrix, size)
    photo = np.where(covered > 127, there, desk).astype(float)
    light = np.linspace(1.0, 0.75, size[0])[None, :] * np.linspace(0.9, 1.0, size[1])[:, None]
    grain = np.random.default_rng(3).normal(0, 2, photo.shape)
    return (photo * light + grain).clip(0, 255).astype(np.uint8)


def assert_read(outcome: ReadPage | RejectedPage, index: int) -> None:
    assert isinstance(outcome, ReadPage), outcome.evidence
    values, truth = said(outcome), card(index).truth.values
    assert {n: values[n] for n in values} == {n: truth[n] for n in values}


@pytest.mark.parametrize("slant", [0.0, 0.6, 1.5])
def test_a_photo_is_read_by_the_sheets_outline(slant: float) -> None:
    design = found_by('kind = "outline"')
    for index in range(2):
        assert_read(read(png(photographed(sheet(index), slant)), design), index)


def test_a_sheet_that_does_not_stand_out_is_refused() -> None:
    page = read(png(photographed(sheet(0), 0.6, background=243)), found_by('kind = "outline"'))
    assert isinstance(page, RejectedPage)


def with_markers(picture: U8) -> tuple[U8, str]:
    """The sheet with a marker at each corner and paper around, and the step that finds them."""
    marker = target()
    inline = b64encode(png(marker)).decode()
    height, width = picture.shape
    around = np.full((height + TARGET, width + TARGET), 250, np.uint8)
    half = TARGET // 2
    around[half : half + height, half : half + width] = picture
    shrunk = cv2.resize(marker, (96, 96), interpolation=cv2.INTER_AREA)
    for x, y in ((0, 0), (width, 0), (0, height), (width, height)):
        top, left = y + half - 48, x + half - 48
        around[top : top + 96, left : left + 96] = shrunk
    return around, f'kind = "markers"\npicture = "base64:{inline}"\nmarker_share = 12.0'


def test_a_photo_is_read_by_four_markers() -> None:
    around, step = with_markers(sheet(0))
    design = found_by(step)
    assert_read(read(png(photographed(around, 0.5)), design), 0)
    around[: TARGET + 20, : TARGET + 20] = 250
    page = read(png(photographed(around, 0.5)), design)
    assert isinstance(page, RejectedPage)
    assert page.reason is RejectReason.MARK_MISSING
    assert "markers" in page.evidence


def test_a_photo_is_read_by_a_reference_picture() -> None:
    inline = b64encode(png(sheet(1))).decode()
    design = found_by(f'kind = "reference"\npicture = "base64:{inline}"')
    assert_read(read(png(photographed(sheet(0), 1.0)), design), 0)
    noise = np.random.default_rng(5).integers(0, 255, (900, 700), np.uint8)
    other = cv2.GaussianBlur(noise, (0, 0), 4)
    page = read(png(np.asarray(other, np.uint8)), design)
    assert isinstance(page, RejectedPage)
    assert page.reason in (RejectReason.WRONG_DESIGN, RejectReason.BLANK_PAGE)


@pytest.mark.parametrize("share", [0.5, 0.65, 0.8])
def test_a_photo_that_cuts_bubbles_off_is_refused(share: float) -> None:
    """They once read as blank."""
    inline = b64encode(png(sheet(1))).decode()
    design = found_by(f'kind = "reference"\npicture = "base64:{inline}"')
    photo = photographed(sheet(0), 0.5)
    page = read(png(photo[: int(share * len(photo))]), design)
    assert isinstance(page, RejectedPage)
    assert "beyond the edge of the picture" in page.evidence


def test_the_wrong_way_up_is_refused_not_misread() -> None:
    upside_down = np.ascontiguousarray(photographed(sheet(0), 0.3)[::-1, ::-1])
    page = read(png(upside_down), found_by('kind = "outline"'))
    assert isinstance(page, RejectedPage)
    assert page.reason is RejectReason.WRONG_WAY_UP


def test_overlays_show_the_straightened_page() -> None:
    design = found_by('kind = "outline"')
    photo = png(photographed(sheet(0), 0.6))
    page = ScannedPage(photo, ScannedPage.digest(photo), "p", 0)
    for image in (photo, png(photographed(sheet(0), 0.6, background=243))):
        page = ScannedPage(image, ScannedPage.digest(image), "p", 0)
        picture = overlay_of(page, engine(page, design, default_policy(), None), design)
        assert picture.ndim == 3
