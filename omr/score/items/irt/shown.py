"""What a fitted model says at a glance: information, and what was observed beside the curves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from omr.score.items.irt.expect import Observed
from omr.score.items.irt.fit import Fitted
from omr.score.items.irt.patterns import Patterns, Quadrature
from omr.score.items.tally import F64
from omr.score.responses import U8


@dataclass(frozen=True, slots=True)
class Points:
    """People in groups of like ability: `theta` (groups,) their mean, `people` (groups,), and
    `share` (items, groups) of them that had an item right.
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
    """The ability at which so many items with a curve are right on average; NaN beyond ±6."""
    theta = np.linspace(-6, 6, 1201)
    expected = fitted.curves().at(theta).sum(axis=0)
    if not (np.diff(expected) > 0).all() or not expected[0] < number_right < expected[-1]:
        return float("nan")
    return float(np.interp(number_right, expected, theta))


def observed_points(rights: U8, fitted: Fitted, groups: int = 12, threads: int = 2) -> Points:
    """Everybody, (persons, items), by expected ability (EAP) in about equal groups; people whose
    ability is the same stay together.
    """
    patterns = Patterns.of(np.ascontiguousarray(rights[:, fitted.used]))
    mean, _ = Observed(patterns, Quadrature.normal(), threads).abilities(fitted.curves())
    order = np.argsort(mean, kind="stable")
    before = np.cumsum(patterns.people[order]) - patterns.people[order] / 2
    group = np.empty(len(mean), np.int64)
    group[order] = np.minimum(before * groups // patterns.people.sum(), groups - 1)
    people: F64 = np.bincount(group, patterns.people, groups).astype(np.float64)
    some = people > 0
    theta = np.bincount(group, patterns.people * mean, groups)[some] / people[some]
    share = np.full((rights.shape[1], int(some.sum())), np.nan)
    for place, item in enumerate(np.flatnonzero(fitted.used)):
        weights = patterns.people * patterns.rights[:, place]
        share[item] = np.bincount(group, weights, groups)[some] / people[some]
    return Points(theta, people[some], share)
