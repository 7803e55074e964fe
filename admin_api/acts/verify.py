"""Checks the audit chain: every link, every signature, every fact, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import Connection, Row, func, select

from admin_api import tables
from admin_api.acts.ledger import GENESIS, LINKED, facts_of, link_hash, signed_message
from admin_api.acts.roles import ActKind
from admin_api.bulk import digest_of, read_frame
from admin_api.staff.keys import is_signed


@dataclass(frozen=True, slots=True)
class ChainState:
    """What a check of the chain found. `broken` names the first bad link, "" where all hold.

    `head` is the last link's hash: note it elsewhere, since a chain that was cut short at its end
    still holds together.
    """

    acts: int
    head: str
    broken: str

    @property
    def holds(self) -> bool:
        """Whether every link, signature and fact is as it was signed."""
        return not self.broken


def verify_chain(connection: Connection, expected_head: str = "") -> ChainState:
    """Check every act, oldest first, and stop at the first that does not hold.

    `expected_head` is a hash noted earlier, which must still be in the chain.
    """
    previous, count, seen = GENESIS, 0, not expected_head
    people: dict[str, str] = {}
    for row in connection.execute(select(tables.act).order_by(tables.act.c.id)):
        if fault := _fault(connection, row, count + 1, previous, people):
            return ChainState(count, previous, f"act {row.id} ({row.kind} by {row.who}): {fault}")
        count, previous = count + 1, row.hash
        seen = seen or row.hash == expected_head
    if stray := next(_strays(connection, count), ""):
        return ChainState(count, previous, stray)
    if not seen:
        return ChainState(count, previous, f"{expected_head} is not in the chain: it was cut short")
    return ChainState(count, previous, "")


def _fault(
    connection: Connection, row: Row[Any], number: int, previous: str, people: dict[str, str]
) -> str:
    """What is wrong with a link, or ""; learns and forgets people as the acts come."""
    if row.id != number:
        return f"act {number} is missing"
    if row.previous != previous:
        return "it does not follow the act before it"
    link = {name: getattr(row, name) for name in LINKED}
    if link_hash(link) != row.hash:
        return "it was altered: its hash is another"
    if facts_of(list(_digests(connection, row.id))) != row.facts:
        return f"the facts that it entered were altered ({_tables_of(connection, row.id)})"
    if row.kind == ActKind.INIT:
        people |= _people(connection, row.id)
    key = people.get(row.who)
    if key is None:
        return f"{row.who} was not on the staff"
    if not is_signed(key, signed_message(row.hash), row.signature):
        return f"the signature is not that of {row.who}"
    if row.kind == ActKind.STAFF_ADD:
        people |= _people(connection, row.id)
    if row.kind == ActKind.STAFF_REVOKE:
        for name in _revoked(connection, row.id):
            people.pop(name, None)
    return ""


def _digests(connection: Connection, act: int) -> Iterator[str]:
    for table in tables.FACTS:
        frame = read_frame(connection, select(table).where(table.c.act == act))
        if frame.height:
            yield f"{table.name} {frame.height} {digest_of(frame)}"


def _tables_of(connection: Connection, act: int) -> str:
    counts = {
        table.name: connection.scalar(select(func.count()).where(table.c.act == act))
        for table in tables.FACTS
    }
    return ", ".join(f"{rows} rows of {name}" for name, rows in counts.items() if rows) or "none"


def _people(connection: Connection, act: int) -> dict[str, str]:
    staff = tables.staff
    rows = connection.execute(select(staff.c.name, staff.c.public_key).where(staff.c.act == act))
    return {row.name: row.public_key for row in rows}


def _revoked(connection: Connection, act: int) -> list[str]:
    staff, revoked = tables.staff, tables.staff_revoked
    query = select(staff.c.name).join(revoked, revoked.c.staff == staff.c.id)
    return [row.name for row in connection.execute(query.where(revoked.c.act == act))]


def _strays(connection: Connection, acts: int) -> Iterator[str]:
    """Rows of no act, and rows that refer to nothing."""
    for table in tables.FACTS:
        stray = select(func.count()).where((table.c.act > acts) | (table.c.act < 1))
        if rows := connection.scalar(stray):
            yield f"{rows} rows of {table.name} belong to no act"
    for table in tables.FACTS:
        for name in {c.name for c in table.columns} & {"candidate", "enrolment", "page", "room"}:
            target = tables.metadata.tables[name]
            column = table.c[name]
            if target is table or not isinstance(column.type, type(tables.Id)):
                continue
            lost = (
                select(func.count())
                .select_from(table.outerjoin(target, target.c.id == column))
                .where(target.c.id.is_(None))
            )
            if rows := connection.scalar(lost):
                yield f"{rows} rows of {table.name} name a {name} that is not there"


def acts_frame(connection: Connection) -> pl.DataFrame:
    """Every act, oldest first, for people and reports."""
    return read_frame(connection, select(tables.act).order_by(tables.act.c.id))
