"""Bubbles of which only the place is known, not how they are printed.

Designs of other systems give a box to look into and no outline. What is printed there (a ring, a
letter, a part of either) is what most bubbles of the card with the same value show at the same
place; each bubble is laid over that, and filled is what is dark beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.design import LEAST_ALIKE, Side
from omr.detect.levels import DARK_FROM
from omr.detect.plane import Plane
from omr.records import F32, F64, U8

BOX = 20  # px of a box as it is drawn for comparison
REACH = 7  # px that a bubble may lie off its place, a third of its box
WINDOW = BOX + 2 * REACH
LIKE = 0.55  # correlation with the usual look from which a bubble is one for sure
TOGETHER = 2  # px that a bubble's shift may differ from its neighbours'
NEIGHBOURS = 9
LEAST_PRINT = 0.036  # standard deviation of the usual look, 0 to 1
MOST_OFF = 3.4  # px that bubbles may lie off their places on the average
INSIDE = 0.36  # of the box, from its middle: what is measured, within all common outlines
PRINT_FROM = 0.16
LEAST_CLEAR = 0.3
INK_SHARE = 0.985  # of all pixels are brighter than ink


@dataclass(frozen=True, slots=True)
class Areas:
    """Figures (n, 5) as of `sample_bubbles`; centres in px; the share that look as they should.

    On pictures of the right form that share was 0.72 and more, on pictures of others nearly always
    below 0.65.
    """

    figures: U8
    centres_px: F64
    alike: float
    off_page: int


def measure_areas(plane: Plane, side: Side, centres: F64, box_px: tuple[float, float]) -> Areas:
    """Measure each bubble against the others with its value.

    `centres` (n, 2): where the design puts them, in px; `box_px`: width and height of a box.
    """
    scale = (box_px[0] / BOX, box_px[1] / BOX)
    reach = (WINDOW / 2 * scale[0], WINDOW / 2 * scale[1])
    x, y = centres.T
    inside = (x > reach[0]) & (y > reach[1])
    inside &= (x < plane.width - reach[0]) & (y < plane.height - reach[1])
    off_page = int(((x < 0) | (y < 0) | (x >= plane.width) | (y >= plane.height)).sum())
    windows = _windows(plane, centres, scale)
    ink = float(np.quantile(windows, 1 - INK_SHARE))
    paper = np.quantile(windows.reshape(len(windows), -1), 0.9, axis=1).astype(np.float32)
    paper = np.maximum(paper, 0.5 * float(np.median(paper)))
    span = np.maximum(paper - ink, 1.0)[:, None, None]
    shares = ((paper[:, None, None] - windows) / span).clip(0.0, 1.0).astype(np.float32)
    shifts, like = _registered(shares, side.letters, centres)
    patches = _moved(shares, shifts)
    figures = np.zeros((len(centres), 5), np.uint8)
    overall = np.median(patches, axis=0)
    for letter in np.unique(side.letters):
        alike = np.flatnonzero(side.letters == letter)
        known = len(alike) >= LEAST_ALIKE
        usual = np.median(patches[alike], axis=0) if known else overall
        figures[alike, :3] = _measure(patches[alike], usual, known)
    figures[:, 4] = paper.clip(0, 255)
    placed = centres + shifts * np.array(scale)
    # Where nothing is printed, nothing is alike; and what is all far off lies there by chance.
    shown = float(overall.std()) >= LEAST_PRINT
    shown = shown and float(np.abs(shifts).mean()) <= MOST_OFF
    return Areas(figures, placed, float(like.mean()) if shown else 0.0, off_page)


def _windows(plane: Plane, centres: F64, scale: tuple[float, float]) -> F32:
    """The surroundings (n, WINDOW, WINDOW) of each bubble, a box being BOX px."""
    whole = np.ascontiguousarray(plane.window(0, 0, plane.width, plane.height))
    blur = 0.4 * max(scale)
    if blur > 0.6:
        whole = np.asarray(cv2.GaussianBlur(whole, (0, 0), blur), np.uint8)
    windows = np.empty((len(centres), WINDOW, WINDOW), np.float32)
    for k, (x, y) in enumerate(centres):
        corner = (x - WINDOW / 2 * scale[0], y - WINDOW / 2 * scale[1])
        there = np.array([[scale[0], 0.0, corner[0]], [0.0, scale[1], corner[1]]])
        windows[k] = cv2.warpAffine(
            whole,
            there,
            (WINDOW, WINDOW),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return windows


def _registered(
    shares: F32, letters: NDArray[np.int64], centres: F64
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Each bubble's shift (n, 2) from its place, and whether it looks like the usual one.

    What is filled or smudged says little about where it lies: its neighbours do.
    """
    n = len(shares)
    middle = slice(REACH, REACH + BOX)
    shifts = np.zeros((n, 2), np.int64)
    like = np.zeros(n)
    for first in (True, False, False):  # letters show once the outlines lie on one another
        patches = _moved(shares, shifts)
        overall = np.median(patches, axis=0)
        usual = np.repeat(overall[None], n, axis=0)
        for letter in () if first else np.unique(letters):
            alike = np.flatnonzero(letters == letter)
            if len(alike) >= LEAST_ALIKE:
                usual[alike] = np.median(patches[alike], axis=0)
        seen = np.zeros((n, 2), np.int64)
        for k in range(n):
            fit = cv2.matchTemplate(shares[k], usual[k][middle, middle], cv2.TM_CCOEFF_NORMED)
            _, like[k], _, (x, y) = cv2.minMaxLoc(np.nan_to_num(fit))
            seen[k] = x - REACH, y - REACH
        shifts = _smooth(seen, like >= LIKE, centres)
    together = np.abs(seen - shifts).max(axis=1) <= TOGETHER
    return shifts, (like >= LIKE) & together


