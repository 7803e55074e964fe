"""What is promised of a page seen upright: its pixels, their levels, its dark columns."""

from __future__ import annotations

from collections import Counter

import numpy as np

from omr.records import Raster, Turn


def upright(raster: Raster, channel: int, turn: Turn) -> np.ndarray:
    """One channel of a page that was scanned turned clockwise by `turn`, turned back."""
    pixels = raster.pixels if raster.pixels.ndim == 2 else raster.pixels[:, :, channel]
    return np.rot90(pixels, turn // 90)


def histogram(picture, box, step):
    """`histogram_lattice`: how often each level occurs at every `step`-th pixel."""
    x0, y0, x1, y1 = box
    half = step // 2
    levels = Counter(
        int(picture[y, x]) for y in range(y0 + half, y1, step) for x in range(x0 + half, x1, step)
    )
    return [levels[level] for level in range(256)]


def column_darkness(picture, box, threshold, step):
    """`column_darkness`: the share of looked-at pixels in every column that are dark."""
    x0, y0, x1, y1 = box
    looked_at = picture[y0:y1:step, x0:x1]
    if not looked_at.size:
        return [0.0] * (x1 - x0)
    return [sum(v < threshold for v in column) / len(column) for column in looked_at.T]
