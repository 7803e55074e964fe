"""Pages seen upright, and what is counted on them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from omr.detect.kernels import (
    column_darkness,
    histogram_lattice,
)
from tests.kernels.examples import STRICT, boxes, fixed, pages
from tests.oracle import page as twin

pytestmark = STRICT


@fixed(80)
@given(st.data())
def test_lattices(data):
    plane, picture = data.draw(pages())
    assert picture.shape == (plane.height, plane.width)
    box = boxes(data.draw, plane)
    x0, _, x1, _ = box.tolist()
    step, threshold = data.draw(st.integers(1, 5)), data.draw(st.floats(0, 256))
    counts = np.ones(256, np.int64)
    histogram_lattice(plane.data, plane.view, box, step, counts)
    assert (counts - 1).tolist() == twin.histogram(picture, box.tolist(), step)
    columns = np.full(x1 - x0, np.nan)
    column_darkness(plane.data, plane.view, box, threshold, step, columns)
    expected = twin.column_darkness(picture, box.tolist(), threshold, step)
    assert np.allclose(columns, expected, rtol=0, atol=1e-12)


@fixed(30)
@given(pages(), st.tuples(*[st.floats(-9, 60)] * 4))
def test_a_planes_window_is_cut_at_the_pages_edges(page, sides):
    plane, picture = page
    left, top, right, bottom = sides
    rows = slice(max(0, int(top)), max(0, int(bottom) + 1))
    columns = slice(max(0, int(left)), max(0, int(right) + 1))
    expected = picture[rows, columns]
    seen = plane.window(*sides)
    assert seen.tobytes() == expected.tobytes()
    assert seen.shape == expected.shape or not expected.size
