"""Taking corrections in, and what two people say of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.ledger import Act, Signer, need_reason, need_role
from admin_api.acts.roles import ActKind
from admin_api.clock import is_over, written_at
from admin_api.corrections.overlay import FLAG, PRESENT
from admin_api.corrections.records import (
    Correction,
    CorrectionKind,
    Said,
    Standing,
    Verdict,
    standings,
)
from admin_api.errors import NotAllowed, NotFound, Refused, TooLate
from admin_api.exam.terms import Exam
from admin_api.office import Office
from admin_api.registration.errors import refuse_rows
from admin_api.registration.reported import read_corrections
from admin_api.settling.service import Matter

_SAID = ("kind", "ticket", "subject", "old", "new")


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a file came to: the ids of the new corrections, and how many were there already."""

    new: tuple[int, ...]
    known: int


def submit(office: Office, signer: Signer, path: Path, *, encoding: str | None = None) -> Submitted:
    """Take a region's file of corrections whole, or refuse it whole.

    The same rows again change nothing.

    Raises:
        TooLate: the calendar's day is over.
        ImportRefused: a row has a fault, or is about nobody of this region; every reason is named.
    """
    need_role(signer, ActKind.CORRECTION_SUBMIT)
    deadline = office.exam.calendar.corrections_until
    if is_over(deadline, office.ledger.clock()):
        raise TooLate(
            f"corrections were due by {deadline} 23:59:59, China Standard Time; nothing was taken. "
            "Ask the centre: two people there can let a late one in (kaowu corrections override)"
        )
    frame = read_corrections(path, office.exam, encoding=encoding).frame
    with office.ledger.act(signer, ActKind.CORRECTION_SUBMIT, target=path.name) as act:
        if is_over(deadline, office.ledger.clock()):  # the wait for other writers may be long
            raise TooLate(f"corrections were due by {deadline} 23:59:59; nothing was taken")
        return _enter(office, act, signer, (path, frame), late=False)


def override(
    office: Office, signer: Signer, path: Path, why: str, *, encoding: str | None = None
) -> Submitted:
    """Let a late file in: two people of the centre give the same file; it stays marked late.

    Raises:
        ImportRefused: as `submit`.
        Refused: the day is not over yet, no reason is given, or the same person did it before.
    """
    need_role(signer, ActKind.CORRECTION_OVERRIDE)
    if not is_over(office.exam.calendar.corrections_until, office.ledger.clock()):
        raise Refused("it is not late; the region can still submit it")
    need_reason(why)
    frame = read_corrections(path, office.exam, encoding=encoding).frame
    with office.ledger.act(signer, ActKind.CORRECTION_OVERRIDE, target=path.name, why=why) as act:
        done = _enter(office, act, signer, (path, frame), late=True)
        stored = {one.id: one for one in corrections(act.connection)}
        wanted = {tuple(row[name] for name in _SAID) for row in frame.iter_rows(named=True)}
        mine = [o.id for o in stored.values() if o.late and _said(o) in wanted]
        before = [v.correction for v in verdicts(act.connection) if v.who == signer.name]
        if again := sorted(set(mine) & set(before)):
            names = [str(stored[number]) for number in again]
            raise Refused(f"{signer.name} let these in before; another person must agree", names)
        rows = [
            {"correction": number, "verdict": Verdict.OVERRIDE.value, "who": signer.name}
            for number in mine
        ]
        act.add(tables.correction_verdict, rows)
        return done


def judge(office: Office, signer: Signer, number: int, verdict: Verdict, why: str = "") -> Standing:
    """Approve or reject a correction; never one's own.

    Raises:
        NotFound: there is no such correction.
        NotAllowed: the signer proposed it.
        Refused: it was decided before, or is late, or is rejected without a reason.
    """
    need_role(signer, ActKind.CORRECTION_VERDICT)
    if verdict is Verdict.REJECTED:
        need_reason(why)
    target = f"correction {number}"
    with office.ledger.act(signer, ActKind.CORRECTION_VERDICT, target=target, why=why) as act:
        every = corrections(act.connection)
        said = verdicts(act.connection)
        found = {one.id: one for one in every}.get(number)
        if found is None:
            raise NotFound(f"there is no correction {number}")
        if found.who == signer.name:
            raise NotAllowed(f"{signer.name} proposed it; another person decides")
        standing = standings(every, said)[number]
        undecided = (Standing.PROPOSED, Standing.CONFLICTING)
        decided = any(v.correction == number for v in said)
        if verdict is Verdict.APPROVED and (standing not in undecided or decided):
            raise Refused(f"{found} is {standing.value}; it cannot be approved")
        if verdict is Verdict.REJECTED and standing is Standing.REJECTED:
            raise Refused(f"{found} is rejected already")
        row = {"correction": number, "verdict": verdict.value, "who": signer.name}
        act.add(tables.correction_verdict, [row])
        return standings(every, [*said, Said(number, verdict, signer.name)])[number]


