"""A design from a blank sheet: what is printed is found, nothing else, and it reads cards."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from omr.batch import file_opener, list_files
from omr.cli import app
from omr.design import Design, Ink, load_design
from omr.design_check import check_design
from omr.errors import TracingError
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.press import print_design
from omr.records import F64, U8, ScannedPage, SideName
from omr.simulate import load_mix, simulate_card
from omr.simulate.blank import blank_card
from omr.simulate.mix import ScanKind, ScanMode
from omr.tracing import PageSize, Traced, draw_proof, page_size, parse_traced, to_toml, trace_sheet

NAMES = ("cn-health-203", "quiz-a5", "two-sided-60")
SCANS = Path(__file__).resolve().parents[2] / "shared" / "scans"


# ── blank prints of the built-in designs ─────────────────────────────────────────────────────


def picture(design: Design, side: SideName, dpi: int, mode: ScanMode, turn: float = 0.0) -> U8:
    """A blank card as a scan, turned clockwise about its middle; colours as OpenCV has them."""
    pixels = blank_card(design, side, dpi, mode, (0.55, 0.95, 0))
    if mode is ScanMode.COLOUR:
        pixels = np.ascontiguousarray(pixels[:, :, 2::-1])
    if turn:
        height, width = pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -turn, 1.0)
        paper = (245.0, 245.0, 245.0)
        pixels = np.asarray(
            cv2.warpAffine(pixels, matrix, (width, height), flags=1, borderValue=paper), np.uint8
        )
    return pixels


def page_of(pixels: U8, dpi: float | None, source: str = "blank.png") -> ScannedPage:
    image = cv2.imencode(".png", pixels)[1].tobytes()
    return ScannedPage(image, ScannedPage.digest(image), source, 0, dpi=dpi)


def traced_design(traced: Traced, name: str = "traced") -> Design:
    return parse_traced(traced, to_toml(traced, name, "blank.png"), f"{name}.toml")


def apart(one: F64, other: F64) -> F64:
    """Distances (n, m) of points from points."""
    return np.linalg.norm(one[:, None] - other[None], axis=2)


def assert_same(traced: Design, design: Design) -> None:
    """Every bubble and mark of each side within 0.3 mm, and none besides."""
    assert (traced.width_mm, traced.height_mm) == (design.width_mm, design.height_mm)
    assert traced.bubbles.shape is design.bubbles.shape
    assert traced.bubbles.width_mm == pytest.approx(design.bubbles.width_mm, abs=0.3)
    assert traced.bubbles.height_mm == pytest.approx(design.bubbles.height_mm, abs=0.3)
    assert traced.bubbles.labelled == design.bubbles.labelled
    for got, want in zip(traced.sides, design.sides, strict=True):
        assert got.bubble_count == want.bubble_count
        off = apart(want.centres_mm, got.centres_mm)
        assert off.min(axis=1).max() < 0.3
        assert off.min(axis=0).max() < 0.3
        assert len(got.marks_mm()) == len(want.marks_mm())
        assert apart(want.marks_mm(), got.marks_mm()).min(axis=1).max() < 0.3
        assert {c.shape for c in got.corners} == {c.shape for c in want.corners}
        assert {t.edge for t in got.tracks} == {t.edge for t in want.tracks}


@cache
def traced(name: str, dpi: int, mode: ScanMode, turn: float = 0.0) -> Traced:
    design = load_design(name)
    pages = [page_of(picture(design, s.name, dpi, mode, turn), dpi) for s in design.sides]
    return trace_sheet(pages)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("dpi", "mode", "turn"),
    [
        (200, ScanMode.GREY, 0.0),
        (200, ScanMode.COLOUR, 1.0),
        (300, ScanMode.GREY, -1.0),
        (300, ScanMode.COLOUR, 0.0),
    ],
)
def test_every_bubble_of_our_designs_is_found_and_none_invented(
    name: str, dpi: int, mode: ScanMode, turn: float
) -> None:
    found = traced(name, dpi, mode, turn)
    assert_same(traced_design(found), load_design(name))
    for side in found.sides:
        assert side.skew_deg == pytest.approx(turn, abs=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_a_traced_print_passes_the_check(name: str, tmp_path: Path) -> None:
    out = tmp_path / "blank.pdf"
    print_design(load_design(name), out)
    opener = file_opener()
    found = trace_sheet([opener.open(ref) for ref in list_files([out])])
    design = traced_design(found, name)
    assert_same(design, load_design(name))
    assert design.ink is load_design(name).ink
    assert check_design(design) == ()


def test_names_follow_reading_order_and_kinds_the_letters_inside() -> None:
    (front,) = traced_design(traced("cn-health-203", 200, ScanMode.COLOUR, 1.0)).sides
    names = [field.name for field in front.fields]
    assert names[:5] == ["grid1", "choice1", "choice2", "flag1", "flag2"]
    assert names[5:] == [f"q{n}" for n in range(1, 101)]
    assert front.fields[0].length == 12
    (before,) = load_design("cn-health-203").sides
    q26 = front.fields[names.index("q26")]
    want = before.centres_mm[before.group_start[before.fields[-75].groups[0]]]
    assert before.fields[-75].name == "q26"
    assert front.centres_mm[front.group_start[q26.groups[0]]] == pytest.approx(want, abs=0.2)


def test_regular_rows_are_one_short_table() -> None:
    text = to_toml(traced("cn-health-203", 200, ScanMode.COLOUR, 1.0), "card", "blank.png")
    assert text.count("[[front.field]]") == 9
    assert text.count("# rename: ") == 6
    assert len(text.splitlines()) < 110


@pytest.mark.parametrize("name", NAMES)
def test_the_traced_design_reads_a_filled_card_as_the_original_does(name: str) -> None:
    original = load_design(name)
    again = traced_design(traced(name, 300, ScanMode.COLOUR))
    assert again.ink is original.ink or original.ink is Ink.RED
    kind = ScanKind(ScanMode.COLOUR, 200, 1.0, (90, 90), (165.0, 165.0))
    mix = replace(load_mix("clean"), scans=(kind,))
    for number, page in enumerate(simulate_card(original, mix, 3, 0)):
        scan = ScannedPage(page.image, ScannedPage.digest(page.image), "card.jpg", number)
        want = filled(read_page(scan, original, default_policy()), original)
        got = filled(read_page(scan, again, default_policy()), again)
        off = apart(want, got)
        assert len(want) == len(got) > 20
        assert off.min(axis=0).max() < 0.3
        assert off.min(axis=1).max() < 0.3


def filled(outcome: object, design: Design) -> F64:
    """Where the filled bubbles of a page that was read are, (n, 2) in mm."""
    assert isinstance(outcome, ReadPage), outcome
    side = design.side(outcome.reading.side)
    return np.array(
        [
            side.centres_mm[side.group_start[group] + k]
            for group, mask in enumerate(outcome.reading.masks)
            for k in range(30)
            if int(mask) >> k & 1
        ]
    ).reshape(-1, 2)


def test_the_proof_picture_shows_bubbles_in_colour_and_marks_in_green() -> None:
    found = traced("quiz-a5", 200, ScanMode.GREY)
    proof = draw_proof(found)
    colourful = proof.max(axis=2).astype(int) - proof.min(axis=2) > 60
    assert proof.shape[1] == pytest.approx(148 / 25.4 * 200, abs=2)
    head = proof.shape[0] - round(210 / 25.4 * 200)
    scale = 200 / 25.4
    for x, y in load_design("quiz-a5").sides[0].centres_mm:
        part = colourful[round(y * scale) + head - 18 :, round(x * scale) - 24 :][:36, :48]
        assert part.any()


# ── what cannot be traced ────────────────────────────────────────────────────────────────────


def test_a_page_without_bubbles_is_refused() -> None:
    empty = np.full((2339, 1654), 245, np.uint8)
    with pytest.raises(TracingError, match="no bubbles were found"):
        trace_sheet([page_of(empty, 200)])
    cv2.putText(empty, "only words, and no bubbles", (100, 900), 0, 2.0, 20, 4)
    with pytest.raises(TracingError, match="no bubbles were found"):
        trace_sheet([page_of(empty, 200)])


def test_the_size_of_the_sheet_must_be_known() -> None:
    pixels = picture(load_design("quiz-a5"), SideName.FRONT, 200, ScanMode.GREY)
    with pytest.raises(TracingError, match="--page A4"):
        trace_sheet([page_of(pixels, None)])
    with pytest.raises(TracingError, match="makes a sheet of"):
        trace_sheet([page_of(pixels, 30)])
    with pytest.raises(TracingError, match="no sheet of 216 × 279"):
        trace_sheet([page_of(pixels, None)], PageSize(216, 279))
    assert_same(
        traced_design(trace_sheet([page_of(pixels, None)], page_size("A5"))),
        load_design("quiz-a5"),
    )


def test_a_size_that_is_not_the_files_own_is_taken_and_told() -> None:
    pixels = picture(load_design("quiz-a5"), SideName.FRONT, 200, ScanMode.GREY)
    found = trace_sheet([page_of(pixels, 200)], page_size("A4"))
    assert found.page == PageSize(210, 297)
    assert any("148 mm wide" in note for note in found.notes)


def test_more_than_one_sheet_is_refused() -> None:
    page = page_of(np.full((100, 100), 255, np.uint8), 200)
    with pytest.raises(TracingError, match="3 pages are no blank sheet"):
        trace_sheet([page] * 3)


@pytest.mark.parametrize(
    ("words", "size"),
    [("A4", (210, 297)), ("Letter", (215.9, 279.4)), ("210x297", (210, 297)), ("99.5 × 80", None)],
)
def test_page_sizes(words: str, size: tuple[float, float] | None) -> None:
    page = page_size(words)
    assert (page.width_mm, page.height_mm) == (size or (99.5, 80))


@pytest.mark.parametrize("words", ["A44", "210", "0x10", "x", "210x"])
def test_wrong_page_sizes_say_which_are_known(words: str) -> None:
    with pytest.raises(TracingError, match="letter"):
        page_size(words)


def test_the_command_writes_both_files_and_says_what_next(tmp_path: Path) -> None:
    blank, out = tmp_path / "card.png", tmp_path / "card.toml"
    pixels = picture(load_design("quiz-a5"), SideName.FRONT, 200, ScanMode.GREY)
    cv2.imwrite(str(blank), pixels)
    call = ["design", "trace", str(blank), "--out", str(out), "--page", "A5"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    for words in ("210 bubbles", "corner marks: L", "q1 … q15", "omr design check", "rename"):
        assert words in done.output
    assert_same(load_design(out), load_design("quiz-a5"))
    assert (tmp_path / "card-proof.png").read_bytes().startswith(b"\x89PNG")
    again = CliRunner().invoke(app, call)
    assert again.exit_code == 4
    assert "--force" in again.output
    assert CliRunner().invoke(app, [*call, "--force"]).exit_code == 0
    lost = CliRunner().invoke(app, ["design", "trace", str(tmp_path / "no.png"), "--out", str(out)])
    assert lost.exit_code == 3
    assert "no.png: cannot be opened" in lost.output
    (tmp_path / "junk.jpg").write_bytes(b"no picture")
    junk = CliRunner().invoke(
        app, ["design", "trace", str(tmp_path / "junk.jpg"), "--out", str(tmp_path / "junk.toml")]
    )
    assert junk.exit_code == 3
    assert "junk.jpg: the first bytes are" in junk.output


# ── other people's sheets ────────────────────────────────────────────────────────────────────


def real(path: str, page: str) -> Design:
    file = SCANS / path
    if not file.is_file():
        pytest.skip(f"../shared/scans/{path} is not here")
    opener = file_opener()
    pages = [opener.open(ref) for ref in list_files([file])]
    return traced_design(trace_sheet(pages, page_size(page)))


def shapes_of(design: Design) -> list[tuple[int, int]]:
    """Groups and values of each field, in order."""
    return [(field.length, len(field.values)) for field in design.sides[0].fields]


def test_open_mcr() -> None:
    """A grey screen picture of 80 dpi, a few bubbles filled; striped, letters touch outlines."""
    design = real("open-mcr/images/low-resolution__input__example.png", "letter")
    (side,) = design.sides
    truth = json.loads((SCANS / "open-mcr" / "truth.json").read_text("utf-8"))
    groups = truth["templates"]["75q"]["groups"]
    cells = np.array([[o["x"], o["y"]] for group in groups for o in group["options"]])
    corners = side.corners
    assert sorted(c.shape.value for c in corners) == ["square"] * 3 + ["three-squares"]
    low = np.array([corners[0].x_mm, corners[0].y_mm]) - corners[0].size_mm / 2
    last = corners[3]
    high = np.array([last.x_mm, last.y_mm]) + last.size_mm / 2
    want = low + cells / [36, 48] * (high - low)
    off = apart(want, side.centres_mm)
    assert off.min(axis=1).max() < 0.7  # the truth is rounded to a grid
    assert off.min(axis=0).max() < 0.7
    assert side.bubble_count == len(cells)
    grids = [(12, 26), (6, 26), (2, 26), (10, 10), (10, 10), (1, 6)]
    assert shapes_of(design) == grids + [(1, 5)] * 75


def test_formscanner() -> None:
    """A filled sheet of circles in tables, with a row of examples that no picture tells apart.

    What is traced from it reads another sheet as it was filled in.
    """
    design = real("formscanner/images/Test__Test__T00001.jpg", "209.97x291")
    (side,) = design.sides
    assert [c.shape.value for c in side.corners] == ["ring"] * 4
    assert side.bubble_count == 4 + 60 + 160
    assert shapes_of(design) == [(1, 4), (6, 10)] + [(1, 4)] * 40
    truth = json.loads((SCANS / "formscanner" / "truth.json").read_text("utf-8"))
    case = next(c for c in truth["cases"] if "T00002" in c["image"])
    places = {
        (group["name"], option["value"]): np.array([option["x"], option["y"]]) / 300 * 25.4
        for group in truth["templates"]["test"]["groups"]
        for option in group["options"]
    }
    image = (SCANS / "formscanner" / case["image"]).read_bytes()
    page = ScannedPage(image, ScannedPage.digest(image), case["image"], 0)
    marks = filled(read_page(page, design, default_policy()), design)
    off = apart(marks, np.array(list(places.values())))
    said = {list(places)[at] for at in off.argmin(axis=1)[off.min(axis=1) < 2.0]}
    assert said == {(name, v) for name, values in case["expected"].items() for v in values}


@pytest.mark.parametrize(("face", "bubbles"), [("front", 32), ("back", 20)])
def test_timing_mark_ballots(face: str, bubbles: int) -> None:
    """Ovals far apart; of the examples in the instructions none is taken for one."""
    name = f"electionGridLayoutNewHampshireAmherst__scan-unmarked-{face}.jpeg"
    (side,) = real(f"timing-mark-ballots/images/{name}", "letter").sides
    truth = json.loads((SCANS / "timing-mark-ballots" / "truth.json").read_text("utf-8"))
    options = [
        (o["x"], o["y"])
        for group in truth["templates"][f"amherst-{face}"]["groups"]
        for o in group["options"]
    ]
    assert len(set(options)) == bubbles
    assert side.bubble_count == bubbles
    assert sorted(len(track.numbers) for track in side.tracks) == [41, 41]


def test_omrchecker() -> None:
    """Four circles on a page of text, and a small table with every row filled."""
    design = real("omrchecker/samples/sample6/reference.png", "A4")
    assert [(len(f.values), f.name) for f in design.sides[0].fields] == [(4, "choice1")]
    image = (SCANS / "omrchecker/samples/sample6/doc-scans/sample_roll_01.jpg").read_bytes()
    page = ScannedPage(image, ScannedPage.digest(image), "sample_roll_01.jpg", 0)
    assert len(filled(read_page(page, design, default_policy()), design)) == 1
    shot = "omrchecker/samples/community/Shamanth/omr_sheet_01.png"
    assert real(shot, "80x99").sides[0].bubble_count == 32
