"""Other systems' sheets as designs, on real scans of them: OpenMCR's and FormScanner's.

The scans are not part of the project (see `../shared/scans`); their tests are skipped where they
are absent.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

from omr.batch import engine
from omr.design import Design
from omr.design_check import check_design
from omr.design_parse import parse_design
from omr.detect.letters import measure_beside_letters
from omr.detect.levels import Levels
from omr.detect.plane import upright_plane
from omr.pipeline import ReadPage
from omr.policy import Policy, default_policy
from omr.records import Raster, RejectedPage, ScannedPage, Turn
from omr.simulate import load_mix, simulate_card
from tests.real_sheets import DESIGNS, SCANS, Compared, Sheet, compared, design_in, sheets

TEMPLATES = {
    "75q": DESIGNS / "open-mcr-75.toml",
    "test": DESIGNS / "formscanner-test.toml",
    "questionnaire": DESIGNS / "formscanner-questionnaire.toml",
}

needs_scans = pytest.mark.skipif(
    not (SCANS / "open-mcr").is_dir(), reason="../shared/scans is not here"
)


def grey_dots() -> Policy:
    """For a scanner that keeps pencil as grey dots: none of it is swallowed."""
    policy = default_policy()
    return replace(policy, marks=replace(policy.marks, swallowed_sigmas=0.0, swallowed_below=0.0))


def outcomes(folder: str, policy: Policy) -> list[tuple[Sheet, ReadPage | RejectedPage]]:
    return [(s, s.read(TEMPLATES[s.template], policy)) for s in sheets(SCANS / folder)]


def told(sheet: Sheet, page: ReadPage) -> Compared:
    return compared(page, design_in(TEMPLATES[sheet.template]), sheet.expected)


@needs_scans
@pytest.mark.parametrize("policy", [default_policy(), grey_dots()], ids=["default", "grey dots"])
@pytest.mark.parametrize("folder", ["open-mcr", "formscanner"])
def test_nothing_is_misread(folder: str, policy: Policy) -> None:
    wrong = {
        sheet.image: told(sheet, page).wrong
        for sheet, page in outcomes(folder, policy)
        if isinstance(page, ReadPage) and told(sheet, page).wrong
    }
    assert not wrong


@needs_scans
def test_open_mcr_sheets_are_read() -> None:
    """All but one at least; and of those at a scanner's resolution most answers without doubt."""
    pages = outcomes("open-mcr", grey_dots())
    taken = [(sheet, page) for sheet, page in pages if isinstance(page, ReadPage)]
    assert len(pages) == 29
    assert len(taken) >= 28
    for sheet, page in taken:
        found = told(sheet, page)
        if "low-resolution" not in sheet.image:
            assert len(found.right) > 0.7 * len(found.right + found.doubtful), sheet.image


@needs_scans
def test_formscanner_sheets_are_read_with_hardly_a_doubt() -> None:
    pages = outcomes("formscanner", default_policy())
    assert len(pages) == 10
    doubts = []
    for sheet, page in pages:
        assert isinstance(page, ReadPage), page.evidence
        doubts += told(sheet, page).doubtful
    assert len(doubts) <= 1


# ── letters inside bubbles, in black ─────────────────────────────────────────────────────────


def lettered() -> Design:
    text = (resources.files("omr") / "designs" / "quiz-a5.toml").read_text("utf-8")
    return parse_design(text.replace("labelled = false", "labelled = true"), "lettered.toml")


@pytest.mark.parametrize("mix", ["clean", "everyday"])
def test_marks_are_told_from_black_letters_in_bubbles(mix: str) -> None:
    design, clear, pages = lettered(), 0, 15
    for index in range(pages):
        (page,) = simulate_card(design, load_mix(mix), 91, index)
        scan = ScannedPage(page.image, ScannedPage.digest(page.image), "card", index)
        outcome = engine(scan, design, default_policy(), None)
        if isinstance(outcome, RejectedPage):
            assert page.truth.unreadable, outcome.evidence
            continue
        said = dict(zip(outcome.reading.fields, outcome.reading.values, strict=True))
        doubted = {d.field for d in outcome.reading.doubts}
        clear += not doubted
        for name, value in page.truth.values.items():
            assert name in doubted or name in page.truth.unsettled or said[name] == value
    assert clear > 0.8 * pages


def test_letters_in_too_few_bubbles_are_found_by_the_check() -> None:
    (finding,) = [f for f in check_design(lettered()) if "labelled" in f]
    assert "too few to tell" in finding


def test_what_most_bubbles_of_a_letter_hold_is_not_fill() -> None:
    """Ten bubbles with a bar for a letter, shifted by a pixel here and there; one is filled."""
    picture = np.full((60, 400), 250, np.uint8)
    centres = np.array([[20.0 + 38 * k, 30.0] for k in range(10)])
    for k, (x, y) in enumerate(centres.astype(int)):
        picture[y - 6 : y + 6, x - 1 + k % 3 - 1 : x + 2 + k % 3 - 1] = 10
    picture[20:40, 20 + 38 * 4 - 10 : 20 + 38 * 4 + 10] = 60
    across, down = np.meshgrid(np.arange(-9, 10), np.arange(-8, 9, 2))
    lattice = np.stack([across, down, np.ones_like(across)], axis=-1)
    figures = np.zeros((10, 5), np.uint8)
    figures[:, 4] = 250
    plane = upright_plane(Raster(picture, False), 0, Turn.UPRIGHT)
    side = replace(lettered().sides[0], letters=np.zeros(10, np.int64))
    measure_beside_letters(plane, side, centres, lattice, Levels(250, 10), figures)
    assert figures[4, 0] > 220
    assert figures[4, 1] > 180
    assert figures[np.arange(10) != 4, :2].max() == 0
