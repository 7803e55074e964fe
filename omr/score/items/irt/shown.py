"""What a fitted model says at a glance: information, and what was observed beside the curves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from omr.score.items.irt.expect import Observed
from omr.score.items.irt.fit import Fitted
from omr.score.items.irt.patterns import Patterns, Quadrature
from omr.score.items.tally import F64
from omr.score.responses import U8

_STEP = 0.5


@dataclass(frozen=True, slots=True)
class Points:
    """People in groups of like ability: `theta` (groups,) their mean, how many `people` (groups,)
    are expected there, and the `share` (items, groups) of them that had an item right.
    """

    theta: F64
    people: F64
    share: F64 = field(repr=False)


def item_information(fitted: Fitted, theta: F64) -> F64:
    """(items, theta): a²·P·(1 − P), Fisher's information of each item; 0 where it has no curve."""
    found = np.zeros((len(fitted.slope), len(theta)))
    chance = fitted.curves().at(theta)
    found[fitted.used] = fitted.curves().slope[:, None] ** 2 * chance * (1 - chance)
    return found


def form_information(fitted: Fitted, theta: F64) -> F64:
    """(theta,): of all items; its inverse root is the standard error of an ability."""
    return np.asarray(item_information(fitted, theta).sum(axis=0))


def ability_at(fitted: Fitted, number_right: float) -> float:
    """The ability at which so many items with a curve are right on average; NaN where that is
    beyond ±6, or at several.
    """
    theta = np.linspace(-6, 6, 1201)
    above = fitted.curves().at(theta).sum(axis=0) - number_right
    crossed = np.flatnonzero((above[:-1] < 0) != (above[1:] < 0))
    if len(crossed) != 1:
        return float("nan")
    low, high = above[crossed[0]], above[crossed[0] + 1]
    return float(theta[crossed[0]] - low * (theta[1] - theta[0]) / (high - low))


def observed_points(rights: U8, fitted: Fitted, threads: int = 2) -> Points:
    """Everybody, (persons, items), by ability in steps of a half, beside the curves.

    Abilities are not seen, so each person counts at every ability with the chance of having it:
    the expected counts of Bock & Aitkin (1981). Grouped by estimates instead, which lie closer
    together than abilities do, people would make every item look steeper than its curve.
    """
    patterns = Patterns.of(np.ascontiguousarray(rights[:, fitted.used]))
    quadrature = Quadrature.normal()
    with threadpool_limits(limits=1, user_api="blas"):
        found = Observed(patterns, quadrature, threads).expect(fitted.curves())
    _, step = np.unique(np.round(quadrature.nodes / _STEP), return_inverse=True)
    people: F64 = np.bincount(step, found.people).astype(np.float64)
    theta = np.bincount(step, found.people * quadrature.nodes) / people
    share = np.full((rights.shape[1], len(people)), np.nan)
    for item, right in zip(np.flatnonzero(fitted.used), found.right, strict=True):
        share[item] = np.bincount(step, right) / people
    return Points(theta, people, share)
