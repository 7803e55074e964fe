"""All pairs of a paper's form, within groups: counted, judged by one index, the rare ones kept."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from omr.score.similarity.answers import Answers, planes_of
from omr.score.similarity.curves import OptionCurves
from omr.score.similarity.given_scores import GivenScores, given_scores
from omr.score.similarity.kernels import (
    fill_gbt_codes,
    fill_given_codes,
    fill_m4_codes,
    screen_rows,
)

STEPS = 4  # codes a decade: a quarter of a decade is as fine as the tally is
CODES = 256
_MOST_ITEMS = 255  # counts are kept in bytes
_PAIRS_A_PART = 20_000_000  # of a part that a thread takes at once
_ROOM = 4096  # kept pairs that a part begins with; it grows where there are more


class Method(StrEnum):
    """The index by which all pairs are judged. All are symmetric, exact for the given curves,
    and depend on scores and matches alone: their thresholds are a table.
    """

    GIVEN_SCORES = "given_scores"
    GBT = "gbt"
    M4 = "m4"


@dataclass(frozen=True, slots=True)
class Screened:
    """`pairs` (n, 2): all pairs whose chance is at most the bound, as rows of the answers.
    `tally[c]`: of all `compared` pairs, those whose -log10 chance is in [c, c + 1) / STEPS.
    """

    pairs: NDArray[np.int64]
    tally: NDArray[np.int64]
    compared: int


@dataclass(frozen=True, slots=True)
class Codes:
    """`table` (pairs of scores, items + 1, items + 1) uint8: the code of every outcome, right alike
    by wrong alike. The pair of the a-th and b-th of `scores` (rising), a <= b, is its row
    b(b + 1)/2 + a.
    """

    scores: NDArray[np.int64]
    table: NDArray[np.uint8]


def match_codes(curves: OptionCurves, scores: NDArray[np.int64], method: Method) -> Codes:
    """Codes by a method for all pairs of `scores`, rising."""
    if method is Method.GIVEN_SCORES:
        return codes_given(given_scores(curves, scores))
    items = curves.chance.shape[1]
    high, low = np.tril_indices(scores.size)
    chances = np.zeros((2, high.size, items))
    for row, (a, b) in enumerate(zip(scores[low], scores[high], strict=True)):
        chances[0, row], chances[1, row] = curves.alike(int(a), int(b))
    out = np.zeros((high.size, items + 1, items + 1), np.uint8)
    fill = fill_gbt_codes if method is Method.GBT else fill_m4_codes
    fill((chances[0], chances[1]), STEPS, out)
    return Codes(scores, out)


def codes_given(given: GivenScores) -> Codes:
    """Codes of matches given both scores."""
    high, low = np.tril_indices(given.scores.size)
    out = np.zeros((high.size, given.items + 1, given.items + 1), np.uint8)
    of_pairs = np.column_stack([given.scores[low], given.scores[high]])
    fill_given_codes((of_pairs, given.right, given.wrong), STEPS, out)
    return Codes(given.scores, out)


def screen(
    answers: Answers, groups: NDArray[np.int64], codes: Codes, bound: float, *, threads: int = 2
) -> Screened:
    """Compare all pairs within each group and keep those whose chance may be at most `bound`.

    Nothing is lost by the bound: the table holds the index itself for every outcome that there is,
    rounded so that a few pairs too many are kept, never one too few.

    Raises:
        ValueError: more items than a count holds, or a score that `codes` do not know.
    """
    if answers.items > _MOST_ITEMS:
        raise ValueError(f"similarity compares {_MOST_ITEMS} items at most, not {answers.items}")
    scores = answers.scores
    order = np.lexsort((scores, groups))
    if not np.isin(scores, codes.scores).all():
        raise ValueError("somebody's score is not among those of the codes")
    ordered = Answers(answers.choice[order], answers.right[order], answers.options)
    ends = np.searchsorted(groups[order], groups[order], side="right")
    people = (planes_of(ordered), np.searchsorted(codes.scores, scores[order]), ends)
    limit = min(CODES - 1, int(np.floor(-np.log10(bound) * STEPS)))

    def part(rows: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        room = _ROOM
        while True:
            found, tally = np.empty((room, 2), np.int32), np.zeros(CODES, np.int64)
            kept = screen_rows(rows, people, codes.table, limit, found, tally)
            if kept <= room:
                return found[:kept], tally
            room = kept

    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(part, _parts(ends)))
    pairs = order[np.concatenate([found for found, _ in done] or [np.empty((0, 2), np.int32)])]
    tally = np.sum([one for _, one in done] or [np.zeros(CODES, np.int64)], axis=0)
    pairs = np.sort(pairs.reshape(-1, 2), axis=1)
    return Screened(pairs[np.lexsort(pairs.T[::-1])], tally, int(tally.sum()))


def _parts(ends: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Rows in parts of about as many pairs each."""
    after = np.cumsum(ends - np.arange(ends.size) - 1)
    if not after.size:
        return []
    cuts = np.searchsorted(after, np.arange(_PAIRS_A_PART, after[-1], _PAIRS_A_PART)) + 1
    edges = np.unique(np.concatenate([[0], cuts, [ends.size]])).tolist()
    return list(itertools.pairwise(edges))
