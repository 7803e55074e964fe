"""Pass lines (合格线): which line is whose, by year, region, specialty, subject and level.

A line may name any of these; whoever fits all that it names may have it. Of several that fit, a
region's line comes before the country's, and then the line that names more. Two lines of the same
rank that could both fit someone are refused, unless a line for just those is there too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from omr.errors import ScoringError

BY = ("region", "specialty", "subject", "level")
"""The columns by which lines are found, beside the year, which is the sitting's."""

Named = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class PassLine:
    """A line and whom it is for; None stands for everybody."""

    line: Fraction
    year: int | None = None
    region: str | None = None
    specialty: str | None = None
    subject: str | None = None
    level: str | None = None

    @property
    def named(self) -> Named:
        """What the line names."""
        told = {"year": self.year, **{key: getattr(self, key) for key in BY}}
        return {key: value for key, value in told.items() if value is not None}

    @property
    def rank(self) -> tuple[bool, int]:
        """Which line comes before which: the greater one."""
        return self.region is not None, len(self.named)


@dataclass(frozen=True, slots=True)
class PassLines:
    """All lines, checked: nobody has two.

    Raises:
        ScoringError: two lines name the same, or are of one rank and could both fit someone.
    """

    lines: tuple[PassLine, ...]
    _ranked: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if faults := list(_faults(self.lines)):
            raise ScoringError("the pass lines contradict each other:\n  " + "\n  ".join(faults))
        order = sorted(range(len(self.lines)), key=lambda k: self.lines[k].rank, reverse=True)
        object.__setattr__(self, "_ranked", tuple(order))

    @classmethod
    def of(cls, lines: Iterable[PassLine]) -> PassLines:
        """These lines, checked."""
        return cls(tuple(lines))

    def find(self, whom: Mapping[str, str | int]) -> int:
        """Which of `lines` is that of someone, given `year` and `BY`.

        Raises:
            ScoringError: none is.
        """
        for at in self._ranked:
            if self.lines[at].named.items() <= whom.items():
                return at
        told = ", ".join(f"{key} {value}" for key, value in whom.items())
        raise ScoringError(f"no pass line fits {told}; add one, or one that names nothing")

    def column(self, frame: pl.DataFrame, year: int) -> NDArray[np.int32]:
        """Which of `lines` is whose, for the rows of a frame with the columns `BY`.

        `scaling.passed` takes it as `which`.

        Raises:
            ScoringError: a row that no line fits.
        """
        distinct = frame.select(BY).unique()
        found = [
            self.find({"year": year} | {key: v for key, v in row.items() if v is not None})
            for row in distinct.iter_rows(named=True)
        ]
        at = distinct.with_columns(pl.Series("at", found, pl.Int32))
        # Nulls fit nulls: a region that is not known has the country's line.
        joined = frame.select(BY).join(
            at, on=BY, how="left", nulls_equal=True, maintain_order="left"
        )
        return joined["at"].to_numpy()


def _faults(lines: tuple[PassLine, ...]) -> Iterator[str]:
    if not lines:
        yield "there is none; give at least one line"
    for a, b in combinations(lines, 2):
        if a.named == b.named:
            yield f"two lines for {_told(a.named)}; keep one"
        elif a.rank == b.rank and _meet(a.named, b.named):
            both = a.named | b.named
            if not any(c.rank > a.rank and c.named.items() <= both.items() for c in lines):
                yield (
                    f"{_told(a.named)} and {_told(b.named)} are of the same rank; add a line for "
                    f"{_told(both)}, or take one out"
                )


def _meet(a: Named, b: Named) -> bool:
    """Whether someone could fit both."""
    return all(b.get(key, value) == value for key, value in a.items())


def _told(named: Named) -> str:
    return ", ".join(f"{key} {value}" for key, value in named.items()) or "everybody"
