"""The kernels' obvious twins: what each one promises, written the slow plain way.

Twins take the upright picture as rows of grey levels instead of bytes and strides, and Python's
own lists, dictionaries and strings where the kernels have arrays. None of them is fast.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np

from omr.design import FieldKind, Role, SeveralRule, Side
from omr.detect import fax
from omr.detect.fax import FaxCoding
from omr.detect.kernels import SUB
from omr.policy import Policy
from omr.records import Raster, Turn
from omr.score.judge import Bit

# ── the page ─────────────────────────────────────────────────────────────────────────────────


def upright(raster: Raster, channel: int, turn: Turn) -> np.ndarray:
    """One channel of a page that was scanned turned clockwise by `turn`, turned back."""
    pixels = raster.pixels if raster.pixels.ndim == 2 else raster.pixels[:, :, channel]
    return np.rot90(pixels, turn // 90)


def histogram(picture, box, step):
    """`histogram_lattice`: how often each level occurs at every `step`-th pixel."""
    x0, y0, x1, y1 = box
    half = step // 2
    levels = Counter(
        int(picture[y, x]) for y in range(y0 + half, y1, step) for x in range(x0 + half, x1, step)
    )
    return [levels[level] for level in range(256)]


def column_darkness(picture, box, threshold, step):
    """`column_darkness`: the share of looked-at pixels in every column that are dark."""
    x0, y0, x1, y1 = box
    looked_at = picture[y0:y1:step, x0:x1]
    if not looked_at.size:
        return [0.0] * (x1 - x0)
    return [sum(v < threshold for v in column) / len(column) for column in looked_at.T]


# ── marks ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Run:
    """Dark pixels side by side in one row, from `first` to `last`."""

    first: int
    last: int
    dark: int

    @property
    def width(self) -> int:
        return self.last - self.first + 1

    @property
    def centre(self) -> float:
        return (self.first + self.last + 1) / 2


@dataclass
class Blob:
    """Runs one under another, each with its row."""

    runs: list[tuple[int, Run]]

    @property
    def top(self) -> int:
        return self.runs[0][0]

    @property
    def bottom(self) -> int:
        return self.runs[-1][0]

    def mean(self, figure: str) -> float:
        return sum(getattr(run, figure) for _, run in self.runs) / len(self.runs)

    def row(self, step: int) -> list[float]:
        width, height = self.mean("width"), self.bottom - self.top + step
        dark = sum(run.dark for _, run in self.runs) * step
        middle = (self.top + self.bottom) / 2 + 0.5
        return [self.mean("centre"), middle, width, height, dark / (width * height)]


def _runs(row, x0, threshold, least, gap) -> list[Run]:
    """The row's runs. One shorter than `least` reaches over up to `gap` white pixels."""
    marks = "".join("#" if v < threshold else "." for v in row)
    runs: list[Run] = []
    for piece in re.finditer("#+", marks):
        first, last = x0 + piece.start(), x0 + piece.end() - 1
        before = runs[-1] if runs else None
        if before and before.width < least and first - before.last - 1 <= gap:
            before.last, before.dark = last, before.dark + last - first + 1
        else:
            runs.append(Run(first, last, last - first + 1))
    return runs


def blobs(picture, box, threshold, limits):
    """`find_blobs`: a row (centre x, y, width, height, dark share) for each blob, in any order."""
    x0, y0, x1, y1 = box
    w_min, w_max, h_min, h_max, gap, rows_gap, step = limits
    places: list[Blob | None] = []  # a finished blob's place is the next one's
    found: list[list[float]] = []

    def finish(before: float) -> None:
        for k, blob in enumerate(places):
            if blob and blob.bottom < before:
                places[k] = None
                if h_min <= blob.bottom - blob.top + step <= h_max:
                    found.append(blob.row(step))

    for y in range(y0, y1, step):
        finish(y - rows_gap - step)
        for run in _runs(picture[y, x0:x1], x0, threshold, w_min, gap):
            if not w_min <= run.width <= w_max:
                continue
            for blob in places:
                if blob and abs(blob.mean("centre") - run.centre) <= 0.3 * run.width + 1:
                    blob.runs.append((y, run))
                    break
            else:
                free = places.index(None) if None in places else len(places)
                places[free : free + 1] = [Blob([(y, run)])]
    finish(math.inf)
    return found


