"""What is promised of marks: dark blobs, their edges, and the walk along a track."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np


@dataclass
class Run:
    """Dark pixels side by side in one row, from `first` to `last`."""

    first: int
    last: int
    dark: int

    @property
    def width(self) -> int:
        return self.last - self.first + 1

    @property
    def centre(self) -> float:
        return (self.first + self.last + 1) / 2


@dataclass
class Blob:
    """Runs one under another, each with its row."""

    runs: list[tuple[int, Run]]

    @property
    def top(self) -> int:
        return self.runs[0][0]

    @property
    def bottom(self) -> int:
        return self.runs[-1][0]

    def mean(self, figure: str) -> float:
        return sum(getattr(run, figure) for _, run in self.runs) / len(self.runs)

    def row(self, step: int) -> list[float]:
        width, height = self.mean("width"), self.bottom - self.top + step
        dark = sum(run.dark for _, run in self.runs) * step
        middle = (self.top + self.bottom) / 2 + 0.5
        return [self.mean("centre"), middle, width, height, dark / (width * height)]


def _runs(row, x0, threshold, least, gap) -> list[Run]:
    """The row's runs. One shorter than `least` reaches over up to `gap` white pixels."""
    marks = "".join("#" if v < threshold else "." for v in row)
    runs: list[Run] = []
    for piece in re.finditer("#+", marks):
        first, last = x0 + piece.start(), x0 + piece.end() - 1
        before = runs[-1] if runs else None
        if before and before.width < least and first - before.last - 1 <= gap:
            before.last, before.dark = last, before.dark + last - first + 1
        else:
            runs.append(Run(first, last, last - first + 1))
    return runs


def blobs(picture, box, threshold, limits):
    """`find_blobs`: a row (centre x, y, width, height, dark share) for each blob, in any order."""
    x0, y0, x1, y1 = box
    w_min, w_max, h_min, h_max, gap, rows_gap, step = limits
    places: list[Blob | None] = []  # a finished blob's place is the next one's
    found: list[list[float]] = []

    def finish(before: float) -> None:
        for k, blob in enumerate(places):
            if blob and blob.bottom < before:
                places[k] = None
                if h_min <= blob.bottom - blob.top + step <= h_max:
                    found.append(blob.row(step))

    for y in range(y0, y1, step):
        finish(y - rows_gap - step)
        for run in _runs(picture[y, x0:x1], x0, threshold, w_min, gap):
            if not w_min <= run.width <= w_max:
                continue
            for blob in places:
                if blob and abs(blob.mean("centre") - run.centre) <= 0.3 * run.width + 1:
                    blob.runs.append((y, run))
                    break
            else:
                free = places.index(None) if None in places else len(places)
                places[free : free + 1] = [Blob([(y, run)])]
    finish(math.inf)
    return found


def edges(picture, mark):
    """`refine_marks` of one mark: left, top, right, bottom, darkest level; None if not found."""
    height, width = picture.shape
    x, y, w, h = mark
    across = _sides(picture, (x, w), (y, h), width, height)
    down = _sides(picture.T, (y, h), (x, w), height, width)
    if across is None or down is None:
        return None
    (left, right, dark), (top, bottom, dark_too) = across, down
    return [left, top, right, bottom, min(dark, dark_too)]


def _sides(picture, along, across, length, depth):
    """Where the mean of the mark's middle rows crosses half way, and its darkest level."""
    (centre, size), (middle, thickness) = along, across
    reach = size / 2 + max(0.3 * size, 3)
    first, end = max(0, int(centre - reach)), min(length, int(centre + reach) + 1)
    top, bottom = int(middle - 0.3 * thickness), int(middle + 0.3 * thickness) + 1
    strip = picture[max(0, top) : min(depth, bottom), first:end].astype(float)
    if strip.shape[0] < 1 or strip.shape[1] < 4:
        return None
    profile = [float(column.mean()) for column in strip.T]
    half = (min(profile) + max(profile)) / 2
    near = 0.0 if first == 0 and profile[0] < half else _fall(profile, half)
    far = 0.0 if end == length and profile[-1] < half else _fall(profile[::-1], half)
    if near is None or far is None or near >= len(profile) - far:
        return None
    return first + near, end - far, min(profile)


def _fall(profile, half):
    """How far in the levels, each at its pixel's middle, first fall below `half`."""
    for i, (a, b) in enumerate(pairwise(profile)):
        if a >= half > b:
            return i + 0.5 + (a - half) / (a - b)
    return None


