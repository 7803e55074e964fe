"""Which of the shapes on a sheet are its bubbles: those of the one size that comes again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr.design import Bubbles, BubbleShape, Ink
from omr.errors import TracingError
from omr.records import F64
from omr.tracing.outlines import Kind, Shapes
from omr.tracing.records import FoundBubbles, Sheet

_SAME_MM, _SAME = 0.22, 0.07  # how far sizes of one printed bubble differ: mm, share
_LIKE = 0.25  # how far a filled one's may
_LEAST = 3
_BOX_FROM = 0.94  # of the bounding box inside the edge
_MOST_SKEW_DEG = 8.0
_RED_FROM = 40
_LETTERED = 0.03


def main_size(shapes: Shapes) -> NDArray[np.bool_]:
    """Which open shapes are of the one size that is most of what repeats.

    Raises TracingError where nothing repeats.
    """
    open_ones = np.asarray(shapes.kinds != Kind.FULL, np.bool_)
    best: NDArray[np.bool_] = np.zeros(len(open_ones), np.bool_)
    best_score = 0.0
    for at in np.flatnonzero(open_ones):
        if best[at]:
            continue
        size, alike = shapes.sizes_mm[at], best
        for _ in range(2):  # round the first guess, then round its own middle
            kind = np.asarray(shapes.kinds == shapes.kinds[at], np.bool_)
            alike = np.asarray(open_ones & kind & _near(shapes.sizes_mm, size), np.bool_)
            size = np.median(shapes.sizes_mm[alike], axis=0)
        score = float(alike.sum() * np.sqrt(size.prod()))
        if score > best_score:
            best, best_score = alike, score
    if best.sum() < _LEAST:
        raise TracingError(
            f"no bubbles were found: no box, oval or bracket of one size stands there {_LEAST} "
            "times or more. Give a straight scan or print of the blank sheet at 200 to 300 dpi, "
            "in colour if its bubbles are in a colour that drops out"
        )
    return best


def _near(sizes: F64, size: F64) -> NDArray[np.bool_]:
    close: NDArray[np.bool_] = (np.abs(sizes - size) <= np.maximum(_SAME_MM, _SAME * size)).all(
        axis=1
    )
    return close


def skew_of(centres_mm: F64) -> float:
    """By how many degrees clockwise rows and columns of points lean."""

    def order(degrees: float) -> float:
        turn = np.deg2rad(degrees)
        x = centres_mm @ np.array([np.cos(turn), np.sin(turn)])
        y = centres_mm @ np.array([-np.sin(turn), np.cos(turn)])
        total = 0.0
        for along in (x, y):
            bins = np.round((along - along.min()) / 0.25).astype(np.int64)
            counts = np.convolve(np.bincount(bins), [0.5, 1.0, 0.5])
            total += float((counts**2).sum())
        return total

    coarse = np.arange(-_MOST_SKEW_DEG, _MOST_SKEW_DEG + 0.01, 0.1)
    best = float(coarse[np.argmax([order(a) for a in coarse])])
    for _ in range(2):
        best += _lean(centres_mm, best)
    return best


def _lean(centres_mm: F64, degrees: float) -> float:
    """What lean is left, by least squares over rows and columns, in degrees."""
    turn = np.deg2rad(degrees)
    x = centres_mm @ np.array([np.cos(turn), np.sin(turn)])
    y = centres_mm @ np.array([-np.sin(turn), np.cos(turn)])
    above, below = 0.0, 0.0
    for along, across, sign in ((x, y, 1.0), (y, x, -1.0)):
        for line in lines_of(across, 0.4):
            if len(line) > 1:
                a, b = along[line] - along[line].mean(), across[line] - across[line].mean()
                above += sign * float(a @ b)
                below += float(a @ a)
    return float(np.rad2deg(above / below)) if below else 0.0


def lines_of(places: F64, apart: float) -> list[NDArray[np.int64]]:
    """Indices of values that follow one another by less than `apart`, lowest first."""
    order = np.argsort(places, kind="stable")
    cuts = np.flatnonzero(np.diff(places[order]) > apart) + 1
    return list(np.split(order, cuts))


def find_bubbles(shapes: Shapes, sheet: Sheet) -> FoundBubbles:
    """The sheet's bubbles: those of the usual size, and filled ones that stand in their lines."""
    chosen = main_size(shapes)
    size = np.median(shapes.sizes_mm[chosen], axis=0)
    centres = shapes.centres_mm[chosen]
    off = np.abs(shapes.sizes_mm - size)
    like = ~chosen & (off <= np.maximum(_LIKE * size, 0.4)).all(axis=1)
    like &= (shapes.kinds == Kind.FULL) | (shapes.kinds == shapes.kinds[chosen][0])
    for at in np.flatnonzero(like):
        shapes_at = shapes.centres_mm[at]
        like[at] = _in_line(shapes_at, centres, size) and not _covered(shapes_at, centres, size)
    centres = np.concatenate([centres, shapes.centres_mm[like]])
    pair = shapes.kinds[chosen][0] == Kind.PAIR
    fullness = float(np.median(shapes.fullness[chosen]))
    stroke = 0.15 if pair else round(max(0.1, float(np.median(shapes.stroke_mm[chosen]))), 2)
    shape = BubbleShape.BOX if fullness >= _BOX_FROM else BubbleShape.OVAL
    look = Bubbles(
        BubbleShape.BRACKETS if pair else shape,
        round(float(size[0]) - stroke, 2),
        round(float(size[1]) - stroke, 2),
        stroke,
        _lettered(sheet, shapes.centres_mm[chosen], size - 2 * stroke),
    )
    return FoundBubbles(centres, look, _ink(sheet, centres, size))


def _in_line(point: F64, centres: F64, size: F64) -> bool:
    off = np.abs(centres - point)
    row = off[:, 1] <= 0.2 * size[1]
    column = off[:, 0] <= 0.2 * size[0]
    return bool(row.any() and column.any())


def _covered(point: F64, centres: F64, size: F64) -> bool:
    return bool((np.abs(centres - point) < 0.6 * size).all(axis=1).any())


def inside(sheet: Sheet, centre_mm: F64, size_mm: F64) -> tuple[slice, slice]:
    """The pixels of a rectangle round a point."""
    low = np.maximum(np.rint((centre_mm - size_mm / 2) * sheet.px_per_mm), 0).astype(int)
    high = np.rint((centre_mm + size_mm / 2) * sheet.px_per_mm).astype(int)
    return slice(low[1], max(high[1], low[1] + 1)), slice(low[0], max(high[0], low[0] + 1))


def _lettered(sheet: Sheet, centres: F64, size: F64) -> bool:
    """Whether something is printed inside most bubbles."""
    shares = []
    for centre in centres:
        part = sheet.value[inside(sheet, centre, 0.62 * size)].astype(np.float64)
        shares.append(np.percentile(part, 95) - np.percentile(part, 2) if part.size else 0.0)
    contrast = float(np.percentile(sheet.value, 75)) - float(np.percentile(sheet.value, 0.3))
    return bool(np.median(shares) > 0.2 * contrast)


def _ink(sheet: Sheet, centres: F64, size: F64) -> Ink:
    """Red where the darkest print at most bubbles is red."""
    if sheet.redness is None:
        return Ink.BLACK
    reds = [float(sheet.redness[inside(sheet, c, size)].max(initial=0)) for c in centres]
    return Ink.RED if np.median(reds) >= _RED_FROM else Ink.BLACK
