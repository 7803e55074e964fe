"""From marks to paper: what is recovered, what is refused, and marks that a crop cut."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.design import load_design
from omr.detect.alignment import AlignmentLimits, Misaligned, align, to_pixels
from omr.detect.levels import page_levels
from omr.detect.locate import LIMITS
from omr.detect.marks import MarkSet, TrackMarks, find_marks
from omr.detect.plane import upright_plane
from omr.records import Alignment, Raster, RejectReason, Turn

PPM = 8.0  # pixels a millimetre, about 200 dpi
BALLOT = load_design(Path(__file__).parent / "designs" / "amherst-front.toml")
DESIGNS = {
    "one track and two corners": load_design("cn-health-203"),
    "two tracks": load_design("two-sided-60"),
    "three tracks": BALLOT,
    "four corners": load_design("quiz-a5"),
}
WITH_TRACKS = [name for name, design in DESIGNS.items() if design.sides[0].tracks]


class Paper:
    """Where a card's paper comes to lie: fed unevenly, then turned, scaled and shifted.

    Unevenness is a wave down the page, of a height in mm: `slip` in the feed's direction, `wander`
    across it, and `pull`, slip that grows towards the right edge. `sideways` waves across it.
    """

    def __init__(self, skew=0.0, lean=None, scale=(PPM, PPM), shift=(0.0, 0.0), **waves):
        a, b = np.radians(skew), np.radians(skew if lean is None else lean)
        (sx, sy), (tx, ty) = scale, shift
        self.matrix = np.array(
            [[sx * np.cos(a), -sy * np.sin(b)], [sx * np.sin(a), sy * np.cos(b)]]
        )
        self.shift = np.array([tx, ty])
        self.waves = waves

    def px(self, mm):
        x, y = mm.T
        down, along = np.sin(y / 40.0), np.sin(x / 40.0)
        slip, wander = self.waves.get("slip", 0), self.waves.get("wander", 0)
        pull, sideways = self.waves.get("pull", 0), self.waves.get("sideways", 0)
        moved = np.stack(
            [x + wander * down + sideways * along, y + (slip + pull * x / 210.0) * down], axis=1
        )
        return moved @ self.matrix.T + self.shift


def seen(design, paper, change=None):
    """A front's marks, all found where the paper lies."""
    side = design.sides[0]
    tracks = []
    for track in side.tracks:
        px = paper.px(track.centres_mm)
        tracks.append(TrackMarks(track, px, np.ones(len(px), bool), 20.0))
    corners = np.array([[c.x_mm, c.y_mm] for c in side.corners]).reshape(-1, 2)
    marks = MarkSet(tuple(tracks), paper.px(corners), np.ones(len(corners), bool), PPM, 20.0)
    if change:
        change(marks)
    return marks


def aligned(name, paper, change=None, limits=LIMITS):
    design = DESIGNS[name]
    marks = seen(design, paper, change)
    return align(marks, design.sides[0], Turn.UPRIGHT, limits)


def worst_mm(name, paper, found):
    """How far the worst bubble is put from where it lies."""
    assert isinstance(found, Alignment), found
    centres = DESIGNS[name].sides[0].centres_mm
    placed = to_pixels(centres, found.matrix, found.correction)
    return np.hypot(*(placed - paper.px(centres)).T).max() / PPM


# ── what is recovered ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", DESIGNS)
@settings(max_examples=25, derandomize=True, deadline=None, database=None)
@given(
    st.floats(-5.5, 5.5),
    st.floats(-1, 1),
    st.tuples(st.floats(4, 24), st.floats(0.95, 1.05)),
    st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
)
def test_any_affine_placing_is_recovered(name, skew, shear, scale, shift):
    paper = Paper(skew, skew + shear * 0.4, (scale[0], scale[0] * scale[1]), shift)
    found = aligned(name, paper)
    assert worst_mm(name, paper, found) < 1e-6
    assert found.skew_deg == pytest.approx(skew, abs=1e-6)
    assert found.px_per_mm == pytest.approx(scale[0] * scale[1] ** 0.5, rel=1e-3)
    assert found.residual_mm < 1e-6
    assert np.array_equal(found.marks_mm, DESIGNS[name].sides[0].marks_mm())


