"""Overlays and traces: they show what was read, where it was read, and why a page was not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from omr.batch import WorkerSetup, engine, list_files, read_batch
from omr.design import Design, FieldKind, builtin_names, load_design
from omr.errors import OutputError
from omr.overlay import doubted_groups, identity_line
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.pool import Limits
from omr.records import U8, Doubt, DoubtKind, RejectedPage, RejectReason, ScannedPage, Turn
from omr.simulate import load_mix, simulate_card
from omr.sketch import AMBER, BLUE, GREEN, PX_PER_MM, RED, Colour, cut_short, text_width
from omr.trace import open_trace, overlay_of, write_overlay

STAGES = ["01-decoded", "02-marks", "03-alignment", "04-bubbles", "05-verdicts"]
HEAD_PX = 74  # the overlay's header
MOST_BYTES = 700_000


def scanned(design: Design, mix: str, index: int = 0, source: str = "") -> ScannedPage:
    page = simulate_card(design, load_mix(mix), 5, index)[0]
    return ScannedPage(page.image, ScannedPage.digest(page.image), source or page.truth.file, index)


def read(page: ScannedPage, design: Design) -> ReadPage:
    outcome = engine(page, design, default_policy(), None)
    assert isinstance(outcome, ReadPage), outcome
    return outcome


def near(picture: U8, x: float, y: float, colour: Colour, reach: int = 3) -> bool:
    """Whether the colour is met, more or less, round a point of the picture."""
    x0, y0 = round(x), round(y)
    part = picture[max(0, y0 - reach) : y0 + reach + 1, max(0, x0 - reach) : x0 + reach + 1]
    return bool((np.abs(part.astype(int) - colour).max(axis=2) < 60).any())


def upper_edge_px(design: Design, outcome: ReadPage, bubble: int) -> tuple[float, float]:
    """Where the outline above a bubble is in the overlay."""
    side = design.side(outcome.reading.side)
    alignment = outcome.alignment
    at = side.centres_mm[bubble] - [0, design.bubbles.height_mm / 2 + 0.35]
    px = alignment.matrix[:2, :2] @ at + alignment.matrix[:2, 2]
    x, y = px * PX_PER_MM / alignment.px_per_mm
    return float(x), float(y) + HEAD_PX


@pytest.mark.parametrize("name", builtin_names())
def test_the_overlay_outlines_what_is_filled_and_every_mark(name: str) -> None:
    design = load_design(name)
    page = scanned(design, "clean")
    outcome = read(page, design)
    picture = overlay_of(page, outcome, design)
    side = design.side(outcome.reading.side)
    for group in range(side.group_count):
        for k, bubble in enumerate(range(side.group_start[group], side.group_start[group + 1])):
            filled = bool(outcome.reading.masks[group] >> k & 1)
            assert near(picture, *upper_edge_px(design, outcome, bubble), BLUE) == filled
    scale = PX_PER_MM / outcome.alignment.px_per_mm
    half = side.marks_size_mm()[:, 0] * PX_PER_MM / 2
    for (x, y), reach in zip(outcome.alignment.marks_px * scale, half, strict=True):
        assert near(picture, x - reach, y + HEAD_PX, GREEN, 5)


def test_the_overlay_of_a_turned_page_is_upright() -> None:
    design = load_design("quiz-a5")
    page = scanned(design, "turned")
    outcome = read(page, design)
    assert outcome.reading.turn is not Turn.UPRIGHT
    picture = overlay_of(page, outcome, design)
    assert picture.shape[0] > picture.shape[1]
    bubble = int(np.log2(outcome.reading.masks[0]))
    assert near(picture, *upper_edge_px(design, outcome, bubble), BLUE)


def test_doubts_stand_out_in_their_colour() -> None:
    design = load_design("cn-health-203")
    page = scanned(design, "clean")
    outcome = read(page, design)
    doubts = (
        Doubt(DoubtKind.FAINT, "q7", "A 0.20/0.20"),
        Doubt(DoubtKind.REQUIRED_BLANK, "ticket", "character 3 is blank"),
        Doubt(DoubtKind.BARCODE_ALONE, "barcode", "only the second reader sees it"),
        Doubt(DoubtKind.SIDE_MISSING, "", "no back of this sheet is next to it in the feed"),
    )
    doubted = replace(outcome, reading=replace(outcome.reading, doubts=doubts))
    picture = overlay_of(page, doubted, design)
    side = design.sides[0]
    (q7,) = (f for f in side.fields if f.name == "q7")
    filled = int(np.log2(outcome.reading.masks[q7.groups[0]])) + side.group_start[q7.groups[0]]
    assert near(picture, *upper_edge_px(design, outcome, filled), AMBER)
    groups = doubted_groups(side, doubted.reading)
    assert set(groups) == {2, q7.groups[0]}
    third = int(np.log2(outcome.reading.masks[2])) + side.group_start[2]
    assert near(picture, *upper_edge_px(design, outcome, third), RED)
    fourth = int(np.log2(outcome.reading.masks[3])) + side.group_start[3]
    assert near(picture, *upper_edge_px(design, outcome, fourth), BLUE)


def test_a_doubt_about_a_whole_number_is_about_all_of_it() -> None:
    design = load_design("cn-health-203")
    reading = read(scanned(design, "clean"), design).reading
    doubts = (Doubt(DoubtKind.CHECK_FAILED, "ticket", "the check character is wrong"),)
    groups = doubted_groups(design.sides[0], replace(reading, doubts=doubts))
    assert list(groups) == list(range(12))


def test_the_header_says_whose_card_it_is() -> None:
    design = load_design("cn-health-203")
    page = simulate_card(design, load_mix("clean"), 5, 0)[0]
    reading = read(scanned(design, "clean"), design).reading
    line = identity_line(design.sides[0], reading)
    codes = [zone.name for zone in design.sides[0].zones_of(FieldKind.BARCODE)]
    for name in ("ticket", "subject", "form", *codes):
        assert f"{name} {page.truth.values[name]}" in line
    assert "ABSENT" not in line


def test_files_are_small_jpegs_whatever_the_page_is_called(tmp_path: Path) -> None:
    design = load_design("cn-health-203")
    page = scanned(design, "everyday", source="扫描/第三考场\n" + "很长的名字" * 40 + ".jpg")
    outcome = read(page, design)
    path = tmp_path / "new" / "overlay.jpg"
    write_overlay(page, outcome, design, path)
    assert path.stat().st_size < MOST_BYTES
    picture = cv2.imread(str(path))
    assert picture is not None
    assert abs(picture.shape[1] - 210 * PX_PER_MM) < 20


def test_a_refused_page_is_framed_in_red() -> None:
    design = load_design("cn-health-203")
    page = scanned(design, "blank_sheet")
    outcome = engine(page, design, default_policy(), None)
    assert isinstance(outcome, RejectedPage)
    picture = overlay_of(page, outcome, design)
    assert near(picture, 2, picture.shape[0] // 2, RED)
    assert near(picture, picture.shape[1] - 3, picture.shape[0] // 2, RED)


def test_a_refused_card_shows_the_mark_that_is_missing() -> None:
    design = load_design("quiz-a5")
    found = simulate_card(design, load_mix("clean"), 5, 0)[0]
    pixels = cv2.imdecode(np.frombuffer(found.image, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    corner = design.sides[0].corners[3]
    x, y = (round(v * 200 / 25.4) for v in (corner.x_mm, corner.y_mm))
    pixels[y - 40 : y + 40, x - 40 : x + 40] = 240
    image = cv2.imencode(".png", pixels)[1].tobytes()
    page = ScannedPage(image, ScannedPage.digest(image), "a.png", 0, dpi=200)
    outcome = engine(page, design, default_policy(), None)
    assert isinstance(outcome, RejectedPage)
    picture = overlay_of(page, outcome, design)
    scale = PX_PER_MM * 25.4 / 200
    head = picture.shape[0] - round(pixels.shape[0] * scale)
    reach = corner.size_mm / 2 * PX_PER_MM
    assert near(picture, x * scale - reach, y * scale + head, RED, 6)
    other = design.sides[0].corners[0]
    left = (other.x_mm - other.size_mm / 2) * PX_PER_MM
    assert near(picture, left, other.y_mm * PX_PER_MM + head, GREEN, 6)


def test_a_damaged_file_still_has_its_overlay(tmp_path: Path) -> None:
    design = load_design("quiz-a5")
    whole = scanned(design, "clean")
    page = ScannedPage(whole.image[:9000], "0" * 64, "broken.jpg", 3)
    outcome = engine(page, design, default_policy(), None)
    assert isinstance(outcome, RejectedPage)
    assert outcome.reason is RejectReason.DAMAGED_FILE
    write_overlay(page, outcome, design, tmp_path / "broken.jpg")
    assert (tmp_path / "broken.jpg").stat().st_size > 0


def test_a_trace_has_a_picture_of_every_stage(tmp_path: Path) -> None:
    design = load_design("quiz-a5")
    page = scanned(design, "clean")
    trace = open_trace(tmp_path / "page", design)
    read_page(page, design, default_policy(), trace)
    pictures = sorted((tmp_path / "page").iterdir())
    assert [path.stem for path in pictures] == STAGES
    assert all(cv2.imread(str(path)) is not None for path in pictures)


def test_the_trace_of_a_refused_page_ends_where_its_reading_ended(tmp_path: Path) -> None:
    design = load_design("quiz-a5")
    page = scanned(design, "blank_sheet")
    read_page(page, design, default_policy(), open_trace(tmp_path, design))
    assert sorted(path.stem for path in tmp_path.iterdir()) == STAGES[:2]


def test_the_last_picture_of_a_trace_is_the_overlay(tmp_path: Path) -> None:
    design = load_design("quiz-a5")
    page = scanned(design, "everyday")
    outcome = read_page(page, design, default_policy(), open_trace(tmp_path, design))
    write_overlay(page, outcome, design, tmp_path / "overlay.jpg")
    last, overlay = (cv2.imread(str(tmp_path / f"{n}.jpg")) for n in (STAGES[-1], "overlay"))
    assert last is not None
    assert overlay is not None
    assert last.shape == overlay.shape
    assert np.abs(last.astype(int) - overlay).mean() < 1.0


def test_a_trace_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    design = load_design("quiz-a5")
    (tmp_path / "page").write_text("in the way", "utf-8")
    with pytest.raises(OutputError, match="another folder"):
        read_page(
            scanned(design, "clean"),
            design,
            default_policy(),
            open_trace(tmp_path / "page", design),
        )


def test_the_batch_writes_both(tmp_path: Path) -> None:
    design = load_design("quiz-a5")
    (tmp_path / "in").mkdir()
    page = scanned(design, "clean")
    (tmp_path / "in" / "a.jpg").write_bytes(page.image)
    overlays, traces = tmp_path / "overlays", tmp_path / "traces"
    setup = WorkerSetup(design, default_policy(), overlays=overlays, traces=traces)
    assert len(list(read_batch(list_files([tmp_path / "in"]), setup, Limits(0)))) == 1
    assert [path.name for path in overlays.iterdir()] == ["000000-a.jpg"]
    assert sorted(path.stem for path in (traces / "000000-a").iterdir()) == STAGES


def test_words_are_cut_to_their_room() -> None:
    assert cut_short("short", 500, 14) == "short"
    cut = cut_short("a sentence that is far too long for its place", 120, 14)
    assert cut.endswith("…")
    assert text_width(cut, 14) <= 120
