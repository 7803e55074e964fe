"""Bubbles: their figures and their outlines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omr.detect.kernels import (
    SUB,
    sample_bubbles,
    snap_to_outline,
)
from omr.detect.plane import upright_plane
from omr.records import Raster, Turn
from tests.kernels.examples import SEEDS, STRICT, fixed, pages, size_of
from tests.oracle import bubbles as twin

pytestmark = STRICT


@st.composite
def lattices(draw):
    """Samples of a small bubble at a random slant and scale; some are not used."""
    rng = np.random.default_rng(draw(SEEDS))
    rows, columns, margin = draw(st.integers(1, 7)), draw(st.integers(1, 9)), 2
    v, u = np.mgrid[-margin : rows + margin, -margin : columns + margin]
    angle, scale = rng.uniform(-0.1, 0.1), rng.uniform(0.6, 1.6)
    u, v = u - (columns - 1) / 2, v - (rows - 1) / 2
    x = scale * (np.cos(angle) * u - np.sin(angle) * v)
    y = scale * (np.sin(angle) * u + np.cos(angle) * v)
    across, down = np.abs(u) <= (columns - 1) / 2, np.abs(v) <= (rows - 1) / 2
    kinds = np.where(across & down, 1, np.where(across | down, 2, 0))
    unused = rng.random(kinds.shape) < draw(st.sampled_from([0, 0.2]))
    unused[margin, margin] = False
    kinds[unused] = 0
    if draw(st.integers(0, 9)) == 0:
        kinds[kinds == 2] = 0
    return np.stack([np.rint(x), np.rint(y), kinds], axis=-1).astype(np.int64)


@fixed(200)
@given(st.data())
def test_bubbles(data):
    plane, picture = data.draw(pages())
    lattice = data.draw(lattices())
    place = st.tuples(st.floats(-8, plane.width + 8), st.floats(-8, plane.height + 8))
    centres = np.array(data.draw(st.lists(place, min_size=1, max_size=8)))
    paper = data.draw(st.floats(60, 255))
    levels = twin.Believed(
        0.0 if plane.bitonal else data.draw(st.floats(0, 140)),
        data.draw(st.sampled_from([0.2, 0.35])),
        0.45 * paper,
        min(255.0, paper + 12),
        plane.bitonal,
    )
    out = np.full((len(centres), 5), 7, np.uint8)
    values = [levels.ink, levels.dark_from, levels.paper_low, levels.paper_high, plane.bitonal]
    outside = sample_bubbles(
        plane.data, plane.view, size_of(plane), centres, lattice, np.array(values, float), out
    )
    expected = [twin.bubble(picture, centre, lattice, levels) for centre in centres]
    assert outside == expected.count(None)
    for seen, figures in zip(out.tolist(), expected, strict=True):
        if figures is None:
            assert seen == [0] * 5
            continue
        assert np.allclose(seen[:4], 255 * np.array(figures[:4]), rtol=0, atol=0.5 + 1e-6)
        assert seen[4] == int(figures[4])


def test_a_line_is_looked_for_where_at_least_a_fiftieth_is_dark():
    y, x = np.mgrid[-4:5, -4:5]
    inside, beside = (abs(y) <= 3) & (abs(x) <= 3), (abs(y) <= 3) | (abs(x) <= 3)
    lattice = np.stack([x, y, np.where(inside, 1, np.where(beside, 2, 0))], axis=-1)
    page = np.full((20, 20), 255, np.uint8)
    page[[6, 14], 10] = 0  # ink above and below the box, and some of the way through it
    said = []
    for dark in range(4):
        page[7 : 7 + dark, 10] = 0
        plane = upright_plane(Raster(page.copy(), True), 0, Turn.UPRIGHT)
        levels = np.array([0.0, 0.2, 100.0, 255.0, 1.0])
        out = np.zeros((1, 5), np.uint8)
        centre = np.array([[10.5, 10.5]])
        sample_bubbles(plane.data, plane.view, size_of(plane), centre, lattice, levels, out)
        said.append(out[0, [0, 3]].tolist())
    assert said == [[0, 0], [5, 36], [10, 73], [16, 109]]


@fixed(80)
@given(st.data())
def test_outlines(data):
    plane, picture = data.draw(pages())
    offset = st.integers(-3 * SUB, 3 * SUB)
    points = st.lists(st.tuples(*[offset] * 4), min_size=1, max_size=12)
    outline = np.array(data.draw(points))
    radius = data.draw(st.integers(0, 3))
    place = st.tuples(st.floats(-4, plane.width + 4), st.floats(-4, plane.height + 4))
    centres = np.array([[plane.width / 2, plane.height / 2], data.draw(place)])
    out = np.full((2, 3), np.nan)
    snap_to_outline(plane.data, plane.view, size_of(plane), centres, outline, radius, out)
    for centre, (dx, dy, contrast) in zip(centres, out, strict=True):
        fits = twin.outline_fits(picture, centre, outline, radius)
        if not fits:
            assert (dx, dy, contrast) == (0, 0, 0)
            continue
        # Of two that fit alike it is the nearer one.
        scores = {place: fit - 0.25 * np.hypot(*place) for place, fit in fits.items()}
        assert scores[dx, dy] >= max(scores.values()) - 1e-9
        assert contrast == pytest.approx(max(fits[dx, dy], 0), abs=1e-9)


@pytest.mark.parametrize(("darker", "shift"), [(7, 0), (8, 3)])
def test_a_farther_outline_must_fit_better_by_a_quarter_level_a_pixel(darker, shift):
    outline = SUB * np.array([[k, 0, k, 2] for k in range(10)])
    page = np.full((40, 40), 200, np.uint8)
    page[20, 20 + 9 + 3] -= darker  # under the last of ten points, if they are moved by 3
    plane = upright_plane(Raster(page, False), 0, Turn.UPRIGHT)
    out = np.empty((1, 3))
    centre = np.array([[20.5, 20.5]])
    snap_to_outline(plane.data, plane.view, size_of(plane), centre, outline, 3, out)
    assert out[0, :2].tolist() == [shift, 0]
