"""Violations (违纪): entered, reviewed, compared record by record with the formal document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.canonical import canonical
from admin_api.acts.ledger import Act, Signer, need_reason, need_role
from admin_api.acts.roles import ActKind
from admin_api.bulk import read_frame
from admin_api.clock import is_begun, is_over
from admin_api.errors import NotAllowed, NotFound, Refused, TooLate, Unsettled
from admin_api.exam.terms import Exam, Penalty
from admin_api.office import Office
from admin_api.registration.errors import refuse_rows
from admin_api.registration.reported import read_formal_document, read_violations
from admin_api.settling.service import Matter

REVIEWED, REJECTED = "reviewed", "rejected"
_RECORD = ("ticket", "subject", "code")
_FORM = (
    *("reminded", "facts", "recorder1", "recorder2", "signature", "witness1", "witness2"),
    *("site_head", "notice", "defence", "reviewed", "decision", "served"),
)

PENALTIES: dict[str, pl.DataType] = {
    "violation": pl.Int64(),
    "ticket": pl.String(),
    "subject": pl.String(),  # "" for every subject of the sitting
    "code": pl.String(),
    "archive": pl.String(),  # until when it stays in 诚信档案: a year, "long", or ""
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation as entered. `verdict` is "", "reviewed" or "rejected"."""

    id: int
    region: str
    ticket: str
    subject: str
    code: str
    who: str
    verdict: str

    @property
    def record(self) -> tuple[str, str, str]:
        """What a formal document says of it."""
        return self.ticket, self.subject, self.code

    def __str__(self) -> str:
        return f"violation {self.id}: {'/'.join(self.record)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The system's list against a document's, record by record; both empty where they agree."""

    only_here: tuple[tuple[str, str, str], ...]
    only_there: tuple[tuple[str, str, str], ...]

    @property
    def agrees(self) -> bool:
        """Whether every record is in both."""
        return not (self.only_here or self.only_there)

    @property
    def words(self) -> tuple[str, ...]:
        """Each difference as a line."""
        here = (f"{'/'.join(r)}: in the system, not in the document" for r in self.only_here)
        there = (f"{'/'.join(r)}: in the document, not in the system" for r in self.only_there)
        return (*here, *there)


def enter(
    office: Office, signer: Signer, path: Path, *, encoding: str | None = None
) -> tuple[int, ...]:
    """Take a list of violations whole, or refuse it whole; returns the new ids.

    Raises:
        TooLate: before the first or after the last day of the calendar's window.
        ImportRefused: a row has a fault, or is about nobody of this region.
    """
    need_role(signer, ActKind.VIOLATION_ENTER)
    calendar, now = office.exam.calendar, office.ledger.clock()
    if not is_begun(calendar.violations_from, now):
        raise TooLate(f"violations are entered from {calendar.violations_from}")
    if is_over(calendar.violations_until, now):
        raise TooLate(
            f"violations were due by {calendar.violations_until} 23:59:59, China Standard Time; "
            "nothing was taken. Report it to the centre in writing"
        )
    frame = read_violations(path, office.exam, encoding=encoding).frame
    with office.ledger.act(signer, ActKind.VIOLATION_ENTER, target=path.name) as act:
        people = _people(act)
        if faults := list(_strangers(frame, people, signer)):
            raise refuse_rows(path, faults, "ticket")
        known = {v.record for v in violations(act.connection) if v.verdict != REJECTED}
        rows = [
            _row(office, row, path, people[row["ticket"]][0]) | {"who": signer.name}
            for row in frame.iter_rows(named=True)
            if tuple(row[name] for name in _RECORD) not in known
        ]
        first = act.add(tables.violation, rows)
        act.details["new"] = len(rows)
    return tuple(range(first, first + len(rows)))


def review(office: Office, signer: Signer, number: int, verdict: str, why: str = "") -> Violation:
    """Confirm or reject what another person of the region entered (复核); returns it as it is then.

    Raises:
        NotFound: there is no such violation in this region.
        NotAllowed: the signer entered it.
        Refused: it was reviewed before, or is rejected without a reason.
    """
    need_role(signer, ActKind.VIOLATION_REVIEW)
    if verdict == REJECTED:
        need_reason(why)
    with office.ledger.act(
        signer, ActKind.VIOLATION_REVIEW, target=f"violation {number}", why=why
    ) as act:
        found = {v.id: v for v in violations(act.connection, signer.region)}.get(number)
        if found is None:
            raise NotFound(f"there is no violation {number} in region {signer.region}")
        if found.who == signer.name:
            raise NotAllowed(f"{signer.name} entered it; another person reviews")
        if found.verdict:
            raise Refused(f"{found} is {found.verdict} already")
        row = {"violation": number, "verdict": verdict, "who": signer.name}
        act.add(tables.violation_verdict, [row])
    return replace(found, verdict=verdict)


