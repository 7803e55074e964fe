"""One stored page with its newest reading: for who looks at it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.errors import NotFound


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page as it stands. `advice` says what to do with the paper where it was not read.

    `by` is the page that stands for it, `replaces` are those that it stands for.
    """

    id: int
    region: str
    box: str
    bag: str
    position: int
    image: str
    status: str
    ticket: str
    reason: str
    evidence: str
    advice: str
    by: int | None
    replaces: tuple[int, ...]


def find_page(connection: Connection, number: int) -> StoredPage:
    """A page.

    Raises:
        NotFound: there is none of that number.
    """
    page, reading, gone = tables.page, tables.reading, tables.replaced
    query = (
        select(page, reading.c.status, reading.c.ticket, reading.c.reason, reading.c.record)
        .join(reading, reading.c.page == page.c.id)
        .where(page.c.id == number)
        .order_by(reading.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no page {number}")
    record = json.loads(row.record)
    by = connection.scalar(select(gone.c.by).where(gone.c.page == number))
    replaces = connection.scalars(select(gone.c.page).where(gone.c.by == number)).all()
    return StoredPage(
        row.id,
        row.region,
        row.box,
        row.bag,
        row.position,
        row.image,
        row.status,
        row.ticket,
        row.reason,
        str(record.get("evidence", "")),
        str(record.get("advice", "")),
        by,
        tuple(replaces),
    )
