"""Review (判读): people settle what the engine doubts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import Connection, Select, select

from admin_api import tables
from admin_api.acts.ledger import Signer, need_reason
from admin_api.acts.roles import ActKind, Role
from admin_api.bulk import read_frame
from admin_api.errors import NotAllowed, NotFound, Refused
from admin_api.exam.terms import Exam
from admin_api.intake.cards import stored_card
from admin_api.intake.frame import read_cards
from admin_api.office import Office
from admin_api.review.decisions import Decision, Settled, Standing, overlay, standings
from admin_api.review.options import options_of
from omr.score.rows import value_names


@dataclass(frozen=True, slots=True)
class OpenField:
    """A doubted field that nobody settled yet. `why` is the doubts' evidence, `read` the value."""

    page: int
    place: str
    field: str
    read: str
    why: str
    standing: Standing


@dataclass(slots=True)
class GraderFigures:
    """One grader's work. `known` fields are those that others had settled."""

    name: str
    decisions: int = 0
    settled: int = 0
    overruled: int = 0
    known: int = 0
    known_wrong: int = 0


Shown = tuple[int, str, str]  # page, field, and what others settled it as


def decided_cards(connection: Connection, exam: Exam) -> pl.DataFrame:
    """The cards as read and decided. See `frames.CARDS`."""
    card = stored_card(connection, exam.card)
    cards = read_cards(connection, exam.card)
    found = standings(decisions(connection), exam.review_people)
    return overlay(cards, found, options_of(card.design, exam.card), exam.card)


def decisions(connection: Connection, page: int | None = None) -> list[Decision]:
    """Every decision, or those of one page, oldest first."""
    table = tables.decision
    query = select(table).order_by(table.c.id)
    if page is not None:
        query = query.where(table.c.page == page)
    return [
        Decision(row.id, row.page, row.field, row.value, row.who, bool(row.arbiter))
        for row in connection.execute(query)
    ]


def decide(office: Office, signer: Signer, page: int, field: str, value: str) -> Settled:
    """Say what a doubted field reads; returns where the field stands then.

    A reviewer's own later word takes the place of the earlier one until the field is settled. A
    supervisor settles where reviewers differ, and not before.

    Raises:
        NotFound: there is no such page.
        Refused: the field is not in doubt, is settled, or cannot have that value.
        NotAllowed: the signer is neither reviewer nor supervisor, or nothing needs an arbiter.
    """
    arbiter = signer.role is Role.SUPERVISOR
    kind = ActKind.ARBITRATE if arbiter else ActKind.DECIDE
    people = office.exam.review_people
    with office.ledger.act(signer, kind, target=f"page {page} {field}") as act:
        where = place_of(act.connection, page)
        card = stored_card(act.connection, office.exam.card)
        options_of(card.design, office.exam.card).check(field, value)
        if field not in _doubted(act.connection, page):
            raise Refused(f"{where}: {field} is not in doubt; only doubted fields are decided")
        made = [one for one in decisions(act.connection, page) if one.field == field]
        before = standings(made, people).get((page, field), Settled(Standing.WAITING))
        if before.standing is Standing.SETTLED:
            raise Refused(f"{where}: {field} is settled; a correction can still change it")
        if arbiter and before.standing is not Standing.DIFFERING:
            raise NotAllowed(f"{where}: graders do not differ on {field}; leave it to them")
        word = {"page": page, "field": field, "value": value, "who": signer.name}
        number = act.add(tables.decision, [word | {"arbiter": arbiter}])
        made.append(Decision(number, page, field, value, signer.name, arbiter))
        return standings(made, people)[page, field]


def note_known(office: Office, signer: Signer, shown: Shown, value: str) -> None:
    """Note what a grader said of a field that others had settled; it changes no result.

    Raises:
        Refused: the field cannot have that value.
    """
    page, field, settled = shown
    with office.ledger.act(signer, ActKind.MEASURE, target=f"page {page} {field}") as act:
        card = stored_card(act.connection, office.exam.card)
        options_of(card.design, office.exam.card).check(field, value)
        row = {"page": page, "field": field, "value": value, "settled": settled}
        act.add(tables.known_field, [row | {"who": signer.name}])


def graders(connection: Connection, exam: Exam) -> list[GraderFigures]:
    """How each grader does: decisions, how often arbiters or the others said otherwise."""
    made = decisions(connection)
    found = standings(made, exam.review_people)
    figures: dict[str, GraderFigures] = {}
    last = {(one.page, one.field, one.who): one for one in made if not one.arbiter}
    for (page, field, who), one in last.items():
        own = figures.setdefault(who, GraderFigures(who))
        own.decisions += 1
        end = found[page, field]
        if end.standing is Standing.SETTLED:
            own.settled += 1
            own.overruled += end.value != one.value
    known = tables.known_field
    for row in connection.execute(select(known)):
        own = figures.setdefault(row.who, GraderFigures(row.who))
        own.known += 1
        own.known_wrong += row.value != row.settled
    return sorted(figures.values(), key=lambda one: one.name)


