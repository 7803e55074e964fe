"""A scan drawn as the design's page: upright, in millimetres, as the reader places its bubbles."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from omr.crop import found_on
from omr.design import Design
from omr.detect.alignment import to_pixels
from omr.detect.decode import decode
from omr.records import F64, U8, Alignment, Raster, ScannedPage, SideName

PX_PER_MM = 6.0
_KNOTS_PER_MM = 0.5  # where the map is worked out; between them it is straight


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """One side's picture (h, w, 3) RGB at `PX_PER_MM`."""

    side: SideName
    picture: U8


def draw_upright(page: ScannedPage, design: Design) -> Upright | None:
    """The page as the design places it, or None where the card is not found on it.

    Raises:
        ImageError: it cannot be decoded.
    """
    found = found_on(page, design)
    if found is None:
        return None
    raster, place = found
    return Upright(place.side.name, _drawn(raster, design, place.alignment))


def draw_stretched(page: ScannedPage, design: Design) -> U8:
    """The whole picture (h, w, 3) RGB, stretched to the design's page.

    Raises:
        ImageError: it cannot be decoded.
    """
    pixels = _in_colour(decode(page, colour=True).pixels)
    return np.asarray(cv2.resize(pixels, size_px(design), interpolation=cv2.INTER_AREA), np.uint8)


def size_px(design: Design) -> tuple[int, int]:
    """Width and height of a drawn page."""
    return round(design.width_mm * PX_PER_MM), round(design.height_mm * PX_PER_MM)


def _drawn(raster: Raster, design: Design, alignment: Alignment) -> U8:
    upright = np.rot90(raster.pixels, k=int(alignment.turn) // 90)
    width, height = size_px(design)
    across = _knots(design.width_mm)
    down = _knots(design.height_mm)
    knots = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    at = to_pixels(knots, alignment.matrix, alignment.correction).astype(np.float32)
    at = at.reshape(len(down), len(across), 2)
    # A drawn pixel's middle lies half a pixel in; so many knots further it is read off the map.
    x = (np.arange(width, dtype=np.float32) + 0.5) / width * (len(across) - 1)
    y = (np.arange(height, dtype=np.float32) + 0.5) / height * (len(down) - 1)
    grid_x, grid_y = np.meshgrid(x, y)
    from_x, from_y = cv2.split(cv2.remap(at, grid_x, grid_y, cv2.INTER_LINEAR))
    pixels = np.ascontiguousarray(_in_colour(np.asarray(upright, np.uint8)))
    white = (255, 255, 255)
    drawn = cv2.remap(pixels, from_x, from_y, cv2.INTER_LINEAR, borderValue=white)
    return np.asarray(drawn, np.uint8)


def _knots(length_mm: float) -> F64:
    return np.linspace(0.0, length_mm, max(2, round(length_mm * _KNOTS_PER_MM)))


def _in_colour(pixels: U8) -> U8:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
