"""What is really there: drawn darkness and hidden areas, and the truth that follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from omr.design import Design, Side
from omr.records import F32, F64, U8
from omr.simulate.lie import Placement

HIDDEN_FROM = 0.30  # share of a bubble
MARK_HIDDEN_FROM = 0.25  # share of a printed mark
STAIN_HIDES_FROM = 0.30  # darkness
VANISHED_BELOW = 0.07  # contrast, of the full span of grey levels
VANISHED_BLACK = 0.04  # share of a box's pixels, bitonal
ERASURE_AGAINST = 0.5  # residue as a share of the weakest mark in the row
_PX_PER_MM = 5.0


@dataclass(frozen=True)
class Scene:
    """What was drawn in each bubble of a page, in the design's order, and where it lies.

    `darkness` is the mean over the box, 0-1, of what the candidate drew there (print and paper
    not counted); `hidden` the share of the box that cannot be seen.
    """

    placement: Placement
    darkness: F32
    hidden: F32


class Cover:
    """Which parts of the upright sheet cannot be seen, and how dark stains make it."""

    def __init__(self, width_mm: float, height_mm: float) -> None:
        self._size = (width_mm, height_mm)
        self._mask: U8 | None = None
        self._stain: F32 | None = None

    def _plane(self) -> tuple[int, int]:
        return round(self._size[1] * _PX_PER_MM) + 1, round(self._size[0] * _PX_PER_MM) + 1

    def hide(self, outline_mm: F64) -> None:
        """A polygon (n, 2) of the sheet cannot be seen."""
        if self._mask is None:
            self._mask = np.zeros(self._plane(), np.uint8)
        at = np.round(np.asarray(outline_mm) * _PX_PER_MM * 16).astype(np.int32)
        cv2.fillPoly(self._mask, [at.reshape(-1, 1, 2)], 1, cv2.LINE_8, 4)

    def stain(self, corner_mm: tuple[float, float], darkness: F32, px_per_mm: float) -> None:
        """A patch of darkness lies over the sheet; where it is dark enough it hides."""
        if self._stain is None:
            self._stain = np.zeros(self._plane(), np.float32)
        scale = _PX_PER_MM / px_per_mm
        small = cv2.resize(darkness, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        x, y = (round(c * _PX_PER_MM) for c in corner_mm)
        part = self._stain[max(0, y) : y + small.shape[0], max(0, x) : x + small.shape[1]]
        cut = small[max(0, -y) :, max(0, -x) :][: part.shape[0], : part.shape[1]]
        part[:] = 1 - (1 - part) * (1 - cut)

    @property
    def anything(self) -> bool:
        """True where something is hidden or stained."""
        return self._mask is not None or self._stain is not None

    def hidden_at(self, points_mm: F64) -> F64:
        """1 where a point (n, 2) of the paper cannot be seen, else 0."""
        y, x = self._index(points_mm)
        hidden = np.zeros(len(points_mm))
        if self._mask is not None:
            hidden = np.maximum(hidden, self._mask[y, x])
        if self._stain is not None:
            hidden = np.maximum(hidden, self._stain[y, x] > STAIN_HIDES_FROM)
        return hidden

    def stain_at(self, points_mm: F64) -> F64:
        """Darkness of stains at points (n, 2) of the paper."""
        if self._stain is None:
            return np.zeros(len(points_mm))
        y, x = self._index(points_mm)
        return np.asarray(self._stain[y, x], np.float64)

    def _index(self, points_mm: F64) -> tuple[F64, F64]:
        height, width = self._plane()
        at = np.round(points_mm * _PX_PER_MM).astype(int)
        return np.clip(at[:, 1], 0, height - 1), np.clip(at[:, 0], 0, width - 1)


def unseen_share(centres_mm: F64, sizes_mm: F64, cover: Cover, placement: Placement) -> F64:
    """The share of each box (n) that is hidden or lies outside the scan."""
    step = (np.arange(6) + 0.5) / 6 - 0.5
    grid = np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)
    points = (centres_mm[:, None] + grid[None] * sizes_mm[:, None]).reshape(-1, 2)
    hidden = np.zeros(len(points))
    if cover.anything:
        hidden = cover.hidden_at(points)
    at = placement.to_scan(points)
    size = np.array([placement.width_px, placement.height_px])
    outside = ((at < -0.5) | (at > size - 0.5)).any(axis=1)
    return np.asarray(np.maximum(hidden, outside).reshape(len(centres_mm), -1).mean(axis=1))


def bubble_sizes(design: Design, side: Side) -> F64:
    """Width and height of every bubble of a side, (n, 2)."""
    return np.tile([design.bubbles.width_mm, design.bubbles.height_mm], (side.bubble_count, 1))
