"""The whole chain of one score: from the pixels to the release."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import Connection, Row, select

from admin_api import tables
from admin_api.corrections.service import corrections
from admin_api.errors import NotFound
from admin_api.intake.cards import item_fields, stored_card
from admin_api.keys.service import ready_keys
from admin_api.office import Office
from admin_api.release import service as release
from admin_api.results.marks import NONE
from admin_api.results.service import Scored, current
from admin_api.review.service import decisions
from admin_api.violations.service import violations
from omr.score.key import written
from omr.score.marking import explain as item_by_item
from omr.score.rows import cut


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain: its title, and what it says, line by line."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A score's chain. `page` is its card, 0 where there is none; `image` its name in the vault."""

    ticket: str
    subject: str
    state: str
    score: str
    steps: tuple[Step, ...]
    page: int
    image: str


def explain(office: Office, connection: Connection, ticket: str, subject: str) -> Explained:
    """Everything that one candidate's result in one subject rests on.

    Raises:
        NotFound: nobody with that ticket is enrolled for the subject.
    """
    scored = current(office, connection)
    rows = scored.present.enrolments.filter(
        (pl.col("ticket") == ticket) & (pl.col("subject") == subject)
    )
    if rows.is_empty():
        raise NotFound(f"{ticket} is not enrolled for subject {subject}")
    enrolment = rows.row(0, named=True)
    result = scored.results.filter(pl.col("enrolment") == enrolment["enrolment"]).row(0, named=True)
    page = _page(connection, result["page"])
    steps = [
        _person(office, scored, enrolment),
        *_card(office, connection, page),
        *_people_said(connection, result),
        _join(scored, enrolment),
        *_marks(office, connection, scored, result),
        _verdict(connection, result),
        _rolling(scored, result),
        _releases(connection),
    ]
    return Explained(
        ticket,
        subject,
        result["state"],
        result["score"],
        tuple(steps),
        page.id if page else 0,
        page.image if page else "",
    )


def _page(connection: Connection, number: int | None) -> Row[Any] | None:
    if number is None:
        return None
    reading = tables.reading
    return connection.execute(
        select(
            tables.page,
            reading.c.record,
            reading.c.arrays,
            reading.c.doubts,
            reading.c.design,
            reading.c.policy,
        )
        .join(reading, reading.c.page == tables.page.c.id)
        .where(tables.page.c.id == number)
        .order_by(reading.c.id.desc())
    ).first()


def _person(office: Office, scored: Scored, enrolment: dict[str, Any]) -> Step:
    person = scored.candidates.filter(pl.col("candidate") == enrolment["candidate"]).row(
        0, named=True
    )
    came = {True: "present", False: "absent", None: "on no list"}[enrolment["present"]]
    specialty = office.exam.specialties[person["specialty"]]
    return Step(
        "Registration",
        (
            f"{person['name']}, {specialty.code} {specialty.name}, level {person['level']}, "
            f"region {person['region']}",
            f"paper {enrolment['paper']} ({enrolment['medium']}), seat {enrolment['seat']}, {came}",
        ),
    )


def _card(office: Office, connection: Connection, page: Row[Any] | None) -> Iterator[Step]:
    if page is None:
        yield Step("Card", ("there is none",))
        return
    record = json.loads(page.record)
    yield Step(
        "Card",
        (
            f"{page.region}/{page.box}/{page.bag} card {page.position} (page {page.id})",
            f"image SHA-256 {page.image}",
            f"read with design {page.design[:16]}, policy {page.policy[:16]}",
            f"turned {record['turn']}°, marks within {record['residual_mm']:.2f} mm",
        ),
    )
    yield Step("Figures (fill, darkness; 0-255)", tuple(_figures(office, connection, page)))
    doubts = json.loads(page.doubts) if page.doubts else []
    lines = tuple(f"{field}: {kind}, {evidence}" for kind, field, evidence in doubts)
    yield Step("Doubts of the engine", lines or ("none",))


