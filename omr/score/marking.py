"""Answers as bit masks, and their marks (评分): a million cards by one lookup an item.

Bit k of a mask is the k-th option, whether it was bubbled on a card (纸笔) or clicked on a screen
(机考); 0 is a blank. A compiled key holds, for every item, the marks of every mask in whole units
of 1/`denominator`, so sums are of whole numbers. `grading.grade` says the same in fractions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from omr.errors import AnswerKeyError, ScoringError
from omr.score.grading import Graded, grade
from omr.score.key import Item, Key, Void

I64 = NDArray[np.int64]
Masks = NDArray[np.uint8] | NDArray[np.uint16]

BLANK = "-"
MOST_OPTIONS = 16
MOST_UNITS = 1 << 61  # of any total: sums and comparisons stay within int64

_LETTERS = re.compile("[0-9A-Za-z]*", re.ASCII)
_OPEN, _CLOSE, _BLANK = -1, -2, -3  # beside bits: what a byte of an answer text is
_UNKNOWN, _NESTED, _REPEATED, _EMPTY, _COUNT = range(1, 6)
_FAULTS = {
    _UNKNOWN: "a character that is none of the options, -, [ and ]",
    _NESTED: "brackets that do not close, or close unopened",
    _REPEATED: "an option twice",
    _EMPTY: "brackets with nothing in them; write - for a blank",
}


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A key, compiled. `units` (items, 2**options) int64: marks by mask, in 1/`denominator`.

    `full` is the key's full marks in the same units; no total is below `least` or above `most`.
    """

    units: I64 = field(repr=False)
    denominator: int
    full: int
    least: int
    most: int
    options: str
    key_hash: str


@dataclass(frozen=True, slots=True)
class PackedAnswers:
    """Answers by row, (rows, items). `faults` says by row what is wrong; such rows are all 0."""

    masks: Masks
    faults: dict[int, str]


def mask_type(options: str) -> type[np.uint8] | type[np.uint16]:
    """The least type that a mask of these options fits.

    Raises:
        ScoringError: no options, over 16, or one twice.
    """
    different = len(set(options)) == len(options)
    if not different or not 1 <= len(options) <= MOST_OPTIONS or not _LETTERS.fullmatch(options):
        raise ScoringError(f"options must be 1 to {MOST_OPTIONS} different letters")
    return np.uint8 if len(options) <= 8 else np.uint16


def compile_key(key: Key, options: str) -> KeyTable:
    """A key for masks over these options, one letter each, items in the key's order.

    Raises:
        AnswerKeyError: an accepted answer is not made of the options in their order (without
            showing it), or marks so large and fine that a total would not fit.
    """
    mask_type(options)
    marks = {m for item in key.items for m in _marks_of(item)}
    denominator = lcm(*(m.denominator for m in marks))
    findings: list[str] = []
    rows = [_row(item, options, findings) for item in key.items]
    if findings:
        raise AnswerKeyError("the key", tuple(findings))
    least = sum(int(min(set(row)) * denominator) for row in rows)
    most = sum(int(max(set(row)) * denominator) for row in rows)
    reach = sum(max(abs(m) for m in set(row)) for row in rows) * denominator
    if reach >= MOST_UNITS:
        told = f"needs steps of 1/{denominator} mark; give marks and weights with fewer digits"
        raise AnswerKeyError("the key", (told,))
    units = np.array([[int(m * denominator) for m in row] for row in rows], np.int64)
    units.setflags(write=False)
    full = int(key.full * denominator)
    return KeyTable(units, denominator, full, least, most, options, key.hash)


def _marks_of(item: Item) -> list[Fraction]:
    return [item.wrong, item.blank, *(accepted.marks for accepted in item.accepted)]


def _row(item: Item, options: str, findings: list[str]) -> list[Fraction]:
    """Marks of one item by mask."""
    size = 1 << len(options)
    if item.void is not Void.NO:
        return [item.full] * size
    row = [item.blank] + [item.wrong] * (size - 1)
    for accepted in item.accepted:
        places = [options.find(letter) for letter in accepted.value]
        if -1 in places or places != sorted(set(places)):
            findings.append(f"{item.name} accepts what is not made of {options}, in that order")
            break
        row[sum(1 << place for place in places)] = accepted.marks
    return row


def mark_cards(masks: Masks, table: KeyTable) -> I64:
    """Totals (总分) of all cards, (cards,) int64 in units of 1/`table.denominator`.

    `masks` is (cards, items), items in the key's order.

    Raises:
        ScoringError: other items than the key's, or a mask beyond its options.
    """
    _check(masks, table)
    totals = np.zeros(len(masks), np.int64)
    _mark(masks, table.units, totals)
    return totals


def item_units(masks: Masks, table: KeyTable) -> I64:
    """Marks of every item (小题得分), (cards, items) int64 in units; as `mark_cards` else."""
    _check(masks, table)
    return table.units[np.arange(masks.shape[1]), masks]


def explain(masks: Masks, key: Key, options: str) -> Graded:
    """One card, `masks` (items,), item by item: what was answered and what became of it.

    Raises:
        ScoringError: other items than the key's, or a mask beyond the options.
    """
    if masks.shape != (len(key.items),) or int(masks.max(initial=0)) >> len(options):
        raise ScoringError(f"one mask of {options} is needed for each of {len(key.items)} items")
    return grade(
        key,
        {
            item.name: letters_of(int(mask), options)
            for item, mask in zip(key.items, masks, strict=True)
        },
    )


