"""One channel of a decoded page, seen upright through strides: turning copies no pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.records import U8, Raster, Turn


@dataclass(frozen=True, slots=True)
class Plane:
    """An upright grey picture over `data`, the page's flat bytes.

    The pixel in column x of row y is `data[view[0] + x * view[1] + y * view[2]]`.
    """

    data: U8
    view: NDArray[np.int64]
    width: int
    height: int
    bitonal: bool

    @property
    def size(self) -> NDArray[np.int64]:
        """Width and height, as the kernels take them."""
        return np.array([self.width, self.height], np.int64)

    def window(self, left: float, top: float, right: float, bottom: float) -> U8:
        """A read-only view of the pixels in a rectangle, cut at the page's edges."""
        x0, y0, x1, y1 = self.clip(left, top, right, bottom)
        if x1 <= x0 or y1 <= y0:
            return np.empty((0, 0), np.uint8)
        start, across, down = (int(v) for v in self.view)
        shape, offset = (y1 - y0, x1 - x0), start + x0 * across + y0 * down
        return np.ndarray(shape, np.uint8, self.data, offset, (down, across))

    def clip(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[int, int, int, int]:
        """The rectangle in whole pixels, cut at the page's edges: x0, y0, x1, y1."""
        x0, y0 = max(0, int(left)), max(0, int(top))
        return x0, y0, min(self.width, int(right) + 1), min(self.height, int(bottom) + 1)


def upright_plane(raster: Raster, channel: int, turn: Turn) -> Plane:
    """The raster's channel (0 for a grey one), as upright when the scan is turned by `turn`."""
    height, width = raster.pixels.shape[:2]
    depth = 1 if raster.pixels.ndim == 2 else raster.pixels.shape[2]
    along, down = depth, width * depth
    start = channel if depth > 1 else 0
    if turn is Turn.OVER:
        start += (height - 1) * down + (width - 1) * along
        view = (start, -along, -down)
    elif turn is Turn.RIGHT:
        view = (start + (width - 1) * along, down, -along)
    elif turn is Turn.LEFT:
        view = (start + (height - 1) * down, -down, along)
    else:
        view = (start, along, down)
    if turn in (Turn.RIGHT, Turn.LEFT):
        width, height = height, width
    flat = raster.pixels.reshape(-1)
    flat.flags.writeable = False
    return Plane(flat, np.array(view, np.int64), width, height, raster.bitonal)
