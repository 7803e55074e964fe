"""Bubbles → blocks that hang together → fields in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.design import FieldKind
from omr.records import F64, U8
from omr.tracing.bubbles import inside, lines_of
from omr.tracing.records import FoundBubbles, Proposal, Sheet
from omr.tracing.sheet import printed

_BESIDE = 1.5  # neighbours of a block are at most so many times the usual distance apart
_BOTH_WAYS = 2.3  # … and so many times the lesser distance across or down
_FAR = 3.2  # … and so many bubbles, or 1.45 usual distances
_REGULAR_MM = 0.15  # off regular steps; for large bubbles 15 % of one, up to 0.35 mm
_LOOSE, _LOOSE_MM = 0.15, 0.35
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_COLUMNS = 3  # so many columns in the same rows are one block, however far apart
_MOST_VALUES = 30
_NEARLY_FULL = 0.6  # of rows and columns, where gaps are looked at
_HIDDEN_FROM = 0.2  # of a gap's place is printed where a bubble is hidden there
_TELLS_APART = 0.06  # how much liker rows than columns must be to count


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Bubbles in full rows and columns, centres (rows, columns, 2)."""

    centres_mm: F64

    @property
    def rows(self) -> int:
        """Rows of bubbles."""
        return len(self.centres_mm)

    @property
    def columns(self) -> int:
        """Columns of bubbles."""
        return int(self.centres_mm.shape[1])

    @property
    def low(self) -> F64:
        """Its first bubble."""
        first: F64 = self.centres_mm[0, 0]
        return first

    @property
    def high(self) -> F64:
        """Its last bubble."""
        last: F64 = self.centres_mm[-1, -1]
        return last


def propose(
    bubbles: FoundBubbles, sheet: Sheet, before: Sequence[Proposal] = ()
) -> tuple[Proposal, ...]:
    """Fields with names in reading order; the numbers go on from `before`, the other side's."""
    size = np.array([bubbles.look.width_mm, bubbles.look.height_mm])
    mask = printed(sheet)
    blocks = [
        block
        for members in _hanging_together(bubbles.centres_mm, size)
        for block in _full_blocks(bubbles, members, (mask, sheet))
    ]
    blocks = _joined_columns(_joined_rows(blocks, size), size)
    counts = {word: sum(_word(p) == word for p in before) for word in ("choice", "grid")}
    counts |= {w: sum(len(p.names()) for p in before if _word(p) == w) for w in ("q", "flag")}
    proposals: list[Proposal] = []
    for block in _in_reading_order(blocks):
        down = _runs_down(block, bubbles, sheet)
        for piece in _even_pieces(block.centres_mm, size):
            proposals += _fields_of(Block(piece), down, counts)
    return tuple(proposals)


def _word(proposal: Proposal) -> str:
    return proposal.name.replace("{n}", "").rstrip("0123456789")


# ── blocks ───────────────────────────────────────────────────────────────────────────────────


def _hanging_together(centres: F64, size: F64) -> list[NDArray[np.int64]]:
    """Indices of bubbles that are neighbours of neighbours."""
    count = len(centres)
    next_to = [_next(centres, size, axis) for axis in (0, 1)]
    nearest = np.full((count, 2), np.inf)
    for axis, pairs in enumerate(next_to):
        for a, b, apart in pairs:
            nearest[a, axis] = min(nearest[a, axis], apart)
            nearest[b, axis] = min(nearest[b, axis], apart)
    either = nearest.min(axis=1)
    known = either[np.isfinite(either)]
    usual = float(np.percentile(known, 20)) if len(known) else 0.0
    far = max(_FAR * float(size.max()), 1.45 * usual)
    root = np.arange(count)

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = int(root[at])
        return at

    for axis, pairs in enumerate(next_to):
        for a, b, apart in pairs:
            limit = min(
                far,
                _BESIDE * min(nearest[a, axis], nearest[b, axis]),
                _BOTH_WAYS * min(either[a], either[b]),
            )
            if apart <= limit:
                root[find(a)] = find(b)
    roots = np.array([find(k) for k in range(count)])
    return [np.flatnonzero(roots == r) for r in np.unique(roots)]


def _next(centres: F64, size: F64, axis: int) -> list[tuple[int, int, float]]:
    """Each bubble with the next one to the right (axis 0) or below (axis 1), and how far."""
    pairs = []
    for at, point in enumerate(centres):
        ahead = centres[:, axis] - point[axis]
        level = np.abs(centres[:, 1 - axis] - point[1 - axis]) <= 0.25 * size[1 - axis]
        able = np.flatnonzero(level & (ahead > 0.6 * size[axis]))
        if len(able):
            nearest = int(able[np.argmin(ahead[able])])
            pairs.append((at, nearest, float(ahead[nearest])))
    return pairs


