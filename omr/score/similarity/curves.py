"""How likely each option is for a person of a score: option curves, smoothed over scores.

Kernel-smoothed empirical curves (Ramsay 1991, Psychometrika 56, 611-630) over the number-right
score take the place of a fitted nominal response model: they ask for no shape and no convergence.
What keeps false alarms honest: the chances of a pair depend on both scores alone, the answers of
everybody of about that score are counted, and a prior keeps every chance off 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from omr.records import F64
from omr.score.similarity.answers import Answers

_PRIOR = 2.0  # persons of the paper's own mixture of options, beside those who were seen
_RULE = 1.06  # Silverman's: bandwidth = 1.06 x deviation x persons^(-1/5)


@dataclass(frozen=True, slots=True)
class OptionCurves:
    """`chance` (scores 0..items, items, options + 1): how likely each choice is, 0 being none;
    `earns` (items, options + 1): the option is right.
    """

    chance: F64
    earns: np.ndarray[tuple[int, int], np.dtype[np.bool_]]

    def alike(self, one: int, other: int) -> tuple[F64, F64]:
        """(items,) chances that persons of these scores match right, and match wrong."""
        both = self.chance[one] * self.chance[other]
        both[:, 0] = 0.0
        return (both * self.earns).sum(axis=1), (both * ~self.earns).sum(axis=1)


def option_curves(answers: Answers) -> OptionCurves:
    """Curves of everybody who sat the form; the two of a pair are among the many that are counted.

    Raises:
        ValueError: nobody answered.
    """
    if not answers.persons:
        raise ValueError("nobody answered: there are no curves")
    items, scores = answers.items, answers.scores
    counts = np.zeros((items + 1, items, answers.options + 1))
    _count(answers.choice, scores, counts)
    deviation = max(float(scores.std()), 1.0)
    width = max(_RULE * deviation * answers.persons**-0.2, 0.5)
    apart = np.subtract.outer(np.arange(items + 1), np.arange(items + 1)) / width
    weights = np.exp(-0.5 * apart**2)
    seen = np.einsum("st,tic->sic", weights, counts)
    overall = counts.sum(axis=0) + 0.5
    share = overall / overall.sum(axis=1, keepdims=True)
    chance = seen + _PRIOR * share
    chance /= chance.sum(axis=2, keepdims=True)
    earns = np.zeros((items, answers.options + 1), np.bool_)
    for option in range(1, answers.options + 1):
        earns[:, option] = (answers.right & (answers.choice == option)).any(axis=0)
    return OptionCurves(chance, earns)


@njit(cache=True, nogil=True)
def _count(choice, scores, out):  # type: ignore[no-untyped-def]
    """Count choices into (scores, items, options + 1)."""
    for person in range(choice.shape[0]):
        for item in range(choice.shape[1]):
            out[scores[person], item, choice[person, item]] += 1.0
