"""Bubbles with letters printed inside in black: what is filled is measured beside the letter.

On one card many bubbles hold the same letter, and most of them are blank: what is dark at the same
place in most of them is print.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.design import LEAST_ALIKE, Side
from omr.detect.levels import DARK_FROM, Levels
from omr.detect.plane import Plane
from omr.records import F64, U8

PRINT_FROM = 0.15  # of the way from paper to ink, from which the median is print
LEAST_CLEAR = 0.2  # share of the inside that must be left beside the letter
SHIFTS = ((0, 0), *((x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if x or y))


def measure_beside_letters(
    plane: Plane, side: Side, centres: F64, lattice: NDArray[np.int64], levels: Levels, figures: U8
) -> None:
    """Measure fill and darkness anew, into `figures` (n, 5), where no letter is printed.

    `lattice` and `figures` as for `sample_bubbles`; bubbles off the page keep their figures.
    """
    kinds = lattice[..., 2]
    samples = lattice[kinds == 1]
    on_page, levels_at = _shifted(plane, centres, samples)
    paper = np.full(len(centres), 255.0) if plane.bitonal else figures[:, 4].astype(float)
    ink = 0.0 if plane.bitonal else levels.ink
    span = np.maximum(paper - ink, 1.0)[:, None]
    shares = ((paper[:, None] - levels_at) / span).clip(0.0, 1.0).astype(np.float32)
    overall = np.median(shares[0][on_page], axis=0) if on_page.any() else shares[0, 0]
    for letter in np.unique(side.letters):
        alike = np.flatnonzero((side.letters == letter) & on_page)
        if not len(alike):
            continue
        seen, usual = shares[0][alike], overall
        if len(alike) >= LEAST_ALIKE:
            seen, usual = _registered(shares[:, alike])
        beside = _beside(usual, kinds)
        figures[alike, 0] = np.rint(255 * (seen[:, beside] >= DARK_FROM).mean(axis=1))
        figures[alike, 1] = np.rint(255 * seen[:, beside].mean(axis=1))
        if len(alike) >= LEAST_ALIKE:  # a frame beside most of them is print too
            around = figures[alike, 2].astype(np.int64)
            figures[alike, 2] = np.maximum(around - int(np.median(around)), 0)


def _shifted(
    plane: Plane, centres: F64, samples: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], U8]:
    """Which bubbles lie on the page, and levels (shift, bubble, sample) at the centre and near it.

    The first shift is none at all.
    """
    start, across, down = plane.view.tolist()
    x = centres[:, :1].astype(np.int64) + samples[:, 0]
    y = centres[:, 1:].astype(np.int64) + samples[:, 1]
    inside = (x >= 1) & (x < plane.width - 1) & (y >= 1) & (y < plane.height - 1)
    on_page: NDArray[np.bool_] = np.all(inside, axis=1)
    values = np.full((len(SHIFTS), *x.shape), 255, np.uint8)
    at = start + x[on_page] * across + y[on_page] * down
    for k, (dx, dy) in enumerate(SHIFTS):
        values[k, on_page] = plane.data[at + dx * across + dy * down]
    return on_page, values


def _registered(shares: NDArray[np.float32]) -> tuple[NDArray[np.float32], F64]:
    """Each bubble where its letter lies most like the usual one, and the usual one (samples)."""
    usual = np.median(shares[0], axis=0)
    for _ in range(2):
        off = np.abs(shares - usual).sum(axis=2)
        off[1:] += 0.002 * shares.shape[2]  # two that fit alike: the centre that the outline gave
        best = np.take_along_axis(shares, off.argmin(axis=0)[None, :, None], axis=0)[0]
        usual = np.median(best, axis=0)
    return best, usual


def _beside(usual: F64, kinds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Samples that the letter does not touch, nor nearly; the lightest ones if it is everywhere."""
    printed = np.zeros(kinds.shape, np.uint8)
    printed[kinds == 1] = usual >= PRINT_FROM
    near = cv2.dilate(printed, np.ones((3, 3), np.uint8))
    beside: NDArray[np.bool_] = near[kinds == 1] == 0
    if beside.mean() < LEAST_CLEAR:
        beside = usual <= np.quantile(usual, LEAST_CLEAR)
    return beside
