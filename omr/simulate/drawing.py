"""Surfaces to draw on in millimetres, and how one is laid over another."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.records import F32, U8

PAPER = 250  # level of bare paper on a canvas; a canvas holds reflectance × 250
_BITS = 4  # of fractions of a pixel that OpenCV draws with
Point = tuple[float, float]


def as_share(pixels: object) -> F32:
    """Levels 0-255 as 0-1."""
    return np.asarray(pixels, np.float32) * np.float32(1 / 255)


class Plane:
    """A plane of uint8, drawn on in mm. `origin_mm` is the paper's point at its top left."""

    def __init__(
        self, width_mm: float, height_mm: float, px_per_mm: float, origin_mm: Point = (0.0, 0.0)
    ) -> None:
        self.px_per_mm = px_per_mm
        self.origin_mm = origin_mm
        shape = (max(1, round(height_mm * px_per_mm)), max(1, round(width_mm * px_per_mm)))
        self.pixels: U8 = np.zeros(shape, np.uint8)

    def _at(self, points: Sequence[Point]) -> NDArray[np.int32]:
        paper = (np.array(points, np.float64) - self.origin_mm) * self.px_per_mm - 0.5
        return np.round(paper * (1 << _BITS)).astype(np.int32).reshape(-1, 1, 2)

    def share(self) -> F32:
        """The plane as 0-1."""
        return as_share(self.pixels)

    def line(
        self, points: Sequence[Point], width_mm: float, level: int = 255, closed: bool = False
    ) -> None:
        """A line through the points, at least one pixel wide."""
        width = max(1, round(width_mm * self.px_per_mm))
        at = [self._at(points)]
        cv2.polylines(self.pixels, at, closed, level, width, cv2.LINE_AA, _BITS)

    def fill(self, points: Sequence[Point], level: int = 255) -> None:
        """A filled polygon."""
        cv2.fillPoly(self.pixels, [self._at(points)], level, cv2.LINE_AA, _BITS)

    def box(self, centre: Point, size: Point) -> None:
        """A filled upright rectangle; pixels at its edges get the share that it covers."""
        low = (np.array(centre) - np.array(size) / 2 - self.origin_mm) * self.px_per_mm
        high = low + np.array(size) * self.px_per_mm
        first, last = np.maximum(np.floor(low), 0).astype(int), np.ceil(high).astype(int)
        x, y = (np.arange(first[k], last[k]) for k in (0, 1))
        across = np.minimum(x + 1, high[0]) - np.maximum(x, low[0])
        down = np.minimum(y + 1, high[1]) - np.maximum(y, low[1])
        part = self.pixels[first[1] : last[1], first[0] : last[0]]
        covered = np.round(255 * np.outer(down, across)).astype(np.uint8)
        np.maximum(part, covered[: part.shape[0], : part.shape[1]], out=part)

    def ellipse(self, centre: Point, size: Point, level: int = 255, width_mm: float = 0) -> None:
        """An ellipse of that width and height: filled, or a line of `width_mm`."""
        at = self._at([centre])[0, 0]
        axes = np.round(np.array(size) / 2 * self.px_per_mm * (1 << _BITS)).astype(int)
        width = -1 if width_mm <= 0 else max(1, round(width_mm * self.px_per_mm))
        cv2.ellipse(
            self.pixels,
            (int(at[0]), int(at[1])),
            (int(axes[0]), int(axes[1])),
            0,
            0,
            360,
            level,
            width,
            cv2.LINE_AA,
            _BITS,
        )

    def text(self, text: str, left_base: Point, size_mm: float, stroke_mm: float = 0.2) -> None:
        """Latin text of that capital height in OpenCV's own stroke font."""
        x, y = (np.array(left_base) - self.origin_mm) * self.px_per_mm
        font, unit = cv2.FONT_HERSHEY_SIMPLEX, 21.0  # units of a capital's height
        width = max(1, round(stroke_mm * self.px_per_mm))
        scale = size_mm * self.px_per_mm / unit
        cv2.putText(self.pixels, text, (round(x), round(y)), font, scale, 255, width, cv2.LINE_AA)


def text_width(text: str, size_mm: float) -> float:
    """Width in mm of what `Plane.text` draws."""
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    return width * size_mm / 21.0


class Canvas:
    """The sheet: reflectance × 250, uint8, grey (h, w) or RGBX (h, w, 4), upright.

    The fourth channel is idle; OpenCV warps four in less than half the time that it takes for
    three.
    """

    def __init__(self, pixels: U8, px_per_mm: float) -> None:
        self.pixels = pixels
        self.px_per_mm = px_per_mm

    @property
    def colour(self) -> bool:
        """True where there are channels of colour."""
        return self.pixels.ndim == 3

    def window(self, left: int, top: int, width: int, height: int) -> tuple[U8, int, int]:
        """The part of that rectangle that is on the sheet, and where in the rectangle it begins."""
        x, y = max(0, -left), max(0, -top)
        part = self.pixels[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
        return part, x, y

    def darken(self, left: int, top: int, darkness: F32, tint: Sequence[float] = (1, 1, 1)) -> None:
        """Lay a patch of darkness (h, w) over the sheet; `tint` is its share in R, G and B."""
        part, x, y = self.window(left, top, darkness.shape[1], darkness.shape[0])
        if not part.size:
            return
        dark = darkness[y : y + part.shape[0], x : x + part.shape[1]]
        light = [
            (255.5 - (255 * share) * dark).astype(np.uint8)
            for share in ((*tint, 1.0) if self.colour else tint[:1])
        ]
        left_over = cv2.merge(light) if self.colour else light[0]
        part[:] = cv2.multiply(part, left_over, scale=1 / 255)

    def cover(self, left: int, top: int, alpha: F32, level: float | U8) -> None:
        """Hide the sheet under something opaque of that level where `alpha` is 1."""
        part, x, y = self.window(left, top, alpha.shape[1], alpha.shape[0])
        if not part.size:
            return
        over = alpha[y : y + part.shape[0], x : x + part.shape[1]]
        if isinstance(level, np.ndarray):
            level = level[y : y + part.shape[0], x : x + part.shape[1]]
            if self.colour:
                level = level[..., None]
        if self.colour:
            over = over[..., None]
        part[:] = (part * (1 - over) + level * over + 0.5).astype(np.uint8)
