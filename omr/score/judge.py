"""From figures to marks: what counts as filled, blank or doubtful.

Each card is judged against its own hand, the usual strength of its clear marks, with an absolute
floor beside it, so that a row without a mark never becomes a row of marks. Both figures of a
bubble, fill and darkness, are put in relation to the hand; a mark is what both of them say.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from omr.design import FieldKind, Role, SeveralRule, Side
from omr.policy import Policy
from omr.records import F32, U8, DoubtKind
from omr.score.kernels import Thresholds, judge_cards


class Bit(IntFlag):
    """Doubts of a group, as the kernel writes them."""

    FAINT = 1
    SEVERAL = 2
    ERASED = 4
    OUTSIDE = 8
    LINE = 16
    DISAGREE = 32


DOUBT_OF_BIT = {
    Bit.FAINT: DoubtKind.FAINT,
    Bit.SEVERAL: DoubtKind.SEVERAL,
    Bit.ERASED: DoubtKind.ERASED,
    Bit.OUTSIDE: DoubtKind.OUTSIDE,
    Bit.LINE: DoubtKind.LINE,
    Bit.DISAGREE: DoubtKind.FIGURES_DISAGREE,
}
# Fill, darkness, around and through of n cards, each (n, bubbles) uint8; see `BubbleScores`.
Figures = tuple[U8, U8, U8, U8]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the groups of n cards say.

    `masks` (n, groups) uint32: bit k = option k counts as filled. `doubts` (n, groups): `Bit`s.
    `margin` (n, groups): how far the judgement is from tipping, 1 far, 0 at the edge, negative
    in doubt. `hand` (n, 2): fill and darkness of the card's own marks, 0–1.
    """

    masks: NDArray[np.uint32]
    doubts: NDArray[np.uint32]
    margin: F32
    hand: F32


def judge_many(
    side: Side, policy: Policy, figures: Figures, bitonal: NDArray[np.bool_]
) -> Verdicts:
    """Judge n cards at once; `bitonal` (n) says which were scanned in black and white."""
    fill, darkness, around, through = figures
    n, groups = len(fill), side.group_count
    masks = np.zeros((n, groups), np.uint32)
    doubts = np.zeros((n, groups), np.uint32)
    margin = np.zeros((n, groups), np.float32)
    hand = np.zeros((n, 2), np.float32)
    judge_cards(
        (fill, darkness, around, through),
        bitonal,
        side.group_start,
        group_rules(side, policy),
        thresholds(policy, _has_letters(side)),
        (masks, doubts, margin, hand),
    )
    return Verdicts(masks, doubts, margin, hand)


@functools.lru_cache(maxsize=64)
def group_rules(side: Side, policy: Policy) -> NDArray[np.int64]:
    """Per group: 1 where options are independent of one another; 1 where several is a doubt."""
    rules = np.zeros((side.group_count, 2), np.int64)
    by_role = {
        Role.ANSWER: policy.several.answer,
        Role.IDENTITY: policy.several.identity,
        Role.STAFF: policy.several.staff,
    }
    for field in side.fields:
        free = field.kind in (FieldKind.MULTIPLE, FieldKind.FLAG)
        doubt = by_role[field.role] == "doubt"
        if field.several is not SeveralRule.POLICY:
            doubt = field.several is SeveralRule.DOUBT
        rules[slice(*field.groups)] = (free, doubt and not free)
    return rules


@functools.lru_cache(maxsize=64)
def thresholds(policy: Policy, beside_letters: bool) -> Thresholds:
    """The policy's numbers for the kernel; `beside_letters`, for black letters in the bubbles.

    What is left of a letter is as much as a weak mark: neither counts for itself.
    """
    marks, rivals, evidence = policy.marks, policy.rivals, policy.evidence
    numbers = {**asdict(marks), **asdict(rivals), **asdict(evidence)}
    if beside_letters:
        numbers["filled_least"] = marks.filled_from
        numbers["quiet"] = max(marks.quiet, marks.letter_left)
    return Thresholds(**{name: float(value) for name, value in numbers.items()})


def _has_letters(side: Side) -> bool:
    return len(side.letters) > 0 and bool(side.letters[0] >= 0)
