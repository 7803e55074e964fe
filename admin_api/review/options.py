"""What a person may say that a field reads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from admin_api.errors import Refused
from admin_api.exam.terms import CardUse
from admin_api.intake.cards import item_fields
from omr.design import Design, Field, FieldKind

_BARCODE = re.compile(r"[ -~]{0,100}")


@dataclass(frozen=True)
class Options:
    """The fields of the exam's card. `items` are places in the answers, by name, from 0."""

    fields: dict[str, Field]
    zones: frozenset[str]
    items: dict[str, int]

    def check(self, name: str, value: str) -> None:
        """Pass a value that the field can have; "" is a blank, "?" an unreadable character.

        Raises:
            Refused: it cannot.
        """
        if name in self.zones:
            good, allowed = bool(_BARCODE.fullmatch(value)), "printable ASCII, at most 100"
        elif name in self.fields:
            good, allowed = _allowed(self.fields[name], value)
        else:
            raise Refused(f"the card has no field {name!r}")
        if not good:
            raise Refused(f"{name} cannot read {value!r}; allowed: {allowed}")

    def mask(self, name: str, value: str) -> int:
        """An item's value as a mask: bit k is option k."""
        options = self.fields[name].values
        return sum(1 << at for at, option in enumerate(options) if option in value)


def options_of(design: Design, use: CardUse) -> Options:
    """The options of an exam's card."""
    side = design.sides[0]
    zones = frozenset(zone.name for zone in side.zones_of(FieldKind.BARCODE))
    items = {field.name: n for n, field in enumerate(item_fields(design, use))}
    return Options({field.name: field for field in side.fields}, zones, items)


def _allowed(field: Field, value: str) -> tuple[bool, str]:
    if field.kind in (FieldKind.DIGITS, FieldKind.LETTERS):
        known = set(field.values) | {"?"}
        good = value == "" or (len(value) == field.length and set(value) <= known)
        return good, f"{field.length} characters of {''.join(field.values)}, ? where unreadable"
    if field.kind is FieldKind.FLAG:
        return value in ("", *field.values), f"{field.values[0]}, or nothing"
    # Several options stand in the design's order; a person may say what is really marked.
    picked = [option for option in field.values if option in value]
    return "".join(picked) == value, f"of {' '.join(field.values)}, in this order, or nothing"
