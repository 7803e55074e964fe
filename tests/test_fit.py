"""The affine fit against numpy's least squares, and where the points leave it open."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.detect.geometry import fit_affine


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 40))
def test_equals_least_squares(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    mm = rng.uniform(0, 300, (n, 2))
    px = mm @ rng.normal(0, 8, (2, 2)).T + rng.uniform(-500, 500, 2) + rng.normal(0, 1, (n, 2))
    out = np.empty((3, 3))
    fit_affine(mm, px, out)
    expected, *_ = np.linalg.lstsq(np.c_[mm, np.ones(n)], px, rcond=None)
    assert np.allclose(out[:2], expected.T, atol=1e-6)
    assert np.array_equal(out[2], [0, 0, 1])


def test_points_on_a_line_give_a_similarity() -> None:
    mm = np.stack([np.full(10, 200.0), np.linspace(10, 290, 10)], axis=1)
    turn = np.deg2rad(2.0)
    linear = 8 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    out = np.empty((3, 3))
    fit_affine(mm, mm @ linear.T + [30, 40], out)
    assert np.allclose(out[:2, :2], linear, atol=1e-9)
    assert np.allclose(out[:2, 2], [30, 40], atol=1e-6)