def corrections(connection: Connection, region: str = "") -> list[Correction]:
    """Every correction, or a region's own, oldest first."""
    table = tables.correction
    query = select(table).order_by(table.c.id)
    if region:
        query = query.where(table.c.region == region)
    return [
        Correction(
            id=row.id,
            kind=CorrectionKind(row.kind),
            region=row.region,
            ticket=row.ticket,
            subject=row.subject,
            old=row.old,
            new=row.new,
            reason=row.reason,
            evidence=row.evidence,
            document=row.document,
            who=row.who,
            at=row.at,
            late=bool(row.late),
        )
        for row in connection.execute(query)
    ]


def verdicts(connection: Connection) -> list[Said]:
    """Everything that was said of corrections, oldest first."""
    table = tables.correction_verdict
    return [
        Said(row.correction, Verdict(row.verdict), row.who)
        for row in connection.execute(select(table).order_by(table.c.id))
    ]


def in_force(connection: Connection) -> list[Correction]:
    """The corrections that count, oldest first; of several that say the same, the first."""
    every = corrections(connection)
    found = standings(every, verdicts(connection))
    counted: dict[tuple[str, str, str], Correction] = {}
    for one in every:
        if found[one.id] is Standing.IN_FORCE:
            counted.setdefault(one.target, one)
    return list(counted.values())


def open_matters(connection: Connection) -> list[Matter]:
    """Corrections that nobody decided, and those that contradict one another."""
    every = corrections(connection)
    found = standings(every, verdicts(connection))
    words = {
        Standing.PROPOSED: "waits for approval",
        Standing.CONFLICTING: "contradicts another; reject the wrong one",
    }
    return [
        Matter(f"correction {one.id} {found[one.id].value}", f"{one}: {words[found[one.id]]}")
        for one in every
        if found[one.id] in words
    ]


def _enter(
    office: Office, act: Act, signer: Signer, file: tuple[Path, pl.DataFrame], *, late: bool
) -> Submitted:
    path, frame = file
    people = _regions(act)
    faults = list(_faults(frame, people, office.exam, signer))
    if faults:
        raise refuse_rows(path, faults)
    stored = standings(every := corrections(act.connection), verdicts(act.connection))
    known = {_said(one) for one in every if stored[one.id] is not Standing.REJECTED}
    rows = [
        row
        for row in frame.iter_rows(named=True)
        if tuple(row[name] for name in _SAID) not in known
    ]
    moment = written_at(office.ledger.clock())
    ready = [_row(office, row, path, people) | {"who": signer.name} for row in rows]
    first = act.add(tables.correction, [row | {"at": moment, "late": late} for row in ready])
    act.details |= {"new": len(rows), "known": frame.height - len(rows)}
    return Submitted(tuple(range(first, first + len(rows))), frame.height - len(rows))


def _row(office: Office, row: dict[str, Any], path: Path, people: dict[str, str]) -> dict[str, Any]:
    kept = {name: row[name] for name in (*_SAID, "reason", "document")}
    evidence = office.vault.put((path.parent / row["evidence"]).read_bytes())
    return kept | {"region": people[row["ticket"]], "evidence": evidence}


def _said(one: Correction) -> tuple[str, ...]:
    return one.kind.value, one.ticket, one.subject, one.old, one.new


def _regions(act: Act) -> dict[str, str]:
    person = tables.candidate
    frame = act.read(select(person.c.ticket, person.c.region))
    return dict(frame.iter_rows())


def _faults(
    frame: pl.DataFrame, people: dict[str, str], exam: Exam, signer: Signer
) -> Iterator[tuple[int, str]]:
    """What is wrong with a row beyond its form."""
    for row in frame.iter_rows(named=True):
        region = people.get(row["ticket"])
        if region is None or (signer.region and region != signer.region):
            where = f" of region {signer.region}" if signer.region else ""
            yield row["row"], f"{row['ticket']} is no candidate{where}; correct the number"
        elif fault := _value_fault(row, region, people, exam):
            yield row["row"], fault


def _value_fault(row: dict[str, Any], region: str, people: dict[str, str], exam: Exam) -> str:
    """What is wrong with a new value, or ""."""
    kind, new = CorrectionKind(row["kind"]), row["new"]
    forms = sorted({form for paper in exam.papers.values() for form in paper.forms if form})
    good = {
        CorrectionKind.TICKET: new in ("", row["ticket"]) and bool(row["old"]),
        CorrectionKind.SWAP: people.get(new) == region and new != row["ticket"],
        CorrectionKind.SUBJECT: new in exam.subjects and row["subject"] == new,
        CorrectionKind.FORM: new in forms,
        CorrectionKind.BARCODE: bool(exam.card.barcode_pattern.fullmatch(new)),
        CorrectionKind.ABSENT: new in PRESENT,
        CorrectionKind.VIOLATION: new in FLAG,
    }.get(kind, bool(new))
    allowed = {
        CorrectionKind.TICKET: "the number that the card reads as old, the right one as ticket",
        CorrectionKind.SWAP: "the other candidate's number, of the same region",
        CorrectionKind.SUBJECT: "the right subject, as new and as subject",
        CorrectionKind.FORM: f"one of {', '.join(forms)}",
        CorrectionKind.BARCODE: "a whole barcode of this exam",
        CorrectionKind.ABSENT: "到 or 缺",
        CorrectionKind.VIOLATION: "是 or 否",
    }.get(kind, "the right value")
    return "" if good else f"new value {new!r} for {kind.value}: write {allowed}"
