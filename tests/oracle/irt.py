"""Item response theory the slow plain way: one pattern and one node after another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

NODES = [-6 + 0.2 * k for k in range(61)]
_DENSITIES = [math.exp(-0.5 * node * node) for node in NODES]
WEIGHTS = [one / sum(_DENSITIES) for one in _DENSITIES]


def chance(slope: float, intercept: float, theta: float) -> float:
    return 1 / (1 + math.exp(-(slope * theta + intercept)))


def joint(row: Sequence[int], slopes: Sequence[float], intercepts: Sequence[float]) -> list[float]:
    """The chance of a pattern together with each node's ability."""
    found = []
    for theta, weight in zip(NODES, WEIGHTS, strict=True):
        for one, a, d in zip(row, slopes, intercepts, strict=True):
            weight *= chance(a, d, theta) if one else 1 - chance(a, d, theta)
        found.append(weight)
    return found


def log_likelihood(
    rows: Sequence[Sequence[int]],
    people: Sequence[float],
    slopes: Sequence[float],
    intercepts: Sequence[float],
) -> float:
    return sum(
        n * math.log(sum(joint(row, slopes, intercepts)))
        for row, n in zip(rows, people, strict=True)
    )


def ability(
    row: Sequence[int], slopes: Sequence[float], intercepts: Sequence[float]
) -> tuple[float, float]:
    chances = joint(row, slopes, intercepts)
    mean = sum(c * node for c, node in zip(chances, NODES, strict=True)) / sum(chances)
    square = sum(c * (node - mean) ** 2 for c, node in zip(chances, NODES, strict=True))
    return mean, math.sqrt(square / sum(chances))


def first_derivatives(
    of: Callable[[list[float]], float], at: Sequence[float], step: float = 1e-4
) -> list[float]:
    def moved(place: int, by: float) -> list[float]:
        return [one + by * (k == place) for k, one in enumerate(at)]

    return [(of(moved(k, step)) - of(moved(k, -step))) / (2 * step) for k in range(len(at))]


def second_derivatives(
    of: Callable[[list[float]], float], at: Sequence[float], step: float = 1e-3
) -> np.ndarray:
    columns = []
    for place in range(len(at)):
        up = [one + step * (k == place) for k, one in enumerate(at)]
        down = [one - step * (k == place) for k, one in enumerate(at)]
        above, below = first_derivatives(of, up), first_derivatives(of, down)
        columns.append([(a - b) / (2 * step) for a, b in zip(above, below, strict=True)])
    return np.array(columns)
