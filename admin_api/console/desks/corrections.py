"""Corrections (数据修正): a region proposes, the centre decides; late ones by two people."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from pydantic import BaseModel, Field

from admin_api.acts.roles import Role
from admin_api.clock import CST
from admin_api.console.desk import Desk, Number, seated
from admin_api.console.uploads import check_evidence, check_list, kind_of, laid_down, name_of
from admin_api.corrections import service
from admin_api.corrections.records import CorrectionKind, Standing, Verdict, standings
from admin_api.errors import NotFound, Refused
from admin_api.registration.reported import CORRECTION_KINDS

router = APIRouter(prefix="/corrections", tags=["corrections"])
Region = Annotated[Desk, seated(Role.REGION)]
Supervisor = Annotated[Desk, seated(Role.SUPERVISOR)]
Override = Annotated[Desk, seated(Role.SUPERVISOR, Role.RELEASE)]
Onlooker = Annotated[Desk, seated(Role.REGION, Role.SUPERVISOR, Role.RELEASE, Role.AUDITOR)]
COLUMNS = ("类型", "准考证号", "科目", "原值", "新值", "原因", "证据", "文号")
Short = Annotated[str, Field(max_length=100)]


class CorrectionRow(BaseModel):
    """A correction and where it stands. `said`: who decided what."""

    id: int
    kind: CorrectionKind
    region: str
    ticket: str
    subject: str
    old: str
    new: str
    reason: str
    document: str
    who: str
    at: str
    late: bool
    standing: Standing
    said: list[str]


class Corrections(BaseModel):
    """Corrections, newest first, and until when they may be handed in (China Standard Time)."""

    corrections: list[CorrectionRow]
    counts: dict[Standing, int]
    deadline: str
    over: bool


class Taken(BaseModel):
    """What a list came to: new ones, and rows that were there already as they stand."""

    new: list[int]
    known: int


class CorrectionForm(BaseModel):
    """The form of one correction: of whom and what, as read and as it should be, and why."""

    kind: CorrectionKind
    ticket: str = Field(max_length=40)
    reason: str = Field(max_length=500)
    document: Short
    subject: Short = ""
    old: Short = ""
    new: Short = ""


class Decided(BaseModel):
    """Where a correction stands now."""

    standing: Standing


class Why(BaseModel):
    """A reason, for the audit."""

    why: str = Field(min_length=2, max_length=500)


@router.get("")
def list_corrections(
    desk: Onlooker,
    region: Annotated[str, Query(max_length=8)] = "",
    standing: Standing | None = None,
) -> Corrections:
    """Corrections: one's own region's, at the centre everybody's or one region's."""
    found = _rows(desk, desk.signer.region or region)
    counts = {one: sum(row.standing is one for row in found) for one in Standing}
    until = desk.office.exam.calendar.corrections_until
    shown = Corrections(
        corrections=[row for row in found if standing in (None, row.standing)],
        counts={one: count for one, count in counts.items() if count},
        deadline=f"{until.isoformat()}T23:59:59+08:00",
        over=desk.office.ledger.clock().astimezone(CST).date() > until,
    )
    return desk.show("corrections.html", shown, kinds=CORRECTION_KINDS, region=region)


@router.post("")
def submit_list(
    desk: Region,
    file: Annotated[UploadFile, File(description="the list: .csv, .xlsx or .dbf")],
    evidence: Annotated[list[UploadFile], File(description="every file that the list names")],
) -> Taken:
    """Hand in a list with its evidence: taken whole, or refused whole with every reason."""
    with laid_down(desk.office, [file, *evidence]) as folder:
        _checked(folder, file, evidence)
        taken = service.submit(desk.office, desk.signer, folder / name_of(file))
    found = Taken(new=list(taken.new), known=taken.known)
    return desk.done(found, "/corrections", "the list is taken")


@router.post("/one")
def submit_one(
    desk: Region,
    said: Annotated[CorrectionForm, Form(media_type="multipart/form-data")],
    evidence: Annotated[UploadFile, File()],
) -> Taken:
    """Hand in one correction by a form."""
    names = {value: name for name, value in CORRECTION_KINDS.items()}
    with laid_down(desk.office, [evidence]) as folder:
        proof = name_of(evidence)
        check_evidence(folder / proof)
        path = folder / "the form.csv"
        place = (names[said.kind.value], said.ticket, said.subject)
        row = (*place, said.old, said.new, said.reason, proof, said.document)
        with open(path, "w", newline="", encoding="utf-8-sig") as text:
            csv.writer(text).writerows([COLUMNS, row])
        taken = service.submit(desk.office, desk.signer, path, encoding="utf-8-sig")
    found = Taken(new=list(taken.new), known=taken.known)
    return desk.done(found, "/corrections", "the correction is taken")


@router.post("/override")
def let_in(
    desk: Override,
    file: Annotated[UploadFile, File()],
    evidence: Annotated[list[UploadFile], File()],
    why: Annotated[str, Form(min_length=2, max_length=500)],
) -> Taken:
    """Let a late list in: two people of the centre hand in the same one; it stays marked late."""
    with laid_down(desk.office, [file, *evidence]) as folder:
        _checked(folder, file, evidence)
        taken = service.override(desk.office, desk.signer, folder / name_of(file), why)
    found = Taken(new=list(taken.new), known=taken.known)
    return desk.done(found, "/corrections", "let in late by one person; two must")


@router.post("/{number}/approve")
def approve(desk: Supervisor, number: Number) -> Decided:
    """Approve a correction; never one's own."""
    found = service.judge(desk.office, desk.signer, number, Verdict.APPROVED)
    return desk.done(Decided(standing=found), "/corrections?standing=proposed", found.value)


