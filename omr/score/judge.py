"""From figures to marks: what counts as filled, blank or doubtful.

Each card is judged against its own hand, the usual strength of its clear marks, with an absolute
floor beside it, so that a row without a mark never becomes a row of marks. Both figures of a
bubble, fill and darkness, are put in relation to the hand; a mark is what both of them say.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from enum import IntFlag

import numpy as np
from numba import njit
from numpy.typing import NDArray

from omr.design import FieldKind, Role, SeveralRule, Side
from omr.policy import Policy
from omr.records import F32, U8, DoubtKind


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
BESIDE_LETTER = 0.06  # of ink that may be left of a black letter in a blank bubble


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
    rules = group_rules(side, policy)
    values = rule_values(policy)
    if len(side.letters) and side.letters[0] >= 0:
        # What is left of a letter is as much as a weak mark: neither counts for itself.
        marks = policy.marks
        values = rule_values(
            replace(
                policy,
                marks=replace(
                    marks, filled_least=marks.filled_from, quiet=max(marks.quiet, BESIDE_LETTER)
                ),
            )
        )
    judge_cards(
        (fill, darkness, around, through),
        bitonal,
        side.group_start,
        rules,
        values,
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
def rule_values(policy: Policy) -> NDArray[np.float64]:
    """The policy's numbers in the order in which the kernel takes them."""
    marks, rivals, evidence = policy.marks, policy.rivals, policy.evidence
    return np.array(
        [
            marks.floor,
            marks.faint_from,
            marks.filled_from,
            marks.hand_low,
            marks.hand_default,
            rivals.erased_from,
            rivals.several_from,
            rivals.classic_margin,
            evidence.around_from,
            evidence.through_from,
            evidence.line_fill,
            marks.swallowed_sigmas,
            marks.filled_least,
            marks.quiet,
            marks.swallowed_below,
            evidence.blot_from,
            evidence.pale_below,
        ]
    )


@njit(cache=True, nogil=True)
def judge_cards(figures, bitonal, starts, rules, values, out):  # type: ignore[no-untyped-def]
    """Judge every card: see `judge_many`; `values` come from `rule_values`."""
    fill, darkness, around, through = figures
    masks, doubts, margin, hand = out
    groups = starts.shape[0] - 1
    counts = np.empty((7, 511), np.int64)
    card = np.empty(9)
    low, high, smudged = np.empty(64), np.empty(64), np.empty(64, np.bool_)
    for n in range(fill.shape[0]):
        one = (fill[n], darkness[n], around[n])
        measure_hand(one, bitonal[n], (starts, rules), values, counts, card)
        hand[n, 0], hand[n, 1] = card[0], card[1]
        faint, filled, quiet = card[4], card[5], card[6]
        # A scanner that keeps black and white only may have swallowed light marks whole.
        swallowed = bitonal[n] and card[7] < values[11]
        # Grey strokes hardly darker than what counts as dark fill a box by chance.
        light = not bitonal[n] and card[1] < 0.45 and card[0] > 0.4
        # Where marks are thin strokes, a rubbed out one may look like another of them.
        thin = card[0] < 0.4
        erased = 0.5 * values[5] if thin else values[5]
        several = 0.5 * (1.0 + values[6]) if thin else values[6]
        for g in range(groups):
            first, last = starts[g], starts[g + 1]
            for i in range(first, last):
                by_fill = (fill[n, i] / 255.0 - card[2]) / (card[0] - card[2])
                by_darkness = (darkness[n, i] / 255.0 - card[3]) / (card[1] - card[3])
                low[i - first] = max(0.0, min(by_fill, by_darkness))
                if light:
                    low[i - first] = max(0.0, 0.5 * (by_fill + by_darkness))
                high[i - first] = max(0.0, max(by_fill, by_darkness))
                # Grey without strokes; black and white cannot tell it from a light mark.
                smudged[i - first] = not bitonal[n] and by_fill < 0.6 * by_darkness
            at = (n, g)
            if rules[g, 0] == 1:
                limits = (faint, quiet, filled)
                _independent(
                    (low, high, smudged), last - first, limits, at, (masks, doubts, margin)
                )
            else:
                choice = (faint, quiet, filled, erased, several, values[7], rules[g, 1])
                _one_of(low, high, last - first, choice, at, (masks, doubts, margin))
            _evidence(
                (around[n], through[n], fill[n], darkness[n]),
                (first, last, card[8], card[0], card[1]),
                values,
                at,
                (masks, doubts, margin),
            )
            if (swallowed or card[1] < values[3]) and last - first > 1:
                doubts[at] |= 1
                margin[at] = min(margin[at], -0.5)


