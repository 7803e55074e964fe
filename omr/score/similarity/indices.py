"""The published indices of one pair, each as a logarithm of its upper tail.

A pair has roles in most of them: one is taken as the copier c, the other as the source s. Whoever
looks at a pair tries both. M is the number of same choices, m that of same wrong choices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omr.records import F64
from omr.score.similarity.answers import Answers
from omr.score.similarity.curves import OptionCurves
from omr.score.similarity.tails import (
    log_binomial_tail,
    log_m4_tail,
    log_match_tail,
    log_normal_tail,
    log_poisson_tail,
)

_EDGE = 0.001  # a regressed share is no chance at 0 or 1
_LEAST_EEIC, _LEAST_RATIO = 6, 1.0
_GUESS = 0.2  # of five options: how a right answer's weight falls in S2


@dataclass(frozen=True, slots=True)
class Omega:
    """Wollack's ω (1997, Applied Psychological Measurement 21, 307-320) of one copier."""

    expected: float
    deviation: float
    value: float
    log_chance: float


def omega(matches: int, chances: F64) -> Omega:
    """`chances` (items,): that the copier chooses just what the source chose, given the copier's
    ability; the source's choices are taken as they are.
    """
    expected = float(chances.sum())
    deviation = float(np.sqrt((chances * (1 - chances)).sum()))
    value = (matches - expected) / deviation if deviation else 0.0
    return Omega(expected, deviation, value, log_normal_tail(value))


def gbt(matches: int, chances: F64) -> float:
    """ln tail of the generalised binomial test (van der Linden & Sotaridona 2006, Journal of
    Educational and Behavioral Statistics 31, 283-304); `chances` (items,): that both choose alike.
    """
    return log_match_tail(matches, chances)


def m4(alike: tuple[int, int], right: F64, wrong: F64) -> float:
    """ln tail of M4 (Maynes 2014, in Kingston & Clark, Test Fraud): right and wrong matches apart,
    outcomes ordered by their joint upper tail.
    """
    return log_m4_tail(alike, right, wrong)


@dataclass(frozen=True, slots=True)
class WrongMatches:
    """The indices of same wrong choices, all given the source's w_s wrong choices: K (Holland 1996,
    ETS RR-96-07), K1 and K2 (Sotaridona & Meijer 2002, Journal of Educational Measurement 39,
    115-132), S1 and S2 (the same 2003, 40, 53-69). ln tails; nan where the source has no wrong
    choice, or nobody else has the scores that the index rests on.
    """

    k: float
    k1: float
    k2: float
    s1: float
    s2: float


def wrong_matches(answers: Answers, copier: int, source: int) -> WrongMatches:
    """K and those after it, from what everybody but the source shares with the source."""
    wrong, right = answers.wrong, answers.right
    sources = int(wrong[source].sum())
    if not sources:
        return WrongMatches(*(float("nan"),) * 5)
    alike = ((answers.choice == answers.choice[source]) & wrong[source]).sum(axis=1)
    own = wrong.sum(axis=1)
    matches, items, at = int(alike[copier]), answers.items, int(own[copier])
    others = np.delete(np.arange(answers.persons), source)
    others = others[np.argsort(own[others], kind="stable")]
    groups, first = np.unique(own[others], return_index=True)
    sizes = np.diff(np.append(first, others.size))
    means = np.add.reduceat(alike[others], first) / sizes
    shares = means / sources
    level = int(np.searchsorted(groups, at))
    q = groups / items
    tails = [log_binomial_tail(matches, sources, min(float(shares[level]), 1.0))]
    for degree in (1, 2):
        tails.append(log_binomial_tail(matches, sources, _regressed(q, shares, degree, at / items)))
    mean = _log_linear(groups, means, at)
    tails.append(log_poisson_tail(matches, sources, min(mean, float(sources))))
    both = right & right[source]
    known = np.add.reduceat(both[others].astype(np.float64), first, axis=0) / sizes[:, None]
    weights = _weight(known)
    weighted = np.ceil((known * weights).sum(axis=1))
    seen = matches + int(np.ceil(weights[level][both[copier]].sum()))
    mean = _log_linear(groups, means + weighted, at)
    tails.append(log_poisson_tail(seen, items, min(mean, float(items))))
    return WrongMatches(*tails)