def _full_blocks(
    bubbles: FoundBubbles, members: NDArray[np.int64], print_: tuple[U8, Sheet]
) -> list[Block]:
    """Rectangles of rows and columns that cover what hangs together, without a gap in any."""
    centres, clear = bubbles.centres_mm[members], bubbles.clear[members]
    size = np.array([bubbles.look.width_mm, bubbles.look.height_mm])
    rows = lines_of(centres[:, 1], 0.4 * float(size[1]))
    columns = lines_of(centres[:, 0], 0.4 * float(size[0]))
    there = np.zeros((len(rows), len(columns)), np.bool_)
    exact, places = there.copy(), np.zeros((*there.shape, 2))
    row_of, column_of = (np.empty(len(centres), np.int64) for _ in range(2))
    for of, lines in ((row_of, rows), (column_of, columns)):
        for number, line in enumerate(lines):
            of[line] = number
    there[row_of, column_of] = True
    exact[row_of, column_of] = clear
    places[row_of, column_of] = centres
    lead_to = _led_to(places, exact if exact.any() else there)
    places = np.where((there & ~exact)[..., None], lead_to, places)
    if there.mean() >= _NEARLY_FULL:
        for row, column in np.argwhere(~there):
            if _something_printed(print_, lead_to[row, column], size):
                places[row, column] = lead_to[row, column]
                there[row, column] = True
    return [Block(places[part]) for part in _rectangles(there)]


def _led_to(places: F64, known: NDArray[np.bool_]) -> F64:
    """Where its row and its column lead to, for every place; regular steps where one has none."""
    led = _evened_where(places, known)
    for number in np.flatnonzero(known.any(axis=1)):
        led[number, :, 1] = np.median(places[number, known[number], 1])
    for number in np.flatnonzero(known.any(axis=0)):
        led[:, number, 0] = np.median(places[known[:, number], number, 0])
    return led


def _something_printed(print_: tuple[U8, Sheet], centre: F64, size: F64) -> bool:
    """Whether a place where a bubble should be holds print, such as a filled one."""
    mask, sheet = print_
    part = mask[inside(sheet, centre, size)]
    return bool(part.size and (part > 0).mean() >= _HIDDEN_FROM)


