"""The first page: where the sitting stands, as far as the person may see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import Connection, func, select

from admin_api import tables
from admin_api.clock import CST
from admin_api.console.desk import Desk, seated
from admin_api.corrections import service as corrections
from admin_api.corrections.records import standings
from admin_api.release import service as release
from admin_api.violations import service as violations

router = APIRouter(tags=["home"])
Everybody = Annotated[Desk, seated()]


class Overview(BaseModel):
    """Counts by state. `deadline` is the last second for corrections, ISO 8601.

    People of a region see their region's corrections and violations, and no counts of cards.
    """

    exam: str
    year: int
    deadline: str
    late: bool
    pages: dict[str, int]
    corrections: dict[str, int]
    violations: dict[str, int]
    published: str


@router.get("/")
def home(desk: Everybody) -> Overview:
    """Where the sitting stands."""
    exam, region = desk.office.exam, desk.signer.region
    until = exam.calendar.corrections_until
    with desk.office.ledger.moment() as connection:
        shown = release.published(connection)
        found = Overview(
            exam=exam.name,
            year=exam.year,
            deadline=f"{until.isoformat()}T23:59:59+08:00",
            late=desk.office.ledger.clock().astimezone(CST).date() > until,
            pages={} if region else _pages(connection),
            corrections=_corrections(connection, region),
            violations=_violations(connection, region),
            published=shown.hash if shown else "",
        )
    return desk.show("home.html", found)


def _pages(connection: Connection) -> dict[str, int]:
    table = tables.reading
    query = select(table.c.status, func.count()).group_by(table.c.status).order_by(table.c.status)
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _corrections(connection: Connection, region: str) -> dict[str, int]:
    every = corrections.corrections(connection, region)
    found = standings(every, corrections.verdicts(connection))
    counts: dict[str, int] = {}
    for one in every:
        counts[found[one.id].value] = counts.get(found[one.id].value, 0) + 1
    return counts


def _violations(connection: Connection, region: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in violations.violations(connection, region):
        state = one.verdict or "to_review"
        counts[state] = counts.get(state, 0) + 1
    return counts
