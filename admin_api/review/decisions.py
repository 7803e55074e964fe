"""What graders decided, folded: who must agree, and what the cards then say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from admin_api.exam.terms import CardUse
from admin_api.intake.frame import with_barcode_parts
from admin_api.review.options import Options


class Standing(StrEnum):
    """Where a doubted field stands."""

    WAITING = "waiting"  # for the first, or for another person
    DIFFERING = "differing"  # graders differ: an arbiter settles
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person said of one field."""

    id: int
    page: int
    field: str
    value: str
    who: str
    arbiter: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A field's standing. `value` and `by` (ids of decisions) count where it is settled."""

    standing: Standing
    value: str = ""
    by: tuple[int, ...] = ()


def standing_of(decisions: Sequence[Decision], people: int) -> Settled:
    """Where one field stands after its decisions, in the order in which they were made.

    The last word of each person counts. `people` who say the same settle the field, unless another
    differs; an arbiter's last word settles it whatever the others said.
    """
    last: dict[str, Decision] = {}
    for one in decisions:
        last[one.who] = one
    arbiters = [one for one in last.values() if one.arbiter]
    if arbiters:
        word = max(arbiters, key=lambda one: one.id)
        return Settled(Standing.SETTLED, word.value, (word.id,))
    if len({one.value for one in last.values()}) > 1:
        return Settled(Standing.DIFFERING)
    if len(last) >= people:
        by = tuple(sorted(one.id for one in last.values()))
        return Settled(Standing.SETTLED, next(iter(last.values())).value, by)
    return Settled(Standing.WAITING)


def standings(decisions: Sequence[Decision], people: int) -> dict[tuple[int, str], Settled]:
    """The standing of every field, by page and name, that anybody decided."""
    by_field: dict[tuple[int, str], list[Decision]] = {}
    for one in sorted(decisions, key=lambda one: one.id):
        by_field.setdefault((one.page, one.field), []).append(one)
    return {key: standing_of(made, people) for key, made in by_field.items()}


def overlay(
    cards: pl.DataFrame,
    settled: Mapping[tuple[int, str], Settled],
    options: Options,
    use: CardUse,
) -> pl.DataFrame:
    """The cards as decided: settled fields have their value and are open no more."""
    by_page: dict[int, dict[str, Settled]] = {}
    for (page, field), found in settled.items():
        if found.standing is Standing.SETTLED:
            by_page.setdefault(page, {})[field] = found
    touched = pl.col("page").is_in(list(by_page))
    rows = [
        _decided(row, by_page[row["page"]], options, use)
        for row in cards.filter(touched).iter_rows(named=True)
    ]
    if not rows:
        return cards
    changed = pl.DataFrame(rows, schema=cards.schema, orient="row")
    whole = pl.concat([cards.filter(~touched), changed]).sort("page")
    return with_barcode_parts(whole, use).select(cards.columns)


def _decided(
    row: dict[str, object], fields: Mapping[str, Settled], options: Options, use: CardUse
) -> dict[str, object]:
    """One card's row with its settled fields."""
    row = dict(row)
    texts = {use.ticket: "ticket", use.subject: "subject", use.form: "form", use.barcode: "barcode"}
    flags = {use.absent: "absent", use.violation: "violation"}
    answers = bytearray(row["answers"])  # type: ignore[call-overload]
    used: list[int] = []
    for name, found in fields.items():
        if name in options.items:
            answers[options.items[name]] = options.mask(name, found.value)
        elif name in flags:
            row[flags[name]] = bool(found.value)
        elif name in texts:
            row[texts[name]] = found.value
        used += found.by
    row["answers"] = bytes(answers)
    row["open"] = [name for name in row["open"] if name not in fields]  # type: ignore[attr-defined]
    row["decisions"] = [*row["decisions"], *sorted(used)]  # type: ignore[misc]
    return row
