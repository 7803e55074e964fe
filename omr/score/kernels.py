"""The arithmetic of judging, compiled: a card's hand, its rows of options, and ink astray.

What counts as a mark comes from the policy, as `Thresholds`. The constants here do not say what
is a mark: they are arithmetic, or say how deep a doubt is that something else has decided.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import fields

import numpy as np
from numba import njit

from omr.policy import EvidenceRules, MarkRules, RivalRules

# Every number of a policy that judging takes, under the policy's own names.
Thresholds = namedtuple(  # type: ignore[misc]
    "Thresholds", [f.name for kind in (MarkRules, RivalRules, EvidenceRules) for f in fields(kind)]
)
# A card's own level of marks and of blanks: the usual fill and darkness of clear marks and of
# blank boxes, and the usual ink in the margin of clear marks. Of the hand: the share below which
# a box is blank by either figure (`faint`), from which it is filled, and below which the mean of
# its figures is blank (`quiet`). `sigmas`: how many standard deviations of the card's own marks
# nothing at all is away from its usual mark.
Hand = namedtuple(
    "Hand", "fill darkness blank_fill blank_darkness margin faint filled quiet sigmas"
)

# Doubts of a group, one bit each: see `judge.Bit`.
_FAINT, _SEVERAL, _ERASED, _OUTSIDE, _LINE, _DISAGREE = 1, 2, 4, 8, 16, 32

# How deep in doubt a group is for a reason that has no scale of its own. The curve of error
# probabilities is flat there; the order only says which reason shows where there are several.
_ON_THE_EDGE = 0.05  # the least that anything is in doubt that is in doubt
_RIVAL_TOO_NEAR = -0.1
_ODD_MARK = -0.2
_INK_ASTRAY = -0.3
_RULED_OUT = -0.5

_MARKS_FOR_A_HAND = 3  # the least from which a median says what is usual
_ROWS_A_MARK = 20  # a card with fewer clear marks than one in so many rows has hardly any
_TENTH_SIGMAS = 1.2816  # a tenth of a normal distribution lies so many deviations below its middle
_LEAST_SPREAD = 0.05  # no hand is more even than this, however few its marks
_NOTHING = 0.4  # of `quiet`: stands for nothing at all, which has no logarithm
_BLANKS_AT_MOST = 0.3  # of the hand: a card with hardly a blank box has no level of blanks
_GRAIN = 3.0  # times from the median of blanks to their upper tenth: as far as grain reaches
_LEAST_HAND = 1.0 / 255.0  # the least figure: a hand of nothing could not be compared with
_NEARER = 0.7  # of what fills a box: from here on a person is shown a mark rather than a blank


@njit(cache=True, nogil=True)
def judge_cards(figures, bitonal, starts, rules, limits, out):  # type: ignore[no-untyped-def]
    """Judge every card: see `judge.judge_many`; `limits` are `Thresholds`."""
    fill, darkness, around, through = figures
    masks, doubts, margin, hands = out
    counts = np.empty((7, 511), np.int64)
    low, high, smudged = np.empty(64), np.empty(64), np.empty(64, np.bool_)
    for n in range(fill.shape[0]):
        one = (fill[n], darkness[n], around[n])
        hand = measure_hand(one, bitonal[n], (starts, rules), limits, counts)
        hands[n, 0], hands[n, 1] = hand.fill, hand.darkness
        # A scanner that keeps black and white only may have swallowed light marks whole.
        swallowed = bitonal[n] and hand.sigmas < limits.swallowed_sigmas
        # Grey strokes hardly darker than what counts as dark fill a box by chance.
        light = (
            not bitonal[n] and hand.darkness < limits.light_below and hand.fill > limits.thin_below
        )
        # Where marks are thin strokes, a rubbed out one may look like another of them.
        thin = hand.fill < limits.thin_below
        erased = 0.5 * limits.erased_from if thin else limits.erased_from
        several = 0.5 * (1.0 + limits.several_from) if thin else limits.several_from
        for g in range(starts.shape[0] - 1):
            first, last = starts[g], starts[g + 1]
            for i in range(first, last):
                by_fill = (fill[n, i] / 255.0 - hand.blank_fill) / (hand.fill - hand.blank_fill)
                by_darkness = (darkness[n, i] / 255.0 - hand.blank_darkness) / (
                    hand.darkness - hand.blank_darkness
                )
                low[i - first] = max(0.0, min(by_fill, by_darkness))
                if light:
                    low[i - first] = max(0.0, 0.5 * (by_fill + by_darkness))
                high[i - first] = max(0.0, max(by_fill, by_darkness))
                # Grey without strokes; black and white cannot tell it from a light mark.
                smudged[i - first] = not bitonal[n] and by_fill < limits.smudge_below * by_darkness
            at, said = (n, g), (masks, doubts, margin)
            if rules[g, 0] == 1:
                _independent((low, high, smudged), last - first, hand, at, said)
            else:
                rivals = (erased, several, limits.classic_margin, rules[g, 1])
                _one_of((low, high), last - first, hand, rivals, at, said)
            boxes = (around[n], through[n], fill[n], darkness[n])
            _evidence(boxes, (first, last), hand, limits, at, said)
            if (swallowed or hand.darkness < limits.hand_low) and last - first > 1:
                doubts[at] |= _FAINT
                margin[at] = min(margin[at], _RULED_OUT)


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
def measure_hand(figures, bitonal, layout, limits, counts):  # type: ignore[no-untyped-def]
    """The card's own `Hand`. Marks' strengths are taken as log-normal.

    `counts` (7, 511) is room for the histograms of `_tell_apart`.
    """
    # Black and white has no grain to be taken for a mark.
    least = (limits.bitonal_floor if bitonal else 1.0) * limits.floor * 510.0
    clear, others = _tell_apart(figures, layout, least, counts)
    filled, spread = limits.filled_from, 0.0
    quiet = (limits.bitonal_quiet if bitonal else 1.0) * limits.quiet
    margin = limits.margin_usual
    fill = darkness = limits.hand_default
    if clear >= _MARKS_FOR_A_HAND:
        # Marks of mere grey fill nothing at all.
        fill = max(_median(counts[0], clear), _LEAST_HAND)
        darkness = max(_median(counts[1], clear), _LEAST_HAND)
        usual, weak = _at(counts[2], clear // 2), _at(counts[2], clear // 10)
        spread = np.log(usual / weak) / _TENTH_SIGMAS
        margin = max(margin, _median(counts[3], clear))
        # Uneven hands: where strokes fill a box by chance, what the card's own weak marks look
        # like is still a mark.
        if bitonal or darkness < limits.light_below:
            weakest = np.exp(-limits.weak_sigmas * spread)
            filled = min(filled, max(weakest, limits.filled_least))
    blank_fill = blank_darkness = 0.0
    if others > 0:
        blank_fill = min(_median(counts[4], others), _BLANKS_AT_MOST * fill)
        blank_darkness = min(_median(counts[5], others), _BLANKS_AT_MOST * darkness)
        noise = _at(counts[6], (others * 9) // 10) - _at(counts[6], others // 2)
        quiet = max(quiet, _GRAIN * noise / 510.0)
    room = 0.5 * (fill + darkness - blank_fill - blank_darkness)
    nothing = np.log(0.5 * (fill + darkness) / (_NOTHING * limits.quiet))
    sigmas = nothing / max(spread, _LEAST_SPREAD)
    groups = layout[0].shape[0] - 1
    hardly_a_mark = clear < max(_MARKS_FOR_A_HAND, groups // _ROWS_A_MARK)
    if bitonal and (fill < limits.swallowed_below or hardly_a_mark):
        sigmas = 0.0  # the scan may have swallowed anything
    # However light the hand, ink that is too little to be anything is no mark.
    filled = max(filled, limits.quiet / room)
    # Clean paper: what stands out from it is not nothing.
    quiet = min(quiet / room, limits.faint_from)
    faint = limits.faint_from
    return Hand(fill, darkness, blank_fill, blank_darkness, margin, faint, filled, quiet, sigmas)


@njit(cache=True, nogil=True)
def _tell_apart(figures, layout, least, counts):  # type: ignore[no-untyped-def]
    """How many clear marks, and how many blank boxes, there are; and their histograms.

    `counts` (7, 511) receives: fill, darkness, their sum and margin of clear marks; fill,
    darkness and their sum of blank boxes. A clear mark has a strength (sum of both) of `least`,
    and no rival above half of its own where one option is wanted; the strongest box of a row
    without a clear mark counts as neither.
    """
    fill, darkness, around = figures
    starts, rules = layout
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
    return clear, others


@njit(cache=True, nogil=True)
def _one_of(marks, count, hand, rivals, at, out):  # type: ignore[no-untyped-def]
    """A group of which one option should be filled."""
    masks, doubts, margin = out
    low, high = marks
    erased, several, classic, several_is_doubt = rivals
    best, second, k = low[0], 0.0, 0
    most, mean = high[0], low[0] + high[0]
    for j in range(1, count):
        most = max(most, high[j])
        mean = max(mean, low[j] + high[j])
        if low[j] > best or (low[j] == best and high[j] > high[k]):
            best, second, k = low[j], best, j
        else:
            second = max(second, low[j])
    if most < hand.faint and 0.5 * mean < hand.quiet:
        margin[at] = 1.0 - max(most / hand.faint, 0.5 * mean / hand.quiet)
        return
    masks[at] = np.uint32(1) << np.uint32(k)
    if best < hand.filled:
        # In the middle of the faint band either answer may be wrong. The figures contradict
        # each other where one is twice what a mark needs and the other not half of it.
        split = high[k] >= 2.0 * hand.filled and best < 0.5 * hand.filled
        doubts[at] |= _DISAGREE if split else _FAINT
        if second > 0.5 * best:
            doubts[at] |= _ERASED
        depth = min(abs(most - hand.faint), hand.filled - best) / hand.filled
        margin[at] = -max(_ON_THE_EDGE, depth)
        return
    room = min(best / hand.filled - 1.0, 1.0)
    # A second box is measured against a usual mark where the first is far more than one.
    usual = min(best, 1.0)
    ratio = second / usual
    if ratio < erased:
        margin[at] = min(room, 1.0 - ratio / erased)
    elif ratio >= several:
        for j in range(count):
            if low[j] >= several * usual:
                masks[at] |= np.uint32(1) << np.uint32(j)
            elif low[j] >= erased * usual:
                doubts[at] |= _ERASED
        margin[at] = min(room, (min(ratio, 1.0) - several) / (1.0 - several))
        if several_is_doubt == 1:
            doubts[at] |= _SEVERAL
            margin[at] = _RULED_OUT
    else:
        doubts[at] |= _ERASED
        depth = min(ratio - erased, several - ratio) / (several - erased)
        margin[at] = -_ON_THE_EDGE - depth
    if classic > 0 and best - second < classic and ratio < several:
        doubts[at] |= _SEVERAL
        margin[at] = min(margin[at], _RIVAL_TOO_NEAR)


@njit(cache=True, nogil=True)
def _independent(marks, count, hand, at, out):  # type: ignore[no-untyped-def]
    """A group whose options are each filled or not for themselves."""
    masks, doubts, margin = out
    low, high, smudged = marks
    faint, quiet, filled = hand.faint, hand.quiet, hand.filled
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
            if low[j] >= _NEARER * filled:
                masks[at] |= np.uint32(1) << np.uint32(j)
            doubts[at] |= _FAINT
            depth = min(abs(high[j] - faint), filled - low[j]) / filled
            least = min(least, -max(depth, _ON_THE_EDGE))
    margin[at] = least


@njit(cache=True, nogil=True)
def _evidence(boxes, span, hand, limits, at, out):  # type: ignore[no-untyped-def]
    """Doubts from ink round the boxes and from lines that run straight through."""
    around, through, fill, darkness = boxes
    masks, doubts, margin = out
    mask = masks[at]
    several = mask != 0 and mask & (mask - np.uint32(1)) != 0
    blot, hole = hand.margin + limits.blot_from, hand.margin + limits.hole_from
    for i in range(span[0], span[1]):
        marked = (mask >> np.uint32(i - span[0])) & np.uint32(1)
        # Ink round a box: a mark beside it, or, round a filled one, a hole or a blot.
        if around[i] >= (blot if marked else limits.around_from) * 255.0 and (marked or mask == 0):
            doubts[at] |= _OUTSIDE
            margin[at] = min(margin[at], _INK_ASTRAY)
        if not marked:
            continue
        by_fill, by_darkness = fill[i] / 255.0 / hand.fill, darkness[i] / 255.0 / hand.darkness
        # Rubbed out: pale for what it fills, the more so where it is paler than usual.
        more = limits.weak_pale_more if by_darkness < limits.weak_below else 0.0
        pale = by_darkness < (limits.pale_below + more) * by_fill
        # Blacker than the card's marks, evenly so and beyond the box: no pencil, but a hole.
        black = around[i] >= hole * 255.0 and fill[i] > limits.hole_fill * 255.0
        black = black and darkness[i] > limits.hole_even * fill[i]
        black = black and by_fill < limits.hole_below * by_darkness
        # One of several that lies as much beside its box as in it: a blot over both.
        beside = several and by_fill < limits.beside_below
        beside = beside and around[i] > limits.beside_from * fill[i]
        if pale or black or beside:
            doubts[at] |= _DISAGREE
            margin[at] = min(margin[at], _ODD_MARK)
        if through[i] >= limits.through_from * 255.0 and fill[i] < limits.line_fill * 255.0:
            doubts[at] |= _LINE
            margin[at] = min(margin[at], _INK_ASTRAY)
