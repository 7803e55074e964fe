"""What is promised of judging: a card's own hand, its rows, and ink astray."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from omr.design import FieldKind, Role, SeveralRule, Side
from omr.policy import Policy
from omr.score.judge import Bit


@dataclass
class Ruler:
    """Compares figures, and remembers whether two that differ were too close to call."""

    close: bool = False

    def below(self, a: float, b: float) -> bool:
        self.close |= abs(a - b) < 1e-9 and (a, b) != (0, 0)
        return a < b


@dataclass(frozen=True)
class Box:
    """One bubble's figures, 0–1."""

    fill: float
    darkness: float
    around: float
    through: float

    @property
    def strength(self) -> float:
        return round(255 * (self.fill + self.darkness)) / 510  # alike where the figures' sums are


@dataclass(frozen=True)
class Row:
    """A group of options; `free` ones are filled or not each for itself."""

    boxes: tuple[Box, ...]
    free: bool
    several_is_doubt: bool


@dataclass(frozen=True)
class Hand:
    """A card's own usual mark, its usual blank box, and what follows for the limits."""

    fill: float
    darkness: float
    around: float
    blank_fill: float
    blank_darkness: float
    filled_from: float
    quiet: float
    sigmas_from_nothing: float
    light_strokes: bool


@dataclass
class Verdict:
    """What a row says."""

    filled: set[int] = field(default_factory=set)
    doubts: int = 0
    margin: float = 1.0

    def doubt(self, bit: Bit, at_most: float) -> None:
        self.doubts |= bit
        self.margin = min(self.margin, at_most)

    @property
    def mask(self) -> int:
        return sum(1 << k for k in self.filled)


@dataclass(frozen=True)
class Judged:
    """A card's verdicts; `close` where a figure lay within 1e-9 of a limit."""

    rows: list[Verdict]
    hand: Hand
    close: bool


def rows_of(side: Side, policy: Policy, figures: Sequence[Sequence[int]]) -> list[Row]:
    """One card's bubbles (fill, darkness, around, through), row by row as the design has them."""
    said = {
        Role.ANSWER: policy.several.answer,
        Role.IDENTITY: policy.several.identity,
        Role.STAFF: policy.several.staff,
    }
    rows = []
    for f in side.fields:
        free = f.kind in (FieldKind.MULTIPLE, FieldKind.FLAG)
        rule = said[f.role] if f.several is SeveralRule.POLICY else f.several.value
        for g in range(*f.groups):
            bubbles = range(side.group_start[g], side.group_start[g + 1])
            boxes = tuple(Box(*(int(values[i]) / 255 for values in figures)) for i in bubbles)
            rows.append(Row(boxes, free, rule == "doubt" and not free))
    return rows


def judge(rows: list[Row], policy: Policy, bitonal: bool) -> Judged:
    """`judge_cards` of one card."""
    ruler = Ruler()
    hand = hand_of(rows, policy, bitonal, ruler)
    # What little was there may have been swallowed by a scanner that keeps no grey.
    swallowed = bitonal and ruler.below(hand.sigmas_from_nothing, policy.marks.swallowed_sigmas)
    weak = ruler.below(hand.darkness, policy.marks.hand_low)
    verdicts = []
    for row in rows:
        judge_row = _each_for_itself if row.free else _one_of
        verdict = judge_row(row, hand, policy, bitonal, ruler)
        for k, box in enumerate(row.boxes):
            if k in verdict.filled:
                _look_at_mark(box, verdict, hand, policy, ruler)
            elif not verdict.filled and not ruler.below(box.around, policy.evidence.around_from):
                verdict.doubt(Bit.OUTSIDE, -0.3)
        if (swallowed or weak) and len(row.boxes) > 1:
            verdict.doubt(Bit.FAINT, -0.5)
        verdicts.append(verdict)
    return Judged(verdicts, hand, ruler.close)


