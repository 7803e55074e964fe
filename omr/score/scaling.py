"""From marks to scores (折算): scaled, rounded and held against a pass line, all exact.

A score is a whole number over a denominator that is the same for a whole paper's form, so a
million scores are one array of int64; nothing is ever a float.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray

from omr.errors import ScoringError
from omr.score.key import written
from omr.score.marking import I64, MOST_UNITS, KeyTable


class Rounding(StrEnum):
    """What happens to a scaled score."""

    NONE = "none"
    HALF_UP = "half_up"  # to the nearest whole mark, halves upwards: 59.5 → 60, -0.5 → 0


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores `numerators` / `denominator`, (candidates,) int64 over a whole number from 1."""

    numerators: I64
    denominator: int

    def exact(self, at: int) -> Fraction:
        """One score."""
        return Fraction(int(self.numerators[at]), self.denominator)


@dataclass(frozen=True, slots=True)
class Scale:
    """How a key's units become scores: units × `times` / `over`, then rounded."""

    times: int
    over: int
    rounding: Rounding

    @classmethod
    def of(cls, table: KeyTable, full: Fraction, rounding: Rounding) -> Scale:
        """The scale on which the key's full marks are `full` (满分, such as 100).

        Raises:
            ScoringError: the key has no full marks, `full` is not above 0, or scores would need
                finer steps than int64 holds.
        """
        if table.full <= 0:
            raise ScoringError("the key's full marks are 0: everything is left out; mend the key")
        if full <= 0:
            raise ScoringError(f"full marks after scaling must be more than 0, got {full}")
        factor = full / table.full
        reach = max(abs(table.least), abs(table.most))
        if 2 * (reach * factor.numerator + factor.denominator) >= MOST_UNITS:
            raise ScoringError(
                f"scores on a scale of {written(full)} need steps of 1/{factor.denominator}, more "
                "than can be held; give the key's marks and weights with fewer digits"
            )
        return cls(factor.numerator, factor.denominator, rounding)

    def scores(self, units: I64) -> Scores:
        """Scores of totals in the units of the table that this scale was made for."""
        scaled = units * self.times
        if self.rounding is Rounding.HALF_UP:
            return Scores((2 * scaled + self.over) // (2 * self.over), 1)
        return Scores(scaled, self.over)


def passed(
    scores: Scores, lines: Sequence[Fraction], which: NDArray[np.integer] | None = None
) -> NDArray[np.bool_]:
    """Who reaches the pass line (合格线): lines[which[k]] for candidate k, or the only line."""
    if which is None and len(lines) != 1:
        raise ScoringError(f"say which of the {len(lines)} pass lines is whose")
    # n / d >= line is n >= ceil(line × d): one whole number a line, worked out without limit. No
    # numerator reaches MOST_UNITS, so a line beyond it stays beyond it.
    least = [-(-line.numerator * scores.denominator // line.denominator) for line in lines]
    bounded = np.array([max(-MOST_UNITS, min(MOST_UNITS, n)) for n in least], np.int64)
    reached: NDArray[np.bool_] = scores.numerators >= (
        bounded[0] if which is None else bounded[which]
    )
    return reached


def score_texts(scores: Scores) -> pl.Series:
    """Scores as people write them, exactly: 61, 60.5, 182/3."""
    distinct, which = np.unique(scores.numerators, return_inverse=True)
    texts = [written(Fraction(int(n), scores.denominator)) for n in distinct]
    return pl.Series("score", texts, pl.String).gather(which.astype(np.uint32))
