"""Open matters, and the two people who may say that one stands as it is, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.ledger import Signer, need_reason
from admin_api.acts.roles import ActKind
from admin_api.errors import Refused
from admin_api.office import Office

PEOPLE = 2


@dataclass(frozen=True, slots=True)
class Matter:
    """Something open. `key` names it for ever, `words` say what and what to do.

    `may_stand` tells whether two people may let it stand; what can be done properly must be done.
    """

    key: str
    words: str
    may_stand: bool = True


def settle(office: Office, signer: Signer, matter: str, reason: str) -> int:
    """Say that a matter may stand, and why; returns how many people said so now.

    Raises:
        Refused: the same person said so before, or the reason is empty.
    """
    need_reason(reason)
    with office.ledger.act(signer, ActKind.SETTLE, target=matter, why=reason) as act:
        table = tables.settlement
        query = select(table.c.who).where(table.c.matter == matter)
        said = [row.who for row in act.connection.execute(query)]
        if signer.name in said:
            raise Refused(f"{signer.name} said so before; another person must agree")
        act.add(table, [{"matter": matter, "reason": reason.strip(), "who": signer.name}])
        return len(said) + 1


def settled(connection: Connection) -> dict[str, str]:
    """The matters that two people let stand, with their reasons."""
    return {one["matter"]: "; ".join(one["reasons"]) for one in settled_matters(connection)}


def settled_matters(connection: Connection) -> list[dict[str, Any]]:
    """The same with who said so, for a release's manifest; in the order of matters."""
    found: dict[str, list[tuple[str, str]]] = {}
    table = tables.settlement
    for row in connection.execute(select(table).order_by(table.c.matter, table.c.id)):
        found.setdefault(row.matter, []).append((row.who, row.reason))
    return [
        {"matter": matter, "who": [who for who, _ in said], "reasons": [why for _, why in said]}
        for matter, said in found.items()
        if len({who for who, _ in said}) >= PEOPLE
    ]
