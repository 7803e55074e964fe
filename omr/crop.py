"""Parts of a scanned card as pictures: a field upright and in its place, as people look at it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from omr.design import Design, Ink, Side
from omr.detect.decode import decode
from omr.detect.faults import Fault
from omr.detect.locate import Located, channel_of, locate
from omr.detect.straighten import straighten
from omr.errors import ImageError
from omr.records import F64, U8, Alignment, Raster, ScannedPage
from omr.sketch import upright_grey

PX_PER_MM = 8.0  # of a crop: about 200 dpi, whatever the scan had


@dataclass(frozen=True, slots=True)
class LaidPage:
    """A page whose marks were found: its upright picture, and where the paper lies on it."""

    grey: U8
    side: Side
    alignment: Alignment


@dataclass(frozen=True, slots=True)
class BoxMm:
    """A part of the paper, in mm from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, design: Design, mm: float, down_mm: float | None = None) -> BoxMm:
        """The same with a margin, another one above and below if given; not beyond the paper."""
        down = mm if down_mm is None else down_mm
        return BoxMm(
            max(0.0, self.left - mm),
            max(0.0, self.top - down),
            min(design.width_mm, self.right + mm),
            min(design.height_mm, self.bottom + down),
        )


def found_on(page: ScannedPage, design: Design) -> tuple[Raster, Located] | None:
    """A decoded page and where the card lies on it; None where no card that could be read is there.

    Raises:
        ImageError: it cannot be decoded.
    """
    raster = decode(page, colour=design.ink is Ink.RED)
    if design.finds:
        flat = straighten(raster, design, channel_of(design))
        if isinstance(flat, Fault):
            return None
        raster = flat.raster
    found = locate(raster, design)
    return (raster, found) if isinstance(found, Located) else None


def lay(page: ScannedPage, design: Design) -> LaidPage | None:
    """Find a card's marks anew; None where the page is no card that could be read."""
    try:
        found = found_on(page, design)
    except ImageError:
        return None
    if found is None:
        return None
    raster, place = found
    return LaidPage(upright_grey(raster, place.alignment.turn), place.side, place.alignment)


def field_box(design: Design, side: Side, name: str) -> BoxMm:
    """Where a field's bubbles, or a barcode's zone, are printed.

    Raises:
        KeyError: the side has nothing of that name.
    """
    half = np.array([design.bubbles.width_mm, design.bubbles.height_mm]) / 2
    for field in side.fields:
        if field.name == name:
            first, last = field.groups
            own = side.centres_mm[side.group_start[first] : side.group_start[last]]
            low, high = own.min(axis=0) - half, own.max(axis=0) + half
            return BoxMm(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    for zone in side.zones:
        if zone.name == name:
            right, bottom = zone.x_mm + zone.width_mm, zone.y_mm + zone.height_mm
            return BoxMm(zone.x_mm, zone.y_mm, right, bottom)
    raise KeyError(name)


def crop(laid: LaidPage, box: BoxMm, px_per_mm: float = PX_PER_MM) -> U8:
    """A part of the card, upright, (h, w) grey."""
    width = max(1, round((box.right - box.left) * px_per_mm))
    height = max(1, round((box.bottom - box.top) * px_per_mm))
    step: F64 = np.array(
        [[1 / px_per_mm, 0, box.left], [0, 1 / px_per_mm, box.top], [0, 0, 1]], np.float64
    )
    onto = (laid.alignment.matrix @ step)[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(
        laid.grey, onto, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.uint8)
