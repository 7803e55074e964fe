"""From marks to field values: joining digits, checks, doubts with their evidence, status."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.design import CheckRule, Field, FieldKind, Side, Zone
from omr.policy import Policy
from omr.records import F32, U8, BarcodeRead, Doubt, DoubtKind
from omr.score.judge import DOUBT_OF_BIT, Figures, Verdicts, judge_many

UNREADABLE = "?"
MOST_LISTED = 10  # options of which all masks are listed beforehand
_WEAK_READERS = {
    "pyzbar": "only the second reader sees it",
    "split": "readings of the zone differ, or only one was had",
}


@dataclass(frozen=True, slots=True)
class SideValues:
    """What n pages of one side say, field by field.

    `values` (n, fields) str objects, fields first and barcode zones after them; `probability`
    (n, fields) of error, of the bubbled fields only; `doubts` one tuple a page.
    """

    names: tuple[str, ...]
    values: NDArray[np.object_]
    probability: F32
    masks: NDArray[np.uint32]
    doubts: list[tuple[Doubt, ...]]


@dataclass(frozen=True, slots=True)
class _Block:
    """Fields of one group each that share their options, and what every mask of them reads as."""

    fields: NDArray[np.int64]
    groups: NDArray[np.int64]
    lookup: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class _Grid:
    """A field of several characters, and what each mask of a character reads as.

    `lookup` is None where there are too many masks to list.
    """

    at: int
    groups: slice
    values: tuple[str, ...]
    lookup: NDArray[np.object_] | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What can be worked out about a side before any page is read."""

    names: tuple[str, ...]
    zones: tuple[Zone, ...]
    blocks: tuple[_Block, ...]
    grids: tuple[_Grid, ...]
    wide: tuple[tuple[int, Field], ...]
    checked: tuple[tuple[int, Field], ...]
    group_field: NDArray[np.int64]
    field_starts: NDArray[np.int64]
    required: NDArray[np.int64]


def names_of(side: Side) -> tuple[str, ...]:
    """Columns of a side's values: bubbled fields, then barcode zones."""
    return _plan(side).names


@functools.lru_cache(maxsize=64)
def _plan(side: Side) -> _Plan:
    zones = side.zones_of(FieldKind.BARCODE)
    names = tuple(f.name for f in side.fields) + tuple(z.name for z in zones)
    alike: dict[tuple[str, ...], list[int]] = {}
    grids: list[_Grid] = []
    wide: list[tuple[int, Field]] = []
    for at, field in enumerate(side.fields):
        if field.kind in (FieldKind.DIGITS, FieldKind.LETTERS):
            grids.append(_grid(at, field))
        elif len(field.values) > MOST_LISTED:
            wide.append((at, field))
        else:
            alike.setdefault(field.values, []).append(at)
    blocks = []
    for options, members in alike.items():
        lookup = np.empty(1 << len(options), object)
        for mask in range(len(lookup)):
            lookup[mask] = _options(options, mask)
        groups = [side.fields[at].groups[0] for at in members]
        blocks.append(_Block(np.array(members), np.array(groups), lookup))
    owner = [at for at, f in enumerate(side.fields) for _ in range(f.length)]
    required = [g for f in side.fields if f.required for g in range(*f.groups)]
    checked = tuple(
        (at, f)
        for at, f in enumerate(side.fields)
        if f.allowed or f.check is not CheckRule.NONE or f.same_as
    )
    return _Plan(
        names,
        zones,
        tuple(blocks),
        tuple(grids),
        tuple(wide),
        checked,
        np.array(owner, np.int64),
        np.array([f.groups[0] for f in side.fields], np.int64),
        np.array(required, np.int64),
    )


def read_many(
    side: Side,
    policy: Policy,
    figures: Figures,
    bitonal: NDArray[np.bool_],
    barcodes: list[tuple[BarcodeRead, ...]],
) -> SideValues:
    """Judge n pages of a side and put their fields together.

    `figures` and `bitonal` as for `judge_many`; `barcodes` one tuple a page, in the design's
    order of zones.
    """
    plan = _plan(side)
    verdicts = judge_many(side, policy, figures, bitonal)
    masks = verdicts.masks
    values = np.full((len(masks), len(plan.names)), "", object)
    for block in plan.blocks:
        values[:, block.fields] = block.lookup[masks[:, block.groups]]
    for grid in plan.grids:
        values[:, grid.at] = _joined(grid, masks[:, grid.groups])
    for at, field in plan.wide:
        for page, mask in enumerate(masks[:, field.groups[0]]):
            values[page, at] = _options(field.values, int(mask))
    for page, codes in enumerate(barcodes):
        for k, code in enumerate(codes):
            values[page, len(side.fields) + k] = code.text
    doubts: list[list[Doubt]] = [[] for _ in range(len(masks))]
    _mark_doubts(side, plan, verdicts, figures, doubts)
    _field_doubts(side, plan, values, doubts)
    for page, codes in enumerate(barcodes):
        _barcode_doubts(plan.zones, codes, doubts[page])
    probability = _probability(plan, policy, verdicts)
    return SideValues(plan.names, values, probability, masks, [tuple(d) for d in doubts])


def _options(options: tuple[str, ...], mask: int) -> str:
    """What a mask of filled options says."""
    return "".join(value for k, value in enumerate(options) if mask >> k & 1)


