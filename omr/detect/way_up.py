"""Which way up a page lies where no printed mark tells: by what it shows as it lies, and turned.

A page that is found by its frame, its outline or four like markers, or by marks that are the same
upside down, is taken in the same way whichever of its edges is up, and on many layouts something
stands where bubbles should be when the page lies upside down: other bubbles, or the lines of a
table. What was filled in tells most: on a page that lies right, marks lie in bubbles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from omr.design import Design, FindKind
from omr.detect.bubbles import Measured, measure
from omr.detect.faults import Fault, least_outlined
from omr.detect.locate import Located, turned_over
from omr.detect.plane import Plane, upright_plane
from omr.mark_patterns import same_marks
from omr.records import Raster, RejectReason, Turn

MARKED = 102  # of 255: fill from which a bubble counts as marked; real turned pages had none
FEWEST_MARKS = 2  # that settle it, where the other way shows less than half as many
CLEARLY_MORE = 0.1  # share of bubbles that show, by which one way is told from the other
OVER = {2: "upside down"}
ASIDE = {1: "on its side, turned clockwise", 3: "on its side, turned anticlockwise"}


def check_way_up(
    place: Located, measured: Measured, design: Design, raster: Raster, *, aside: bool = False
) -> Fault | None:
    """Refuse a page that would read as well, or better, when it is turned.

    Only where nothing that is printed tells the way up: no marks, or marks that are the same upside
    down. With `aside` a page without marks may also lie on its side. A page with nothing filled in
    reads the same either way, and passes.
    """
    least = least_outlined(design)
    for how, way in _other_ways(place, design, raster, aside):
        turned = measure(way.plane, design, way.side, way.alignment, way.levels)
        if turned.outlined >= least and (told := _told(measured, turned, least)):
            return Fault(RejectReason.WRONG_WAY_UP, told.format(how=how))
    return None


def _other_ways(
    place: Located, design: Design, raster: Raster, aside: bool
) -> Iterator[tuple[str, Located]]:
    """In which other ways the page could lie as well, for all that is printed on it."""
    side = place.side
    if side.tracks or side.corners:
        over = turned_over(place, raster, design) if same_marks(side, side, 2) else None
        if over is not None:
            yield OVER[2], over
    elif all(find.kind is not FindKind.REFERENCE for find in design.finds):
        for quarters, how in (OVER | ASIDE if aside else OVER).items():
            yield how, replace(place, plane=_turned(place.plane, quarters))


def _told(lying: Measured, turned: Measured, least: float) -> str | None:
    """Why a page does not lie right, of which turned enough shows; None where it does."""
    shown = f"{lying.outlined:.0%} of its bubbles show, {turned.outlined:.0%} when it is turned"
    if lying.outlined < least:
        return f"the page lies {{how}}: {shown}"
    marks, others = _marks(lying), _marks(turned)
    if not (marks or others) or _settled(marks, others):
        return None
    if _settled(others, marks):
        return f"the page lies {{how}}: {marks} marks lie in bubbles, {others} when it is turned"
    if lying.outlined - turned.outlined >= CLEARLY_MORE:
        return None
    certain = turned.outlined - lying.outlined >= CLEARLY_MORE
    return f"the page {'lies' if certain else 'may lie'} {{how}}: {shown}"


def _settled(marks: int, others: int) -> bool:
    return marks >= FEWEST_MARKS and marks > 2 * others


def _marks(measured: Measured) -> int:
    return int((measured.figures[:, 0] >= MARKED).sum())


def _turned(plane: Plane, quarters: int) -> Plane:
    """The page turned, in its own shape."""
    whole = plane.window(0, 0, plane.width, plane.height)
    turned = np.ascontiguousarray(np.rot90(whole, quarters))
    if quarters % 2:
        size = (plane.width, plane.height)
        turned = np.asarray(cv2.resize(turned, size, interpolation=cv2.INTER_AREA), np.uint8)
    return upright_plane(Raster(turned, plane.bitonal), 0, Turn.UPRIGHT)
