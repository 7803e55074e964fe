"""Random pages to try kernels on, the same on every run and every machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from omr.detect.plane import upright_plane
from omr.records import Raster, Turn
from tests.oracle.page import upright

# What wraps round or divides by nothing in plain Python would do so silently when compiled.
STRICT = pytest.mark.filterwarnings(
    # Whatever numbers do is an error; what another test's garbage is swept up for is not theirs.
    "error",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
SEEDS = st.integers(0, 1 << 32)


def fixed(examples: int):
    """The same examples on every run and every machine."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None)


@st.composite
def pages(draw):
    """A page of dark rectangles, grain and specks: its upright plane, and plain picture."""
    height, width = draw(st.integers(16, 44)), draw(st.integers(16, 44))
    rng = np.random.default_rng(draw(SEEDS))
    paper, ink = rng.integers(150, 256), rng.integers(0, 100)
    picture = np.full((height, width), paper, float)
    for _ in range(draw(st.integers(0, 6))):
        y, x = rng.integers(0, height), rng.integers(0, width)
        picture[y : y + rng.integers(1, 12), x : x + rng.integers(1, 16)] = ink
    picture += rng.normal(0, draw(st.sampled_from([0, 1, 4, 60])), picture.shape)
    specks = rng.random(picture.shape) < draw(st.sampled_from([0, 0.03]))
    picture[specks] = rng.integers(0, 256, specks.sum())
    black_and_white = draw(st.booleans())
    if black_and_white:
        picture = np.where(picture < 128, 0, 255)
    turn = draw(st.sampled_from(Turn))
    grey = np.rot90(picture.clip(0, 255).astype(np.uint8), -(turn // 90))
    channel = draw(st.sampled_from([None, 0, 1, 2]))
    pixels = np.ascontiguousarray(grey)
    if channel is not None:
        pixels = rng.integers(0, 256, (*grey.shape, 3), np.uint8)
        pixels[:, :, channel] = grey
    raster = Raster(pixels, black_and_white)
    plane = upright_plane(raster, channel or 0, turn)
    return plane, upright(raster, channel or 0, turn)


def boxes(draw, plane):
    """x0, y0, x1, y1 of some pixels of the plane."""
    x0, y0 = draw(st.integers(0, plane.width - 1)), draw(st.integers(0, plane.height - 1))
    return np.array(
        [
            x0,
            y0,
            draw(st.integers(x0 + 1, plane.width)),
            draw(st.integers(y0 + 1, plane.height)),
        ]
    )


def size_of(plane):
    return np.array([plane.width, plane.height])