def _grid(at: int, field: Field) -> _Grid:
    lookup = None
    if len(field.values) <= MOST_LISTED:
        lookup = np.full(1 << len(field.values), UNREADABLE, object)
        lookup[1 << np.arange(len(field.values))] = field.values
    return _Grid(at, slice(*field.groups), field.values, lookup)


def _joined(grid: _Grid, masks: NDArray[np.uint32]) -> NDArray[np.object_]:
    """Strings of a grid's characters; a blank or double one shows as "?", a blank grid as ""."""
    if grid.lookup is None:
        characters = np.array([[_only(grid.values, int(m)) for m in row] for row in masks], object)
    else:
        characters = grid.lookup[masks]
    text: NDArray[np.object_] = characters.sum(axis=1)
    blank = ~masks.any(axis=1)
    if blank.any():
        text[blank] = ""
    return text


def _only(options: tuple[str, ...], mask: int) -> str:
    """The one filled option, or "?"."""
    return options[mask.bit_length() - 1] if mask.bit_count() == 1 else UNREADABLE


def _probability(plan: _Plan, policy: Policy, verdicts: Verdicts) -> F32:
    curve = policy.calibration
    group = curve.most / (1.0 + np.exp(curve.slope * verdicts.margin - curve.intercept))
    group = np.maximum(group, curve.least)
    if not len(plan.field_starts):
        return np.zeros((len(group), 0), np.float32)
    summed = np.add.reduceat(group, plan.field_starts, axis=1)
    probability: F32 = np.minimum(summed, 1.0).astype(np.float32)
    return probability


def _mark_doubts(
    side: Side,
    plan: _Plan,
    verdicts: Verdicts,
    figures: Figures,
    doubts: list[list[Doubt]],
) -> None:
    doubtful = np.argwhere(verdicts.doubts) if verdicts.doubts.any() else ()
    for page, g in doubtful:
        field = side.fields[plan.group_field[g]]
        bits = int(verdicts.doubts[page, g])
        evidence = _evidence(side, field, int(g), tuple(f[page] for f in figures))
        hand = verdicts.hand[page]
        text = f"{evidence}; this card's hand {hand[0]:.2f}/{hand[1]:.2f}"
        doubts[page] += [
            Doubt(kind, field.name, text) for b, kind in DOUBT_OF_BIT.items() if bits & b
        ]
    blank = verdicts.masks[:, plan.required] == 0
    if blank.any():
        for page, k in np.argwhere(blank):
            g = int(plan.required[k])
            field = side.fields[plan.group_field[g]]
            where = f"character {g - field.groups[0] + 1}" if field.length > 1 else "no option"
            text = f"{where} is blank" if field.length > 1 else "no option is filled"
            doubts[page].append(Doubt(DoubtKind.REQUIRED_BLANK, field.name, text))


def _evidence(side: Side, field: Field, g: int, figures: tuple[U8, ...]) -> str:
    """Fill/darkness of the group's two strongest options, in words."""
    fill, darkness = figures[0], figures[1]
    span = range(side.group_start[g], side.group_start[g + 1])
    order = sorted(span, key=lambda i: int(fill[i]) + int(darkness[i]), reverse=True)
    best = [
        f"{field.values[i - span.start]} {fill[i] / 255:.2f}/{darkness[i] / 255:.2f}"
        for i in order[:2]
    ]
    where = f"character {g - field.groups[0] + 1}: " if field.length > 1 else ""
    return where + ", ".join(best)


def _field_doubts(
    side: Side, plan: _Plan, values: NDArray[np.object_], doubts: list[list[Doubt]]
) -> None:
    """Rules about whole values: allowed ones, check digits, the same thing said twice."""
    for at, field in plan.checked:
        twin = plan.names.index(field.same_as) if field.same_as in plan.names else -1
        for page, value in enumerate(values[:, at]):
            if twin >= 0 and value != values[page, twin]:
                text = f"{field.name} says {value!r}, {field.same_as} says {values[page, twin]!r}"
                doubts[page].append(Doubt(DoubtKind.IDENTITY_CLASH, field.name, text))
            if not value or UNREADABLE in value:
                continue
            if field.allowed and value not in field.allowed:
                text = f"{value} is not one of the values that {field.name} may take"
                doubts[page].append(Doubt(DoubtKind.VALUE_NOT_ALLOWED, field.name, text))
            if not field.check.passes(value):
                text = f"the check character of {value} is wrong"
                doubts[page].append(Doubt(DoubtKind.CHECK_FAILED, field.name, text))


def _barcode_doubts(
    zones: tuple[Zone, ...], codes: tuple[BarcodeRead, ...], doubts: list[Doubt]
) -> None:
    for zone, code in zip(zones, codes, strict=True):
        if code.reader in _WEAK_READERS:
            text = f"{_WEAK_READERS[code.reader]}: {code.text}"
            doubts.append(Doubt(DoubtKind.BARCODE_ALONE, zone.name, text))
        if not code.text and (zone.required or code.reader == "unread"):
            text = "neither reader can read it" if code.reader else "neither reader sees one"
            doubts.append(Doubt(DoubtKind.BARCODE_MISSING, zone.name, text))
