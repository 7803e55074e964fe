"""Classical statistics of items and of a form, from what was counted.

All variances are of the population, of totals and of items alike, but for `sd` and `sem`, which
speak of people beyond these and divide by n − 1. A figure that the data do not settle (nobody, no
spread) is NaN, never infinite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from omr.score.items.tally import F64, Sums, Tally

UPPER_LOWER = 0.27  # Kelley (1939): the groups that tell most
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Items:
    """Figures by item, (items,) each; of options, (items, options + 2): nothing, options, several.

    `p` is the share with full marks, `facility` the mean share of an item's marks. `point` is the
    correlation of the item's marks with the total, `corrected` with the total without the item,
    `biserial` from right or wrong as a normal variable cut in two. `share` and `option_r` are of
    those who chose: the correlation is with the total without the item. A void item (作废题) has
    shares and correlations of options only.
    """

    p: F64
    facility: F64
    point: F64
    corrected: F64
    biserial: F64
    share: F64 = field(repr=False)
    option_r: F64 = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """Figures of a whole form. Marks as the key gives them; `items` that count.

    KR-20 is of rights and wrongs, alpha (Cronbach 1951) of marks; without weights they are one.
    """

    persons: int
    items: int
    mean: float
    sd: float
    kr20: float
    alpha: float
    sem: float
    alpha_without: F64 = field(repr=False)


def item_figures(tally: Tally, sums: Sums | None = None) -> Items:
    """The items' figures for everybody, or for one group's sums."""
    counted = tally.answers.counts
    own = tally.sums.all() if sums is None else sums
    n, spread = own.persons[0], _Spread(own)
    p = np.where(counted, _over(own.moments[0, :, 3], n), np.nan)
    most = np.where(counted, tally.answers.table().units.max(axis=1), 0)
    rest = spread.total + spread.items - 2 * spread.with_total
    return Items(
        p,
        _over(_over(own.moments[0, :, 0], n), most),
        np.where(counted, _r(spread.with_total, spread.items, spread.total), np.nan),
        np.where(counted, _r(spread.with_total - spread.items, spread.items, rest), np.nan),
        _biserial(spread, p),
        _over(own.chosen[0], n),
        _option_r(own, rest),
    )


def form_figures(tally: Tally, sums: Sums | None = None) -> Form:
    """The form's figures for everybody, or for one group's sums."""
    own = tally.sums.all() if sums is None else sums
    counted = tally.answers.counts
    unit, n, spread = float(tally.answers.table().denominator), own.persons[0], _Spread(own)
    k, items = int(counted.sum()), np.where(counted, spread.items, 0.0)
    p = _over(own.moments[0, counted, 3], n)
    right = _over(own.numbers2[0], n) - _over(own.numbers[0], n) ** 2
    alpha = float(_alpha(k, items.sum(), spread.total))
    rest = spread.total + items - 2 * spread.with_total
    sd = float(_over(np.sqrt(max(spread.total, 0.0) * n), np.sqrt(max(n - 1, 0.0)))) / unit
    return Form(
        int(n),
        k,
        float(_over(own.totals[0], n)) / unit,
        sd,
        float(_alpha(k, (p * (1 - p)).sum(), right)),
        alpha,
        sd * float(np.sqrt(1 - alpha)),
        np.where(counted, _alpha(k - 1, items.sum() - items, rest), np.nan),
    )


def upper_lower(tally: Tally, fraction: float = UPPER_LOWER) -> F64:
    """D by item, (items,): the share right among the best `fraction` less that among the least.

    Both groups have exactly `fraction` of all people. Of those who share the total at the edge,
    each counts for the same part of a person, so that no order of the file decides who is in.
    """
    share = _over(tally.rights_at, tally.persons_at[:, None])
    low, high = (_edge(at, fraction) for at in (tally.persons_at, tally.persons_at[::-1]))
    weights = (high[::-1] - low) * tally.persons_at
    d = _over((weights[:, None] * share).sum(axis=0), fraction * tally.persons_at.sum())
    return np.where(tally.answers.counts, d, np.nan)


class _Spread:
    """Variances and covariances of a group, in units²."""

    def __init__(self, own: Sums) -> None:
        n = own.persons[0]
        mean, total = _over(own.moments[0], n), _over(own.totals[0], n)
        self.total = float(_over(own.totals2[0], n) - total * total)
        self.items: F64 = mean[:, 1] - mean[:, 0] ** 2
        self.with_total: F64 = mean[:, 2] - mean[:, 0] * total
        self.rights_with_total: F64 = mean[:, 4] - mean[:, 3] * total


def _option_r(own: Sums, rest: F64) -> F64:
    """Correlation of having chosen with the total without the item, whose variance is `rest`."""
    n = own.persons[0]
    share = _over(own.chosen[0], n)
    mean_rest = _over(own.totals[0] - own.moments[0, :, 0], n)
    together = _over(own.rests[0], n) - share * mean_rest[:, None]
    return _r(together, share * (1 - share), rest[:, None])


def _biserial(spread: _Spread, p: F64) -> F64:
    """The covariance of being right with the total over the SD and the normal curve's height
    where it leaves p of its area.
    """
    height = np.array(
        [_NORMAL.pdf(_NORMAL.inv_cdf(one)) if 0 < one < 1 else 0.0 for one in p.tolist()]
    )
    return _over(spread.rights_with_total, height * np.sqrt(max(spread.total, 0.0)))


def _alpha(items: int, of_items: F64 | float, of_total: F64 | float) -> F64:
    """1 − the items' variances over the total's, times k/(k − 1); NaN of fewer than two items."""
    own = 1 - _over(of_items, of_total)
    return np.multiply(own, items / (items - 1) if items > 1 else np.nan)


def _edge(persons: F64, fraction: float) -> F64:
    """By level from the least: the part of each person there who is in the lowest `fraction`."""
    before = np.cumsum(persons) - persons
    return np.clip(_over(fraction * persons.sum() - before, persons), 0.0, 1.0)


def _r(covariance: F64, first: F64, second: F64 | float) -> F64:
    product = np.maximum(first, 0.0) * np.maximum(second, 0.0)
    return np.asarray(np.clip(_over(covariance, np.sqrt(product)), -1.0, 1.0))


def _over(above: F64 | float, below: F64 | float) -> F64:
    """A quotient, NaN where there is nothing to divide by."""
    top, bottom = np.asarray(above, np.float64), np.asarray(below, np.float64)
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    found: F64 = np.full(shape, np.nan)
    return np.divide(top, bottom, out=found, where=bottom > 1e-12)
