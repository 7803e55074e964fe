"""Printed marks: timing tracks along the edges, locator marks in the corners."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.design import Corner, CornerShape, Edge
from omr.records import F64, U8
from omr.tracing.records import FoundBubbles, FoundMarks, FoundTrack, Sheet
from omr.tracing.sheet import middle_of, paper_of, printed_black

_SIDE_MM = (1.0, 16.0)
_EDGE = 0.13  # tracks' centres lie this near their edge, as a share of the page
_SOLID = 0.85
_LEAST_MARKS = 5
_PRESENT = 0.6  # of a track's places
_OFF = 0.12  # of the pitch
_LINE_MM = 0.7
_CORNER = (0.25, 0.22)  # share of width and height that counts as a corner
_CORNER_MM = 2.4
_LIKENESS = 0.8
_PATTERN = 60
_GREY_FROM = 0.25  # of the way from ink to paper


_Box = tuple[int, int, int, int]  # left, top, width, height in px


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Dark areas: centres and sizes (n, 2) in mm, share of the bounding box that is dark."""

    centres_mm: F64
    sizes_mm: F64
    solid: F64
    boxes_px: list[_Box]


def find_marks(sheet: Sheet, bubbles: FoundBubbles) -> FoundMarks:
    """Tracks and corner marks of a straightened sheet."""
    mask = printed_black(sheet, joined=True)
    blocks = _dark_areas((printed_black(sheet), mask), sheet.px_per_mm, bubbles)
    page = np.array([sheet.page.width_mm, sheet.page.height_mm])
    tracks: list[FoundTrack] = []
    free = np.ones(len(blocks.solid), np.bool_)
    for edge in (Edge.RIGHT, Edge.LEFT, Edge.TOP, Edge.BOTTOM):
        found = _track(blocks, free, edge, page)
        if found is not None:
            tracks.append(found[0])
            free[found[1]] = False
    return FoundMarks(tuple(tracks), _corners(sheet, mask, blocks, free))


def _dark_areas(masks: Sequence[U8], px_per_mm: float, bubbles: FoundBubbles) -> _Blocks:
    """Areas of a mark's size in any of the masks; what an earlier one shows counts once."""
    boxes: list[_Box] = []
    solid: list[float] = []
    low, high = (side * px_per_mm for side in _SIDE_MM)
    look = bubbles.look
    reach = np.array([look.width_mm, look.height_mm]) / 2
    for mask in masks:
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        earlier = list(boxes)
        for contour in contours:
            x, y, w, h = cv2.boundingRect(contour)
            if not (low <= w <= high and low <= h <= high):
                continue
            middle = np.array([x + w / 2, y + h / 2]) / px_per_mm
            if (np.abs(bubbles.centres_mm - middle) < reach).all(axis=1).any():
                continue
            if any(_overlap((x, y, w, h), other) for other in earlier):
                continue
            boxes.append((x, y, w, h))
            solid.append(float((mask[y : y + h, x : x + w] > 0).mean()))
    found = np.array(boxes, np.float64).reshape(-1, 4) / px_per_mm
    return _Blocks(found[:, :2] + found[:, 2:] / 2, found[:, 2:], np.array(solid), boxes)