def _check(masks: Masks, table: KeyTable) -> None:
    items, size = table.units.shape
    if masks.ndim != 2 or masks.shape[1] != items or masks.dtype not in (np.uint8, np.uint16):
        raise ScoringError(
            f"masks must be (cards, {items}) uint8 or uint16, as the key has {items} items; "
            f"got {masks.shape} {masks.dtype}"
        )
    if masks.size and int(masks.max()) >= size:
        raise ScoringError(f"a mask names an option beyond {table.options}")


@njit(cache=True, nogil=True)
def _mark(masks, units, totals):  # type: ignore[no-untyped-def]
    """totals[card] += units[item, masks[card, item]]."""
    for card in range(masks.shape[0]):
        total = 0
        for item in range(masks.shape[1]):
            total += units[item, masks[card, item]]
        totals[card] += total


# ── masks from what was answered ─────────────────────────────────────────────────────────────────


def letters_of(mask: int, options: str) -> str:
    """What a mask reads as: "", "B", "BD"."""
    return "".join(letter for k, letter in enumerate(options) if mask >> k & 1)


def answers_text(masks: Masks, options: str) -> str:
    """One card's masks, (items,), as computer-based answers are written: A[BD]-C."""
    listed = [letters_of(int(mask), options) for mask in masks]
    return "".join(one if len(one) == 1 else f"[{one}]" if one else BLANK for one in listed)


def masks_of_values(values: Iterable[Sequence[str]], options: str) -> Masks:
    """Masks, (cards, items), of values as readings hold them, a row a card: "", "B", "BD".

    Raises:
        ScoringError: a value that is not made of the options, or rows that differ in length.
    """
    kind = mask_type(options)
    bits = {letter: 1 << k for k, letter in enumerate(options)}
    known: dict[str, int] = {"": 0}
    rows: list[list[int]] = []
    for card, row in enumerate(values):
        for value in row:
            if value not in known:
                if not set(value) <= bits.keys() or len(set(value)) < len(value):
                    raise ScoringError(f"card {card}: a value that is not made of {options}")
                known[value] = sum(bits[letter] for letter in value)
        rows.append([known[value] for value in row])
    if len({len(row) for row in rows}) > 1:
        raise ScoringError("the cards have different numbers of items; give all of them alike")
    return _masks(np.array(rows).reshape(len(rows), -1 if rows else 0), kind)


def masks_of_groups(groups: NDArray[np.uint32], options: str) -> Masks:
    """Masks, (cards, items), of a readings table's `masks`, already cut down to the items.

    Raises:
        ScoringError: a mask beyond the options.
    """
    kind = mask_type(options)
    if groups.size and int(groups.max()) >> len(options):
        raise ScoringError(f"a mask names an option beyond {options}")
    return _masks(groups, kind)


def _masks(array: NDArray[Any], kind: type[np.uint8] | type[np.uint16]) -> Masks:
    """The same array in that type, copied only where it has another."""
    if kind is np.uint8:
        return array.astype(np.uint8, copy=False)
    return array.astype(np.uint16, copy=False)


def pack_answers(texts: Sequence[str], items: int, options: str) -> PackedAnswers:
    """Masks of computer-based answers (机考作答), one text a row, such as A[BD]-C."""
    kind = mask_type(options)
    encoded = [text.encode("ascii", "replace") for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    text = np.frombuffer(b"".join(encoded), np.uint8)
    meaning = np.full(256, MOST_OPTIONS, np.int64)
    meaning[[ord(letter) for letter in options]] = np.arange(len(options))
    meaning[[ord("["), ord("]"), ord(BLANK)]] = _OPEN, _CLOSE, _BLANK
    masks = _masks(np.zeros((len(encoded), items), np.uint8), kind)
    faults = np.zeros((len(encoded), 2), np.int64)
    _unpack(text, ends, meaning, masks, faults)
    bad = np.flatnonzero(faults[:, 0])
    masks[bad] = 0
    return PackedAnswers(
        masks, {int(row): _told(faults[row, 0], faults[row, 1], items) for row in bad}
    )


def _told(fault: Any, at: Any, items: int) -> str:
    if fault == _COUNT:
        return f"has {at} answers for the paper's {items} items"
    return f"answer {at + 1} is or holds {_FAULTS[int(fault)]}"


@njit(cache=True, nogil=True)
def _unpack(text, ends, meaning, masks, faults):  # type: ignore[no-untyped-def]
    """Row r is text[ends[r]:ends[r + 1]]; its first fault and that fault's item into faults[r]."""
    items = masks.shape[1]
    for row in range(masks.shape[0]):
        item, mask, inside, fault, at = 0, 0, False, 0, 0
        for place in range(ends[row], ends[row + 1]):
            what = meaning[text[place]]
            wrong = 0
            if what == MOST_OPTIONS or (inside and what == _BLANK):
                wrong = _UNKNOWN
            elif what == _OPEN:
                wrong = _NESTED if inside else 0
                inside, mask = True, 0
            elif what == _CLOSE:
                wrong = _NESTED if not inside else _EMPTY if mask == 0 else 0
                inside = False
            elif what == _BLANK:
                mask = 0
            elif inside:
                wrong = _REPEATED if mask >> what & 1 else 0
                mask |= 1 << what
            else:
                mask = 1 << what
            if wrong != 0 and fault == 0:
                fault, at = wrong, item
            if not inside:
                if item < items:
                    masks[row, item] = mask
                item += 1
        if fault == 0 and inside:
            fault, at = _NESTED, item
        if fault == 0 and item != items:
            fault, at = _COUNT, item
        faults[row, 0], faults[row, 1] = fault, at
