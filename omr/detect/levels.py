"""How bright this page's paper is and how dark its ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.detect.kernels import histogram_lattice
from omr.detect.plane import Plane


@dataclass(frozen=True, slots=True)
class Levels:
    """Grey levels (0–255). `dark_share` is the share of the page darker than half way."""

    paper: float
    ink: float
    dark_share: float

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
    step = max(1, min(plane.width, plane.height) // 64)  # each sample costs a cache line
    counts = _histogram(plane, (0, 0, plane.width, plane.height), step)
    paper = 255.0 if plane.bitonal else _percentile(counts, 0.75)
    ink = 0.0 if plane.bitonal else _percentile(counts, 0.003)
    dark = counts[: max(1, int((paper + ink) / 2))].sum() / max(1, counts.sum())
    return Levels(paper, ink, float(dark))


def strip_levels(plane: Plane, box: tuple[int, int, int, int], page: Levels) -> Levels:
    """Levels within a strip that holds marks: paper its 75th percentile, ink its 2nd."""
    if plane.bitonal or box[2] <= box[0] or box[3] <= box[1]:
        return page
    counts = _histogram(plane, box, 4)
    if counts.sum() < 100:
        return page
    return Levels(_percentile(counts, 0.75), _percentile(counts, 0.02), page.dark_share)