def _rectangles(there: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Few full rectangles that cover what is there: by rows or by columns, whichever is fewer."""
    by_rows = _bands(there)
    by_columns = [(rows, columns) for columns, rows in _bands(there.T)]
    return by_rows if len(by_rows) <= len(by_columns) else by_columns


def _bands(there: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Runs within rows; runs that stand in the same columns of following rows are one."""
    open_runs: dict[tuple[int, int], int] = {}
    found: list[tuple[slice, slice]] = []
    for number, row in enumerate([*there, np.zeros(there.shape[1], np.bool_)]):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
        runs = {(int(a), int(b)) for a, b in edges.reshape(-1, 2)}
        for run in [r for r in open_runs if r not in runs]:
            found.append((slice(open_runs.pop(run), number), slice(*run)))
        for run in runs:
            open_runs.setdefault(run, number)
    return sorted(found, key=lambda part: (part[0].start, part[1].start))


def _even_pieces(centres: F64, size: F64) -> list[F64]:
    """A block cut where its rows or its columns leave their regular steps."""
    rows = _runs(np.median(centres[:, :, 1], axis=1), float(size[1]))
    columns = _runs(np.median(centres[:, :, 0], axis=0), float(size[0]))
    return [centres[row, column] for row in rows for column in columns]


def _runs(places: F64, size: float) -> list[slice]:
    """Runs of places that lie on regular steps."""
    close = min(_LOOSE_MM, max(_REGULAR_MM, _LOOSE * size))
    runs: list[slice] = []
    start = 0
    while start < len(places):
        end = start + 1
        while end < len(places):
            run = places[start : end + 1]
            index = np.arange(len(run))
            off = run - np.polyval(np.polyfit(index, run, 1), index)
            if np.abs(off).max() > close:
                break
            end += 1
        runs.append(slice(start, end))
        start = end
    return runs


def _evened(centres: F64) -> F64:
    """The same on regular steps, by least squares."""
    return _evened_where(centres, np.ones(centres.shape[:-1], np.bool_))


def _evened_where(centres: F64, there: NDArray[np.bool_]) -> F64:
    """Places (…, 2) on the regular steps that fit those that are there best."""
    index = np.indices(there.shape).reshape(there.ndim, -1).T
    design = np.concatenate([np.ones((len(index), 1)), index], axis=1)
    known = there.reshape(-1)
    weights, *_ = np.linalg.lstsq(design[known], centres.reshape(-1, 2)[known], rcond=None)
    even: F64 = (design @ weights).reshape(centres.shape)
    return even


def _joined_rows(blocks: list[Block], size: F64) -> list[Block]:
    """Single bubbles that stand in one row, far apart, as one row."""
    single = [b for b in blocks if b.rows == b.columns == 1]
    rest = [b for b in blocks if b.rows * b.columns > 1]
    if not single:
        return rest
    points = np.array([b.low for b in single])
    for row in lines_of(points[:, 1], 0.3 * float(size[1])):
        across = points[row][np.argsort(points[row, 0])]
        rest.append(Block(across[None]))
    return rest


def _joined_columns(blocks: list[Block], size: F64) -> list[Block]:
    """Three or more single columns that stand in the same rows, far apart, as one block."""
    left = [b for b in blocks if b.columns == 1 and b.rows > 1]
    joined = [b for b in blocks if b.columns > 1 or b.rows == 1]
    while left:
        heights = left[0].centres_mm[:, 0, 1]
        alike = [
            b
            for b in left
            if b.rows == len(heights)
            and np.abs(b.centres_mm[:, 0, 1] - heights).max() <= 0.25 * size[1]
        ]
        left = [b for b in left if not any(b is other for other in alike)]
        if len(alike) >= _COLUMNS:
            alike.sort(key=lambda b: float(b.low[0]))
            joined.append(Block(np.concatenate([b.centres_mm for b in alike], axis=1)))
        else:
            joined += alike
    return joined


def _in_reading_order(blocks: list[Block]) -> list[Block]:
    """Bands of blocks from the top, each from the left."""
    left = sorted(blocks, key=lambda b: (float(b.low[1]), float(b.low[0])))
    order: list[Block] = []
    while left:
        head = left[0]
        tall = max(float(head.high[1] - head.low[1]), 1.0)
        band = [b for b in left if float(b.low[1]) <= float(head.low[1]) + 0.5 * tall]
        order += sorted(band, key=lambda b: (float(b.low[0]), float(b.low[1])))
        left = [b for b in left if not any(b is taken for taken in band)]
    return order


# ── fields ───────────────────────────────────────────────────────────────────────────────────


def _runs_down(block: Block, bubbles: FoundBubbles, sheet: Sheet) -> bool:
    """Whether a field's values stand one under another rather than side by side.

    Where letters are printed inside, the same one in a whole row says so, the same one in a whole
    column the opposite. Otherwise ten or twenty-six rows of more than five columns do.
    """
    rows, columns = block.rows, block.columns
    if rows == 1 or columns == 1:
        return columns == 1
    if bubbles.look.labelled:
        size = np.array([bubbles.look.width_mm, bubbles.look.height_mm])
        along_rows, along_columns = _likeness(block, sheet, size)
        if abs(along_rows - along_columns) > _TELLS_APART:
            return along_rows > along_columns
    if rows in (10, 26):
        return rows == 26 or columns > 5
    return columns > 8 and rows <= 6


def _likeness(block: Block, sheet: Sheet, size: F64) -> tuple[float, float]:
    """How alike the print inside neighbours is, in a row and in a column: 1 the same, 0 not."""
    patches = np.array(
        [[_patch(sheet, centre, size) for centre in row] for row in block.centres_mm]
    )
    patches = patches - patches.mean(axis=2, keepdims=True)
    patches /= np.maximum(np.linalg.norm(patches, axis=2, keepdims=True), 1e-6)
    across = (patches[:, 1:] * patches[:, :-1]).sum(axis=2)
    down = (patches[1:] * patches[:-1]).sum(axis=2)
    return float(np.median(across)), float(np.median(down))


def _patch(sheet: Sheet, centre: F64, size: F64) -> F64:
    """The inside of a bubble as 12 × 12 darkness values, slightly blurred."""
    part = sheet.value[inside(sheet, centre, 0.66 * size)]
    if not part.size:
        return np.zeros(144)
    small = cv2.resize(cv2.GaussianBlur(part, (0, 0), 1.0), (12, 12), interpolation=cv2.INTER_AREA)
    patch: F64 = 255.0 - small.astype(np.float64).reshape(-1)
    return patch


def _fields_of(block: Block, down: bool, counts: dict[str, int]) -> list[Proposal]:
    centres = block.centres_mm.transpose(1, 0, 2) if down else block.centres_mm
    groups, values = centres.shape[:2]
    if values > _MOST_VALUES:  # more than a field may have: no field, but places to look at
        halves = np.array_split(block.centres_mm, 2, axis=0 if down else 1)
        return [p for half in halves for p in _fields_of(Block(half), down, counts)]
    if values == 1:
        cells = centres[:, None]
        return _flags(cells, counts)
    placed = _evened(centres)
    letters = tuple(_LETTERS[:values]) if values <= 26 else tuple(map(str, range(1, values + 1)))
    if groups == 1:
        counts["choice"] += 1
        name = f"choice{counts['choice']}"
        return [Proposal(name, FieldKind.SINGLE, letters, 1, placed[:, None])]
    grid = FieldKind.DIGITS if values == 10 else FieldKind.LETTERS
    if values == 26 or (values == 10 and (down or groups <= 20)):
        counts["grid"] += 1
        glyphs = tuple("0123456789") if values == 10 else letters
        return [Proposal(f"grid{counts['grid']}", grid, glyphs, 1, placed[None])]
    first = counts["q"] + 1
    counts["q"] += groups
    return [Proposal("q{n}", FieldKind.SINGLE, letters, first, placed[:, None])]


def _flags(cells: F64, counts: dict[str, int]) -> list[Proposal]:
    first = counts["flag"] + 1
    counts["flag"] += len(cells)
    flags = Proposal("flag{n}", FieldKind.FLAG, ("1",), first, _evened(cells))
    return [replace(flags, name=f"flag{first}", first=1) if len(cells) == 1 else flags]
