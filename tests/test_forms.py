"""Other systems' sheets as designs, on real scans of them: OpenMCR's and FormScanner's.

The scans are not part of the project (see `../shared/scans`); their tests are skipped where they
are absent.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omr.batch import engine
from omr.design import Design, load_design
from omr.design_check import check_design
from omr.design_parse import parse_design
from omr.detect.letters import measure_beside_letters
from omr.detect.levels import Levels
from omr.detect.plane import upright_plane
from omr.pipeline import ReadPage
from omr.policy import Policy, default_policy
from omr.records import Raster, RejectedPage, ScannedPage, Turn
from omr.simulate import load_mix, simulate_card

HERE = Path(__file__).parent
SCANS = HERE.parent.parent / "shared" / "scans"
DESIGNS = {
    "75q": "open-mcr-75",
    "test": "formscanner-test",
    "questionnaire": "formscanner-questionnaire",
}

needs_scans = pytest.mark.skipif(
    not (SCANS / "open-mcr").is_dir(), reason="../shared/scans is not here"
)


def cases(folder: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SCANS / folder / "truth.json").read_text())["cases"]
    return found


def design_of(case: dict[str, Any]) -> Design:
    return load_design(HERE / "designs" / f"{DESIGNS[case['template']]}.toml")


@cache
def read(folder: str, image: str, policy: Policy) -> ReadPage | RejectedPage:
    (case,) = [c for c in cases(folder) if c["image"] == image]
    data = (SCANS / folder / image).read_bytes()
    page = ScannedPage(data, ScannedPage.digest(data), image, 0)
    return engine(page, design_of(case), policy, None)


def grey_dots() -> Policy:
    """For a scanner that keeps pencil as grey dots: none of it is swallowed."""
    policy = default_policy()
    return replace(policy, marks=replace(policy.marks, swallowed_sigmas=0.0, swallowed_below=0.0))


def outcomes(folder: str, policy: Policy) -> list[tuple[dict[str, Any], ReadPage | RejectedPage]]:
    return [(case, read(folder, case["image"], policy)) for case in cases(folder)]


def compared(case: dict[str, Any], page: ReadPage) -> tuple[list[str], list[str], list[str]]:
    """Fields that are right, wrong, and in doubt, of those whose truth is known."""
    right, wrong, doubtful = [], [], []
    doubted = {doubt.field for doubt in page.reading.doubts}
    for field in design_of(case).sides[0].fields:
        if field.name not in case["expected"]:
            continue
        mask = int(page.reading.masks[field.groups[0]])
        got = {value for k, value in enumerate(field.values) if mask >> k & 1}
        expected = set(case["expected"][field.name]) & set(field.values)
        if field.name in doubted:
            doubtful.append(field.name)
        else:
            (right if got == expected else wrong).append(field.name)
    return right, wrong, doubtful


@needs_scans
@pytest.mark.parametrize("policy", [default_policy(), grey_dots()], ids=["default", "grey dots"])
@pytest.mark.parametrize("folder", ["open-mcr", "formscanner"])
def test_nothing_is_misread(folder: str, policy: Policy) -> None:
    wrong = {}
    for case, page in outcomes(folder, policy):
        if isinstance(page, ReadPage) and compared(case, page)[1]:
            wrong[case["image"]] = compared(case, page)[1]
    assert not wrong


@needs_scans
def test_open_mcr_sheets_are_read() -> None:
    """All but one at least; and of those at a scanner's resolution most answers without doubt."""
    pages = outcomes("open-mcr", grey_dots())
    taken = [(case, page) for case, page in pages if isinstance(page, ReadPage)]
    assert len(pages) == 29
    assert len(taken) >= 28
    for case, page in taken:
        right, _, doubtful = compared(case, page)
        if "low-resolution" not in case["image"]:
            assert len(right) > 0.7 * (len(right) + len(doubtful)), case["image"]


@needs_scans
def test_formscanner_sheets_are_read_with_hardly_a_doubt() -> None:
    pages = outcomes("formscanner", default_policy())
    assert len(pages) == 10
    doubts = []
    for case, page in pages:
        assert isinstance(page, ReadPage), page.evidence
        doubts += compared(case, page)[2]
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
