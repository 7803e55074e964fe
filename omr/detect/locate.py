"""Which side, which way up, and where: from a decoded page to its alignment, or why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from omr.design import Design, Ink, Side
from omr.detect.alignment import AlignmentLimits, Misaligned, align, by_page
from omr.detect.levels import Levels, page_levels
from omr.detect.marks import MarkSet, find_marks
from omr.detect.plane import Plane, upright_plane
from omr.records import Alignment, Raster, Turn

LIMITS = AlignmentLimits()
MM_PER_INCH = 25.4
FULL_HUNT = 0.9  # share of marks from which the other turns need not be tried


@dataclass(frozen=True, slots=True)
class Located:
    """A card that was found: the upright page, its side, its levels and its alignment."""

    plane: Plane
    side: Side
    levels: Levels
    alignment: Alignment


@dataclass(frozen=True, slots=True)
class Lost:
    """No card was found. The best attempt tells why."""

    plane: Plane
    side: Side
    turn: Turn
    levels: Levels
    marks: MarkSet
    misaligned: Misaligned | None


def locate(raster: Raster, design: Design) -> Located | Lost:
    """Find the card in the page, trying the likeliest side, turn and scale first."""
    best: Lost | None = None
    levels: Levels | None = None
    for turn in _turns(raster, design):
        plane = upright_plane(raster, channel_of(design), turn)
        if levels is None:
            levels = page_levels(plane)
        for side in design.sides:
            if not (side.tracks or side.corners):  # the page was straightened by its corners
                scale = plane.width / design.width_mm
                return Located(plane, side, levels, by_page(side, turn, scale))
            for ppm in _scales(raster, design, plane):
                marks = find_marks(plane, design, side, ppm, levels)
                misaligned: Misaligned | None = None
                if marks.complete:
                    found = align(marks, side, turn, LIMITS)
                    if isinstance(found, Alignment):
                        here = Levels(levels.paper, marks.ink)
                        return Located(plane, side, here, found)
                    misaligned = found
                if best is None or marks.share_found > best.marks.share_found:
                    best = Lost(plane, side, turn, levels, marks, misaligned)
    if best is None:
        raise AssertionError("a design has at least one side and a page at least two turns")
    return best


def turned_over(found: Located, raster: Raster, design: Design) -> Located | None:
    """The card that was found, with its other end up; None where its marks do not show so."""
    side, paper = found.side, found.levels.paper
    turn = Turn((found.alignment.turn + Turn.OVER) % 360)
    plane = upright_plane(raster, channel_of(design), turn)
    for ppm in _scales(raster, design, plane):
        marks = find_marks(plane, design, side, ppm, found.levels)
        over = align(marks, side, turn, LIMITS) if marks.complete else None
        if isinstance(over, Alignment):
            return Located(plane, side, Levels(paper, marks.ink), over)
    return None


def channel_of(design: Design) -> int:
    """The channel of a colour scan in which the design's print drops out: red, or green."""
    return 0 if design.ink is Ink.RED else 1


def _turns(raster: Raster, design: Design) -> Iterator[Turn]:
    height, width = raster.pixels.shape[:2]
    ratio = (width / height) / (design.width_mm / design.height_mm)
    turned = width / height / (design.height_mm / design.width_mm)
    straight = (Turn.UPRIGHT, Turn.OVER)
    across = (Turn.RIGHT, Turn.LEFT)
    # Nearly square pages and odd crops may lie any way; a clear shape leaves two ways only.
    upright_first = abs(np.log(ratio)) <= abs(np.log(turned))
    first, second = (straight, across) if upright_first else (across, straight)
    yield from first
    if min(abs(np.log(ratio)), abs(np.log(turned))) > 0.12 or abs(ratio - turned) < 0.3:
        yield from second


def _scales(raster: Raster, design: Design, plane: Plane) -> Iterator[float]:
    by_width, by_height = plane.width / design.width_mm, plane.height / design.height_mm
    by_shape = min(by_width, by_height)
    if raster.dpi:
        by_file = raster.dpi / MM_PER_INCH
        # The file's word counts where the page would fit the scan, or nearly.
        if 0.93 * by_file <= by_shape <= 1.35 * by_file:
            yield by_file
            if abs(by_shape / by_file - 1) > 0.06:
                yield by_shape
            return
    yield by_shape