@router.post("/{number}/reject")
def reject(desk: Supervisor, number: Number, said: Annotated[Why, Form()]) -> Decided:
    """Reject a correction."""
    found = service.judge(desk.office, desk.signer, number, Verdict.REJECTED, said.why)
    return desk.done(Decided(standing=found), "/corrections?standing=proposed", found.value)


@router.get("/{number}/evidence", response_class=Response)
def evidence_of(desk: Onlooker, number: Number) -> Response:
    """The evidence of a correction, as a file to keep."""
    with desk.office.ledger.moment() as connection:
        every = service.corrections(connection, desk.signer.region)
    found = next((one for one in every if one.id == number), None)
    if found is None:
        raise NotFound(f"there is no correction {number}")
    content = desk.office.vault.get(found.evidence)
    kind = kind_of(content) or "application/octet-stream"
    ending = kind.rpartition("/")[2].replace("octet-stream", "bin")
    headers = {"Content-Disposition": f'attachment; filename="correction-{number}.{ending}"'}
    return Response(content, media_type=kind, headers=headers)


def _checked(folder: Path, file: UploadFile, evidence: list[UploadFile]) -> None:
    listed = folder / name_of(file)
    if listed.suffix.lower() not in (".csv", ".xlsx", ".dbf"):
        raise Refused(f"{listed.name}: a list is a .csv, .xlsx or .dbf file")
    check_list(listed)
    for one in evidence:
        check_evidence(folder / name_of(one))


def _rows(desk: Desk, region: str) -> list[CorrectionRow]:
    with desk.office.ledger.moment() as connection:
        every = service.corrections(connection, region)
        verdicts = service.verdicts(connection)
    found = standings(every, verdicts)  # rivals are of one ticket, so of one region
    said: dict[int, list[str]] = {}
    for one in verdicts:
        said.setdefault(one.correction, []).append(f"{one.who}: {one.verdict.value}")
    return [
        CorrectionRow(
            id=one.id,
            kind=one.kind,
            region=one.region,
            ticket=one.ticket,
            subject=one.subject,
            old=one.old,
            new=one.new,
            reason=one.reason,
            document=one.document,
            who=one.who,
            at=one.at,
            late=one.late,
            standing=found[one.id],
            said=said.get(one.id, []),
        )
        for one in reversed(every)
    ]