def _weight(share: F64) -> F64:
    """What a right answer alike counts in S2: less, the more people of that level have it."""
    fall = (1 + _GUESS) / _GUESS
    return np.asarray(((1 + _GUESS) / (1 - _GUESS) * math.e) ** (-fall * share), np.float64)


def _regressed(q: F64, shares: F64, degree: int, at: float) -> float:
    """The share at `at` by least squares over the groups; each group counts once."""
    degree = min(degree, q.size - 1)
    fitted = float(np.polynomial.Polynomial.fit(q, shares, degree)(at)) if degree else shares[0]
    return float(np.clip(fitted, _EDGE, 1 - _EDGE))


def _log_linear(wrong: np.ndarray, means: F64, at: float) -> float:
    """The mean at `at` of a Poisson regression ln mean = b0 + b1 wrong, by Newton's steps."""
    if wrong.size < 2:
        return float(means.mean())
    x = np.column_stack([np.ones(wrong.size), (wrong - wrong.mean()) / max(wrong.std(), 1e-9)])
    b = np.array([np.log(max(means.mean(), 1e-9)), 0.0])
    for _ in range(50):
        fitted = np.exp(np.clip(x @ b, -30, 30))
        step = np.linalg.lstsq(x.T @ (x * fitted[:, None]), x.T @ (means - fitted), rcond=None)[0]
        b = b + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-12:
            break
    place = (at - wrong.mean()) / max(wrong.std(), 1e-9)
    return float(np.exp(np.clip(b[0] + b[1] * place, -30, 30)))


@dataclass(frozen=True, slots=True)
class HarppHogan:
    """Harpp & Hogan (1993, Journal of Chemical Education 70, 306-311; 1996, 73, 349-351): exact
    errors in common over differences. `flags` needs six errors too: strong pairs differ in so
    little that their ratio alone would flag them.
    """

    errors: int
    differences: int

    @property
    def ratio(self) -> float:
        """EEIC / D; infinite for two alike throughout."""
        return self.errors / self.differences if self.differences else float("inf")

    @property
    def flags(self) -> bool:
        """Whether both rules of thumb are met."""
        return self.ratio >= _LEAST_RATIO and self.errors >= _LEAST_EEIC


@dataclass(frozen=True, slots=True)
class PairIndices:
    """Everything of a pair (one, other); `omega[0]` and `wrong[0]` take `one` as the copier."""

    right_alike: int
    wrong_alike: int
    both_wrong: int
    gbt: float
    m4: float
    omega: tuple[Omega, Omega]
    wrong: tuple[WrongMatches, WrongMatches]
    harpp_hogan: HarppHogan


def pair_indices(answers: Answers, curves: OptionCurves, one: int, other: int) -> PairIndices:
    """All indices of a pair of rows; chances come from the curves at both scores."""
    choice, scores = answers.choice, answers.scores
    same = (choice[one] == choice[other]) & (choice[one] > 0)
    right = int((same & answers.right[one]).sum())
    wrong = int(same.sum()) - right
    by_item = curves.alike(int(scores[one]), int(scores[other]))
    items = np.arange(answers.items)

    def as_copier(copier: int, source: int) -> Omega:
        of_source = curves.chance[scores[copier], items, choice[source]]
        return omega(right + wrong, np.where(choice[source] > 0, of_source, 0.0))

    return PairIndices(
        right,
        wrong,
        int((answers.wrong[one] & answers.wrong[other]).sum()),
        gbt(right + wrong, by_item[0] + by_item[1]),
        m4((right, wrong), *by_item),
        (as_copier(one, other), as_copier(other, one)),
        (wrong_matches(answers, one, other), wrong_matches(answers, other, one)),
        HarppHogan(wrong, answers.items - int(same.sum())),
    )
