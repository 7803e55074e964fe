"""The one door for facts: an act, its rows and its link in the audit chain, or nothing.

with ledger.act(signer, ActKind.IMPORT, target="roster 37.dbf") as act:
    act.add(tables.candidate, frame)
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, Select, Table, func, insert, select

from admin_api import tables
from admin_api.acts.canonical import canonical
from admin_api.acts.roles import ActKind, Role, may, roles_for
from admin_api.bulk import dtype_of, insert_frame, read_frame
from admin_api.clock import Clock, written_at
from admin_api.database import reading, writing
from admin_api.errors import NotAllowed, NotFound, Refused, StoreError
from admin_api.migrations import newest, revision_of

GENESIS = "0" * 64
_SIGNED_FOR = b"kaowu-act\0"
_LEAST_REASON = 4  # characters
LINKED = ("id", "at", "who", "role", "via", "kind", "target", "why", "details", "facts", "previous")
"""The columns of an act that its hash is over."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A staff member whose key is open. `region` and `site` are "" where the role has none."""

    name: str
    role: Role
    region: str
    site: str
    key: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> str:
        """An Ed25519 signature, hex."""
        return self.key.sign(message).hex()

    def need_region(self, region: str) -> None:
        """Pass only what is this person's own region's affair.

        Raises:
            NotFound: it is another region's, which does not exist for this person.
        """
        if self.region and self.region != region:
            raise NotFound(f"there is no region {region} for {self.name}")