UNEVEN = [
    ("one track and two corners", {"slip": 1.0}),
    ("one track and two corners", {"wander": 1.0}),
    ("two tracks", {"slip": 1.0}),
    ("two tracks", {"wander": 1.0}),
    ("two tracks", {"slip": 0.5, "wander": 0.5, "pull": 0.5}),
    ("three tracks", {"slip": 0.5, "wander": 0.5, "pull": 0.5, "sideways": 0.5}),
]


@pytest.mark.parametrize(("name", "waves"), UNEVEN)
@pytest.mark.parametrize("skew", [-4.0, 0.0, 2.0])
def test_an_uneven_feed_is_followed_along_the_tracks(name, waves, skew):
    paper = Paper(skew, shift=(40, 25), **waves)
    found = aligned(name, paper)
    assert worst_mm(name, paper, found) < 0.1
    # It is the tracks that do it: the matrix alone would be off.
    straight = replace(found, correction=None)
    assert worst_mm(name, paper, straight) > 0.1


@pytest.mark.parametrize("name", WITH_TRACKS)
def test_marks_lie_where_the_transform_puts_them(name):
    paper = Paper(1.0, slip=0.8, wander=0.4)
    found = aligned(name, paper)
    for track in DESIGNS[name].sides[0].tracks:
        if track.edge.vertical:
            placed = to_pixels(track.centres_mm, found.matrix, found.correction)
            assert np.abs(placed - paper.px(track.centres_mm)).max() < 0.05 * PPM


def test_a_noise_of_edges_is_not_refused():
    rng = np.random.default_rng(1)

    def shake(marks):
        for t in marks.tracks:
            t.centres_px[:] += rng.normal(0, 0.1 * PPM, t.centres_px.shape)

    paper = Paper(1.0)
    found = aligned("two tracks", paper, shake)
    assert worst_mm("two tracks", paper, found) < 0.6
    assert 0.05 < found.residual_mm < LIMITS.residual_mm


# ── what is refused ──────────────────────────────────────────────────────────────────────────


def refused(name, paper, change=None, limits=LIMITS):
    found = aligned(name, paper, change, limits)
    assert isinstance(found, Misaligned), found
    return found


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_more_than_six_degrees_of_skew(name, sign):
    assert isinstance(aligned(name, Paper(sign * 5.9)), Alignment)
    found = refused(name, Paper(sign * 6.1))
    assert found.reason is RejectReason.TOO_SKEWED
    assert found.evidence == f"turned by {sign * 6.1:.1f} degrees; at most 6 are read"


@pytest.mark.parametrize("name", DESIGNS)
def test_a_card_that_slipped_into_a_lean(name):
    assert isinstance(aligned(name, Paper(1.0, 2.4)), Alignment)
    found = refused(name, Paper(1.0, 2.6))
    assert found.reason is RejectReason.TOO_STRETCHED
    assert "the card leans by 1.6 degrees" in found.evidence


@pytest.mark.parametrize("name", WITH_TRACKS)
def test_a_feed_that_stuck(name):
    """Eight marks of a track a seventh closer together than the card's scale says, eight wider."""

    def stick(marks):
        px = marks.tracks[0].centres_px
        gap = px[1] - px[0]
        px[10:18] -= np.arange(8)[:, None] * gap / 7
        px[18:26] -= np.arange(7, -1, -1)[:, None] * gap / 7

    found = refused(name, Paper(), stick)
    assert found.reason is RejectReason.TOO_STRETCHED
    assert "off their pitch" in found.evidence


@pytest.mark.parametrize("name", WITH_TRACKS)
@pytest.mark.parametrize("at", [0.0, 0.5])
def test_one_mark_beside_its_track(name, at):
    """Two millimetres aside: no card bends like that, so it is no mark of this track."""

    def shift(marks):
        track = marks.tracks[0]
        # A first or last mark counts through its neighbour, which half the shift reaches.
        row = max(1, int(at * len(track.centres_px)))
        track.centres_px[row, 0 if track.track.edge.vertical else 1] += 2.0 * PPM

    found = refused(name, Paper(), shift)
    assert found.reason is RejectReason.TOO_STRETCHED
    assert re.match(r"a mark lies (1\.9|2\.0)", found.evidence)


