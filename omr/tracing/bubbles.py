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
_SAME_LINE = 0.15  # … and that of an outline in line with others
_LEAST = 3
_BOX_FROM = 0.94  # of the bounding box inside the edge
_MOST_SKEW_DEG = 8.0
_RED_FROM = 40


def main_size(shapes: Shapes) -> NDArray[np.bool_]:
    """Which open shapes are of the one size that is most of what repeats.

    Raises TracingError where nothing repeats.
    """
    open_ones = np.asarray(shapes.kinds <= Kind.PAIR, np.bool_)
    best, best_score = np.zeros(len(open_ones), np.bool_), 0.0
    for at in np.flatnonzero(open_ones):
        if best[at]:
            continue
        size, alike = shapes.sizes_mm[at], best
        for _ in range(2):  # round the first guess, then round its own middle
            kind = np.asarray(shapes.kinds == shapes.kinds[at], np.bool_)
            alike = np.asarray(open_ones & kind & _near(shapes.sizes_mm, size), np.bool_)
            size = np.median(shapes.sizes_mm[alike], axis=0)
        orderly = _orderly(shapes.centres_mm[alike & ~shapes.crowded], size)
        score = float(orderly * np.sqrt(size.prod()))
        if score > best_score:
            best, best_score = alike, score
    if best.sum() < _LEAST:
        raise TracingError(
            f"no bubbles were found: no box, oval or bracket of one size stands there {_LEAST} "
            "times or more. Give a straight scan or print of the blank sheet at 200 to 300 dpi, "
            "in colour if its bubbles are in a colour that drops out"
        )
    return best


def _orderly(centres: F64, size: F64) -> int:
    """How many have another straight above or below, or one on each side as far away.

    Letters of a text have neither.
    """
    count = 0
    for point in centres:
        off = centres - point
        far = np.abs(off)
        level = far[:, 1] <= 0.12 * size[1] + 0.02 * far[:, 0]
        above = (far[:, 0] <= 0.12 * size[0] + 0.02 * far[:, 1]) & (far[:, 1] <= 45.0)
        beside = off[level & (far[:, 0] > 0.5 * size[0]) & (far[:, 0] <= 45.0), 0]
        even = np.abs(beside[:, None] + beside[None, :]) <= 0.05 * size[0]
        count += bool((above & (far[:, 1] > 0.5 * size[1])).any() or even.any())
    return count


def _near(sizes: F64, size: F64) -> NDArray[np.bool_]:
    off = np.abs(sizes - size) <= np.maximum(_SAME_MM, _SAME * size)
    return np.asarray(off.all(axis=1), np.bool_)


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
    taken = _with_hidden(shapes, chosen, size)
    centres = shapes.centres_mm[taken]
    pair = _kind(shapes, chosen) == Kind.PAIR
    fullness = float(np.median(shapes.fullness[chosen]))
    stroke = round(max(0.1, float(np.median(shapes.stroke_mm[chosen]))), 2)
    shape = BubbleShape.BOX if fullness >= _BOX_FROM else BubbleShape.OVAL
    look = Bubbles(
        BubbleShape.BRACKETS if pair else shape,
        round(float(size[0]) - stroke, 2),
        round(float(size[1]) - stroke, 2),
        stroke,
        _lettered(sheet, shapes.centres_mm[chosen], size - 2 * stroke),
    )
    clear = np.asarray(shapes.kinds[taken] != Kind.FULL, np.bool_)
    return FoundBubbles(centres, clear, look, _ink(sheet, centres[clear], size))


def _with_hidden(shapes: Shapes, chosen: NDArray[np.bool_], size: F64) -> NDArray[np.int64]:
    """The chosen shapes first, then those that a letter or a mark hides, or that are printed askew.

    An outline, broken by its letter or not, is nearly of the same size and stands in a row or in a
    column of others; a filled one is of about the same size and stands in both, or where the steps
    of one lead to.
    """
    off = np.abs(shapes.sizes_mm - size)
    about = ~chosen & (off <= np.maximum(_LIKE * size, 0.4)).all(axis=1)
    alike = (off <= np.maximum(_SAME_LINE * size, _SAME_MM)).all(axis=1)
    alike &= np.abs(shapes.fullness - np.median(shapes.fullness[chosen])) <= 0.08
    kind = _kind(shapes, chosen)
    outline = alike & np.isin(shapes.kinds, (Kind.OPEN, Kind.BROKEN)) & (kind == Kind.OPEN)
    left = np.flatnonzero(outline | (about & (shapes.kinds == Kind.FULL)))
    taken = np.flatnonzero(chosen)
    while len(left):
        centres = shapes.centres_mm[taken]
        more = [
            at
            for at in left
            if _belongs(shapes.centres_mm[at], centres, size, outline=bool(outline[at]))
        ]
        if not more:
            break
        taken = np.concatenate([taken, more])
        left = np.setdiff1d(left, more)
    return taken


def _belongs(point: F64, centres: F64, size: F64, *, outline: bool) -> bool:
    off = centres - point
    apart = np.abs(off)
    if (apart < 0.6 * size).all(axis=1).any():
        return False
    lines = [off[apart[:, 1 - axis] <= 0.2 * size[1 - axis], axis] for axis in (0, 1)]
    standing = sum(len(line) > 0 for line in lines)
    return standing >= (1 if outline else 2) or any(map(_stepped, lines, size))


def _stepped(line: F64, size: float) -> bool:
    """Whether two of a line lie as far on either side, or one twice as far as another."""
    near = line[np.abs(line) < 6 * size]
    pairs = near[:, None] + near[None, :], near[:, None] - 2 * near[None, :]
    return any(bool((np.abs(sums) <= 0.1 * size).any()) for sums in pairs)


def _kind(shapes: Shapes, chosen: NDArray[np.bool_]) -> int:
    return int(shapes.kinds[chosen][0])


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
    """Red where the darkest print at most bubbles is; a scanner's coloured fringes are paler."""
    if sheet.redness is None:
        return Ink.BLACK
    reds = []
    for centre in centres:
        place = inside(sheet, centre, size)
        value, red = sheet.value[place], sheet.redness[place]
        if value.size:
            reds.append(float(np.median(red[value <= np.percentile(value, 8)])))
    return Ink.RED if np.median(reds) >= _RED_FROM else Ink.BLACK
