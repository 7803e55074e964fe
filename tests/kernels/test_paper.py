"""From paper to pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from omr.detect.geometry import (
    curve_beyond,
    displace,
    left_over,
    map_points,
)
from tests.kernels.examples import SEEDS, STRICT, fixed
from tests.oracle import paper as twin

pytestmark = STRICT


@fixed(60)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 30), SEEDS)
def test_paper_to_pixels(near_marks, far_marks, count, seed):
    rng = np.random.default_rng(seed)
    axis, matrix = seed % 2, np.eye(3)
    matrix[:2] = rng.normal(0, 8, (2, 3))
    mm = rng.uniform(-20, 320, (count, 2))
    near, far = (
        np.concatenate([np.sort(rng.uniform(0, 300, (n, 1)), axis=0), rng.normal(0, 9, (n, 2))], 1)
        for n in (near_marks, far_marks)
    )
    across = (float(rng.uniform(0, 90)), float(rng.uniform(120, 210)))
    if near_marks == far_marks:
        across = (across[0], across[0])
    plain, said = np.empty((count, 2)), np.empty((count, 2))
    map_points(mm, matrix, plain)
    assert np.allclose(plain, twin.placed(mm, matrix), rtol=0, atol=1e-9)
    said[:] = plain
    displace(mm, near, far, across, axis, said)
    expected = twin.displaced(mm, plain, (near, far, across), axis)
    assert np.allclose(said, expected, rtol=0, atol=1e-9)
    curve = np.empty((count, 3))
    left_over(mm, said, matrix, axis, curve)
    moved = expected - plain
    assert np.allclose(curve, np.c_[mm[:, axis], moved], rtol=0, atol=1e-9)
    beyond = np.empty_like(near)
    curve_beyond(near, far, beyond)
    assert np.allclose(beyond, twin.beyond(near, far), rtol=0, atol=1e-9)
