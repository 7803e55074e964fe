"""Pages that a cluster is to read: noted once they are in the vault, done once a reading is stored.

A cluster's memory is nobody's record. Whoever is killed between the two, be it the scheduler or the
intake itself, leaves its pages here, and the next intake with a cluster reads them first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, select

from admin_api import tables
from admin_api.acts.ledger import Signer
from admin_api.acts.roles import ActKind
from admin_api.intake.cards import Card
from admin_api.intake.scans import BagName, Kept
from admin_api.office import Office
from admin_api.settling.service import Matter

_PLACE = ("region", "box", "bag")


def note(office: Office, signer: Signer, card: Card, bag: BagName, pages: list[Kept]) -> None:
    """One act: pages that are to be read. Those that are noted already are left out."""
    work = tables.work
    design, policy = card.design.hash, card.policy.hash
    mine = [work.c[name] == getattr(bag, name) for name in _PLACE]
    known = select(work.c.sha256).where(*mine, work.c.design == design, work.c.policy == policy)
    with office.ledger.act(signer, ActKind.INTAKE, target=str(bag)) as act:
        noted = set(act.read(known)["sha256"])
        fresh = [page for page in pages if page.sha256 not in noted]
        act.details["noted"] = len(fresh)
        act.add(work, [{**page.row(), "design": design, "policy": policy} for page in fresh])


def noted(office: Office, bag: BagName) -> dict[str, int]:
    """The pages of a bag that were ever noted, by SHA-256, and their positions."""
    work = tables.work
    mine = [work.c[name] == getattr(bag, name) for name in _PLACE]
    frame = office.ledger.read(select(work.c.sha256, work.c.position).where(*mine))
    return dict(zip(frame["sha256"], frame["position"], strict=True))


def open_work(office: Office) -> Iterator[Kept]:
    """The noted pages without a reading, bag by bag, in feed order."""
    work = tables.work
    order = (*(work.c[name] for name in _PLACE), work.c.position, work.c.id)
    rows = office.ledger.read(_unread(select(work)).order_by(*order))
    for row in rows.iter_rows(named=True):
        bag = BagName(*(row[name] for name in _PLACE))
        page = (row["source"], row["frame"], row["position"], row["sha256"], row["image"])
        yield Kept(*page, office.vault.path_of(row["image"]), bag)


def open_matters(connection: Connection) -> list[Matter]:
    """Bags with pages that nobody has read yet; nothing may be released without them."""
    work = tables.work
    place = [work.c[name] for name in _PLACE]
    counted = _unread(select(*place, func.count().label("pages"))).group_by(*place).order_by(*place)
    return [
        Matter(
            f"bag {row.region}/{row.box}/{row.bag} unread",
            f"{row.region}/{row.box}/{row.bag}: {row.pages} pages wait to be read by a cluster; "
            "run kaowu intake --cluster ADDRESS",
            may_stand=False,
        )
        for row in connection.execute(counted)
    ]


def _unread(query: Select[Any]) -> Select[Any]:
    """A page is stored with its reading in one act. By which card does not matter: an exam's card
    may have been changed since.
    """
    work, page = tables.work, tables.page
    same = and_(*(page.c[name] == work.c[name] for name in (*_PLACE, "sha256")))
    return query.where(~exists(select(page.c.id).where(same)))
