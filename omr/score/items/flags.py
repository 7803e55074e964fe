"""Which items are worth a look, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from omr.score.items.classical import Items
from omr.score.items.drift import Drift
from omr.score.items.irt.fit import Fitted, LeftOut
from omr.score.items.tally import F64
from omr.score.items.thresholds import Thresholds
from omr.score.responses import AnswerMatrix, Bools


class Reason(StrEnum):
    """Why an item is worth a look, the gravest first."""

    WRONG_KEY = "key suspected"
    AGAINST = "negative discrimination"
    RIVAL = "distractor drawing able people"
    WEAK = "low discrimination"
    HARD = "too hard"
    EASY = "too easy"
    DRIFTED = "drifted"
    OMITTED = "often omitted"
    SEVERAL = "often marked twice"
    UNTAKEN = "distractor hardly taken"
    NO_CURVE = "no curve"


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason for one item: the option that it is about ("" where none), the figure that it
    rests on, and the limit that this passed.
    """

    item: int
    reason: Reason
    option: str
    figure: float
    limit: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What flags are made from. `drift` and `curves` are None where there are none."""

    answers: AnswerMatrix
    items: Items
    upper_lower: F64
    drift: Drift | None
    curves: Fitted | None


def flags(evidence: Evidence, limits: Thresholds) -> tuple[Flag, ...]:
    """Every reason of every item, items in order and each one's gravest reason first."""
    if evidence.answers.persons < limits.least_persons:
        return ()
    order, right = list(Reason), evidence.answers.right_options()
    found: list[Flag] = []
    for item in np.flatnonzero(evidence.answers.counts).tolist():
        own = _of(evidence, item, right[item], limits)
        found += sorted(own, key=lambda one: order.index(one.reason))
    return tuple(found)


def _of(evidence: Evidence, item: int, right: Bools, limits: Thresholds) -> Iterator[Flag]:
    figures = evidence.items
    p, r = float(figures.p[item]), float(figures.corrected[item])
    if p < limits.least_p:
        yield Flag(item, Reason.HARD, "", p, limits.least_p)
    if p > limits.most_p:
        yield Flag(item, Reason.EASY, "", p, limits.most_p)
    if r < 0:
        yield Flag(item, Reason.AGAINST, "", r, 0.0)
    elif r < limits.least_discrimination:
        yield Flag(item, Reason.WEAK, "", r, limits.least_discrimination)
    omitted, several = (float(figures.share[item, place]) for place in (0, -1))
    if omitted > limits.most_omitted:
        yield Flag(item, Reason.OMITTED, "", omitted, limits.most_omitted)
    if several > limits.most_several:
        yield Flag(item, Reason.SEVERAL, "", several, limits.most_several)
    yield from _options(evidence, item, right, limits)
    drift, curves = evidence.drift, evidence.curves
    off = float(drift.off_line[item]) if drift is not None and drift.significant()[item] else 0.0
    if abs(off) >= limits.least_drift_delta:
        yield Flag(item, Reason.DRIFTED, "", off, limits.least_drift_delta)
    if curves is not None and curves.left_out.get(item) is LeftOut.NO_BOUND:
        yield Flag(item, Reason.NO_CURVE, "", math.nan, math.nan)


def _options(evidence: Evidence, item: int, right: Bools, limits: Thresholds) -> Iterator[Flag]:
    """What the distractors of an item with single right options say."""
    if not right.any():
        return
    share, r = (of[item, 1:-1] for of in (evidence.items.share, evidence.items.option_r))
    of_key = max((float(one) for one in r[right] if one == one), default=-1.0)
    # Of a correlation near 0; where fewer people sat, chance alone makes distractors rivals.
    noise = 2 / math.sqrt(evidence.answers.persons)
    for place, letter in enumerate(evidence.answers.key.options):
        if right[place]:
            continue
        taken, own = float(share[place]), float(r[place])
        if taken < limits.least_taken:
            yield Flag(item, Reason.UNTAKEN, letter, taken, limits.least_taken)
        elif own - of_key > max(limits.wrong_key_margin, noise):
            yield Flag(item, Reason.WRONG_KEY, letter, own, of_key)
        elif own > max(limits.rival_from, noise):
            yield Flag(item, Reason.RIVAL, letter, own, limits.rival_from)