def test_a_locator_mark_that_does_not_fit_the_track():
    def shift(marks):
        marks.corners_px[1] += 1.2 * PPM

    found = refused("one track and two corners", Paper(1.0), shift)
    assert found.reason is RejectReason.FOLDED_OR_TORN
    assert "the locator marks lie 1.7 mm" in found.evidence


def test_a_corner_out_of_its_place():
    def shift(marks):
        marks.corners_px[3, 0] += 4.4 * PPM

    found = refused("four corners", Paper(), shift)
    assert found.reason is RejectReason.TOO_STRETCHED
    # A matrix from four corners spreads what is wrong with one over all of them.
    assert re.match(r"a mark lies 1\.(09|10) mm", found.evidence)


def test_limits_are_the_callers():
    lenient, strict = AlignmentLimits(skew_deg=8.0), AlignmentLimits(skew_deg=1.0)
    assert isinstance(aligned("two tracks", Paper(7.0), limits=lenient), Alignment)
    assert refused("two tracks", Paper(1.5), limits=strict).reason is RejectReason.TOO_SKEWED


# ── marks that a crop cut ────────────────────────────────────────────────────────────────────


def page_of(design, crop_mm=(0.0, 0.0, 0.0, 0.0)):
    """A white page with the front's marks as dark rectangles, cut at left, top, right, bottom."""
    side = design.sides[0]
    height, width = int(design.height_mm * PPM), int(design.width_mm * PPM)
    pixels = np.full((height, width), 240, np.uint8)
    for (x, y), (w, h) in zip(side.marks_mm(), side.marks_size_mm(), strict=True):
        rows = slice(round((y - h / 2) * PPM), round((y + h / 2) * PPM))
        pixels[rows, round((x - w / 2) * PPM) : round((x + w / 2) * PPM)] = 30
    left, top, right, bottom = (round(c * PPM) for c in crop_mm)
    kept = np.ascontiguousarray(pixels[top : height - bottom, left : width - right])
    paper = Paper(shift=(-left, -top))
    return upright_plane(Raster(kept, False), 0, Turn.UPRIGHT), paper


@pytest.mark.parametrize(
    ("name", "crop_mm"),
    [
        ("two tracks", (0, 0, 0, 0)),
        ("two tracks", (8.5, 0, 0, 0)),
        ("two tracks", (0, 0, 8.5, 0)),
        ("two tracks", (8.5, 13.4, 8.5, 0)),
        ("two tracks", (0, 0, 0, 12.2)),
        ("one track and two corners", (0, 0, 8.0, 0)),
        ("three tracks", (1.8, 0, 0, 0)),
    ],
)
def test_cropped_marks_are_put_where_their_centres_were(name, crop_mm):
    design = DESIGNS[name]
    side = design.sides[0]
    plane, paper = page_of(design, crop_mm)
    marks = find_marks(plane, design, side, PPM, page_levels(plane))
    assert marks.complete
    assert marks.share_found == 1.0
    assert marks.ink == pytest.approx(30, abs=5)
    found = align(marks, side, Turn.UPRIGHT, LIMITS)
    # How much of an end mark is left is only known to the step between rows that are looked at.
    ends_cut = crop_mm[1] or crop_mm[3]
    assert worst_mm(name, paper, found) < (0.2 if ends_cut else 0.1)


@pytest.mark.parametrize("name", ["two tracks", "one track and two corners"])
def test_a_mark_that_is_gone_is_missed_and_not_guessed(name):
    design = DESIGNS[name]
    side = design.sides[0]
    plane, paper = page_of(design)
    x, y = paper.px(side.tracks[0].centres_mm[[20]])[0].astype(int)
    pixels = plane.data.reshape(plane.height, plane.width).copy()
    pixels[y - 20 : y + 20, x - 40 : x + 40] = 240
    plane = upright_plane(Raster(pixels, False), 0, Turn.UPRIGHT)
    marks = find_marks(plane, design, side, PPM, page_levels(plane))
    assert not marks.complete
    assert np.flatnonzero(~marks.tracks[0].found).tolist() == [20]
    assert (marks.tracks[0].centres_px[20] == -1).all()
