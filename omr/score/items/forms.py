"""Whether two forms (卷型) of a paper were as hard as one another, by the totals of who sat them.

Who sat which form is taken to be chance, as where forms alternate from seat to seat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omr.score.items.tally import F64, Tally

_NORMAL_95 = 1.959963984540054
_TERMS = 100


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Form `second` against form `first`, in per cent of full marks; intervals hold 95 %.

    `effect` is Cohen's d: the difference of means over the pooled SD. `ks` is the largest distance
    between the cumulated distributions (Kolmogorov–Smirnov); its `ks_p` errs to the safe side,
    since totals tie.
    """

    first: str
    second: str
    means: tuple[float, float]
    sds: tuple[float, float]
    difference: float
    difference_from: float
    difference_to: float
    effect: float
    effect_from: float
    effect_to: float
    ks: float
    ks_p: float


def compare(first: Tally, second: Tally) -> Equivalence:
    """Two forms' totals beside one another; NaN where too few people sat one of them."""
    (n1, mean1, var1), (n2, mean2, var2) = _moments(first), _moments(second)
    difference = mean2 - mean1
    error = math.sqrt(var1 / n1 + var2 / n2) if n1 and n2 else math.nan
    degrees = n1 + n2 - 2
    pooled = math.sqrt(((n1 - 1) * var1 + (n2 - 1) * var2) / degrees) if degrees > 0 else math.nan
    effect = difference / pooled if pooled > 0 else math.nan
    # Large-sample variance of d (Hedges & Olkin 1985).
    both = n1 + n2
    of_effect = math.sqrt(both / (n1 * n2) + effect**2 / (2 * both)) if n1 and n2 else math.nan
    ks = _distance(first, second)
    return Equivalence(
        first=first.answers.key.form,
        second=second.answers.key.form,
        means=(mean1, mean2),
        sds=(math.sqrt(var1), math.sqrt(var2)),
        difference=difference,
        difference_from=difference - _NORMAL_95 * error,
        difference_to=difference + _NORMAL_95 * error,
        effect=effect,
        effect_from=effect - _NORMAL_95 * of_effect,
        effect_to=effect + _NORMAL_95 * of_effect,
        ks=ks,
        ks_p=_kolmogorov(ks * math.sqrt(n1 * n2 / (n1 + n2))) if n1 and n2 else math.nan,
    )


def per_cent(tally: Tally) -> F64:
    """(levels,): the totals that occur in per cent of full marks."""
    table = tally.answers.table()
    return tally.levels * (100 * table.denominator / table.full) if table.full else tally.levels


def _moments(tally: Tally) -> tuple[float, float, float]:
    """People, mean and sample variance in per cent."""
    people, at = tally.persons_at, per_cent(tally)
    n = float(people.sum())
    if n < 2:
        return n, math.nan, math.nan
    mean = float(people @ at / n)
    return n, mean, float(people @ (at - mean) ** 2 / (n - 1))


def _distance(first: Tally, second: Tally) -> float:
    shares = []
    points = np.union1d(per_cent(first), per_cent(second))
    for tally in (first, second):
        n = tally.persons_at.sum()
        if not n:
            return math.nan
        cumulated = np.concatenate([[0.0], np.cumsum(tally.persons_at) / n])
        shares.append(cumulated[np.searchsorted(per_cent(tally), points, side="right")])
    return float(np.abs(shares[0] - shares[1]).max())


def _kolmogorov(x: float) -> float:
    """The chance of a scaled distance of at least x where there is no difference."""
    if x < 0.2:
        return 1.0  # to 12 digits, and the series below converges slowly
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, _TERMS))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))
