"""What was scanned against what the forms say: regions, boxes and bags, for who looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from admin_api import tables


@dataclass(frozen=True, slots=True)
class Count:
    """One region, box or bag. `expected` are cards by the bags' forms, None where there is none;
    `rejected` pages have no rescan yet.
    """

    name: str
    expected: int | None
    pages: int
    read: int
    review: int
    rejected: int
    replaced: int

    @property
    def agrees(self) -> bool:
        """Whether as many cards stand as the forms say."""
        return self.expected == self.pages - self.replaced


@dataclass(frozen=True, slots=True)
class PageInBag:
    """One scanned page of a bag. `by` is the page that stands for it, None where it stands."""

    id: int
    position: int
    source: str
    status: str
    ticket: str
    reason: str
    replaced: bool
    by: int | None


def counts(connection: Connection, *within: str) -> list[Count]:
    """The regions; with a region its boxes, with a box too its bags; in the order of names."""
    page, reading, gone, bag = tables.page, tables.reading, tables.replaced, tables.bag
    level = ("region", "box", "bag")[len(within)]
    replaced = page.c.id.in_(select(gone.c.page))
    newest = _newest()

    def number(what: Any) -> Any:
        return func.coalesce(func.sum(case((what, 1), else_=0)), 0)

    scanned = (
        select(
            page.c[level].label("name"),
            func.count().label("pages"),
            number((reading.c.status == "read") & ~replaced).label("read"),
            number((reading.c.status == "review") & ~replaced).label("review"),
            number((reading.c.status == "rejected") & ~replaced).label("rejected"),
            number(replaced).label("replaced"),
        )
        .select_from(page)
        .join(reading, (reading.c.page == page.c.id) & (reading.c.id == newest))
        .group_by(page.c[level])
    )
    expected = select(bag.c[level].label("name"), func.sum(bag.c.cards)).group_by(bag.c[level])
    for key, value in zip(("region", "box"), within, strict=False):
        scanned = scanned.where(page.c[key] == value)
        expected = expected.where(bag.c[key] == value)
    listed = {name: int(cards) for name, cards in connection.execute(expected)}
    found = {row.name: row for row in connection.execute(scanned)}
    return [
        Count(
            name,
            listed.get(name),
            *(
                int(getattr(found[name], key)) if name in found else 0
                for key in ("pages", "read", "review", "rejected", "replaced")
            ),
        )
        for name in sorted({*listed, *found})
    ]


def _newest() -> Any:
    """The id of a page's newest reading, within a query of pages."""
    other = tables.reading.alias()
    newest = select(func.max(other.c.id)).where(other.c.page == tables.page.c.id)
    return newest.correlate(tables.page).scalar_subquery()


def pages_of(connection: Connection, region: str, box: str, bag: str) -> list[PageInBag]:
    """A bag's pages with their newest readings, in the order of the feed."""
    page, reading, gone = tables.page, tables.reading, tables.replaced
    newest = _newest()
    query = (
        select(page.c.id, page.c.position, page.c.source, reading.c.status, reading.c.ticket)
        .add_columns(reading.c.reason, gone.c.id.label("gone"), gone.c.by)
        .select_from(page)
        .join(reading, (reading.c.page == page.c.id) & (reading.c.id == newest))
        .outerjoin(gone, gone.c.page == page.c.id)
        .where(page.c.region == region, page.c.box == box, page.c.bag == bag)
        .order_by(page.c.position, page.c.id)
    )
    return [
        PageInBag(
            row.id,
            row.position,
            row.source.rpartition("/")[2],
            row.status,
            row.ticket,
            row.reason,
            row.gone is not None,
            row.by,
        )
        for row in connection.execute(query)
    ]