@njit(cache=True, nogil=True)
def _at(counts, place):  # type: ignore[no-untyped-def]
    """The value at a place (from 0) of the sorted values that a histogram stands for."""
    seen = 0
    for value in range(counts.shape[0]):
        seen += counts[value]
        if seen > place:
            return value
    return counts.shape[0] - 1


@njit(cache=True, nogil=True)
def _median(counts, n):  # type: ignore[no-untyped-def]
    """The median of n figures from their histogram, 0–1."""
    middle = _at(counts, n // 2)
    if n % 2 == 1:
        return middle / 255.0
    return 0.5 * (_at(counts, n // 2 - 1) + middle) / 255.0


@njit(cache=True, nogil=True)
def measure_hand(figures, bitonal, layout, values, counts, card):  # type: ignore[no-untyped-def]
    """The card's own level of marks and of blanks.

    `card` receives: usual fill and darkness of clear marks; usual fill and darkness of blank
    boxes; the share of the hand below which a box is blank by either figure, the share from
    which it is filled, the share below which the mean of its figures is blank; how many standard
    deviations of the card's own marks nothing at all is away from its usual mark; and the ink in
    a filled box's margin from which it is a blot. Marks' strengths are taken as log-normal.
    `counts` (7, 511) is room for histograms: fill, darkness, their sum and margin of clear marks;
    fill, darkness and their sum of all other boxes.
    """
    fill, darkness, around = figures
    starts, rules = layout
    clean = 0.4 if bitonal else 1.0  # black and white has no grain to be taken for a mark
    least = clean * values[0] * 510.0
    counts[:] = 0
    clear, others = 0, 0
    for g in range(starts.shape[0] - 1):
        best, second, at = -1, 0, -1
        for i in range(starts[g], starts[g + 1]):
            strength = int(fill[i]) + int(darkness[i])
            if strength > best:
                second, best, at = max(best, 0), strength, i
            else:
                second = max(second, strength)
        several = rules[g, 0] == 1 and starts[g + 1] - starts[g] > 1
        one = not several and best >= least and 2 * second <= best
        for i in range(starts[g], starts[g + 1]):
            strength = int(fill[i]) + int(darkness[i])
            if (several and strength >= least) or (one and i == at):
                counts[0, fill[i]] += 1
                counts[1, darkness[i]] += 1
                counts[2, strength] += 1
                counts[3, around[i]] += 1
                clear += 1
            elif i != at or several:
                counts[4, fill[i]] += 1
                counts[5, darkness[i]] += 1
                counts[6, strength] += 1
                others += 1
    filled, quiet, spread = values[2], (0.15 if bitonal else 1.0) * values[13], 0.0
    card[8] = 0.25 + values[15]
    card[0] = card[1] = values[4]
    if clear >= 3:
        # Marks of mere grey fill nothing at all; a hand of nothing could not be compared with.
        card[0] = max(_median(counts[0], clear), 1.0 / 255.0)
        card[1] = max(_median(counts[1], clear), 1.0 / 255.0)
        spread = np.log(_at(counts[2], clear // 2) / _at(counts[2], clear // 10)) / 1.2816
        card[8] = max(0.25, _median(counts[3], clear)) + values[15]
        # Uneven hands: where strokes fill a box by chance, what the card's own weak marks look
        # like is still a mark.
        if bitonal or card[1] < 0.45:
            filled = min(filled, max(np.exp(-3.5 * spread), values[12]))
    card[2] = card[3] = 0.0
    if others > 0:
        card[2] = min(_median(counts[4], others), 0.3 * card[0])
        card[3] = min(_median(counts[5], others), 0.3 * card[1])
        noise = _at(counts[6], (others * 9) // 10) - _at(counts[6], others // 2)
        quiet = max(quiet, 3.0 * noise / 510.0)
    room = 0.5 * (card[0] + card[1] - card[2] - card[3])
    card[4] = values[1]
    # However light the hand, ink that is too little to be anything is no mark.
    card[5] = max(filled, values[13] / room)
    # Clean paper: what stands out from it is not nothing.
    card[6] = min(quiet / room, values[1])
    nothing = np.log(0.5 * (card[0] + card[1]) / (0.4 * values[13]))
    card[7] = nothing / max(spread, 0.05)
    if bitonal and (card[0] < values[14] or clear < max(3, (starts.shape[0] - 1) // 20)):
        card[7] = 0.0  # hardly a mark left: the scan may have swallowed anything


@njit(cache=True, nogil=True)
def _one_of(low, high, count, limits, at, out):  # type: ignore[no-untyped-def]
    """A group of which one option should be filled."""
    masks, doubts, margin = out
    faint, quiet, filled, erased, several, classic, several_is_doubt = limits
    best, second, k = low[0], 0.0, 0
    most, mean = high[0], low[0] + high[0]
    for j in range(1, count):
        most = max(most, high[j])
        mean = max(mean, low[j] + high[j])
        if low[j] > best or (low[j] == best and high[j] > high[k]):
            best, second, k = low[j], best, j
        else:
            second = max(second, low[j])
    if most < faint and 0.5 * mean < quiet:
        margin[at] = 1.0 - max(most / faint, 0.5 * mean / quiet)
        return
    masks[at] = np.uint32(1) << np.uint32(k)
    if best < filled:
        # In the middle of the faint band either answer may be wrong.
        doubts[at] |= 32 if high[k] >= 2.0 * filled and best < 0.5 * filled else 1
        if second > 0.5 * best:
            doubts[at] |= 4
        margin[at] = -max(0.05, min(abs(most - faint), filled - best) / filled)
        return
    room = min(best / filled - 1.0, 1.0)
    # A second box is measured against a usual mark where the first is far more than one.
    ratio = second / min(best, 1.0)
    if ratio < erased:
        margin[at] = min(room, 1.0 - ratio / erased)
    elif ratio >= several:
        for j in range(count):
            if low[j] >= several * min(best, 1.0):
                masks[at] |= np.uint32(1) << np.uint32(j)
            elif low[j] >= erased * min(best, 1.0):
                doubts[at] |= 4
        margin[at] = min(room, (min(ratio, 1.0) - several) / (1.0 - several))
        if several_is_doubt == 1:
            doubts[at] |= 2
            margin[at] = -0.5
    else:
        doubts[at] |= 4
        margin[at] = -0.05 - min(ratio - erased, several - ratio) / (several - erased)
    if classic > 0 and best - second < classic and ratio < several:
        doubts[at] |= 2
        margin[at] = min(margin[at], -0.1)


@njit(cache=True, nogil=True)
def _independent(marks, count, limits, at, out):  # type: ignore[no-untyped-def]
    """A group whose options are each filled or not for themselves."""
    masks, doubts, margin = out
    low, high, smudged = marks
    faint, quiet, filled = limits
    least, some = 1.0, False
    for j in range(count):
        some = some or low[j] >= filled
    for j in range(count):
        if low[j] >= filled:
            masks[at] |= np.uint32(1) << np.uint32(j)
            least = min(least, low[j] / filled - 1.0)
        elif high[j] < faint and 0.5 * (low[j] + high[j]) < quiet:
            least = min(least, 1.0 - max(high[j] / faint, 0.5 * (low[j] + high[j]) / quiet))
        elif some and smudged[j] and low[j] < faint and high[j] < filled:
            # A smudge beside a real mark: rubbed out.
            least = min(least, 1.0 - max(low[j] / faint, high[j] / filled))
        else:
            # The nearer verdict stands in, for the person who looks.
            if low[j] >= 0.7 * filled:
                masks[at] |= np.uint32(1) << np.uint32(j)
            doubts[at] |= 1
            depth = min(abs(high[j] - faint), filled - low[j]) / filled
            least = min(least, -max(depth, 0.05))
    margin[at] = least


@njit(cache=True, nogil=True)
def _evidence(figures, span, values, at, out):  # type: ignore[no-untyped-def]
    """Doubts from ink round the boxes and from lines that run straight through."""
    around, through, fill, darkness = figures
    masks, doubts, margin = out
    mask = masks[at]
    several = mask != 0 and mask & (mask - np.uint32(1)) != 0
    for i in range(span[0], span[1]):
        marked = (mask >> np.uint32(i - span[0])) & np.uint32(1)
        # Ink round a box: a mark beside it, or, round a filled one, a hole or a blot.
        if around[i] >= (span[2] if marked else values[8]) * 255.0 and (marked or mask == 0):
            doubts[at] |= 8
            margin[at] = min(margin[at], -0.3)
        by_fill, by_darkness = fill[i] / 255.0 / span[3], darkness[i] / 255.0 / span[4]
        # Rubbed out: pale for what it fills, the more so where it is paler than usual.
        pale = by_darkness < (values[16] + (0.12 if by_darkness < 0.75 else 0.0)) * by_fill
        # Blacker than the card's marks, evenly so and beyond the box: no pencil, but a hole.
        much = around[i] >= (span[2] - values[15] + 0.12) * 255.0
        black = much and darkness[i] > 0.90 * fill[i] and fill[i] > 76
        black = black and by_fill < 0.82 * by_darkness
        # One of several that lies as much beside its box as in it: a blot over both.
        beside = several and by_fill < 0.8 and around[i] > 0.55 * fill[i]
        if marked and (pale or black or beside):
            doubts[at] |= 32
            margin[at] = min(margin[at], -0.2)
        if marked and through[i] >= values[9] * 255.0 and fill[i] < values[10] * 255.0:
            doubts[at] |= 16
            margin[at] = min(margin[at], -0.3)
