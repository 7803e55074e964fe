"""Violations (违纪): sites and regions enter, another person of the region reviews, the formal
document is compared record by record.
"""

from __future__ import annotations

import csv
import io
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from pydantic import BaseModel, Field

from admin_api.acts.roles import Role
from admin_api.clock import is_begun, is_over
from admin_api.console.desk import Desk, Number, seated
from admin_api.console.uploads import check_evidence, check_list, laid_down, name_of
from admin_api.errors import NotFound
from admin_api.violations import service

router = APIRouter(prefix="/violations", tags=["violations"])
Entering = Annotated[Desk, seated(Role.SITE, Role.REGION)]
Region = Annotated[Desk, seated(Role.REGION)]
Comparing = Annotated[Desk, seated(Role.REGION, Role.SUPERVISOR)]
Onlooker = Annotated[
    Desk, seated(Role.SITE, Role.REGION, Role.SUPERVISOR, Role.RELEASE, Role.AUDITOR)
]
COLUMNS = {
    "ticket": "准考证号",
    "subject": "科目",
    "code": "代码",
    "reminded": "提醒",
    "facts": "事实",
    "evidence": "证据",
    "recorder1": "记录人一",
    "recorder2": "记录人二",
    "signature": "签名",
    "witness1": "见证人一",
    "witness2": "见证人二",
    "site_head": "考点负责人",
    "notice": "告知日期",
    "defence": "申辩日期",
    "reviewed": "审核日期",
    "decision": "决定书号",
    "served": "送达",
}
"""The list's columns, as the form (考场违纪情况记录单) calls them."""


class ViolationRow(BaseModel):
    """A violation as entered; `state` is to_review, reviewed or rejected."""

    id: int
    region: str
    ticket: str
    subject: str
    code: str
    title: str
    who: str
    state: str


class Violations(BaseModel):
    """Violations, newest first; whether the calendar's window is open."""

    violations: list[ViolationRow]
    opens: str
    closes: str
    open: bool


class Entered(BaseModel):
    """The new ones' numbers."""

    new: list[int]


class Compared(BaseModel):
    """Records on one list alone: ticket, subject and code; both empty where the lists agree."""

    only_here: list[str]
    only_there: list[str]
    closed: bool


class Nothing(BaseModel):
    """Done."""


class ViolationForm(BaseModel):
    """The form of one violation. Dates are as 2026-06-02; `signature` is 签 or 拒签."""

    ticket: str = Field(max_length=40)
    subject: str = Field(max_length=8)
    code: str = Field(max_length=8)
    reminded: str = Field(default="否", max_length=4)
    facts: str = Field(max_length=2000)
    recorder1: str = Field(max_length=40)
    recorder2: str = Field(max_length=40)
    signature: str = Field(default="签", max_length=4)
    witness1: str = Field(default="", max_length=40)
    witness2: str = Field(default="", max_length=40)
    site_head: str = Field(max_length=40)
    notice: str = Field(default="", max_length=20)
    defence: str = Field(default="", max_length=20)
    reviewed: str = Field(default="", max_length=20)
    decision: str = Field(default="", max_length=60)
    served: str = Field(default="", max_length=60)


class Why(BaseModel):
    """A reason, for the audit."""

    why: str = Field(default="", max_length=500)


@router.get("")
def list_violations(desk: Onlooker, region: Annotated[str, Query(max_length=8)] = "") -> Violations:
    """Violations: one's own site's or region's, at the centre everybody's or one region's."""
    calendar, now = desk.office.exam.calendar, desk.office.ledger.clock()
    found = Violations(
        violations=list(reversed(_rows(desk, region))),
        opens=calendar.violations_from.isoformat(),
        closes=f"{calendar.violations_until.isoformat()}T23:59:59+08:00",
        open=is_begun(calendar.violations_from, now)
        and not is_over(calendar.violations_until, now),
    )
    return desk.show("violations.html", found, columns=COLUMNS, codes=desk.office.exam.violations)