def replace_page(office: Office, signer: Signer, page: int, by: int, why: str) -> None:
    """Let a later scan of the same sheet stand for a page (重扫).

    Raises:
        NotFound: one of them is not there.
        Refused: they are of different bags, `by` is the older one or replaced itself, or it was
            done already, or no reason is given.
    """
    need_reason(why)
    with office.ledger.act(signer, ActKind.REPLACE, target=f"page {page}", why=why) as act:
        old, new = (place_of(act.connection, number) for number in (page, by))
        if old.rpartition(" card ")[0] != new.rpartition(" card ")[0]:
            raise Refused(f"{old} and {new} are of different bags; a rescan is of the same")
        if by <= page:
            raise Refused(f"{new} was scanned before {old}; name the rescan last")
        gone = act.read(select(tables.replaced.c.page))["page"]
        if page in gone or by in gone:
            raise Refused(f"{old if page in gone else new} is replaced already")
        act.add(tables.replaced, [{"page": page, "by": by}])


def open_fields(connection: Connection, exam: Exam, page: int | None = None) -> list[OpenField]:
    """The doubted fields that are not settled, in the order of pages; without replaced pages."""
    names = value_names(stored_card(connection, exam.card).design.sides[0])
    found = standings(decisions(connection, page), exam.review_people)
    fields = []
    for row in connection.execute(_doubted_pages(page)):
        values = dict(zip(names, json.loads(row.record)["values"], strict=True))
        why: dict[str, list[str]] = {}
        for kind, field, evidence in json.loads(row.doubts):
            why.setdefault(field, []).append(f"{kind}: {evidence}")
        place = f"{row.region}/{row.box}/{row.bag} card {row.position}"
        for field, reasons in why.items():
            standing = found.get((row.id, field), Settled(Standing.WAITING)).standing
            if standing is not Standing.SETTLED:
                read, words = values.get(field, ""), "; ".join(reasons)
                fields.append(OpenField(row.id, place, field, read, words, standing))
    return fields


def _doubted_pages(page: int | None) -> Select[Any]:
    reading, pages, gone = tables.reading, tables.page, tables.replaced
    query = (
        select(pages, reading.c.doubts, reading.c.record)
        .join(reading, reading.c.page == pages.c.id)
        .where(reading.c.doubts != "", pages.c.id.not_in(select(gone.c.page)))
        .order_by(pages.c.id)
    )
    return query if page is None else query.where(pages.c.id == page)


def find_page(connection: Connection, named: str) -> int:
    """The page that a person names: REGION/BOX/BAG/CARD, as messages have it, or its number.

    Raises:
        NotFound: there is no such page.
    """
    table, parts = tables.page, named.split("/")
    if named.isdecimal():
        query = select(table.c.id).where(table.c.id == int(named))
    elif len(parts) == 4 and parts[3].isdecimal():
        place = (table.c.region, table.c.box, table.c.bag)
        query = select(table.c.id).where(
            *(column == part for column, part in zip(place, parts, strict=False)),
            table.c.position == int(parts[3]),
        )
    else:
        raise NotFound(f"{named!r} names no page; write REGION/BOX/BAG/CARD, such as 37/1/4/12")
    found = connection.scalar(query.order_by(table.c.id.desc()).limit(1))
    if found is None:
        raise NotFound(f"there is no page {named}; kaowu review list and reconcile name them")
    return int(found)


def place_of(connection: Connection, page: int) -> str:
    """A page as people know it: its bag, and its card there.

    Raises:
        NotFound: there is no such page.
    """
    table = tables.page
    columns = (table.c.region, table.c.box, table.c.bag, table.c.position)
    row = connection.execute(select(*columns).where(table.c.id == page)).one_or_none()
    if row is None:
        raise NotFound(f"there is no page {page}")
    return f"{row.region}/{row.box}/{row.bag} card {row.position}"


def image_of(connection: Connection, page: int) -> str:
    """The vault's name of a page's image, "" where the file could not be opened.

    Raises:
        NotFound: there is no such page.
    """
    found = connection.scalar(select(tables.page.c.image).where(tables.page.c.id == page))
    if found is None:
        raise NotFound(f"there is no page {page}")
    return str(found)


def _doubted(connection: Connection, page: int) -> set[str]:
    table = tables.reading
    query = select(table.c.doubts).where(table.c.page == page).order_by(table.c.id.desc())
    rows = read_frame(connection, query.limit(1))
    if rows.is_empty():
        raise NotFound(f"there is no page {page}")
    text = rows["doubts"][0]
    return {field for _, field, _ in json.loads(text)} if text else set()
