"""Corrections laid over cards, enrolments and candidates; a raw reading is never touched.

Pure: frames in, frames out. A correction whose old value is not what stands there, or that fits no
card or several, changes nothing: it is a matter for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from admin_api.corrections.records import ON_CARDS, Correction, CorrectionKind
from admin_api.exam.terms import CardUse
from admin_api.intake.frame import with_barcode_parts
from admin_api.settling.service import Matter

PRESENT = {"到": True, "缺": False, "1": False, "0": True}
"""What an absence correction may say: who came (到) or was absent (缺); 1 is a mark of absence."""
FLAG = {"是": True, "否": False, "1": True, "0": False, "": False}
_COLUMNS = {
    CorrectionKind.TICKET: "ticket",
    CorrectionKind.SUBJECT: "subject",
    CorrectionKind.FORM: "form",
    CorrectionKind.BARCODE: "barcode",
    CorrectionKind.ABSENT: "absent",
    CorrectionKind.VIOLATION: "violation",
}
_PERSONAL = (CorrectionKind.NAME, CorrectionKind.ID_KIND, CorrectionKind.ID_NUMBER)
Row = dict[str, Any]


def overlay_cards(
    cards: pl.DataFrame, corrections: Sequence[Correction], use: CardUse
) -> tuple[pl.DataFrame, list[Matter]]:
    """`frames.CARDS` as corrected, and the corrections that fit nothing."""
    mine = sorted(
        (one for one in corrections if one.kind in ON_CARDS),
        key=lambda one: (ON_CARDS.index(one.kind), one.id),
    )
    if not mine:
        return cards, []
    tickets = {name for one in mine for name in (one.ticket, _number(one.old), one.new)}
    usable = ~pl.col("replaced") & (pl.col("status") != "rejected")
    touched = cards.filter(usable & pl.col("ticket").is_in(sorted(tickets)))
    rows = [dict(row) for row in touched.iter_rows(named=True)]
    matters = [matter for one in mine if (matter := _apply(one, rows, use))]
    changed = pl.DataFrame(rows, schema=cards.schema, orient="row")
    rest = cards.join(changed.select("page"), on="page", how="anti")
    whole = pl.concat([rest, changed]).sort("page")
    return with_barcode_parts(whole, use).select(cards.columns), matters


def overlay_enrolments(
    enrolments: pl.DataFrame, corrections: Sequence[Correction]
) -> tuple[pl.DataFrame, list[Matter]]:
    """`frames.ENROLMENTS` with attendance as corrected, and the corrections that fit nothing."""
    mine = [one for one in corrections if one.kind is CorrectionKind.ABSENT]
    said = pl.DataFrame(
        [(one.ticket, one.subject, PRESENT[one.new], one.id) for one in mine],
        schema={
            "ticket": pl.String,
            "subject": pl.String,
            "corrected": pl.Boolean,
            "by": pl.Int64,
        },
        orient="row",
    ).unique(["ticket", "subject"], keep="last")
    together = enrolments.join(
        said, on=["ticket", "subject"], how="left", maintain_order="left"
    ).with_columns(
        pl.coalesce("corrected", "present").alias("present"),
        pl.when(pl.col("by").is_not_null())
        .then(pl.concat_list("corrections", "by"))
        .otherwise("corrections")
        .alias("corrections"),
    )
    known = set(enrolments.select("ticket", "subject").iter_rows()) if mine else set()
    lost = [one for one in mine if (one.ticket, one.subject) not in known]
    return together.select(enrolments.columns), [_matter(one, "fits no enrolment") for one in lost]


def overlay_candidates(candidates: pl.DataFrame, corrections: Sequence[Correction]) -> pl.DataFrame:
    """Candidates with names and documents as corrected."""
    for kind in _PERSONAL:
        said = {one.ticket: one.new for one in corrections if one.kind is kind}
        if said:
            candidates = candidates.with_columns(
                pl.col("ticket").replace_strict(said, default=pl.col(kind.value)).alias(kind.value)
            )
    return candidates


def _apply(one: Correction, rows: list[Row], use: CardUse) -> Matter | None:
    """Change the row that a correction is about; a matter where that is not one row."""
    if one.kind is CorrectionKind.SWAP:
        return _swap(one, rows)
    number, place = _number(one.old), _place(one.old)
    ticket = number if one.kind is CorrectionKind.TICKET else one.ticket
    found = [
        row
        for row in rows
        if row["ticket"] == ticket
        and row["region"] == one.region
        and (place is None or place == (row["box"], row["bag"], str(row["position"])))
        and (one.kind is CorrectionKind.SUBJECT or not one.subject or _of(row, one.subject))
    ]
    if one.kind is CorrectionKind.SUBJECT:
        found = [row for row in found if row["subject"] == _number(one.old)]
    if one.kind is CorrectionKind.ABSENT and not found:
        return None  # somebody absent has no card: the list is what is corrected
    if len(found) != 1:
        cards = f" ({', '.join(map(_named, found))})" if found else ""
        return _matter(one, f"fits {len(found)} cards{cards}; name one as NUMBER@BOX/BAG/CARD")
    row, column = found[0], _COLUMNS[one.kind]
    if one.kind in (CorrectionKind.FORM, CorrectionKind.BARCODE) and row[column] != number:
        return _matter(one, f"{_named(row)} reads {row[column]!r}, the correction says {number!r}")
    row[column] = _value(one)
    _settle(row, one, getattr(use, column))
    return None


def _value(one: Correction) -> str | bool:
    if one.kind is CorrectionKind.TICKET:
        return one.ticket
    if one.kind is CorrectionKind.ABSENT:
        return not PRESENT[one.new]
    if one.kind is CorrectionKind.VIOLATION:
        return FLAG[one.new]
    return one.new


def _swap(one: Correction, rows: list[Row]) -> Matter | None:
    """Exchange the numbers of two candidates' cards."""
    pair = [
        [
            row
            for row in rows
            if row["ticket"] == ticket and row["region"] == one.region and _of(row, one.subject)
        ]
        for ticket in (one.ticket, one.new)
    ]
    if [len(found) for found in pair] != [1, 1]:
        return _matter(one, "a swap needs exactly one card of each of the two")
    (first,), (second,) = pair
    first["ticket"], second["ticket"] = one.new, one.ticket
    for row in (first, second):
        row["corrections"] = [*row["corrections"], one.id]
    return None


def _of(row: Row, subject: str) -> bool:
    """Whether a card may be of a subject: it says so, or says nothing."""
    return row["subject"] in (subject, "")


def _settle(row: Row, one: Correction, field: str) -> None:
    row["open"] = [name for name in row["open"] if name != field]
    row["corrections"] = [*row["corrections"], one.id]


def _named(row: Row) -> str:
    return f"{row['region']}/{row['box']}/{row['bag']} card {row['position']}"


def _number(old: str) -> str:
    """What is read, of an old value such as 370000000001 or, with its place, 370000000001@1/7/3."""
    return old.partition("@")[0]


def _place(old: str) -> tuple[str, str, str] | None:
    """The box, bag and card in an old value, where it names them."""
    parts = old.partition("@")[2].split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def _matter(one: Correction, words: str) -> Matter:
    return Matter(f"correction {one.id}", f"{one}: {words}")