def _figures(office: Office, connection: Connection, page: Row[Any]) -> Iterator[str]:
    """Both figures of every option of every item, in a line an item."""
    card = stored_card(connection, office.exam.card)
    side = card.design.sides[0]
    measured = cut(zlib.decompress(page.arrays), 1, side).measured[0]
    for field in item_fields(card.design, card.use):
        first, last = side.group_start[field.groups[0]], side.group_start[field.groups[0] + 1]
        figures = zip(field.values, measured[0][first:last], measured[1][first:last], strict=True)
        yield f"{field.name:<5}" + "  ".join(f"{v} {f:>3},{d:>3}" for v, f, d in figures)


def _people_said(connection: Connection, result: dict[str, Any]) -> Iterator[Step]:
    made = {one.id: one for one in decisions(connection)}
    lines = [
        f"{made[n].field} reads {made[n].value!r}, said {made[n].who}" for n in result["decisions"]
    ]
    yield Step("Doubts settled by people", tuple(lines) or ("none",))
    known = {one.id: one for one in corrections(connection)}
    fixes = [
        f"{known[n]}: {known[n].old!r} -> {known[n].new!r}, {known[n].document}, "
        f"evidence {known[n].evidence[:16]}, by {known[n].who}"
        for n in dict.fromkeys(result["corrections"])
    ]
    yield Step("Corrections", tuple(fixes) or ("none",))


def _join(scored: Scored, enrolment: dict[str, Any]) -> Step:
    state = scored.present.joined.enrolments.filter(
        pl.col("enrolment") == enrolment["enrolment"]
    ).row(0, named=True)
    evidence = f": {state['evidence']}" if state["evidence"] else ""
    return Step("Joining", (f"{state['state']}{evidence}", f"form {state['form'] or '-'}"))


def _marks(
    office: Office, connection: Connection, scored: Scored, result: dict[str, Any]
) -> Iterator[Step]:
    if result["state"] != "scored":
        return
    row = scored.present.joined.enrolments.filter(pl.col("enrolment") == result["enrolment"]).row(
        0, named=True
    )
    paper = office.exam.papers[result["paper"]]
    form = result["form"] if paper.forms != ("",) else ""
    key = ready_keys(office, connection)[paper.code, form]
    masks = np.frombuffer(row["answers"], np.uint8)[: paper.items]
    graded = item_by_item(masks, key.key, key.options)
    items = [
        f"{item.name:>3} {item.answer or '-':<3} {item.verdict.value:<9} {written(item.marks)}"
        for item in graded.items
    ]
    yield Step(f"Items by key {paper.code}{form} version {key.version}", tuple(items))
    scale = f"{result['raw']} of {written(key.key.full)}, on a scale of {written(paper.scale)}"
    yield Step("Score", (scale, f"{result['score']}, pass line {result['line']}"))


def _verdict(connection: Connection, result: dict[str, Any]) -> Step:
    known = {one.id: one for one in violations(connection)}
    lines = [str(known[n]) for n in result["violations"]]
    if result["evidence"]:
        stands = "let stand by two people: " if result["state"] == NONE else ""
        lines.append(stands + result["evidence"])
    passed = "passed" if result["passed"] else "not passed"
    verdict = f"{result['state']} {result['score']}".rstrip()
    return Step("Result", (*lines, f"{verdict}, {passed}"))


def _rolling(scored: Scored, result: dict[str, Any]) -> Step:
    row = scored.outcomes.filter(pl.col("candidate") == result["candidate"]).row(0, named=True)
    carried = [f"subject {one['subject']} carried from {one['year']}" for one in row["carried"]]
    verdict = "qualified" if row["qualified"] else "not qualified"
    passed = f"passed now: {', '.join(row['passed']) or 'none'}"
    more = (row["evidence"],) if row["evidence"] else ()
    return Step("Rolling", (passed, *carried, *more, verdict))


def _releases(connection: Connection) -> Step:
    shown = release.published(connection)
    if shown is None:
        return Step("Release", ("nothing is published yet",))
    signed = " and ".join(shown.signed_by)
    return Step("Release", (f"{shown.hash}, signed by {signed}",))