def edges(picture, mark):
    """`refine_marks` of one mark: left, top, right, bottom, darkest level; None if not found."""
    height, width = picture.shape
    x, y, w, h = mark
    across = _sides(picture, (x, w), (y, h), width, height)
    down = _sides(picture.T, (y, h), (x, w), height, width)
    if across is None or down is None:
        return None
    (left, right, dark), (top, bottom, dark_too) = across, down
    return [left, top, right, bottom, min(dark, dark_too)]


def _sides(picture, along, across, length, depth):
    """Where the mean of the mark's middle rows crosses half way, and its darkest level."""
    (centre, size), (middle, thickness) = along, across
    reach = size / 2 + max(0.3 * size, 3)
    first, end = max(0, int(centre - reach)), min(length, int(centre + reach) + 1)
    top, bottom = int(middle - 0.3 * thickness), int(middle + 0.3 * thickness) + 1
    strip = picture[max(0, top) : min(depth, bottom), first:end].astype(float)
    if strip.shape[0] < 1 or strip.shape[1] < 4:
        return None
    profile = [float(column.mean()) for column in strip.T]
    half = (min(profile) + max(profile)) / 2
    near = 0.0 if first == 0 and profile[0] < half else _fall(profile, half)
    far = 0.0 if end == length and profile[-1] < half else _fall(profile[::-1], half)
    if near is None or far is None or near >= len(profile) - far:
        return None
    return first + near, end - far, min(profile)


def _fall(profile, half):
    """How far in the levels, each at its pixel's middle, first fall below `half`."""
    for i, (a, b) in enumerate(pairwise(profile)):
        if a >= half > b:
            return i + 0.5 + (a - half) / (a - b)
    return None


