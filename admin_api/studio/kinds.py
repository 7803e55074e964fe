"""What a table of fields needs for its kind: new ones, and the keys that a change of kind moves."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from admin_api.studio.blocks import rounded
from omr.design import FieldKind

_ZONES = frozenset({FieldKind.BARCODE, FieldKind.PICTURE})
_GRIDS = frozenset({FieldKind.DIGITS, FieldKind.LETTERS})
_OF_GRIDS = ("length", "character_step", "check")
_OF_ROWS = ("count", "first", "field_step")
_OF_BUBBLES = (
    *_OF_GRIDS,
    *_OF_ROWS,
    *("values", "value_step", "places", "allowed", "several", "role", "required", "same_as"),
)
_OF_ZONES = ("size_mm", "symbologies", "required", "same_as")
_ROOM_MM = 2.0  # between new bubbles


class New(StrEnum):
    """What can be put on the sheet."""

    CHOICE = "choice"  # a row of options
    QUESTIONS = "questions"  # several of them, one under another
    NUMBER = "number"  # a grid of digits
    FLAG = "flag"
    BARCODE = "barcode"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a table's bubbles or its zone lie, their outlines included."""

    left_mm: float
    top_mm: float
    width_mm: float
    height_mm: float


def new_table(what: New, name: str, at: tuple[float, float], bubble: tuple[float, float]) -> str:
    """A new table's keys as TOML; `bubble` is the width and height of the card's bubbles."""
    right, down = (rounded(size + _ROOM_MM) for size in bubble)
    place = f"at = {{ x_mm = {rounded(at[0])}, y_mm = {rounded(at[1])} }}\n"
    across, under = f"{{ x_mm = {right} }}", f"{{ y_mm = {down} }}"
    rows = {
        New.CHOICE: f'kind = "single"\nvalues = "ABCDE"\n{place}value_step = {across}\n',
        New.QUESTIONS: f'kind = "single"\nvalues = "ABCD"\ncount = 5\n{place}'
        f"value_step = {across}\nfield_step = {under}\n",
        New.NUMBER: f'kind = "digits"\nlength = 4\n{place}'
        f"character_step = {across}\nvalue_step = {under}\n",
        New.FLAG: f'kind = "flag"\n{place}',
        New.BARCODE: f'kind = "barcode"\n{place}size_mm = [60, 15]\n',
        New.PICTURE: f'kind = "picture"\n{place}size_mm = [40, 10]\n',
    }
    numbered = "_{n}" if what is New.QUESTIONS else ""
    return f'name = "{name}{numbered}"\n{rows[what]}'


def retyped(table: Mapping[str, Any], kind: FieldKind, span: Span) -> dict[str, Any]:
    """The keys to set, and with None those to take out, so that a table becomes another kind.

    What both kinds know stays; runs of fields become characters and back; bubbles become a zone
    where they stand and back.
    """
    before = table.get("kind")
    changes: dict[str, Any] = {"kind": kind.value}
    if kind in _ZONES:
        changes |= dict.fromkeys(_OF_BUBBLES if before not in _ZONES else ())
        if kind is FieldKind.PICTURE:
            changes |= dict.fromkeys(("symbologies", "required", "same_as"))
        if before not in _ZONES:
            changes["at"] = {"x_mm": span.left_mm, "y_mm": span.top_mm}
            changes["size_mm"] = [span.width_mm, span.height_mm]
            changes["name"] = _plain(table)
        return _only_real(table, changes)
    if before in _ZONES:
        changes |= dict.fromkeys(_OF_ZONES)
        changes |= _row_in(span, kind)
    elif kind in _GRIDS and before not in _GRIDS:
        changes |= dict.fromkeys((*_OF_ROWS, "allowed"))
        changes["length"] = table.get("count", 1)
        changes["character_step"] = table.get("field_step")
        changes["name"] = _plain(table)
    elif kind not in _GRIDS and before in _GRIDS:
        changes |= dict.fromkeys((*_OF_GRIDS, "allowed"))
        if table.get("length", 1) > 1:
            changes["count"] = table["length"]
            changes["field_step"] = table.get("character_step")
            changes["name"] = f"{table.get('name', 'q')}{{n}}"
    if "values" not in changes:
        changes["values"] = _values(table, kind)
    return _only_real(table, changes)


def _values(table: Mapping[str, Any], kind: FieldKind) -> str | Sequence[str] | None:
    """The options under another kind, as many as there were; None for the kind's own."""
    own = {FieldKind.DIGITS.value: string.digits, FieldKind.FLAG.value: "1"}
    values = table.get("values", own.get(str(table.get("kind")), "ABCDE"))
    if kind is FieldKind.DIGITS and len(values) <= len(string.digits):
        return None if len(values) == len(string.digits) else string.digits[: len(values)]
    if kind is FieldKind.FLAG and len(values) == 1:
        return None
    if kind is FieldKind.LETTERS and not all(v in string.ascii_letters for v in values):
        return string.ascii_uppercase[: len(values)]
    options: str | Sequence[str] = values
    return options


def _row_in(span: Span, kind: FieldKind) -> dict[str, Any]:
    """One row of options in the middle of what was a zone."""
    own = {FieldKind.DIGITS: string.digits, FieldKind.FLAG: "1"}
    values = own.get(kind, "ABCDE")
    step = span.width_mm / len(values)
    middle = span.top_mm + span.height_mm / 2
    row: dict[str, Any] = {"at": {"x_mm": span.left_mm + step / 2, "y_mm": middle}}
    row["values"] = None if kind in own else values
    row["value_step"] = {"x_mm": step} if len(values) > 1 else None
    row["length"] = 1 if kind in _GRIDS else None
    return row


def _plain(table: Mapping[str, Any]) -> str:
    """The name without a number's place."""
    return str(table.get("name", "")).replace("{n}", "").strip("_ ") or "field"


def _only_real(table: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Without what changes nothing, so that untouched lines stay as they are written."""
    return {key: value for key, value in changes.items() if table.get(key) != value}