def compare(
    office: Office, signer: Signer, region: str, path: Path, *, encoding: str | None = None
) -> Comparison:
    """Compare a formal document's list (正式文件) with the system's; an empty comparison closes
    the region's violations, and the document's lines are kept.

    Raises:
        NotFound: the exam has no such region.
        Unsettled: entries are not reviewed yet.
        ImportRefused: the document's list has faults.
    """
    signer.need_region(region)
    need_role(signer, ActKind.VIOLATION_DOCUMENT)
    if region not in office.exam.regions:
        raise NotFound(f"the exam has no region {region}; known: {', '.join(office.exam.regions)}")
    frame = read_formal_document(path, office.exam, encoding=encoding).frame
    documents = frame["document"].unique().to_list()
    if len(documents) > 1:
        raise refuse_rows(path, [(0, f"it is of several documents: {', '.join(documents)}")])
    with office.ledger.moment() as connection:
        comparison = _compared(connection, region, frame)
        confirmed = _closed_by(connection, region) == (documents or [""])[0]
        closed = confirmed and _closed_list(connection, region) == set(_records(frame))
    if closed or not comparison.agrees:
        return comparison  # the same document again changes nothing
    with office.ledger.act(signer, ActKind.VIOLATION_DOCUMENT, target=region) as act:
        if not _compared(act.connection, region, frame).agrees:
            raise Unsettled("something was entered meanwhile; compare again")
        lines = frame.select("document", *_RECORD).with_columns(pl.lit(region).alias("region"))
        act.add(tables.violation_document, lines)
        document = documents[0] if documents else ""
        act.add(tables.violation_closed, [{"region": region, "document": document}])
    return comparison


def violations(connection: Connection, region: str = "", site: str = "") -> list[Violation]:
    """Every violation, or a region's or a site's own, oldest first."""
    table = tables.violation
    said = {
        row.violation: row.verdict
        for row in connection.execute(
            select(tables.violation_verdict).order_by(tables.violation_verdict.c.id)
        )
    }
    query = select(table).order_by(table.c.id)
    if region:
        query = query.where(table.c.region == region)
    if site:
        person = tables.candidate
        theirs = select(person.c.ticket).where(person.c.region == region, person.c.site == site)
        query = query.where(table.c.ticket.in_(theirs))
    return [
        Violation(
            row.id, row.region, row.ticket, row.subject, row.code, row.who, said.get(row.id, "")
        )
        for row in connection.execute(query)
    ]


def penalties(connection: Connection, exam: Exam) -> pl.DataFrame:
    """What reviewed violations cost: `PENALTIES`, oldest first."""
    rows = []
    for one in violations(connection):
        if one.verdict == REVIEWED:
            code = exam.violations[one.code]
            subject = one.subject if code.penalty is Penalty.SUBJECT else ""
            until = str(exam.year + int(code.archive)) if code.archive.isdigit() else code.archive
            rows.append((one.id, one.ticket, subject, one.code, until))
    return pl.DataFrame(rows, schema=PENALTIES, orient="row")


def open_matters(connection: Connection) -> list[Matter]:
    """Violations without a review, and regions whose list no formal document confirms."""
    matters = []
    every = violations(connection)
    for one in every:
        if not one.verdict:
            matters.append(Matter(f"violation {one.id}", f"{one} waits for the region's review"))
    for region in sorted({one.region for one in every}):
        if _closed_list(connection, region) != _reviewed(every, region):
            words = "the list is not the formal document's; kaowu violations compare"
            matters.append(Matter(f"violations of {region}", words))
    return matters


def _compared(connection: Connection, region: str, frame: pl.DataFrame) -> Comparison:
    every = violations(connection, region)
    if waiting := [str(one) for one in every if not one.verdict]:
        raise Unsettled("review these violations first (kaowu violations review)", waiting)
    here = _reviewed(every, region)
    there = set(_records(frame))
    return Comparison(tuple(sorted(here - there)), tuple(sorted(there - here)))


def _records(frame: pl.DataFrame) -> list[tuple[str, str, str]]:
    return list(frame.select(_RECORD).iter_rows())


def _closed_by(connection: Connection, region: str) -> str | None:
    """The document that closed the region last, None where none did."""
    closed = tables.violation_closed
    query = select(closed.c.document).where(closed.c.region == region)
    return connection.scalar(query.order_by(closed.c.id.desc()).limit(1))


def _reviewed(every: list[Violation], region: str) -> set[tuple[str, str, str]]:
    return {one.record for one in every if one.region == region and one.verdict == REVIEWED}


def _closed_list(connection: Connection, region: str) -> set[tuple[str, ...]]:
    """The lines of the document that closed the region last."""
    closed, lines = tables.violation_closed, tables.violation_document
    last = connection.execute(
        select(closed.c.act).where(closed.c.region == region).order_by(closed.c.id.desc()).limit(1)
    ).one_or_none()
    if last is None:
        return set()
    query = select(*(lines.c[name] for name in _RECORD)).where(
        lines.c.act == last.act, lines.c.region == region
    )
    return set(read_frame(connection, query).iter_rows())


def _row(office: Office, row: dict[str, Any], path: Path, region: str) -> dict[str, Any]:
    form = {name: row[name] for name in _FORM}
    form = {name: str(v) if v is not None else "" for name, v in form.items()}
    kept = {name: row[name] for name in _RECORD}
    evidence = office.vault.put((path.parent / row["evidence"]).read_bytes())
    return kept | {"region": region, "record": canonical(form), "evidence": evidence}


def _people(act: Act) -> dict[str, tuple[str, str]]:
    person = tables.candidate
    frame = act.read(select(person.c.ticket, person.c.region, person.c.site))
    return {ticket: (region, site) for ticket, region, site in frame.iter_rows()}


def _strangers(
    frame: pl.DataFrame, people: dict[str, Any], signer: Signer
) -> Iterator[tuple[int, str]]:
    for row in frame.iter_rows(named=True):
        region, site = people.get(row["ticket"], ("", ""))
        theirs = (not signer.region or region == signer.region) and (
            not signer.site or site == signer.site
        )
        if not region or not theirs:
            yield row["row"], "is no candidate of yours; correct the number"
