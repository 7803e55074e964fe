"""Everybody's answers, counted once by group and by total; all statistics come from these counts.

Sums are float64 and, for any marks that people give, whole numbers under 2**53: exact, and the
same in whatever order people come.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omr.errors import ScoringError
from omr.score.items.kernels import count_answers, total_up
from omr.score.responses import AnswerMatrix, choices

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
MOST_LEVELS = 1000
_LEAST_PART = 20_000  # persons that are worth a thread


@dataclass(frozen=True, slots=True)
class Sums:
    """What was counted, by group (the first axis).

    `persons`, `totals`, `totals2`, `numbers`, `numbers2` (groups,): people, their marks in units
    and how many items they had right, with squares. `moments` (groups, items, 5): marks, marks²,
    marks × total, rights, rights × total. `chosen` and `rests` (groups, items, options + 2): how
    many chose, and their totals without the item: nothing, each option alone, several. Of an item
    that takes several options (多选题) an option counts whoever picked it with or without others.
    """

    persons: F64
    totals: F64
    totals2: F64
    numbers: F64
    numbers2: F64
    moments: F64 = field(repr=False)
    chosen: F64 = field(repr=False)
    rests: F64 = field(repr=False)

    def together(self, into: I64, groups: int) -> Sums:
        """The groups put together: group g becomes a part of group `into[g]`; -1 leaves it out."""
        kept = into >= 0
        return Sums(
            **{
                name: _added(getattr(self, name)[kept], into[kept], groups)
                for name in self.__slots__
            }
        )

    def all(self) -> Sums:
        """Everybody, as one group."""
        return self.together(np.zeros(len(self.persons), np.int64), 1)

    def part(self, groups: I64) -> Sums:
        """Some groups, as one."""
        into = np.full(len(self.persons), -1, np.int64)
        into[groups] = 0
        return self.together(into, 1)


@dataclass(frozen=True, slots=True)
class Tally:
    """A form's answers, counted. `levels` (levels,) are the totals that occur, in marks, ascending;
    `persons_at` (levels,) how many have each; `by_level` (levels, items, options + 2) what they
    chose, and `rights_at` (levels, items) how many had it right.

    Where over a thousand totals occur, neighbouring ones share a level at their mean.
    """

    answers: AnswerMatrix = field(repr=False)
    sums: Sums = field(repr=False)
    levels: F64 = field(repr=False)
    persons_at: F64 = field(repr=False)
    by_level: F64 = field(repr=False)
    rights_at: F64 = field(repr=False)


def tally(answers: AnswerMatrix, groups: I64 | None = None, threads: int = 2) -> Tally:
    """Count a form's answers; `groups` (persons,) are numbers from 0, such as of test sites.

    Raises:
        ScoringError: other groups than persons.
    """
    n = answers.persons
    own = np.zeros(n, np.int64) if groups is None else np.ascontiguousarray(groups, np.int64)
    if own.shape != (n,) or (n and int(own.min()) < 0):
        raise ScoringError(f"one group from 0 is needed for each of {n} persons")
    table = answers.table()
    right = answers.right_masks()
    totals, numbers = np.zeros(n, np.int64), np.zeros(n, np.int64)
    parts = _parts(n, threads)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(
            lambda part: total_up(
                answers.masks[part], table.units, right, totals[part], numbers[part]
            ),
            parts,
        ):
            pass
        values, levels = _levels(totals)
        size = (int(own.max(initial=0)) + 1, len(answers.names), len(answers.key.options) + 2)
        several = ~answers.right_options().any(axis=1)
        lookups = (table.units, right, choices(len(answers.key.options)), several)

        def count(part: slice) -> tuple[F64, ...]:
            rows = (totals[part], own[part], levels[part])
            out = _room(size, len(values))
            count_answers(answers.masks[part], rows, lookups, out)
            return out

        chosen, rests, moments, by_level, rights_at = _summed(
            pool.map(count, parts), size, len(values)
        )
    persons, sum_t, sum_t2, sum_n, sum_n2 = (
        np.bincount(own, weights, size[0]).astype(np.float64)
        for weights in (None, *_powers(totals), *_powers(numbers))
    )
    at = np.bincount(levels, minlength=len(values)).astype(np.float64)
    marks = values / table.denominator
    sums = Sums(persons, sum_t, sum_t2, sum_n, sum_n2, moments, chosen, rests)
    return Tally(answers, sums, marks, at, by_level, rights_at)


def _powers(figures: I64) -> tuple[F64, F64]:
    as_floats = figures.astype(np.float64)
    return as_floats, as_floats * as_floats


def _parts(persons: int, threads: int) -> list[slice]:
    step = max(_LEAST_PART, -(-persons // max(threads, 1)))
    return [slice(start, start + step) for start in range(0, persons, step)]


def _room(size: tuple[int, int, int], levels: int) -> tuple[F64, ...]:
    groups, items, classes = size
    return (
        np.zeros((groups, items, classes)),
        np.zeros((groups, items, classes)),
        np.zeros((groups, items, 5)),
        np.zeros((levels, items, classes)),
        np.zeros((levels, items)),
    )


def _summed(
    parts: Iterable[tuple[F64, ...]], size: tuple[int, int, int], levels: int
) -> tuple[F64, ...]:
    found = _room(size, levels)
    for part in parts:
        for own, more in zip(found, part, strict=True):
            own += more
    return found


def _levels(totals: I64) -> tuple[F64, I64]:
    """The totals that occur, in units, and of each person the place among them."""
    values, places, counts = np.unique(totals, return_inverse=True, return_counts=True)
    places = places.astype(np.int64)
    if len(values) <= MOST_LEVELS:
        return values.astype(np.float64), places
    band = np.minimum((np.cumsum(counts) - 1) * MOST_LEVELS // len(totals), MOST_LEVELS - 1)
    _, band = np.unique(band, return_inverse=True)
    means = np.bincount(band, values * counts) / np.bincount(band, counts)
    return means, band.astype(np.int64)[places]


def _added(rows: F64, into: I64, groups: int) -> F64:
    found = np.zeros((groups, *rows.shape[1:]))
    np.add.at(found, into, rows)
    return found
