"""How often honest pairs are flagged far out, where no sitting is large enough to count them.

Importance sampling by exponential tilting (Siegmund 1976, Annals of Statistics 4, 673-684): pairs
are drawn so that they match about as much as the level asks, with the scores that they would have,
and every draw counts for as much less as it was made likelier. What is counted is the screen's own
verdict on people of whom the truth is known; nothing of its null distribution is taken for granted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import norm

from omr.records import F64
from omr.score.similarity.given_scores import GivenScores
from omr.score.similarity.simulate import Exam

# What an item can come to for two people: right alike, the first right, the second right, wrong
# alike, wrong apart. Columns: its weight among the matches, and both scores.
_OUTCOMES = np.array([[2, 1, 1], [0, 1, 0], [0, 0, 1], [3, 0, 0], [0, 0, 0]], np.float64)
_STEPS, _CLOSE = 60, 1e-6


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of false flags with its bounds, from so many `pairs` drawn `draws` times each."""

    pairs: int
    draws: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class People:
    """Pairs to be: abilities round `ability`, in one site whose bent has this deviation."""

    bent: float
    ability: float | None = None  # None: of anybody

    def outcomes(self, exam: Exam, rng: np.random.Generator) -> F64:
        """(items, 5) chances of what each item comes to, for one pair drawn at random."""
        own = rng.normal(size=2) if self.ability is None else np.full(2, self.ability)
        bent = rng.normal(0, self.bent, exam.intercept.shape)
        one, other = exam.chances(own + rng.normal(0, self.bent), np.stack([bent, bent]))
        p, q = one[:, 0], other[:, 0]
        alike = (one[:, 1:] * other[:, 1:]).sum(axis=1)
        apart = (1 - p) * (1 - q) - alike
        return np.column_stack([p * q, p * (1 - q), (1 - p) * q, alike, apart])


@dataclass(frozen=True, slots=True)
class FarTail:
    """The screen's verdicts at a level (natural logarithm) on draws of pairs; `given` knows every
    score from 0 to the number of items.
    """

    exam: Exam
    given: GivenScores
    log_level: float

    def rate(self, people: People, pairs: int, draws: int, rng: np.random.Generator) -> Rate:
        """The chance that an honest pair of `people` is flagged; bounds at 95 % by the spread
        between pairs.
        """
        least = cache(self._least_weight)
        drawn = (people.outcomes(self.exam, rng) for _ in range(pairs))
        each = np.array([_flagged(chances, least, draws, rng) for chances in drawn])
        rate = float(each.mean())
        around = float(norm.ppf(0.975) * each.std(ddof=1) / np.sqrt(pairs))
        return Rate(pairs, draws, rate, max(rate - around, 0.0), rate + around)

    def _least_weight(self, one: int, other: int) -> int:
        """The least weight of matches that is flagged at these scores; beyond all where none is."""
        return int(np.searchsorted(-self.given.log_tails(one, other), -self.log_level))


def _flagged(
    chances: F64, least: Callable[[int, int], int], draws: int, rng: np.random.Generator
) -> float:
    """The chance that one pair is flagged."""
    usual = (chances @ _OUTCOMES)[:, 1:].sum(axis=0)
    low, high = sorted(np.rint(usual).astype(int).tolist())
    tilt = tilted_to(chances, np.array([least(low, high), *usual]))
    likelier = chances * np.exp(_OUTCOMES @ tilt)
    total = likelier.sum(axis=1)
    edges = np.cumsum(likelier / total[:, None], axis=1)[:, :-1]
    found = _OUTCOMES[(rng.random((draws, len(chances), 1)) > edges).sum(axis=2)].sum(axis=1)
    counts = np.exp(np.log(total).sum() - found @ tilt)
    flags = [
        weight >= least(min(one, other), max(one, other))
        for weight, one, other in found.astype(int).tolist()
    ]
    return float((counts * flags).mean())


def tilted_to(chances: F64, means: F64) -> F64:
    """(3,) tilt under which weight and scores have these means, by Newton's method with halved
    steps; as close as it comes where they cannot be had.
    """

    def moments(tilt: F64) -> tuple[F64, F64]:
        likelier = chances * np.exp(_OUTCOMES @ tilt)
        likelier /= likelier.sum(axis=1, keepdims=True)
        each = likelier @ _OUTCOMES
        spread = np.einsum("io,oa,ob->ab", likelier, _OUTCOMES, _OUTCOMES) - each.T @ each
        return each.sum(axis=0) - means, spread

    tilt = np.zeros(3)
    off, spread = moments(tilt)
    for _ in range(_STEPS):
        if np.abs(off).max() < _CLOSE:
            break
        step = np.clip(np.linalg.lstsq(spread, off, rcond=None)[0], -1.0, 1.0)
        for _half in range(20):
            new_off, new_spread = moments(tilt - step)
            if np.abs(new_off).max() < np.abs(off).max():
                break
            step = step / 2
        tilt, off, spread = tilt - step, new_off, new_spread
    return tilt
