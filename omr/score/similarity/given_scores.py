"""Matches of two people given both their scores: the null distribution that screening goes by.

Two honest people of 60 right answers cannot help sharing about 36 of them: once both scores are
known, far less is left to chance than independent items would have it, so that tests which leave
that out (GBT, M4 with curves by score) cry wolf rarely and find little. Here the number R right
alike is taken given both scores, exactly (a conditional test in the sense of Fisher; for the Rasch
model it is free of ability, Rasch 1960), and the number W wrong alike given R, as a binomial over
the items that both missed. Outcomes are ranked by 2 R + 3 W: missing alike says the more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py, xlogy

from omr.records import F64
from omr.score.similarity.curves import OptionCurves
from omr.score.similarity.kernels import BOTH_RIGHT, BOTH_WRONG, fill_joint
from omr.score.similarity.tails import log_upper

_EVERY = 8  # scores between those whose items' chances stand for their neighbours'


@dataclass(frozen=True, slots=True)
class GivenScores:
    """`right` (pairs of scores, items + 1): P(R = r | both scores); `wrong` (pairs of scores,):
    the chance that an item which both missed was missed alike. Row b(b + 1)/2 + a is that of the
    a-th and b-th of `scores`, a <= b.
    """

    scores: NDArray[np.int64]
    right: F64
    wrong: F64

    @property
    def items(self) -> int:
        """How many items are compared."""
        return int(self.right.shape[1]) - 1

    def log_chances(self, one: int, other: int) -> F64:
        """(items + 1, items + 1) ln P(R = r, W = w) of persons with these scores."""
        low, high = np.searchsorted(self.scores, sorted((one, other)))
        row = high * (high + 1) // 2 + low
        n = self.items
        r, w = np.indices((n + 1, n + 1))
        missed = n - one - other + r
        within = (w <= missed) & (missed >= 0)
        of = np.where(within, missed, w)
        ways = gammaln(of + 1) - gammaln(w + 1) - gammaln(of - w + 1)
        alike = ways + xlogy(w, self.wrong[row]) + xlog1py(of - w, -self.wrong[row])
        with np.errstate(divide="ignore"):
            both = np.log(self.right[row])[:, None] + alike
        return np.where(within, both, -np.inf)

    def log_tail(self, scores: tuple[int, int], alike: tuple[int, int]) -> float:
        """ln of the chance of matches that weigh as much as `alike` (right, wrong) or more."""
        return float(self.log_tails(*scores)[weight_of(*alike)])

    def log_tails(self, one: int, other: int) -> F64:
        """(3 items + 1,) ln of the chance of each weight or more, of persons with these scores."""
        return np.minimum(log_upper(self.log_weights(one, other)), 0.0)

    def log_weights(self, one: int, other: int) -> F64:
        """(3 items + 1,) ln P of each weight of matches of persons with these scores."""
        chances = self.log_chances(one, other)
        weights = weight_of(*np.indices(chances.shape))
        out = np.full(BOTH_WRONG * self.items + 1, -np.inf)
        possible = np.isfinite(chances)
        np.logaddexp.at(out, weights[possible], chances[possible])
        return out


def weight_of(right: Any, wrong: Any) -> Any:
    """What so many matches weigh."""
    return BOTH_RIGHT * right + BOTH_WRONG * wrong


def given_scores(curves: OptionCurves, scores: NDArray[np.int64]) -> GivenScores:
    """The distributions for all pairs of `scores`, rising.

    The chances of items come from the curves at the nearest of every eighth score; given the scores
    the general level drops out, and what is left changes slowly.
    """
    n = curves.chance.shape[1]
    right = (curves.chance * curves.earns).sum(axis=2)
    centres = np.clip(np.round(scores / _EVERY) * _EVERY, 0, n).astype(np.int64)
    pairs = scores.size * (scores.size + 1) // 2
    out, wrong = np.zeros((pairs, n + 1)), np.zeros(pairs)
    joint = np.empty((n + 1, n + 1, n + 1))
    for b, centre in enumerate(np.unique(centres)):
        for other in np.unique(centres)[: b + 1]:
            highs, lows = np.flatnonzero(centres == centre), np.flatnonzero(centres == other)
            most = (scores[lows].max(), scores[highs].max())
            fill_joint((right[other], right[centre]), most, joint)
            for h in highs:
                for low in lows[lows <= h]:
                    chances = joint[scores[low], scores[h]]
                    row = h * (h + 1) // 2 + low
                    if chances.sum() > 0:
                        out[row] = chances / chances.sum()
                    else:  # scores beyond what floats hold accuse nobody
                        out[row, scores[low]] = 1.0
    for high in range(scores.size):
        for less in range(high + 1):
            alike = curves.alike(int(scores[less]), int(scores[high]))[1]
            missed = (1 - right[scores[less]]) * (1 - right[scores[high]])
            wrong[high * (high + 1) // 2 + less] = alike.sum() / missed.sum()
    return GivenScores(scores, out, wrong)
