"""A scan in pale grey to draw on: outlines in the scan's pixels, words in the picture's own."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.detect.tones import grey_of
from omr.records import F64, U8, Raster, Turn

Colour = tuple[int, int, int]  # blue, green, red, as OpenCV has them

INK: Colour = (48, 40, 36)
DIM: Colour = (140, 134, 130)
PALE: Colour = (200, 196, 192)
WHITE: Colour = (255, 255, 255)
GREEN: Colour = (74, 150, 26)
BLUE: Colour = (214, 96, 10)
AMBER: Colour = (0, 128, 232)
RED: Colour = (48, 40, 208)
TEAL: Colour = (140, 130, 0)
VIOLET: Colour = (170, 80, 130)

DPI = 150.0
PX_PER_MM = DPI / 25.4
QUALITY = 72
LONGEST_PX = 1754  # A4's long side, where nothing tells the scale
REGULAR, BOLD = 400, 650
_SHIFT = 4  # fractional bits of a drawn point


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture (h, w, 3) BGR of an upright scan; one of its px is 1 / `scale` px of the scan."""

    image: U8
    scale: float

    def outline(self, points_px: F64, colour: Colour, width: int = 1, closed: bool = True) -> None:
        """A line through points (n, 2) of the scan."""
        at = self._places(points_px)
        cv2.polylines(self.image, [at], closed, colour, width, cv2.LINE_AA, _SHIFT)

    def wash(self, points_px: F64, colour: Colour, strength: float) -> None:
        """Tint a convex area of the scan, 0 not at all and 1 opaque."""
        at = self._places(points_px)
        low = np.maximum(at.min(axis=(0, 1)) >> _SHIFT, 0)
        high = np.maximum((at.max(axis=(0, 1)) >> _SHIFT) + 2, low)
        part = self.image[low[1] : high[1], low[0] : high[0]]
        if part.size:
            tinted = part.copy()
            offset = (int(-low[0]) << _SHIFT, int(-low[1]) << _SHIFT)
            cv2.fillConvexPoly(tinted, at + np.array(offset, np.int32), colour, cv2.LINE_AA, _SHIFT)
            cv2.addWeighted(tinted, strength, part, 1 - strength, 0, dst=part)

    def dot(self, point_px: F64, colour: Colour, radius: int = 2) -> None:
        """A small disc on a point of the scan."""
        x, y = self._places(point_px.reshape(1, 2))[0, 0]
        centre = (int(x), int(y))
        cv2.circle(self.image, centre, radius << _SHIFT, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def place(self, point_px: F64) -> tuple[int, int]:
        """A point of the scan in the picture."""
        x, y = (point_px + 0.5) * self.scale - 0.5
        return round(float(x)), round(float(y))

    def _places(self, points_px: F64) -> NDArray[np.int32]:
        fine = ((points_px + 0.5) * self.scale - 0.5) * (1 << _SHIFT)
        return np.rint(fine).astype(np.int32).reshape(-1, 1, 2)


@functools.cache
def _font() -> cv2.FontFace:
    return cv2.FontFace("sans")


def text_width(text: str, size: int, weight: int = REGULAR) -> int:
    """How many px a line of text takes."""
    return int(cv2.getTextSize((10_000, 1000), text, (0, 0), _font(), size, weight)[2])


def write(
    image: U8, text: str, at: tuple[int, int], colour: Colour, size: int, weight: int = REGULAR
) -> int:
    """Write one line with the left end of its baseline at a px; returns where it ends."""
    cv2.putText(image, text, at, colour, _font(), size, weight)
    return at[0] + text_width(text, size, weight)


def cut_short(text: str, width: int, size: int, weight: int = REGULAR) -> str:
    """The text, with an ellipsis where it would be wider than `width` px."""
    text = "".join(c if c.isprintable() else " " for c in text)
    if text_width(text, size, weight) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = text_width(text[:middle] + "…", size, weight) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low] + "…"


def tag(
    image: U8, text: str, at: tuple[int, int], colour: Colour, size: int = 12
) -> tuple[int, int]:
    """White words on a coloured label whose top left is at a px, moved to stay inside.

    Returns the label's right and bottom.
    """
    width, height = text_width(text, size, BOLD) + 8, size + 5
    x = max(0, min(at[0], image.shape[1] - width - 2))
    y = max(0, min(at[1], image.shape[0] - height - 1))
    cv2.rectangle(image, (x, y), (x + width, y + height), colour, cv2.FILLED)
    write(image, text, (x + 4, y + size), WHITE, size, BOLD)
    return x + width, y + height


def band(width: int, height: int, colour: Colour = WHITE) -> U8:
    """An empty strip to set above or below a picture."""
    return np.full((height, width, 3), colour, np.uint8)


def stack(parts: Sequence[U8]) -> U8:
    """Pictures of one width, one below the other."""
    return np.concatenate(parts, axis=0)


def upright_grey(raster: Raster, turn: Turn) -> U8:
    """The page (h, w) as grey, turned upright; of red print in colour only a shade is left."""
    grey = raster.pixels
    if grey.ndim == 3:
        luma = grey_of(grey)
        grey = np.asarray(cv2.addWeighted(grey[:, :, 0], 0.65, luma, 0.35, 0), np.uint8)
    return np.ascontiguousarray(np.rot90(grey, int(turn) // 90))


def sketch(grey: U8, px_per_mm: float | None) -> Sketch:
    """A pale copy of an upright page at 150 dpi, or of A4's size where its scale is unknown."""
    longest = LONGEST_PX / max(grey.shape)
    scale = PX_PER_MM / px_per_mm if px_per_mm else longest
    scale = min(scale, 2.0, 2.5 * longest)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(grey, size, interpolation=how), np.uint8)
    # Pale, so that colours carry, but pencil must stay plain to see.
    pale = (255 - 0.78 * (255 - small.astype(np.float32))).astype(np.uint8)
    return Sketch(np.ascontiguousarray(np.repeat(pale[:, :, None], 3, axis=2)), scale)


def box(low: F64, high: F64) -> F64:
    """The corners (4, 2) of a rectangle."""
    return np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])


def save(image: U8, path: Path) -> None:
    """Write a JPEG.

    Raises OSError where the file cannot be written.
    """
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded.tobytes())