@dataclass(slots=True)
class Act:
    """An act that is being performed: reads see all that is stored, and nobody else writes."""

    id: int
    connection: Connection
    details: dict[str, Any]
    digests: list[str] = field(default_factory=list)

    def next_id(self, table: Table) -> int:
        """The id that the table's next row gets."""
        last = self.connection.scalar(select(func.max(table.c.id)))
        return int(last or 0) + 1

    def add(self, table: Table, rows: pl.DataFrame | Sequence[dict[str, Any]]) -> int:
        """Enter rows; ids are given in their order unless they are there. Returns the first id."""
        first = self.next_id(table)
        frame = _framed(table, rows, first, self.id)
        if frame.height:
            digest = insert_frame(self.connection, table, frame)
            self.digests.append(f"{table.name} {frame.height} {digest}")
        return first

    def read(self, query: Select[Any]) -> pl.DataFrame:
        """A query's rows."""
        return read_frame(self.connection, query)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The store as the service uses it. `via` says from where: host and process, or an address."""

    engine: Engine
    clock: Clock
    via: str

    @contextlib.contextmanager
    def act(
        self, signer: Signer, kind: ActKind, target: str, why: str = "", **details: Any
    ) -> Iterator[Act]:
        """Perform an act. What is added is stored with its link in the chain, or nothing is.

        Where the database's answer to the end of it was lost, it is looked up whether it is stored.

        Raises:
            NotAllowed: the signer's role does not allow the kind, or the signer was revoked.
            StoreError: the database cannot be written, or a newer program changed its tables.
        """
        need_role(signer, kind)
        sealed: dict[str, Any] = {}
        try:
            with writing(self.engine) as connection:
                act, link = self._begun(connection, signer)
                act.details |= details
                yield act
                sealed = link | {
                    "kind": kind.value,
                    "target": target,
                    "why": why,
                    "details": canonical(act.details),
                    "facts": facts_of(act.digests),
                }
                sealed["hash"] = link_hash(sealed)
                sealed["signature"] = signer.sign(_SIGNED_FOR + bytes.fromhex(sealed["hash"]))
                connection.execute(insert(tables.act), [sealed])
        except StoreError as error:
            # The answer to the commit may be what was lost, and not the act.
            if not (sealed and self._is_stored(sealed["hash"], error)):
                raise

    def _begun(self, connection: Connection, signer: Signer) -> tuple[Act, dict[str, Any]]:
        """The next act, and as much of its link as is known before it is performed."""
        found = revision_of(connection)
        if found != newest():
            raise StoreError(
                f"the database's tables were changed to version {found} meanwhile, and this "
                f"program knows {newest()}; end it and start the newer one"
            )
        last = connection.execute(
            select(tables.act.c.id, tables.act.c.hash).order_by(tables.act.c.id.desc()).limit(1)
        ).one_or_none()
        if last is not None:
            need_in_office(connection, signer)
        number, previous = (last.id + 1, last.hash) if last else (1, GENESIS)
        return Act(number, connection, {}), {
            "id": number,
            "at": written_at(self.clock()),
            "who": signer.name,
            "role": signer.role.value,
            "via": self.via,
            "previous": previous,
        }

    def _is_stored(self, link: str, error: StoreError) -> bool:
        """Whether an act is in the chain whose storing ended with an error.

        It asks as the writer: so the transaction that ended so is over on the server's side too.
        """
        try:
            with writing(self.engine) as connection:
                act = tables.act
                return (
                    connection.execute(select(act.c.id).where(act.c.hash == link)).first()
                    is not None
                )
        except StoreError as silence:
            raise StoreError(
                f"{error} Whether the act was stored is not known, since the database does not "
                "answer; look at `kaowu audit list --last 5` before you repeat it"
            ) from silence

    def read(self, query: Select[Any]) -> pl.DataFrame:
        """A query's rows, as of now."""
        with reading(self.engine) as connection:
            return read_frame(connection, query)

    @contextlib.contextmanager
    def moment(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store, for several reads that must agree."""
        with reading(self.engine) as connection:
            yield connection


def need_role(signer: Signer, kind: ActKind) -> None:
    """Pass only whom the role allows.

    Raises:
        NotAllowed: says which roles may.
    """
    if not may(signer.role, kind):
        whose = " or ".join(role.value for role in roles_for(kind))
        raise NotAllowed(
            f"{signer.name} is {signer.role.value}; {kind.value} needs the role {whose}"
        )


def need_reason(why: str) -> str:
    """Pass a reason that says something; returns it without spaces around.

    Raises:
        Refused: it is empty, or as good as empty.
    """
    if len(why.strip()) < _LEAST_REASON:
        raise Refused("give a reason that an auditor will understand")
    return why.strip()


def need_in_office(connection: Connection, signer: Signer) -> None:
    """Pass only who is on the staff, with this very key, and not revoked.

    Raises:
        NotAllowed: otherwise.
    """
    staff, revoked = tables.staff, tables.staff_revoked
    found = connection.execute(
        select(staff.c.id, staff.c.public_key, staff.c.role, staff.c.region, staff.c.site).where(
            staff.c.name == signer.name
        )
    ).one_or_none()
    public = signer.key.public_key().public_bytes_raw().hex()
    told = (public, signer.role.value, signer.region, signer.site)
    if found is None or tuple(found)[1:] != told:
        raise NotAllowed(f"{signer.name} is not on the staff with this key and role")
    if connection.execute(select(revoked.c.id).where(revoked.c.staff == found.id)).first():
        raise NotAllowed(f"{signer.name} was revoked; an administrator can add a new person")


def link_hash(row: dict[str, Any]) -> str:
    """The hash of a link: over everything in it but the hash and its signature."""
    content = canonical([row[name] for name in LINKED])
    return hashlib.sha256(content.encode()).hexdigest()


def signed_message(link: str) -> bytes:
    """What a link's signature is over."""
    return _SIGNED_FOR + bytes.fromhex(link)


def facts_of(digests: Sequence[str]) -> str:
    """One digest over an act's tables, "" where it entered nothing."""
    if not digests:
        return ""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def _framed(
    table: Table, rows: pl.DataFrame | Sequence[dict[str, Any]], first: int, act: int
) -> pl.DataFrame:
    """The rows with ids, the act and the table's own types; refuses missing columns."""
    wanted = {column.name: dtype_of(column) for column in table.columns}
    given = {name: kind for name, kind in wanted.items() if name not in ("id", "act")}
    if isinstance(rows, pl.DataFrame):
        frame = rows
    else:
        schema = given | ({"id": pl.Int64()} if rows and "id" in rows[0] else {})
        frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    if "id" not in frame.columns:
        frame = frame.with_columns(pl.int_range(first, first + frame.height).alias("id"))
    return frame.with_columns(pl.lit(act).alias("act")).select(
        pl.col(name).cast(kind) for name, kind in wanted.items()
    )