def _overlap(one: _Box, other: _Box) -> bool:
    """Whether two boxes are about the same one."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    larger = max(one[2] * one[3], other[2] * other[3])
    return width > 0 and height > 0 and width * height > 0.6 * larger


def _track(
    blocks: _Blocks, free: NDArray[np.bool_], edge: Edge, page: F64
) -> tuple[FoundTrack, NDArray[np.int64]] | None:
    """The longest track along an edge, and which blocks it is made of."""
    across, along = (0, 1) if edge.vertical else (1, 0)
    off = blocks.centres_mm[:, across]
    if edge in (Edge.RIGHT, Edge.BOTTOM):
        off = page[across] - off
    near = np.flatnonzero(free & (blocks.solid >= _SOLID) & (off <= _EDGE * page[across]))
    best: tuple[FoundTrack, NDArray[np.int64]] | None = None
    for at in near:
        same = np.abs(blocks.sizes_mm[near] - blocks.sizes_mm[at]) <= np.maximum(
            0.35, 0.12 * blocks.sizes_mm[at]
        )
        level = np.abs(blocks.centres_mm[near, across] - blocks.centres_mm[at, across]) <= _LINE_MM
        members = near[same.all(axis=1) & level]
        if len(members) < _LEAST_MARKS or (best is not None and len(members) <= len(best[1])):
            continue
        members = members[np.argsort(blocks.centres_mm[members, along])]
        track = _regular(blocks, members, edge)
        if track is not None:
            best = track, members
    return best


def _regular(blocks: _Blocks, members: NDArray[np.int64], edge: Edge) -> FoundTrack | None:
    across, along = (0, 1) if edge.vertical else (1, 0)
    places = blocks.centres_mm[members, along]
    steps = np.diff(places)
    pitch = float(np.median(steps[steps <= 1.3 * np.percentile(steps, 20)]))
    numbers = np.rint((places - places[0]) / pitch)
    for _ in range(2):
        pitch, first = (float(v) for v in np.polyfit(numbers, places, 1))
        numbers = np.rint((places - first) / pitch)
    count = int(numbers[-1]) + 1
    if np.abs(places - first - pitch * numbers).max() > _OFF * pitch or len(set(numbers)) < len(
        places
    ):
        return None
    if len(places) < _PRESENT * count:
        return None
    size = np.median(blocks.sizes_mm[members], axis=0)
    if pitch < 1.6 * size[along]:
        return None
    return FoundTrack(
        edge,
        round(float(np.median(blocks.centres_mm[members, across])), 2),
        round(first, 2),
        round(pitch, 4),
        count,
        (round(float(size[0]), 2), round(float(size[1]), 2)),
        tuple(sorted(set(range(1, count + 1)) - {int(n) + 1 for n in numbers})),
    )


# ── corners ──────────────────────────────────────────────────────────────────────────────────


def _corners(
    sheet: Sheet, mask: U8, blocks: _Blocks, free: NDArray[np.bool_]
) -> tuple[Corner, ...]:
    """The likeliest locator mark of each corner of the page, if there is one."""
    found = []
    width, height = sheet.page.width_mm, sheet.page.height_mm
    for low in (False, True):
        for right in (False, True):
            best, best_score = None, 0.0
            for at in np.flatnonzero(free):
                x, y = blocks.centres_mm[at]
                w, h = blocks.sizes_mm[at]
                off_x, off_y = (width - x if right else x), (height - y if low else y)
                if min(w, h) < _CORNER_MM or max(w, h) > 1.25 * min(w, h):
                    continue
                if off_x > _CORNER[0] * width or off_y > _CORNER[1] * height:
                    continue
                shape, likeness = _likest(mask, blocks.boxes_px[at], right, low)
                # Of several, a large one near the corner.
                score = float(np.sqrt(w * h)) / (10.0 + off_x + off_y)
                if likeness >= _LIKENESS and score > best_score:
                    best, best_score = (int(at), shape), score
            if best is not None:
                found.append(_as_corner(sheet, blocks, *best))
    return tuple(found)


def _as_corner(sheet: Sheet, blocks: _Blocks, at: int, shape: CornerShape) -> Corner:
    x, y, w, h = blocks.boxes_px[at]
    part = sheet.bright[y : y + h, x : x + w]
    dark = part[part < middle_of(sheet.bright)]
    paper, ink = paper_of(sheet.bright), float(np.percentile(sheet.bright[::3, ::3], 0.3))
    level = (float(np.median(dark)) - ink) / max(1.0, paper - ink) if dark.size else 0.0
    centre = blocks.centres_mm[at]
    size = round(float(blocks.sizes_mm[at].mean()), 2)
    return Corner(
        shape, round(float(centre[0]), 2), round(float(centre[1]), 2), size, 0, level > _GREY_FROM
    )


def _likest(mask: U8, box: _Box, right: bool, low: bool) -> tuple[CornerShape, float]:
    """The shape that covers the dark area best, and the share of both that they have in common."""
    x, y, w, h = box
    part = mask[y : y + h, x : x + w]
    seen = cv2.resize(part, (_PATTERN, _PATTERN), interpolation=cv2.INTER_LINEAR) > 127
    best, best_share = CornerShape.SQUARE, 0.0
    for shape, pattern in _patterns(right, low).items():
        share = float((seen & pattern).sum() / max(1, (seen | pattern).sum()))
        if share > best_share:
            best, best_share = shape, share
    return best, best_share


@functools.cache
def _patterns(right: bool, low: bool) -> dict[CornerShape, NDArray[np.bool_]]:
    """Each mark as drawn in a square; an angle as in this corner of the page."""
    y, x = (np.mgrid[:_PATTERN, :_PATTERN] + 0.5) / _PATTERN
    radius = np.hypot(x - 0.5, y - 0.5)
    third, thin = 1 / 3, 1 / 10
    middle_x, middle_y = np.abs(x - 0.5) < third / 2, np.abs(y - 0.5) < third / 2
    beside = x > 1 - thin if right else x < thin
    level = y > 1 - thin if low else y < thin
    return {
        CornerShape.SQUARE: np.ones((_PATTERN, _PATTERN), np.bool_),
        CornerShape.DISC: radius < 0.5,
        CornerShape.CROSS: middle_x | middle_y,
        CornerShape.ELL: (x < third) | (y > 1 - third),
        CornerShape.THREE_SQUARES: (x < 0.5) | (y < 0.5),
        CornerShape.RING: (radius < 0.5) & (radius > 0.5 - 1 / 6),
        CornerShape.ANGLE: beside | level,
    }