def settled(marks, edges):
    """`settle_centres`: the middle between a mark's edges where they convince, else the blob's."""
    middles = [((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom, _ in edges]
    sizes = [(right - left, bottom - top) for left, top, right, bottom, _ in edges]
    near = []
    for (x, y, w, h), middle, edge in zip(marks, middles, edges, strict=True):
        off = max(abs(middle[0] - x), abs(middle[1] - y))
        near.append(edge[0] != -1 and off <= max(w, h) / 4 + 1)
    usual = [
        median(s[axis] for s, ok in zip(sizes, near, strict=True) if ok) if any(near) else 0
        for axis in (0, 1)
    ]
    centres = []
    for mark, middle, size, ok in zip(marks, middles, sizes, near, strict=True):
        odd = any(abs(s - u) > 0.3 * u for s, u in zip(size, usual, strict=True))
        centres.append(list(middle) if ok and not odd else [mark[0], mark[1]])
    return centres


def regularity(along_mm, px, scale):
    """`track_regularity`: roughness in mm, and stretch as a share."""
    rough = [0.0]
    for i in range(1, len(px) - 1):
        middle = [
            np.interp(along_mm[i], along_mm[i - 1 : i + 2 : 2], px[i - 1 : i + 2 : 2, k])
            for k in (0, 1)
        ]
        rough.append(math.dist(middle, px[i]) / scale)
    run = min(4, len(px) - 1)
    lengths = [math.dist(a, b) for a, b in zip(px, px[run:], strict=False)]
    printed = [b - a for a, b in zip(along_mm, along_mm[run:], strict=False)]
    stretch = [abs(a / b / scale - 1) for a, b in zip(lengths, printed, strict=True)]
    return max(rough), max(stretch)


@dataclass(frozen=True)
class Walk:
    """Blobs taken so far, by mark, with the local scale and slope that they suggest."""

    taken: dict[int, int]
    scale: float = 1.0
    slope: float | None = None
    misfit: float = 0.0


def walk(along, across, expected, limits):
    """`follow_track`: each mark's blob, or -1, on the walk that finds most marks and fits best."""
    walks = []
    for first_mark in range(min(3, len(expected) - 1)):
        for first_blob in range(len(along)):
            here = Walk({first_mark: first_blob})
            for mark in range(first_mark + 1, len(expected)):
                here = _next(here, mark, (along, across, expected), limits)
            walks.append(here)
    best = min(walks, key=lambda w: (-len(w.taken), w.misfit))
    return [best.taken.get(mark, -1) for mark in range(len(expected))]


def _next(here: Walk, mark, track, limits) -> Walk:
    along, across, expected = track
    tolerance, side_tolerance, steepest, stretch = limits
    last = max(here.taken)
    blob = here.taken[last]
    pitch = expected[mark] - expected[last]
    ahead = pitch * here.scale
    may_be_off = side_tolerance + (steepest * ahead if here.slope is None else 0.0)
    fits = []
    for b in range(blob + 1, len(along)):
        off = abs(along[b] - (along[blob] + ahead))
        aside = abs(across[b] - across[blob] - (here.slope or 0.0) * ahead)
        if off < tolerance and aside <= may_be_off:
            fits.append((off, b))
    if not fits:
        return here
    off, b = min(fits)
    local = min(max((along[b] - along[blob]) / pitch, 1 - stretch), 1 + stretch)
    taken = {**here.taken, mark: b}
    slope = here.slope
    if len(taken) >= 4:
        back = taken[min(m for m in taken if m >= mark - 12)]
        run = along[b] - along[back]
        slope = (across[b] - across[back]) / run if run > 0 else slope or 0.0
    return Walk(taken, 0.7 * here.scale + 0.3 * local, slope, here.misfit + off)


def whole_blobs(blobs, box, size, axis, share):
    """`keep_whole`: blobs dark enough that end before the strip's sides, along the track."""
    across = 1 - int(axis)
    first, last = box[across], box[across + 2]
    kept = []
    for blob in blobs:
        low, high = blob[across] - blob[2 + across] / 2, blob[across] + blob[2 + across] / 2
        cut_in_front = low <= first + 1 and first > 0
        cut_behind = high >= last - 1 and last < size[across]
        if blob[4] > share and not cut_in_front and not cut_behind:
            kept.append(blob)
    return sorted(kept, key=lambda blob: blob[int(axis)])


def uncropped(marks, nominal, axis, inward, centres):
    """`uncrop`: centres moved by half of what is missing of a mark, towards where it was."""
    placed = [list(c) for c in centres]
    across = 1 - axis

    def missing(k, side):
        lost = nominal[side] - marks[k][2 + side]
        return lost if lost > 0.15 * nominal[side] else 0.0

    for k, centre in enumerate(placed):
        centre[across] -= inward * missing(k, across) / 2
    placed[0][axis] -= missing(0, axis) / 2
    placed[-1][axis] += missing(-1, axis) / 2
    return placed


# ── paper to pixels ──────────────────────────────────────────────────────────────────────────


def placed(mm, matrix):
    """`map_points`: each point through the matrix."""
    through = [matrix @ np.array([x, y, 1.0]) for x, y in mm]
    return np.array([p[:2] for p in through]).reshape(-1, 2)


def displaced(mm, px, correction, axis):
    """`displace`: points moved by what two curves say at them, weighed by how near each is."""
    near, far, (near_at, far_at) = correction
    moved = []
    for point, (x, y) in zip(mm, px, strict=True):
        share = 0.0 if near_at == far_at else (point[1 - axis] - near_at) / (far_at - near_at)
        by = [
            (1 - share) * np.interp(point[axis], near[:, 0], near[:, k])
            + share * np.interp(point[axis], far[:, 0], far[:, k])
            for k in (1, 2)
        ]
        moved.append([x + by[0], y + by[1]])
    return np.array(moved).reshape(-1, 2)


def beyond(near, marks):
    """`curve_beyond`: the track's curve, and what a few marks beyond say more than it."""
    curve = near.copy()
    for k in (1, 2):
        more = marks[:, k] - np.interp(marks[:, 0], near[:, 0], near[:, k])
        curve[:, k] += np.interp(near[:, 0], marks[:, 0], more)
    return curve


# ── bubbles ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Believed:
    """Levels that a page's bubbles are measured between."""

    ink: float
    dark_from: float
    paper_low: float
    paper_high: float
    bitonal: bool


def bubble(picture, centre, lattice, levels: Believed):
    """`sample_bubbles` of one bubble, unrounded: fill, darkness, around, through (0–1), paper.

    None where a sample leaves the page, or would if the lattice were a full rectangle.
    """
    height, width = picture.shape
    cx, cy = (math.floor(c) for c in centre)
    reach_x = max(abs(int(dx)) for line in lattice for dx, _, _ in line)
    reach_y = max(abs(int(dy)) for line in lattice for _, dy, _ in line)
    if not (reach_x <= cx < width - reach_x and reach_y <= cy < height - reach_y):
        return None
    lines = [[(int(picture[cy + dy, cx + dx]), int(k)) for dx, dy, k in ln] for ln in lattice]
    inside = [v for line in lines for v, kind in line if kind == 1]
    margin = [v for line in lines for v, kind in line if kind == 2]
    paper = 255 if levels.bitonal else int(_paper(margin, levels))
    span = max(paper - int(levels.ink), 1)
    dark_below = paper - levels.dark_from * span
    fill = sum(v < dark_below for v in inside) / len(inside)
    darkness = sum(min(max((paper - v) / span, 0.0), 1.0) for v in inside) / len(inside)
    # Shadow dims paper a little; ink all round must not pass for shadow.
    shadow = 255.0 if levels.bitonal else max(_paper(margin, levels), 0.7 * levels.paper_high)
    margin_dark = shadow - levels.dark_from * (shadow - levels.ink)
    around = sum(v < margin_dark for v in margin) / max(len(margin), 1)
    through = 0.0
    if 0.02 <= fill <= 0.5:
        columns = list(zip(*lines, strict=True))
        through = max(_crossing(line, dark_below) for line in [*lines, *columns])
    return fill, darkness, around, through, paper


def _paper(margin, levels: Believed) -> float:
    """The level, in steps of four, that 30 % of the margin are at or above."""
    brightest_first = sorted((v // 4 * 4 + 2 for v in margin), reverse=True)
    enough = math.ceil(3 * len(margin) / 10)
    level = brightest_first[enough - 1] if margin else 254
    return min(max(float(level), levels.paper_low), levels.paper_high)


def _crossing(line, dark_below) -> float:
    """How dark a line is inside, if there is ink in the margins at both its ends."""
    used = [(v < dark_below, kind) for v, kind in line if kind]
    if not any(kind == 1 for _, kind in used):
        return 0.0
    enters = [kind for _, kind in used].index(1)
    inside = [dark for dark, kind in used if kind == 1]
    before = [dark for dark, _ in used[:enters]]
    after = [dark for dark, kind in used[enters:] if kind == 2]
    return sum(inside) / len(inside) if any(before) and any(after) else 0.0


def outline_fits(picture, centre, outline, radius):
    """`snap_to_outline` of one bubble: contrast at every shift, {} near the page's edge."""
    height, width = picture.shape
    cx, cy = (int(c * SUB) for c in centre)
    reach = int(np.abs(outline).max()) // SUB + radius + 2
    if not (reach <= cx // SUB < width - reach and reach <= cy // SUB < height - reach):
        return {}
    contrast = {}
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            steps = [
                int(picture[(cy + yo) // SUB + dy, (cx + xo) // SUB + dx])
                - int(picture[(cy + y) // SUB + dy, (cx + x) // SUB + dx])
                for x, y, xo, yo in outline.tolist()
            ]
            contrast[dx, dy] = sum(steps) / len(steps)
    return contrast


# ── judging ──────────────────────────────────────────────────────────────────────────────────


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


# ── fax ──────────────────────────────────────────────────────────────────────────────────────


class Stop(Exception):
    """Reading ended with this fault, by its number."""


_LENGTHS = [*range(64), *range(64, 1729, 64), *range(1792, 2561, 64)]
RUN_CODES = [
    dict(zip(f"{codes} {fax._LONG}".split(), _LENGTHS, strict=True))
    for codes in (fax._WHITE, fax._BLACK)
]
_BAD_CODE, _BAD_ROW, _CUT_SHORT, _LEFT_OVER, _UNCOMPRESSED, _NO_LINE_START = range(1, 7)
_LINE_CODE = re.compile("0{11,}1")


@dataclass
class Tape:
    """A strip's bits as a text of 0 and 1, read from `at`; `end` is its own end."""

    bits: str
    at: int
    end: int

    def code(self, codes: dict[str, int]) -> int:
        for length in range(1, 14):
            value = codes.get(self.bits[self.at : self.at + length])
            if value is not None:
                self.at += length
                if self.at > self.end:
                    raise Stop(_CUT_SHORT)
                return value
        raise Stop(_BAD_CODE)

    def run(self, colour: int) -> int:
        total = 0
        while True:
            part = self.code(RUN_CODES[colour])
            total += part
            if part < 64:
                return total

    def line_code(self) -> bool:
        found = _LINE_CODE.match(self.bits, self.at, self.end)
        self.at = found.end() if found else self.at
        return found is not None

    def ends(self, coding: FaxCoding) -> bool:
        rest = self.bits[self.at : self.end]
        if coding is FaxCoding.MODIFIED_HUFFMAN:
            return "1" not in rest
        line = "0{11,}1(?:[01]|$)" if coding is FaxCoding.GROUP_3_2D else "0{11,}1"
        whole = 2 if coding is FaxCoding.GROUP_4 else 6
        pattern = f"(?:{line}){{{whole}}}[01]*|(?:{line}){{0,{whole - 1}}}0*"
        return re.fullmatch(pattern, rest) is not None


def unfax(bits: str, spans, coding: FaxCoding, width: int) -> tuple[int, list[list[int]]]:
    """`unfax`: 0 or row << 3 | fault, and the rows before it (1 is coded black)."""
    rows: list[list[int]] = []
    try:
        for first, end, count in spans:
            tape = Tape(bits, first, end)
            above = [0] * width
            for _ in range(count):
                above = _fax_row(tape, coding, above)
                rows.append(above)
                if coding is FaxCoding.MODIFIED_HUFFMAN:
                    tape.at += -tape.at % 8
            if not tape.ends(coding):
                raise Stop(_LEFT_OVER)
    except Stop as stop:
        return len(rows) << 3 | stop.args[0], rows
    return 0, rows


def _fax_row(tape: Tape, coding: FaxCoding, above: list[int]) -> list[int]:
    flat = coding is not FaxCoding.GROUP_4
    if coding is FaxCoding.GROUP_3:
        tape.line_code()
    if coding is FaxCoding.GROUP_3_2D:
        if not tape.line_code() or tape.at >= tape.end:
            raise Stop(_NO_LINE_START)
        flat = tape.bits[tape.at] == "1"
        tape.at += 1
    return _flat(tape, len(above)) if flat else _against(tape, above)


def _flat(tape: Tape, width: int) -> list[int]:
    row: list[int] = []
    colour = 0
    while len(row) < width:
        row += [colour] * tape.run(colour)
        if len(row) > width:
            raise Stop(_BAD_ROW)
        colour = 1 - colour
    return row


def _against(tape: Tape, above: list[int]) -> list[int]:
    """T.6: a0 is the last place settled, b1 and b2 the next changes in the row above."""
    width = len(above)
    row: list[int] = []
    a0, colour = -1, 0
    while len(row) < width:
        b1, b2 = reference(above, a0, colour)
        mode = tape.code(fax._MODES)
        if mode == fax._UNCOMPRESSED:
            raise Stop(_UNCOMPRESSED)
        if mode == fax._PASS:
            row += [colour] * (b2 - len(row))
        elif mode == fax._HORIZONTAL:
            for ink in (colour, 1 - colour):
                row += [ink] * tape.run(ink)
                if len(row) > width:
                    raise Stop(_BAD_ROW)
        else:
            a1 = b1 + mode - 3
            if not a0 < a1 <= width:
                raise Stop(_BAD_ROW)
            row += [colour] * (a1 - len(row))
            colour = 1 - colour
        a0 = len(row)
    return row


def reference(above: list[int], a0: int, colour: int) -> tuple[int, int]:
    """The first change right of a0 to the other colour, and the next change after it."""
    width = len(above)
    changes = [i for i in range(width) if above[i] != (above[i - 1] if i else 0)]
    b1 = next((i for i in changes if i > a0 and above[i] != colour), width)
    return b1, next((i for i in changes if i > b1), width)
