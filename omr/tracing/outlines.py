"""Shapes that could be bubbles: closed outlines, filled ones, pairs of brackets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.records import F64, U8

_SIDE_MM = (1.5, 14.0)
_ASPECT = 4.0
_CONVEX = 0.93  # of the hull
_HOLLOW = 0.3  # of the outline's inside
_SOLID = 0.8
_CLOSE_MM = 0.4
_BRACKET_MM = (1.5, 9.0)  # height


class Kind(IntEnum):
    """What a shape looks like."""

    OPEN = 0  # a closed line round paper, whatever stands in it
    PAIR = 1  # [ ]
    BROKEN = 2  # a closed line that its letter touches, so that little holes are left
    FULL = 3  # convex and dark: filled in


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Shapes by their outer edges: `centres_mm` and `sizes_mm` (n, 2).

    `fullness` is the share of the bounding box inside the edge; `stroke_mm` the line's thickness;
    `crowded` says that other print stands close by at the left and right, as in a word.
    """

    centres_mm: F64
    sizes_mm: F64
    kinds: NDArray[np.int64]
    fullness: F64
    stroke_mm: F64
    crowded: NDArray[np.bool_]


_Box = tuple[int, int, int, int]  # left, top, width, height in px


@dataclass(frozen=True, slots=True, eq=False)
class _Outlines:
    """Outlines in a mask; `tree` (n, 4) has each one's next, previous, first hole and parent."""

    mask: U8
    contours: list[NDArray[Any]]
    tree: NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Found:
    box: tuple[float, float, float, float]
    kind: Kind
    fullness: float
    stroke_px: float
    crowded: bool = False


def find_shapes(mask: U8, px_per_mm: float) -> Shapes:
    """All shapes in a mask (h, w) of print that could be a bubble."""
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return _shapes([])
    found: list[_Found] = []
    hooks: tuple[list[_Box], list[_Box]] = ([], [])
    outlines = _Outlines(mask, [np.asarray(c) for c in contours], np.asarray(tree)[0])
    for index, contour in enumerate(contours):
        if outlines.tree[index][3] >= 0 or len(contour) < 8:
            continue  # a hole, or a speck
        x, y, w, h = box = _box(contour)
        w_mm, h_mm = w / px_per_mm, h / px_per_mm
        if max(w_mm, h_mm) > _SIDE_MM[1]:
            continue
        if _BRACKET_MM[0] <= h_mm <= _BRACKET_MM[1] and 0.1 * h < w < 0.6 * h:
            side = _hook(mask[y : y + h, x : x + w])
            if side is not None:
                hooks[side].append(box)
                continue
        if min(w_mm, h_mm) < _SIDE_MM[0] or max(w, h) > _ASPECT * min(w, h):
            continue
        shape = _closed(outlines, index, box)
        if shape is not None:
            close = max(2, round(_CLOSE_MM * px_per_mm))
            found.append(replace(shape, crowded=_crowded(mask, box, close)))
    found += _pairs(mask, *hooks)
    return _shapes(found, px_per_mm)


def _shapes(found: list[_Found], px_per_mm: float = 1.0) -> Shapes:
    boxes = np.array([f.box for f in found], np.float64).reshape(-1, 4)
    return Shapes(
        (boxes[:, :2] + boxes[:, 2:] / 2) / px_per_mm,
        boxes[:, 2:] / px_per_mm,
        np.array([f.kind for f in found], np.int64),
        np.array([f.fullness for f in found], np.float64),
        np.array([f.stroke_px for f in found], np.float64) / px_per_mm,
        np.array([f.crowded for f in found], np.bool_),
    )


def _box(contour: Any) -> _Box:
    x, y, w, h = cv2.boundingRect(contour)
    return x, y, w, h


def _closed(outlines: _Outlines, index: int, box: _Box) -> _Found | None:
    mask, contours, tree = outlines.mask, outlines.contours, outlines.tree
    contour = contours[index]
    # A contour runs through the middles of its pixels: half a pixel is added all round.
    edge = cv2.arcLength(contour, True)
    area = cv2.contourArea(contour) + edge / 2 + 1
    hull = cv2.convexHull(contour)
    if area < _CONVEX * (cv2.contourArea(hull) + cv2.arcLength(hull, True) / 2 + 1):
        return None
    x, y, w, h = box
    fullness = area / (w * h)
    if fullness < 0.7:
        return None
    hole, hole_edge, child = 0.0, 0.0, int(tree[index][2])
    while child >= 0:
        inner = cv2.arcLength(contours[child], True)
        hole += max(0.0, cv2.contourArea(contours[child]) - inner / 2)
        hole_edge += inner
        child = int(tree[child][0])
    if hole >= _HOLLOW * area:
        stroke = 2 * (area - hole) / (edge + hole_edge)
        return _Found(box, Kind.OPEN, fullness, stroke)
    if (mask[y : y + h, x : x + w] > 0).mean() > _SOLID * fullness:
        return _Found(box, Kind.FULL, fullness, 0.0)
    if hole:
        return _Found(box, Kind.BROKEN, fullness, 0.0)
    return None


def _crowded(mask: U8, box: _Box, close: int) -> bool:
    x, y, w, h = box
    left = mask[y : y + h, max(0, x - close) : max(0, x - 1)]
    right = mask[y : y + h, x + w + 1 : x + w + close]
    return bool(left.any() and right.any())


def _hook(part: U8) -> int | None:
    """0 for a left bracket, 1 for a right one, None for anything else."""
    ink = part > 0
    h, w = ink.shape
    edge = max(1, round(0.12 * h))
    for side, seen in ((0, ink), (1, ink[:, ::-1])):
        upright = seen[:, : max(1, w // 3)].mean(axis=0).max()
        lips = min(seen[:edge].mean(axis=1).max(), seen[-edge:].mean(axis=1).max())
        hollow = seen[2 * edge : -2 * edge, (2 * w) // 3 :].mean() if h > 4 * edge else 1.0
        if upright > 0.9 and lips > 0.7 and hollow < 0.1:
            return side
    return None


def _pairs(mask: U8, left: list[_Box], right: list[_Box]) -> Iterator[_Found]:
    """Each left bracket with the nearest right one beside it."""
    for x, y, w, h in left:
        best: _Box | None = None
        for other in right:
            level = abs(other[1] - y) <= 0.2 * h and abs(other[3] - h) <= 0.15 * h
            across = other[0] + other[2] - x
            near = best is None or other[0] < best[0]
            if level and near and 1.0 * h <= across <= 3.5 * h and other[0] >= x + w:
                best = other
        between = best is not None and any(
            x < o[0] < best[0] and abs(o[1] - y) <= 0.2 * h for o in left
        )
        if best is not None and not between:
            ink = float((mask[y : y + h, x : x + w] > 0).sum())
            stroke = ink / (h + 2 * w)
            stroke = ink / (h + 2 * w - 2 * stroke)  # along the middle of its line
            box = x, (y + best[1]) / 2, best[0] + best[2] - x, (h + best[3]) / 2
            yield _Found(box, Kind.PAIR, 1.0, stroke)