def settled(marks, edges):
    """`settle_centres`: the middle between a mark's edges where they convince, else the blob's."""
    middles = [((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom, _ in edges]
    sizes = [(right - left, bottom - top) for left, top, right, bottom, _ in edges]
    near = []
    for (x, y, w, h), middle, edge in zip(marks, middles, edges, strict=True):
        off = max(abs(middle[0] - x), abs(middle[1] - y))
        near.append(edge[0] != -1 and off <= max(w, h) / 4 + 1)
    usual = [
        median(s[axis] for s, ok in zip(sizes, near, strict=True) if ok) if any(near) else 0
        for axis in (0, 1)
    ]
    centres = []
    for mark, middle, size, ok in zip(marks, middles, sizes, near, strict=True):
        odd = any(abs(s - u) > 0.3 * u for s, u in zip(size, usual, strict=True))
        centres.append(list(middle) if ok and not odd else [mark[0], mark[1]])
    return centres


def regularity(along_mm, px, scale):
    """`track_regularity`: roughness in mm, and stretch as a share."""
    rough = [0.0]
    for i in range(1, len(px) - 1):
        middle = [
            np.interp(along_mm[i], along_mm[i - 1 : i + 2 : 2], px[i - 1 : i + 2 : 2, k])
            for k in (0, 1)
        ]
        rough.append(math.dist(middle, px[i]) / scale)
    run = min(4, len(px) - 1)
    lengths = [math.dist(a, b) for a, b in zip(px, px[run:], strict=False)]
    printed = [b - a for a, b in zip(along_mm, along_mm[run:], strict=False)]
    stretch = [abs(a / b / scale - 1) for a, b in zip(lengths, printed, strict=True)]
    return max(rough), max(stretch)


@dataclass(frozen=True)
class Walk:
    """Blobs taken so far, by mark, with the local scale and slope that they suggest."""

    taken: dict[int, int]
    scale: float = 1.0
    slope: float | None = None
    misfit: float = 0.0


def walk(along, across, expected, limits):
    """`follow_track`: each mark's blob, or -1, on the walk that finds most marks and fits best."""
    walks = []
    for first_mark in range(min(3, len(expected) - 1)):
        for first_blob in range(len(along)):
            here = Walk({first_mark: first_blob})
            for mark in range(first_mark + 1, len(expected)):
                here = _next(here, mark, (along, across, expected), limits)
            walks.append(here)
    best = min(walks, key=lambda w: (-len(w.taken), w.misfit))
    return [best.taken.get(mark, -1) for mark in range(len(expected))]


def _next(here: Walk, mark, track, limits) -> Walk:
    along, across, expected = track
    tolerance, side_tolerance, steepest, stretch = limits
    last = max(here.taken)
    blob = here.taken[last]
    pitch = expected[mark] - expected[last]
    ahead = pitch * here.scale
    may_be_off = side_tolerance + (steepest * ahead if here.slope is None else 0.0)
    fits = []
    for b in range(blob + 1, len(along)):
        off = abs(along[b] - (along[blob] + ahead))
        aside = abs(across[b] - across[blob] - (here.slope or 0.0) * ahead)
        if off < tolerance and aside <= may_be_off:
            fits.append((off, b))
    if not fits:
        return here
    off, b = min(fits)
    local = min(max((along[b] - along[blob]) / pitch, 1 - stretch), 1 + stretch)
    taken = {**here.taken, mark: b}
    slope = here.slope
    if len(taken) >= 4:
        back = taken[min(m for m in taken if m >= mark - 12)]
        run = along[b] - along[back]
        slope = (across[b] - across[back]) / run if run > 0 else slope or 0.0
    return Walk(taken, 0.7 * here.scale + 0.3 * local, slope, here.misfit + off)


def whole_blobs(blobs, box, size, axis, share):
    """`keep_whole`: blobs dark enough that end before the strip's sides, along the track."""
    across = 1 - int(axis)
    first, last = box[across], box[across + 2]
    kept = []
    for blob in blobs:
        low, high = blob[across] - blob[2 + across] / 2, blob[across] + blob[2 + across] / 2
        cut_in_front = low <= first + 1 and first > 0
        cut_behind = high >= last - 1 and last < size[across]
        if blob[4] > share and not cut_in_front and not cut_behind:
            kept.append(blob)
    return sorted(kept, key=lambda blob: blob[int(axis)])


def uncropped(marks, nominal, axis, inward, centres):
    """`uncrop`: centres moved by half of what is missing of a mark, towards where it was."""
    placed = [list(c) for c in centres]
    across = 1 - axis

    def missing(k, side):
        lost = nominal[side] - marks[k][2 + side]
        return lost if lost > 0.15 * nominal[side] else 0.0

    for k, centre in enumerate(placed):
        centre[across] -= inward * missing(k, across) / 2
    placed[0][axis] -= missing(0, axis) / 2
    placed[-1][axis] += missing(-1, axis) / 2
    return placed
