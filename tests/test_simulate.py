"""The simulator: reproducible, honest about what it drew, and as unkind as it says."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from omr.design import Design, FieldKind, builtin_names, load_design
from omr.detect.bubbles import outline_mm
from omr.records import U8, SideName, Turn
from omr.simulate import (
    Mix,
    MixError,
    SimulatedPage,
    builtin_mixes,
    load_mix,
    plan_card,
    read_truth,
    render_card,
    simulate,
    simulate_card,
)
from omr.simulate.blank import blank_card
from omr.simulate.catalogue import DEFECTS
from omr.simulate.mix import ScanKind, ScanMode

PLANNED = 1500


def pixels(page: SimulatedPage) -> U8:
    image = cv2.imdecode(np.frombuffer(page.image, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image, np.uint8)


def scanned_as(mix: Mix, mode: ScanMode, dpi: int) -> Mix:
    return replace(mix, scans=(ScanKind(mode, dpi, 1.0, (80, 80), (165, 165)),))


def flat(mix: Mix) -> Mix:
    """The same mix with every sheet dead straight and in its place."""
    figures = {**mix.figures, "lie": dict.fromkeys(mix.figures["lie"], (0.0, 0.0))}
    return replace(mix, figures=figures)


@pytest.mark.parametrize("name", ["everyday", "all"])
def test_the_same_seed_and_index_give_the_same_bytes_in_any_order(name: str) -> None:
    design, mix = load_design("cn-health-203"), load_mix(name)
    forwards = [simulate_card(design, mix, 5, k)[0] for k in range(6)]
    backwards = [simulate_card(design, mix, 5, k)[0] for k in reversed(range(6))]
    assert all(a.image == b.image for a, b in zip(forwards, reversed(backwards), strict=True))
    assert [p.truth for p in forwards] == [p.truth for p in reversed(backwards)]
    assert len({p.image for p in forwards}) == 6
    assert simulate_card(design, mix, 6, 0)[0].image != forwards[0].image


def test_every_defect_has_a_mix_of_its_own() -> None:
    assert set(builtin_mixes()) == {"clean", "everyday", "all", *DEFECTS}
    for name in DEFECTS:
        assert load_mix(name).rates[name] == 1.0
    rates = load_mix("all").rates
    assert {name for name in DEFECTS if not rates[name]} == {"bitonal"}  # a third of its scans


def legal(design: Design, page: SimulatedPage) -> None:
    truth, side = page.truth, design.side(page.truth.side)
    named = {f.name for f in side.fields} | {z.name for z in side.zones_of(FieldKind.BARCODE)}
    assert set(truth.values) == named
    assert set(truth.unsettled) <= named
    for field in side.fields:
        value = truth.values[field.name]
        if field.kind in (FieldKind.DIGITS, FieldKind.LETTERS):
            assert len(value) in (0, field.length)
            assert set(value) <= {*field.values, "?"}
            assert ("?" in value) == (truth.unsettled.get(field.name, "").startswith("number"))
        else:
            options = [k for k, v in enumerate(field.values) if v in value]
            assert value == "".join(field.values[k] for k in options)


@pytest.mark.parametrize("name", builtin_mixes())
def test_every_mix_runs_on_every_design_with_legal_truth(name: str) -> None:
    mix = load_mix(name)
    for design in map(load_design, builtin_names()):
        pages = simulate_card(design, mix, 3, 1)
        for page in pages:
            assert pixels(page).size > 1e5
            assert page.truth.design == design.name
            assert page.truth.file.endswith(page.suffix)
            if page.truth.unreadable.startswith(("blank sheet", "other design")):
                assert page.truth.values == {}
            else:
                legal(design, page)
        if name not in ("clean", "everyday", "all"):
            assert name in pages[0].truth.defects


def test_rates_of_everyday() -> None:
    design, mix = load_design("quiz-a5"), load_mix("everyday")
    seen: Counter[str] = Counter()
    answers = blank = 0
    for index in range(PLANNED):
        plan = plan_card(design, mix, 1, index)
        seen.update(plan.defects)
        seen[plan.scan.kind.mode] += 1
        said = plan.pages[0].values
        if not set(plan.defects) & {"erasure", "double_answer"}:
            answers += 30
            blank += sum(not value for name, value in said.items() if name.startswith("q"))
    asked = {
        "light": 0.06,
        "erasure": 0.04,
        "tick": 0.015,
        "cross": 0.015,
        "outside": 0.02,
        "double_answer": 0.03,
        "folded_corner": 0.01,
        "stain": 0.01,
        "streak": 0.005,
        "barcode": 0.005,
        "turned": 0.02,
        ScanMode.BITONAL: 0.34,
    }
    for name, rate in asked.items():
        assert abs(seen[name] - PLANNED * rate) < 4.5 * math.sqrt(PLANNED * rate) + 1, name
    assert abs(blank - answers * 0.01) < 4.5 * math.sqrt(answers * 0.01)


@pytest.mark.parametrize("name", builtin_names())
@pytest.mark.parametrize("mode", [ScanMode.GREY, ScanMode.COLOUR])
def test_marks_are_dark_where_the_design_says_and_blanks_are_clean(
    name: str, mode: ScanMode
) -> None:
    design = load_design(name)
    mix = scanned_as(flat(load_mix("clean")), mode, 200)
    for page in simulate_card(design, mix, 2, 7):
        grey = pixels(page)[..., -1] if mode is ScanMode.COLOUR else pixels(page)  # red light
        side = design.side(page.truth.side)
        inner = np.array([design.bubbles.width_mm, design.bubbles.height_mm]) / 2 - 0.7
        ppm = 200 / 25.4
        for bubble, centre in enumerate(side.centres_mm):
            x0, y0 = np.round((centre - inner) * ppm).astype(int)
            x1, y1 = np.round((centre + inner) * ppm).astype(int)
            level = grey[y0:y1, x0:x1].mean()
            if page.scene.darkness[bubble] > 0:
                assert level < 170
            else:
                assert level > 222
        marks = np.round(side.marks_mm() * ppm - 0.5).astype(int)
        shaped = [c.shape == "L" for c in side.corners]
        solid = marks[: len(marks) - len(shaped)] if any(shaped) else marks
        assert (grey[solid[:, 1], solid[:, 0]] < 70).all()


def test_the_scene_agrees_with_the_truth() -> None:
    design = load_design("cn-health-203")
    (page,) = simulate_card(design, load_mix("clean"), 2, 9)
    side = design.side(SideName.FRONT)
    for field in side.fields:
        rows = [
            page.scene.darkness[side.group_start[g] : side.group_start[g + 1]] > 0
            for g in range(*field.groups)
        ]
        drawn = "".join(field.values[int(k)] for row in rows for k in np.flatnonzero(row))
        assert drawn == page.truth.values[field.name]
    assert not page.scene.hidden.any()


@pytest.mark.parametrize("mix", ["skew", "stretch", "turned", "scale", "border", "shift"])
def test_the_placement_says_where_marks_lie_in_the_scan(mix: str) -> None:
    design = load_design("two-sided-60")
    for index in range(3):
        for page in simulate_card(design, load_mix(mix), 4, index):
            side = design.side(page.truth.side)
            dark = 255.0 - pixels(page)
            for x, y in page.scene.placement.to_scan(side.tracks[0].centres_mm):
                left, top = max(0, round(x) - 26), max(0, round(y) - 26)
                patch = np.clip(dark[top : top + 53, left : left + 53] - 50, 0, 150)
                assert patch.size > 2000
                rows, columns = np.indices(patch.shape)
                found = np.array([(columns * patch).sum(), (rows * patch).sum()]) / patch.sum()
                assert np.abs(found + np.array([left - x, top - y])).max() < 0.25


def test_a_turned_page_is_the_upright_one_turned() -> None:
    design, seen = load_design("cn-health-203"), set()
    for index in range(8):
        plan = plan_card(design, load_mix("turned"), 1, index)
        (page,) = render_card(plan)
        seen.add(page.truth.turn)
        height, width = pixels(page).shape
        assert (width > height) == (page.truth.turn in (Turn.LEFT, Turn.RIGHT))
        corner = page.scene.placement.to_scan(np.array([[10.0, 13.5]]))[0]  # upper left block
        left, top = corner[0] < width / 2, corner[1] < height / 2
        assert {(True, True): 0, (False, True): 90, (False, False): 180, (True, False): 270}[
            bool(left), bool(top)
        ] == page.truth.turn
    assert seen == {Turn.OVER, Turn.LEFT, Turn.RIGHT}


def test_barcodes_can_be_decoded() -> None:
    for name in builtin_names():
        for page in simulate_card(load_design(name), load_mix("clean"), 8, 0):
            read = {code.text for code in zxingcpp.read_barcodes(pixels(page))}
            zones = load_design(name).side(page.truth.side).zones_of(FieldKind.BARCODE)
            assert {page.truth.values[zone.name] for zone in zones} <= read


def test_both_sides_of_a_sheet_carry_one_barcode() -> None:
    front, back = simulate_card(load_design("two-sided-60"), load_mix("clean"), 8, 1)
    assert front.truth.values["sheet_front"] == back.truth.values["sheet_back"] != ""
    assert front.truth.values["form"] == front.truth.values["form_again"]


@pytest.mark.parametrize(
    ("mix", "reason"),
    [("blank_sheet", "blank sheet"), ("double_feed", "double feed"), ("other_design", "other")],
)
def test_what_is_no_card_may_be_refused(mix: str, reason: str) -> None:
    for page in simulate_card(load_design("cn-health-203"), load_mix(mix), 1, 0):
        assert page.truth.unreadable.startswith(reason)


def test_light_marks_vanish_in_a_harsh_bitonal_scan() -> None:
    design, mix = load_design("quiz-a5"), load_mix("light")
    figures = {**mix.figures, "light": {"level": (0.2, 0.22)}}
    harsh = ScanKind(ScanMode.BITONAL, 200, 1.0, (80, 80), (110, 110))
    (page,) = simulate_card(design, replace(mix, figures=figures, scans=(harsh,)), 1, 0)
    assert page.truth.unsettled["q1"] == "vanished"
    assert len(page.truth.values["q1"]) == 1  # what was meant, all the same
    (grey,) = simulate_card(design, mix, 1, 0)
    assert "vanished" not in grey.truth.unsettled.values()


def test_what_lies_under_a_fold_is_hidden() -> None:
    mix = load_mix("folded_corner")
    large = {**mix.figures, "folded_corner": {"leg_mm": (120.0, 120.0), "over": (1.0, 1.0)}}
    (page,) = simulate_card(load_design("cn-health-203"), replace(mix, figures=large), 1, 0)
    assert page.truth.unreadable == "mark hidden"
    assert page.scene.hidden.max() == 1.0
    assert "hidden" in page.truth.unsettled.values()


def test_bitonal_files_hold_one_bit_a_pixel() -> None:
    (page,) = simulate_card(load_design("quiz-a5"), load_mix("bitonal"), 1, 0)
    assert page.suffix == ".tif"
    assert page.image[:4] in (b"II*\0", b"MM\0*")
    assert set(np.unique(pixels(page))) == {0, 255}
    assert len(page.image) < 40_000


def test_simulate_writes_images_and_truth(tmp_path: Path) -> None:
    design = load_design("two-sided-60")
    truths = simulate(design, load_mix("everyday"), 3, 11, tmp_path)
    assert list(read_truth(tmp_path / "truth.jsonl")) == truths
    assert len(truths) == 6
    for truth in truths:
        assert (tmp_path / truth.file).stat().st_size > 1000
    again = simulate_card(design, load_mix("everyday"), 11, 2)[1]
    assert (tmp_path / again.truth.file).read_bytes() == again.image


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        'base = "clean"\nunknown = 1',
        'base = "nowhere"',
        "[defect]\nerasure = { rate = 0.5 }",
        'base = "clean"\n[defect]\nerasure = { rate = 1.5 }',
        'base = "clean"\n[defect]\nerasure = { rate = 0.5, residue = [0.3, 0.1] }',
        'base = "clean"\n[defect]\nspilt_ink = { rate = 0.5 }',
        'base = "clean"\n[defect]\ntick = { rate = 0.6 }\ncross = { rate = 0.6 }',
        '[[scan]]\nmode = "ultraviolet"\ndpi = 200',
    ],
)
def test_a_bad_mix_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(MixError):
        load_mix(file)


def test_a_mix_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        'base = "clean"\n[hand]\nlevel = 0.6\n[defect]\ntick = { rate = 0.25 }', "utf-8"
    )
    mix = load_mix(file)
    assert mix.name == "own"
    assert mix.rates["tick"] == 0.25
    assert mix.figures["hand"]["level"] == (0.6, 0.6)
    assert mix.scans == load_mix("clean").scans


@pytest.mark.parametrize("name", builtin_names())
def test_the_print_is_what_the_reader_looks_for(name: str) -> None:
    """Every outline is dark where detection, after the press, expects it, an oval's ends too."""
    design = load_design(name)
    (side, *_), px_per_mm = design.sides, 300 / 25.4
    blank = blank_card(design, side.name, 300, ScanMode.GREY, (0.9, 0.95, 0))
    outline = outline_mm(design.bubbles)[:, :2]
    places = (side.centres_mm[:, None, :] + outline) * px_per_mm
    x, y = places.astype(int).reshape(-1, 2).T
    assert np.mean(blank[y, x] < 150) > 0.99
