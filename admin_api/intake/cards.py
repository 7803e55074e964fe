"""The exam's card: its design and policy as stored, and what a reading of it says to the office."""

from __future__ import annotations

import functools
import json
import zlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.errors import Refused, StoreError
from admin_api.exam.terms import CardUse
from omr.design import Design, Field, FieldKind, builtin_names, load_design
from omr.design_parse import parse_design, with_pictures
from omr.errors import DesignError, PolicyError
from omr.policy import Policy, parse_policy
from omr.score.rows import REJECTED, Packed, cut, value_names

DESIGN, POLICY = "design", "policy"
_MOST_OPTIONS = 8  # an answer is one byte


@dataclass(frozen=True, slots=True)
class Card:
    """The card that an exam uses, ready to read."""

    design: Design
    policy: Policy
    use: CardUse


def card_artefacts(use: CardUse, folder: Path) -> list[dict[str, str]]:
    """The texts of the exam's design and policy, to be stored; names are built in or in `folder`.

    Raises:
        Refused: they cannot be used, or lack a field that the exam names.
    """
    try:
        if use.design in builtin_names():
            text = (resources.files("omr") / "designs" / f"{use.design}.toml").read_text("utf-8")
            design = load_design(use.design)
        else:
            file = folder / use.design
            text = with_pictures(file.read_text("utf-8"), file.parent)
            design = parse_design(text, use.design)
        name = "default.toml" if use.policy == "default" else use.policy
        built_in = use.policy == "default"
        place = resources.files("omr") / "policies" / name if built_in else folder / name
        rules = place.read_text(encoding="utf-8")
        policy = parse_policy(rules, name)
    except (DesignError, PolicyError, OSError, UnicodeDecodeError) as error:
        raise Refused("the exam's card cannot be used", [str(error)]) from error
    if findings := _misfits(design, use):
        raise Refused(f"the exam's [card] does not fit the design {design.name}", findings)
    return [
        {"kind": DESIGN, "hash": design.hash, "text": text},
        {"kind": POLICY, "hash": policy.hash, "text": rules},
    ]


def stored_card(connection: Connection, use: CardUse) -> Card:
    """The card as it was stored when the office was set up, or changed last.

    Raises:
        StoreError: it is not there.
    """
    texts: dict[str, str] = {}
    table = tables.artefact
    for row in connection.execute(select(table.c.kind, table.c.text).order_by(table.c.id)):
        texts[row.kind] = row.text
    try:
        design, policy = _parsed(texts[DESIGN], texts[POLICY])
        return Card(design, policy, use)
    except KeyError as error:
        raise StoreError("the office has no card design; set it up anew with kaowu init") from error


@functools.lru_cache(maxsize=8)
def _parsed(design: str, policy: str) -> tuple[Design, Policy]:
    return parse_design(design, "the stored design"), parse_policy(policy, "the stored policy")


def item_fields(design: Design, use: CardUse) -> list[Field]:
    """The fields of the card's items, in their order from 1."""
    known = {field.name: field for field in design.sides[0].fields}
    found: list[Field] = []
    while field := known.get(use.item(len(found) + 1)):
        found.append(field)
    return found


def reading_row(card: Card, page: int, packed: Packed) -> dict[str, Any]:
    """A page's outcome as a row of the table `reading`."""
    row = packed.row
    said = _said(card, packed) if packed.tag != REJECTED else {}
    doubts = row.get("doubts", [])
    record = {key: row[key] for key in row.keys() - {"doubts", "position", "source", "frame"}}
    return {
        "page": page,
        "design": row["design_hash"],
        "policy": row["policy_hash"],
        "status": row["status"],
        "ticket": said.get("ticket", ""),
        "subject": said.get("subject", ""),
        "form": said.get("form", ""),
        "absent": bool(said.get("absent")),
        "violation": bool(said.get("violation")),
        "barcode": said.get("barcode", ""),
        "answers": _answers(card, packed) if packed.tag != REJECTED else b"",
        "doubts": json.dumps(doubts, ensure_ascii=False) if doubts else "",
        "reason": row.get("reason", ""),
        "record": json.dumps(record, ensure_ascii=False, sort_keys=True),
        "arrays": zlib.compress(packed.arrays, 6),
    }


def _said(card: Card, packed: Packed) -> dict[str, str]:
    side = card.design.sides[0]
    values = dict(zip(value_names(side), packed.row["values"], strict=True))
    use = card.use
    names = {
        "ticket": use.ticket,
        "subject": use.subject,
        "form": use.form,
        "absent": use.absent,
        "violation": use.violation,
        "barcode": use.barcode,
    }
    return {part: values.get(name, "") for part, name in names.items()}


def _answers(card: Card, packed: Packed) -> bytes:
    side = card.design.sides[0]
    masks = cut(packed.arrays, 1, side).masks[0]
    groups = [field.groups[0] for field in item_fields(card.design, card.use)]
    return bytes(masks[groups].astype(np.uint8))


def _misfits(design: Design, use: CardUse) -> list[str]:
    findings = []
    if len(design.sides) > 1:
        findings.append("it has two sides; the office reads cards of one side")
    side = design.sides[0]
    fields = {field.name: field for field in side.fields}
    zones = {zone.name for zone in side.zones_of(FieldKind.BARCODE)}
    for part in ("ticket", "subject", "form", "absent", "violation"):
        name = getattr(use, part)
        if name and name not in fields:
            findings.append(f"{part} = {name!r}: the design has no such field")
    if use.barcode and use.barcode not in zones:
        findings.append(f"barcode.field = {use.barcode!r}: the design has no such barcode zone")
    items = item_fields(design, use)
    if not items:
        findings.append(f"items = {use.items!r}: the design has no field {use.item(1)}")
    findings += [
        f"{field.name} has {len(field.values)} options in {field.length} rows; an item is one "
        f"row of at most {_MOST_OPTIONS}"
        for field in items
        if field.length != 1 or len(field.values) > _MOST_OPTIONS
    ]
    return findings