@router.post("")
def enter_list(
    desk: Entering,
    file: Annotated[UploadFile, File(description="the list: .csv, .xlsx or .dbf")],
    evidence: Annotated[list[UploadFile], File()],
) -> Entered:
    """Enter a list with its evidence, whole or not at all."""
    with laid_down(desk.office, [file, *evidence]) as folder:
        check_list(folder / name_of(file))
        for one in evidence:
            check_evidence(folder / name_of(one))
        new = service.enter(desk.office, desk.signer, folder / name_of(file))
    return desk.done(Entered(new=list(new)), "/violations", "the list is taken")


@router.post("/one")
def enter_one(
    desk: Entering,
    said: Annotated[ViolationForm, Form(media_type="multipart/form-data")],
    evidence: Annotated[UploadFile, File()],
) -> Entered:
    """Enter one violation by its form."""
    with laid_down(desk.office, [evidence]) as folder:
        proof = name_of(evidence)
        check_evidence(folder / proof)
        path = folder / "the form.csv"
        values = said.model_dump() | {"evidence": proof}
        with open(path, "w", newline="", encoding="utf-8-sig") as text:
            csv.writer(text).writerows([list(COLUMNS.values()), [values[key] for key in COLUMNS]])
        new = service.enter(desk.office, desk.signer, path, encoding="utf-8-sig")
    return desk.done(Entered(new=list(new)), "/violations", "the violation is entered")


@router.post("/{number}/confirm")
def confirm(desk: Region, number: Number) -> Nothing:
    """Confirm what another person of the region entered."""
    service.review(desk.office, desk.signer, number, service.REVIEWED)
    return desk.done(Nothing(), "/violations", "confirmed")


@router.post("/{number}/reject")
def reject(desk: Region, number: Number, said: Annotated[Why, Form()]) -> Nothing:
    """Reject what another person of the region entered."""
    service.review(desk.office, desk.signer, number, service.REJECTED, said.why)
    return desk.done(Nothing(), "/violations", "rejected")


@router.get("/list")
def printed(desk: Comparing, region: Annotated[str, Query(max_length=8)] = "") -> Violations:
    """The region's reviewed list, to print as the formal document's annex (正式文件)."""
    rows = [row for row in _rows(desk, region) if row.state == service.REVIEWED]
    calendar = desk.office.exam.calendar
    shown = Violations(
        violations=rows,
        opens=calendar.violations_from.isoformat(),
        closes=f"{calendar.violations_until.isoformat()}T23:59:59+08:00",
        open=False,
    )
    return desk.show("violations_list.html", shown, region=desk.signer.region or region)


@router.get("/list.csv", response_class=Response)
def listed(desk: Comparing, region: Annotated[str, Query(max_length=8)] = "") -> Response:
    """The same list as a file, in the columns in which the formal document's list comes back."""
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["公文号", "准考证号", "科目", "代码"])
    for row in _rows(desk, region):
        if row.state == service.REVIEWED:
            out.writerow(["", row.ticket, row.subject, row.code])
    headers = {"Content-Disposition": 'attachment; filename="violations.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv", headers=headers)


@router.post("/compare")
def compare(
    desk: Comparing,
    file: Annotated[UploadFile, File(description="the formal document's list")],
    region: Annotated[str, Form(max_length=8)] = "",
) -> Compared:
    """Compare the formal document's list with the system's; where they agree the region closes."""
    whose = desk.signer.region or region
    if whose not in desk.office.exam.regions:
        raise NotFound(f"there is no region {whose!r}")
    with laid_down(desk.office, [file]) as folder:
        check_list(folder / name_of(file))
        found = service.compare(desk.office, desk.signer, whose, folder / name_of(file))
    compared = Compared(
        only_here=["/".join(one) for one in found.only_here],
        only_there=["/".join(one) for one in found.only_there],
        closed=found.agrees,
    )
    return desk.show("violations_compared.html", compared, region=whose)


def _rows(desk: Desk, region: str) -> list[ViolationRow]:
    who = desk.signer
    with desk.office.ledger.moment() as connection:
        every = service.violations(connection, who.region or region, who.site)
    titles = desk.office.exam.violations
    return [
        ViolationRow(
            id=one.id,
            region=one.region,
            ticket=one.ticket,
            subject=one.subject,
            code=one.code,
            title=titles[one.code].title,
            who=one.who,
            state=one.verdict or "to_review",
        )
        for one in every
    ]