def hand_of(rows: list[Row], policy: Policy, bitonal: bool, ruler: Ruler) -> Hand:
    """`measure_hand`. Clear marks are those with no rival above half of them, or free ones."""
    rules = policy.marks
    floor, quiet = rules.floor, rules.quiet
    if bitonal:
        floor, quiet = rules.bitonal_floor * floor, rules.bitonal_quiet * quiet
    marks: list[Box] = []
    blanks: list[Box] = []
    for row in rows:
        strongest, *others = sorted(row.boxes, key=lambda box: -box.strength)
        if row.free and len(row.boxes) > 1:
            clear = [box for box in row.boxes if not ruler.below(box.strength, floor)]
            others = [box for box in row.boxes if box.strength < floor]
        else:
            rival = max((box.strength for box in others), default=0.0)
            alone = not ruler.below(strongest.strength / 2, rival)
            clear = [strongest] if alone and not ruler.below(strongest.strength, floor) else []
        marks += clear
        blanks += others
    fill = darkness = rules.hand_default
    around = policy.evidence.margin_usual
    filled_from, spread = rules.filled_from, 0.0
    if len(marks) >= 3:
        fill = max(median(m.fill for m in marks), 1 / 255)
        darkness = max(median(m.darkness for m in marks), 1 / 255)
        around = max(around, median(m.around for m in marks))
        strengths = sorted(m.strength for m in marks)
        usual, weak = strengths[len(marks) // 2], strengths[len(marks) // 10]
        spread = math.log(usual / weak) / 1.2816  # a tenth is 1.2816 deviations below the usual
        if bitonal or ruler.below(darkness, rules.light_below):
            weakest = math.exp(-rules.weak_sigmas * spread)
            filled_from = min(filled_from, max(weakest, rules.filled_least))
    blank_fill = blank_darkness = 0.0
    if blanks:
        blank_fill = min(median(b.fill for b in blanks), 0.3 * fill)
        blank_darkness = min(median(b.darkness for b in blanks), 0.3 * darkness)
        grain = sorted(b.strength for b in blanks)
        usual, upper = grain[len(blanks) // 2], grain[len(blanks) * 9 // 10]
        quiet = max(quiet, 3 * (upper - usual))
    room = (fill + darkness - blank_fill - blank_darkness) / 2
    sigmas = math.log((fill + darkness) / 2 / (0.4 * rules.quiet)) / max(spread, 0.05)
    too_few = len(marks) < max(3, len(rows) // 20)
    if bitonal and (ruler.below(fill, rules.swallowed_below) or too_few):
        sigmas = 0.0
    return Hand(
        fill,
        darkness,
        around,
        blank_fill,
        blank_darkness,
        max(filled_from, rules.quiet / room),
        min(quiet / room, rules.faint_from),
        sigmas,
        not bitonal
        and ruler.below(darkness, rules.light_below)
        and ruler.below(rules.thin_below, fill),
    )


def _relative(box: Box, hand: Hand) -> tuple[float, float]:
    """Fill and darkness with the usual blank box at 0 and the usual mark at 1."""
    by_fill = (box.fill - hand.blank_fill) / (hand.fill - hand.blank_fill)
    by_darkness = (box.darkness - hand.blank_darkness) / (hand.darkness - hand.blank_darkness)
    return by_fill, by_darkness


def _bounds(row: Row, hand: Hand) -> list[tuple[float, float]]:
    """The lesser and the greater of each box's relative figures, never below nothing.

    Grey strokes that are hardly darker than what counts as dark fill a box by chance: there the
    two figures' mean stands for the lesser.
    """
    both = [_relative(box, hand) for box in row.boxes]
    lesser = [sum(pair) / 2 if hand.light_strokes else min(pair) for pair in both]
    return [(max(0.0, a), max(0.0, *pair)) for a, pair in zip(lesser, both, strict=True)]


def _one_of(row: Row, hand: Hand, policy: Policy, bitonal: bool, ruler: Ruler) -> Verdict:
    bounds = _bounds(row, hand)
    lows = [low for low, _ in bounds]
    faint, filled = policy.marks.faint_from, hand.filled_from
    erased, several = policy.rivals.erased_from, policy.rivals.several_from
    if ruler.below(
        hand.fill, policy.marks.thin_below
    ):  # a rubbed out mark may look like another of thin strokes
        erased, several = erased / 2, (1 + several) / 2
    most = max(high for _, high in bounds)
    mean = max((low + high) / 2 for low, high in bounds)
    if ruler.below(most, faint) and ruler.below(mean, hand.quiet):
        return Verdict(margin=1 - max(most / faint, mean / hand.quiet))
    best, _ = strongest = max(bounds)  # of two alike in the lesser figure, the greater decides
    k = bounds.index(strongest)
    rivals = lows[:k] + lows[k + 1 :]
    second = max(rivals, default=0.0)
    ruler.close |= 0 < best - second < 1e-9
    verdict = Verdict({k})
    if ruler.below(best, filled):
        split = not ruler.below(bounds[k][1], 2 * filled) and ruler.below(best, filled / 2)
        depth = min(abs(most - faint), filled - best) / filled
        verdict.doubt(Bit.DISAGREE if split else Bit.FAINT, -max(0.05, depth))
        if ruler.below(best / 2, second):
            verdict.doubts |= Bit.ERASED
        return verdict
    # A first box far above a usual mark makes no residue of a usual second one.
    usual = min(best, 1.0)
    ratio = second / usual
    if ruler.below(ratio, erased):
        verdict.margin = min(best / filled - 1, 1 - ratio / erased)
    elif ruler.below(ratio, several):
        nearest = min(ratio - erased, several - ratio)
        verdict.doubt(Bit.ERASED, -0.05 - nearest / (several - erased))
    else:
        agreed = (min(ratio, 1.0) - several) / (1 - several)
        verdict.margin = min(best / filled - 1, 1.0, agreed)
        for j, low in enumerate(lows):
            if not ruler.below(low, several * usual):
                verdict.filled.add(j)
            elif not ruler.below(low, erased * usual):
                verdict.doubts |= Bit.ERASED
        if row.several_is_doubt:
            verdict.doubt(Bit.SEVERAL, -0.5)
    classic = policy.rivals.classic_margin
    if classic > 0 and ruler.below(best - second, classic) and ratio < several:
        verdict.doubt(Bit.SEVERAL, -0.1)
    return verdict


def _each_for_itself(row: Row, hand: Hand, policy: Policy, bitonal: bool, ruler: Ruler) -> Verdict:
    bounds = _bounds(row, hand)
    faint, filled = policy.marks.faint_from, hand.filled_from
    some = any(low >= filled for low, _ in bounds)
    verdict = Verdict()
    for k, (low, high) in enumerate(bounds):
        by_fill, by_darkness = _relative(row.boxes[k], hand)
        grey = not bitonal and ruler.below(by_fill, policy.evidence.smudge_below * by_darkness)
        mean = (low + high) / 2
        if not ruler.below(low, filled):
            verdict.filled.add(k)
            margin = low / filled - 1
        elif ruler.below(high, faint) and ruler.below(mean, hand.quiet):
            margin = 1 - max(high / faint, mean / hand.quiet)
        elif some and grey and ruler.below(low, faint) and ruler.below(high, filled):
            margin = 1 - max(low / faint, high / filled)  # rubbed out beside a real mark
        else:
            if not ruler.below(low, 0.7 * filled):
                verdict.filled.add(k)
            verdict.doubts |= Bit.FAINT
            margin = -max(min(abs(high - faint), filled - low) / filled, 0.05)
        verdict.margin = min(verdict.margin, margin)
    return verdict


def _look_at_mark(box: Box, verdict: Verdict, hand: Hand, policy: Policy, ruler: Ruler) -> None:
    limits = policy.evidence
    if not ruler.below(box.around, hand.around + limits.blot_from):
        verdict.doubt(Bit.OUTSIDE, -0.3)
    by_fill, by_darkness = box.fill / hand.fill, box.darkness / hand.darkness
    several = len(verdict.filled) > 1
    spilt = ruler.below(limits.beside_from * box.fill, box.around)
    beside = ruler.below(by_fill, limits.beside_below) and spilt
    weak = ruler.below(by_darkness, limits.weak_below)
    share = limits.pale_below + (limits.weak_pale_more if weak else 0.0)
    pale = ruler.below(by_darkness, share * by_fill)
    beyond = not ruler.below(box.around, hand.around + limits.hole_from)
    even = ruler.below(limits.hole_even * box.fill, box.darkness)
    full = ruler.below(limits.hole_fill, box.fill)
    blacker = ruler.below(by_fill, limits.hole_below * by_darkness)
    hole = beyond and even and full and blacker
    if pale or (several and beside) or hole:
        verdict.doubt(Bit.DISAGREE, -0.2)
    thin = ruler.below(box.fill, limits.line_fill)
    if thin and not ruler.below(box.through, limits.through_from):
        verdict.doubt(Bit.LINE, -0.3)
