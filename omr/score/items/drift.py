"""Items that came up in an earlier year, and whether they have become easier or harder.

Delta plot (Angoff & Ford 1973): difficulties as deltas, 13 − 4·z(p), of both years against one
another. People may be abler altogether, which shifts and stretches the line that the items lie on
(their major axis); an item that lies off the line has itself changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from omr.score.items.tally import F64

_NORMAL = NormalDist()
_NORMAL_95 = _NORMAL.inv_cdf(0.975)
_LEAST_FOR_A_LINE = 5


@dataclass(frozen=True, slots=True)
class Drift:
    """By item, (items,), NaN where it was not there before; intervals hold 95 %.

    `before` is the earlier p and `change` what it rose by. `off_line` is the distance from the
    line in deltas, above 0 where the item has become harder than the others.
    """

    before: F64
    change: F64 = field(repr=False)
    change_from: F64 = field(repr=False)
    change_to: F64 = field(repr=False)
    off_line: F64
    off_line_se: F64 = field(repr=False)

    def significant(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(items,): where the interval of `off_line` excludes 0."""
        return np.asarray(np.abs(self.off_line) > _NORMAL_95 * self.off_line_se)


def drift(before: F64, persons_before: F64, now: F64, persons: float) -> Drift:
    """Shares right, (items,), of an earlier year and now, and how many people they are of."""
    known = np.isfinite(before) & np.isfinite(now) & (persons_before > 0) & (persons > 0)
    earlier = np.where(known, before, np.nan)
    change = now - earlier
    lower, upper = _newcombe(earlier, persons_before, now, np.full(len(now), persons))
    x, x_se = _deltas(earlier, persons_before)
    y, y_se = _deltas(np.where(known, now, np.nan), np.full(len(now), persons))
    slope, intercept = _major_axis(x, y)
    length = math.sqrt(slope * slope + 1)
    return Drift(
        earlier,
        change,
        lower,
        upper,
        (y - slope * x - intercept) / length,
        np.sqrt(slope * slope * x_se * x_se + y_se * y_se) / length,
    )


def _deltas(p: F64, persons: F64) -> tuple[F64, F64]:
    """Deltas and their standard errors; NaN of what all or none had right."""
    deltas, errors = np.full(len(p), np.nan), np.full(len(p), np.nan)
    for item, (one, n) in enumerate(zip(p.tolist(), persons.tolist(), strict=True)):
        if 0 < one < 1:
            z = _NORMAL.inv_cdf(one)
            deltas[item] = 13 - 4 * z
            errors[item] = 4 * math.sqrt(one * (1 - one) / n) / _NORMAL.pdf(z)
    return deltas, errors


def _major_axis(x: F64, y: F64) -> tuple[float, float]:
    """The line that the items lie on; parallel to the diagonal where they are too few for more."""
    both = np.isfinite(x) & np.isfinite(y)
    if not both.any():
        return 1.0, math.nan
    (mean_x, mean_y) = float(x[both].mean()), float(y[both].mean())
    slope = 1.0
    if both.sum() >= _LEAST_FOR_A_LINE:
        xx, yy = float(x[both].var()), float(y[both].var())
        xy = float(((x[both] - mean_x) * (y[both] - mean_y)).mean())
        if xy > 0:
            slope = (yy - xx + math.hypot(yy - xx, 2 * xy)) / (2 * xy)
    return slope, mean_y - slope * mean_x


def _newcombe(p1: F64, n1: F64, p2: F64, n2: F64) -> tuple[F64, F64]:
    """The 95 % interval of p2 − p1 (Newcombe 1998, method 10: from two Wilson intervals)."""
    (low1, high1), (low2, high2) = _wilson(p1, n1), _wilson(p2, n2)
    change = p2 - p1
    lower = change - np.hypot(p2 - low2, high1 - p1)
    upper = change + np.hypot(high2 - p2, p1 - low1)
    return lower, upper


def _wilson(p: F64, n: F64) -> tuple[F64, F64]:
    z = _NORMAL_95
    n = np.where(n > 0, n, np.nan)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half
