"""Item statistics the slow plain way: lists of answers, one person after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, pvariance, stdev
from typing import NamedTuple

Answers = Sequence[Sequence[int]]  # masks, a row a person
Marks = Sequence[Sequence[int]]  # by item and mask


def correlation(x: Sequence[float], y: Sequence[float]) -> float:
    mean_x, mean_y = fmean(x), fmean(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    below = math.sqrt(sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y))
    return above / below if below > 1e-6 else math.nan


def item(answers: Answers, marks: Marks, j: int) -> dict[str, float]:
    """An item's p, correlations and D (27 %); people with the edge's total count in part."""
    own = [marks[j][row[j]] for row in answers]
    full = max(marks[j])
    right = [float(one == full) for one in own]
    totals = [sum(marks[i][mask] for i, mask in enumerate(row)) for row in answers]
    p = fmean(right)
    z = NormalDist().inv_cdf(p) if 0 < p < 1 else math.nan
    spread = math.sqrt(pvariance(totals))
    r = correlation(right, totals)
    return {
        "p": p,
        "point": correlation(own, totals),
        "corrected": correlation(own, [t - o for t, o in zip(totals, own, strict=True)]),
        "biserial": r * math.sqrt(p * (1 - p)) / NormalDist().pdf(z) if spread else math.nan,
        "upper_lower": share_of_best(totals, right) - share_of_best([-t for t in totals], right),
    }


def share_of_best(totals: Sequence[float], right: Sequence[float], part: float = 0.27) -> float:
    room = part * len(totals)
    got = 0.0
    for level in sorted(set(totals), reverse=True):
        here = [one for one, total in zip(right, totals, strict=True) if total == level]
        taken = min(room, len(here))
        got += taken * fmean(here)
        room -= taken
    return got / (part * len(totals))


def option(answers: Answers, marks: Marks, j: int, mask: int) -> tuple[float, float]:
    """The share that chose a mask, and its correlation with the total of the other items."""
    picked = [float(row[j] == mask) for row in answers]
    rest = [float(sum(marks[i][m] for i, m in enumerate(row) if i != j)) for row in answers]
    return fmean(picked), correlation(picked, rest)


def alpha(answers: Answers, marks: Marks, items: Sequence[int]) -> float:
    rows = [[marks[j][row[j]] for j in items] for row in answers]
    if len(items) < 2 or pvariance([sum(row) for row in rows]) == 0:
        return math.nan
    of_items = sum(pvariance(column) for column in zip(*rows, strict=True))
    k = len(items)
    return k / (k - 1) * (1 - of_items / pvariance([sum(row) for row in rows]))


def spread(answers: Answers, marks: Marks) -> float:
    return stdev(sum(marks[j][mask] for j, mask in enumerate(row)) for row in answers)


class Counted(NamedTuple):
    """What each person adds to every sum, in the order of people."""

    totals: list[int]
    numbers: list[int]
    chosen: list[list[list[float]]]
    rests: list[list[list[float]]]
    moments: list[list[list[float]]]
    rights: list[list[float]]


def counted(
    answers: Answers,
    marks: Marks,
    right: Sequence[Sequence[bool]],
    several: Sequence[bool],
    options: int,
) -> Counted:
    found = Counted([], [], [], [], [], [])
    for row in answers:
        own = [marks[j][mask] for j, mask in enumerate(row)]
        good = [float(right[j][mask]) for j, mask in enumerate(row)]
        total = sum(own)
        places = [choice_places(mask, options, several[j]) for j, mask in enumerate(row)]
        chosen = [[float(k in here) for k in range(options + 2)] for here in places]
        found.totals.append(total)
        found.numbers.append(int(sum(good)))
        found.chosen.append(chosen)
        found.rests.append(
            [[one * (total - m) for one in line] for line, m in zip(chosen, own, strict=True)]
        )
        found.moments.append(
            [[m, m * m, m * total, g, g * total] for m, g in zip(own, good, strict=True)]
        )
        found.rights.append(good)
    return found


def choice_places(mask: int, options: int, several: bool) -> list[int]:
    picked = [k + 1 for k in range(options) if mask >> k & 1]
    if not picked:
        return [0]
    return picked if several or len(picked) == 1 else [options + 1]
