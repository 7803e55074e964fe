"""Whether a side's printed marks look like another's, or like its own when the page is turned."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from omr.design import Side
from omr.records import F64

ALIKE = 0.15  # two marks look alike if their sizes differ by less than this share


@functools.lru_cache(maxsize=64)
def same_marks(side: Side, other: Side, quarter_turns: int) -> bool:
    """Whether a side's marks, turned, fall on the other's within half a mark."""
    a, a_size, a_shape = _pattern(side, quarter_turns)
    b, b_size, b_shape = _pattern(other, 0)
    if len(a) != len(b):
        return False
    near = (np.abs(a[:, None] - b[None, :]) <= b_size[None, :] / 2).all(axis=-1)
    near &= (np.abs(a_size[:, None] - b_size[None, :]) <= ALIKE * b_size[None, :]).all(axis=-1)
    near &= a_shape[:, None] == b_shape[None, :]
    return bool(near.any(axis=0).all() and near.any(axis=1).all())


def _pattern(side: Side, quarter_turns: int) -> tuple[F64, F64, NDArray[np.bool_]]:
    """Marks about their own middle after a turn: centres, sizes, and which are corners' shapes."""
    centres, sizes = side.marks_mm(), side.marks_size_mm()
    centres = centres - (centres.min(axis=0) + centres.max(axis=0)) / 2
    for _ in range(quarter_turns):
        centres = np.stack([-centres[:, 1], centres[:, 0]], axis=1)
        sizes = sizes[:, ::-1]
    # The reader does not look which way an L points, so a turned L is no different. A square
    # corner mark looks like a mark of a track.
    plain = ["square"] * sum(len(t.centres_mm) for t in side.tracks)
    shapes = np.array(plain + [c.shape.value for c in side.corners])
    return centres, sizes, shapes
