"""How bright this page's paper is and how dark its ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.detect.kernels import histogram_lattice
from omr.detect.plane import Plane

DARK_FROM = 0.25  # a sample is dark from this share of the way from paper to ink


@dataclass(frozen=True, slots=True)
class Levels:
    """Grey levels, 0–255."""

    paper: float
    ink: float

    @property
    def middle(self) -> float:
        """Half way between ink and paper: darker is print or pencil."""
        return (self.paper + self.ink) / 2

    @property
    def contrast(self) -> float:
        """Paper less ink."""
        return self.paper - self.ink


def _histogram(plane: Plane, box: tuple[int, int, int, int], step: int) -> NDArray[np.int64]:
    counts = np.zeros(256, np.int64)
    histogram_lattice(plane.data, plane.view, np.array(box, np.int64), step, counts)
    return counts


def _percentile(counts: NDArray[np.int64], share: float) -> float:
    total = np.cumsum(counts)
    return float(np.searchsorted(total, share * total[-1]))


def page_levels(plane: Plane) -> Levels:
    """Levels of the whole page: paper is its 75th percentile, ink its 0.3th."""
    if plane.bitonal:
        return Levels(255.0, 0.0)
    counts = _of_page(plane)
    return Levels(_percentile(counts, 0.75), _percentile(counts, 0.003))


def dark_share(plane: Plane, levels: Levels) -> float:
    """The share of the page that is darker than half way between its ink and its paper."""
    counts = _of_page(plane)
    return float(counts[: max(1, int(levels.middle))].sum() / max(1, counts.sum()))


def _of_page(plane: Plane) -> NDArray[np.int64]:
    step = max(1, min(plane.width, plane.height) // 64)  # each sample costs a cache line
    return _histogram(plane, (0, 0, plane.width, plane.height), step)


def strip_levels(plane: Plane, box: tuple[int, int, int, int], page: Levels) -> Levels:
    """Levels within a strip that holds marks: paper its 75th percentile, ink its 2nd."""
    if plane.bitonal or box[2] <= box[0] or box[3] <= box[1]:
        return page
    counts = _histogram(plane, box, 4)
    if counts.sum() < 100:
        return page
    return Levels(_percentile(counts, 0.75), _percentile(counts, 0.02))
