"""Bubbles → blocks that hang together → fields in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.design import FieldKind
from omr.records import F64
from omr.tracing.bubbles import inside, lines_of
from omr.tracing.records import FoundBubbles, Proposal, Sheet

_BESIDE = 1.5  # neighbours of a block are at most so many times the usual distance apart
_BOTH_WAYS = 2.3  # … and so many times the lesser distance across or down
_FAR = 3.2  # … and so many bubbles, or 1.45 usual distances
_REGULAR_MM = 0.15
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_VALUES = 30
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
    blocks = [
        block
        for members in _hanging_together(bubbles.centres_mm, size)
        for block in _full_blocks(bubbles.centres_mm[members], size)
    ]
    blocks = _joined_rows(blocks, size)
    counts = {word: sum(_word(p) == word for p in before) for word in ("choice", "grid")}
    counts |= {w: sum(len(p.names()) for p in before if _word(p) == w) for w in ("q", "flag")}
    proposals: list[Proposal] = []
    for block in _in_reading_order(blocks):
        proposals += _fields_of(block, _runs_down(block, bubbles, sheet), counts)
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


def _full_blocks(centres: F64, size: F64) -> list[Block]:
    """Rectangles of rows and columns that cover what hangs together, without a gap in any."""
    rows = lines_of(centres[:, 1], 0.4 * float(size[1]))
    columns = lines_of(centres[:, 0], 0.4 * float(size[0]))
    lattice = np.full((len(rows), len(columns)), -1)
    column_of = np.empty(len(centres), np.int64)
    for number, members in enumerate(columns):
        column_of[members] = number
    for number, members in enumerate(rows):
        lattice[number, column_of[members]] = members
    blocks: list[Block] = []
    for part in _rectangles(lattice >= 0):
        found = centres[lattice[part]]
        blocks += [Block(piece) for piece in _even_pieces(found)]
    return blocks


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


def _even_pieces(centres: F64) -> list[F64]:
    """A block cut where its rows or columns leave their regular steps."""
    pieces: list[F64] = []
    start = 0
    while start < len(centres):
        end = start + 1
        while end < len(centres) and _is_even(centres[start : end + 1]):
            end += 1
        pieces.append(centres[start:end])
        start = end
    cut: list[F64] = []
    for piece in pieces:
        start = 0
        while start < piece.shape[1]:
            end = start + 1
            while end < piece.shape[1] and _is_even(piece[:, start : end + 1]):
                end += 1
            cut.append(piece[:, start:end])
            start = end
    return cut


def _is_even(centres: F64) -> bool:
    """Whether regular steps lead to within 0.15 mm of each bubble (outliers of a scan apart)."""
    off = np.abs(centres - _evened(centres)).max(axis=2)
    return bool(np.median(off) <= _REGULAR_MM / 2 and np.percentile(off, 98) <= _REGULAR_MM)


def _evened(centres: F64) -> F64:
    """The same on regular steps, by least squares; axes may be (a, b, 2) or (a, b, c, 2)."""
    shape = centres.shape[:-1]
    index = np.indices(shape).reshape(len(shape), -1).T
    design = np.concatenate([np.ones((len(index), 1)), index], axis=1)
    flat = centres.reshape(-1, 2)
    weights, *_ = np.linalg.lstsq(design, flat, rcond=None)
    even: F64 = (design @ weights).reshape(centres.shape)
    return even


def _joined_rows(blocks: list[Block], size: F64) -> list[Block]:
    """Single bubbles that stand in one row at one step, far apart, as one row."""
    single = [b for b in blocks if b.rows == b.columns == 1]
    rest = [b for b in blocks if b.rows * b.columns > 1]
    if not single:
        return rest
    points = np.array([b.low for b in single])
    for row in lines_of(points[:, 1], 0.3 * float(size[1])):
        across = points[row][np.argsort(points[row, 0])]
        rest += [Block(piece) for piece in _even_pieces(across[None])]
    return rest


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
