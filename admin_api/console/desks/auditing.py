"""The audit: every act, and whether the chain holds."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.roles import ActKind, Role
from admin_api.acts.verify import verify_chain
from admin_api.console.desk import MOST_ID, Desk, seated

router = APIRouter(prefix="/audit", tags=["audit"])
Auditor = Annotated[Desk, seated(Role.AUDITOR)]
_PAGE = 100


class ActRow(BaseModel):
    """One act of the chain."""

    id: int
    at: str
    who: str
    role: str
    via: str
    kind: str
    target: str
    why: str
    details: str
    hash: str


class Acts(BaseModel):
    """Acts, newest first; `before` gets those before."""

    acts: list[ActRow]
    before: int | None
    people: list[str]


class Chain(BaseModel):
    """Whether every link, signature and fact holds; else the first that does not."""

    holds: bool
    acts: int
    head: str
    broken: str


@router.get("")
def acts(
    desk: Auditor,
    who: Annotated[str, Query(max_length=40)] = "",
    kind: ActKind | None = None,
    before: Annotated[int | None, Query(ge=1, le=MOST_ID)] = None,
) -> Acts:
    """Acts, newest first."""
    table = tables.act
    query = select(*(table.c[name] for name in ActRow.model_fields)).order_by(table.c.id.desc())
    if who:
        query = query.where(table.c.who == who)
    if kind is not None:
        query = query.where(table.c.kind == kind.value)
    if before is not None:
        query = query.where(table.c.id < before)
    frame = desk.office.ledger.read(query.limit(_PAGE))
    people = desk.office.ledger.read(select(tables.staff.c.name).order_by(tables.staff.c.name))
    found = Acts(
        acts=[ActRow(**row) for row in frame.iter_rows(named=True)],
        before=int(frame.select(pl.col("id").min()).item()) if frame.height == _PAGE else None,
        people=people["name"].to_list(),
    )
    return desk.show("audit.html", found, kinds=list(ActKind), who=who, kind=kind)


@router.get("/chain")
def chain(desk: Auditor, head: Annotated[str, Query(max_length=64)] = "") -> Chain:
    """Check every link, signature and fact; may take minutes for a whole country."""
    with desk.office.ledger.moment() as connection:
        found = verify_chain(connection, head)
    shown = Chain(holds=found.holds, acts=found.acts, head=found.head, broken=found.broken)
    return desk.show("chain.html", shown)