def _smooth(seen: NDArray[np.int64], sure: NDArray[np.bool_], centres: F64) -> NDArray[np.int64]:
    """The usual shift of the nearest bubbles that are sure of theirs."""
    at = np.flatnonzero(sure)
    if len(at) < 3:
        return np.zeros_like(seen)
    off = ((centres[:, None] - centres[None, at]) ** 2).sum(axis=2)
    nearest = np.argsort(off, axis=1, kind="stable")[:, :NEIGHBOURS]
    shifts: NDArray[np.int64] = np.rint(np.median(seen[at][nearest], axis=1)).astype(np.int64)
    return shifts


def _moved(shares: F32, shifts: NDArray[np.int64]) -> F32:
    """The windows, each moved back by its shift; what comes in at the sides is blank."""
    moved = np.zeros_like(shares)
    padded = np.pad(shares, ((0, 0), (REACH, REACH), (REACH, REACH)))
    for k, (x, y) in enumerate(shifts):
        moved[k] = padded[k, REACH + y : REACH + y + WINDOW, REACH + x : REACH + x + WINDOW]
    return moved


def _measure(patches: F32, usual: F32, known: bool) -> U8:
    """Fill, darkness and around (k, 3) of patches (k, WINDOW, WINDOW).

    Where the letter is not `known`, it may be what is dark: then only what is dark in the lighter
    half too counts for darkness, so that a letter is never filled by both figures.
    """
    grid = (np.arange(WINDOW) + 0.5 - WINDOW / 2) / BOX
    distance = np.hypot(grid[None, :], grid[:, None])
    printed = np.asarray(usual >= PRINT_FROM, np.uint8)
    beside = cv2.dilate(printed, np.ones((3, 3), np.uint8)) == 0
    inner = distance <= INSIDE
    clear = inner & beside
    if clear.sum() < LEAST_CLEAR * inner.sum():
        clear = inner & (usual <= np.quantile(usual[inner], LEAST_CLEAR))
    more = np.maximum(patches - usual, 0.0)[:, clear]
    figures = np.zeros((len(patches), 3), np.uint8)
    figures[:, 0] = np.rint(255 * (more >= DARK_FROM).mean(axis=1))
    if not known:
        more = np.sort(more, axis=1)[:, : (more.shape[1] + 1) // 2]
    figures[:, 1] = np.rint(255 * more.mean(axis=1))
    ring = (distance > 0.55) & (distance <= 0.75) & beside
    if ring.any():
        out = patches[:, ring]
        figures[:, 2] = np.rint(255 * (np.maximum(out - usual[ring], 0) >= 0.5).mean(axis=1))
    return figures
