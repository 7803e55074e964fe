"""Marks: blobs, edges, and walks along a track."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omr.detect.geometry import (
    follow_track,
    keep_whole,
    settle_centres,
    track_regularity,
    uncrop,
)
from omr.detect.kernels import (
    find_blobs,
    refine_marks,
)
from tests.kernels.examples import SEEDS, STRICT, boxes, fixed, pages, size_of
from tests.oracle import marks as twin

pytestmark = STRICT


@fixed(150)
@given(st.data())
def test_blobs(data):
    plane, picture = data.draw(pages())
    whole = np.array([0, 0, plane.width, plane.height])
    box = whole if data.draw(st.booleans()) else boxes(data.draw, plane)
    least, flat = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    limits = np.array(
        [
            least,
            least + data.draw(st.integers(0, 14)),
            flat,
            flat + data.draw(st.integers(0, 10)),
            data.draw(st.integers(0, 3)),
            data.draw(st.integers(0, 3)),
            data.draw(st.integers(1, 3)),
        ]
    )
    threshold = data.draw(st.floats(60, 240))
    out = np.full((data.draw(st.sampled_from([2, 40])), 5), np.nan)
    found = find_blobs(plane.data, plane.view, box, threshold, limits, out)
    expected = twin.blobs(picture, box.tolist(), threshold, limits.tolist())
    assert found == min(len(expected), len(out))
    places = {tuple(np.round(row, 6)) for row in expected}
    assert {tuple(np.round(row, 6)) for row in out[:found]} <= places
    assert np.isnan(out[found:]).all()


@fixed(150)
@given(st.data())
def test_mark_edges(data):
    plane, picture = data.draw(pages())
    place = st.tuples(
        st.floats(0, plane.width), st.floats(0, plane.height), st.floats(1, 16), st.floats(1, 12)
    )
    marks = np.array(data.draw(st.lists(place, min_size=1, max_size=4)))
    out = np.full((len(marks), 5), np.nan)
    refine_marks(plane.data, plane.view, size_of(plane), marks, out)
    for mark, seen in zip(marks, out, strict=True):
        expected = twin.edges(picture, mark)
        if expected is None:
            assert seen[0] == -1
        else:
            assert np.allclose(seen, expected, rtol=0, atol=1e-9)
    centres = np.full((len(marks), 2), np.nan)
    settle_centres(marks, out, centres)
    assert np.allclose(centres, twin.settled(marks, out), rtol=0, atol=1e-9)


@fixed(80)
@given(st.integers(1, 12), SEEDS)
def test_settled_centres(count, seed):
    """Marks of one size with a few nicked, shifted or lost."""
    rng = np.random.default_rng(seed)
    marks = np.concatenate([rng.uniform(0, 99, (count, 2)), rng.uniform(3, 30, (count, 2))], axis=1)
    half = rng.uniform(2, 12, 2)
    edges = np.concatenate([marks[:, :2] - half, marks[:, :2] + half, marks[:, :1]], axis=1)
    edges += rng.normal(0, 2, edges.shape) * (rng.random((count, 1)) < 0.3)
    edges[rng.random(count) < 0.2, :4] = -1
    centres = np.full((count, 2), np.nan)
    settle_centres(marks, edges, centres)
    assert np.allclose(centres, twin.settled(marks, edges), rtol=0, atol=1e-9)


@fixed(40)
@given(st.integers(2, 30), SEEDS)
def test_track_regularity(count, seed):
    rng = np.random.default_rng(seed)
    along = np.cumsum(rng.uniform(2, 9, count))
    px = np.stack([rng.normal(50, 1, count), 6 * along + rng.normal(0, 2, count)], axis=1)
    said = track_regularity(along, px, 6.1)
    assert said == pytest.approx(twin.regularity(along, px, 6.1), abs=1e-9)


@fixed(80)
@given(st.integers(3, 24), SEEDS)
def test_walks_along_a_track(count, seed):
    rng = np.random.default_rng(seed)
    expected = 20 * np.arange(count) + 10 * (rng.random(count) < 0.1).cumsum()
    stretch = np.cumsum(rng.normal(0, rng.choice([0.4, 2.5]), count))
    seen = rng.random(count) < rng.choice([0.7, 0.95, 1.0])
    along = (expected * rng.uniform(0.95, 1.05) + stretch)[seen]
    across = (rng.uniform(-0.08, 0.08) * expected + rng.normal(0, 0.5, count))[seen]
    clutter = rng.integers(0, 1 + count // 2)
    along = np.append(along, rng.uniform(-40, 20 * count + 40, clutter))
    across = np.append(across, rng.uniform(-9, 9, clutter))
    if not len(along):
        along, across = np.zeros(1), np.zeros(1)
    order = np.argsort(along, kind="stable")
    limits = np.array([10.0, rng.uniform(1, 6), 0.11, 0.25])
    best = np.full(count, -1)
    axis = seed % 2
    blobs = np.zeros((len(along), 5))
    blobs[:, axis], blobs[:, 1 - axis] = along[order], across[order]
    follow_track(blobs, axis, expected.astype(float), limits, best)
    assert best.tolist() == twin.walk(
        along[order].tolist(), across[order].tolist(), expected.tolist(), limits.tolist()
    )


@fixed(80)
@given(st.integers(0, 12), SEEDS)
def test_blobs_that_the_strip_did_not_cut(count, seed):
    rng = np.random.default_rng(seed)
    box, size = np.array([20, 0, 80, 90]), np.array([rng.choice([80, 120]), 90])
    blobs = np.round(rng.uniform(0, [100, 90, 24, 24, 1], (count, 5)), rng.choice([0, 3]))
    rules = np.array([seed % 2, 0.55])
    seen = blobs.copy()
    kept = keep_whole(seen, count, box, size, rules)
    assert seen[:kept].tolist() == twin.whole_blobs(blobs.tolist(), box, size, *rules)


@fixed(60)
@given(st.integers(1, 9), st.sampled_from([-1.0, 1.0]), SEEDS)
def test_marks_that_a_crop_cut(count, inward, seed):
    rng = np.random.default_rng(seed)
    nominal, axis = np.array([40.0, 20.0]), seed % 2
    marks = rng.uniform([0, 0, 20, 10], [99, 99, 44, 24], (count, 4))
    centres = marks[:, :2] + rng.normal(0, 1, (count, 2))
    said = centres.copy()
    uncrop(marks, nominal, axis, inward, said)
    expected = twin.uncropped(marks, nominal, axis, inward, centres)
    assert np.allclose(said, expected, rtol=0, atol=1e-9)
