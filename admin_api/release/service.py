"""Releases (成绩发布): frozen, signed by two, published, withdrawn by another release."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.ledger import Signer, need_reason, need_role
from admin_api.acts.roles import ActKind, Role
from admin_api.errors import NotFound, Refused, StoreError, Tampered, Unsettled
from admin_api.keys.service import marks
from admin_api.office import Office
from admin_api.release.assemble import records_of
from admin_api.release.facts import code_version, facts_frame, rules_of
from admin_api.release.fileset import Draft, add_signature, draft, write
from admin_api.release.records import RECORDS, ReleaseKind, Statement
from admin_api.release.verify import Verified, check_files, verify
from admin_api.results.service import Scored, current
from admin_api.settling.service import settled_matters
from admin_api.staff.service import members

PUBLISHED, EXPORTED = "published", "exported"


@dataclass(frozen=True, slots=True)
class Release:
    """A release as the store knows it."""

    id: int
    hash: str
    kind: ReleaseKind
    supersedes: str
    reason: str
    signed_by: tuple[str, ...]
    steps: tuple[str, ...]


def freeze(
    office: Office, signer: Signer, *, supersedes: str = "", reason: str = ""
) -> list[Release]:
    """Freeze what the facts come to: a public release and, where there are military candidates,
    one for them. The same facts give the same releases, byte for byte.

    Raises:
        Unsettled: anything is open that two people have not let stand; every matter is listed.
        NotFound: `supersedes`, the beginning of a hash, names no release or several.
        Refused: another release is published and `supersedes` does not name it, or there is nobody
            to release results of.
    """
    need_role(signer, ActKind.FREEZE)
    with office.ledger.moment() as connection:
        scored = current(office, connection)
        if scored.open:
            raise Unsettled(
                f"{len(scored.open)} matters are open; settle each, or let two people say why it "
                "may stand (kaowu settle)",
                [f"{matter.key}: {matter.words}" for matter in scored.open],
            )
        if scored.results.is_empty():
            raise Refused("nobody has a result; import the roster first (kaowu import roster)")
        if supersedes:
            supersedes = find(connection, supersedes).hash
        said, facts = {"supersedes": supersedes, "reason": reason}, facts_frame(connection)
        what = {matter.key: matter.words for matter in scored.present.matters}
        basis = _basis(office, connection, said, what)
        drafts = [
            draft(kind, records, facts, basis)
            for kind, records in _records(office, connection, scored)
        ]
        known = {one.hash for one in releases(connection)}
        if not all(one.hash in known for one in drafts):
            _check_superseded(connection, supersedes)
    return [_enter(office, signer, one, supersedes, reason) for one in drafts]


def withdraw(office: Office, signer: Signer, release: str, why: str) -> Release:
    """Make the release that takes a published one's place and holds nobody's results; signed and
    published like any other.

    Raises:
        Refused: that release is not the published one, or no reason is given.
    """
    need_role(signer, ActKind.WITHDRAW)
    need_reason(why)
    with office.ledger.moment() as connection:
        found = find(connection, release)
        if PUBLISHED not in found.steps or found.kind is not ReleaseKind.PUBLIC:
            raise Refused(f"{found.hash[:12]} is not published; only what is can be withdrawn")
        _check_superseded(connection, found.hash)
        nobody = pl.DataFrame(schema=RECORDS)
        basis = _basis(office, connection, {"supersedes": found.hash, "reason": why})
        made = draft(ReleaseKind.WITHDRAWAL, nobody, facts_frame(connection), basis)
    return _enter(office, signer, made, found.hash, why)


def sign(office: Office, signer: Signer, release: str) -> Release:
    """Put one's signature under a release, after checking every byte of it.

    Raises:
        NotFound: there is no such release.
        Refused: one's signature is there already.
        Tampered: the files are not as they were frozen.
    """
    with office.ledger.act(signer, ActKind.SIGN, target=f"release {release[:12]}") as act:
        found = find(act.connection, release)
        if signer.name in found.signed_by:
            raise Refused(f"{signer.name} signed it already; another release clerk must sign too")
        folder = folder_of(office, found.hash)
        statement = _check_bytes(folder, found.hash)
        signature = signer.sign(statement.message())
        public = signer.key.public_key().public_bytes_raw().hex()
        row = {"release": found.id, "who": signer.name, "signature": signature}
        act.add(tables.release_signature, [row])
        add_signature(folder, signer.name, public, signature)
        return find(act.connection, found.hash)


def publish(office: Office, signer: Signer, release: str) -> Verified:
    """Publish a public release, or a withdrawal, that two people signed.

    Raises:
        Refused: it is military, was published before, or does not supersede the published one.
        Tampered: it is not as it was signed, or lacks a signature.
    """
    with office.ledger.act(signer, ActKind.PUBLISH, target=f"release {release[:12]}") as act:
        found = find(act.connection, release)
        if found.kind is ReleaseKind.MILITARY:
            raise Refused("military results are never public; use kaowu release export-military")
        if PUBLISHED in found.steps:
            raise Refused(f"{found.hash[:12]} was published already")
        _check_superseded(act.connection, found.supersedes)
        checked = verify(folder_of(office, found.hash), release_keys(act.connection))
        act.add(tables.release_step, [{"release": found.id, "step": PUBLISHED}])
        return checked


def export_military(office: Office, signer: Signer, release: str, to: Path) -> Verified:
    """Copy a signed military release to a folder that does not exist yet.

    Raises:
        Refused: it is no military release, or the folder exists.
        Tampered: it is not as it was signed, or lacks a signature.
    """
    if to.exists():
        raise Refused(f"{to} exists already; name a new folder")
    with office.ledger.act(signer, ActKind.EXPORT, target=f"release {release[:12]}") as act:
        found = find(act.connection, release)
        if found.kind is not ReleaseKind.MILITARY:
            raise Refused(f"{found.hash[:12]} is no military release")
        folder = folder_of(office, found.hash)
        checked = verify(folder, release_keys(act.connection))
        try:
            shutil.copytree(folder, to)
        except OSError as error:
            shutil.rmtree(to, ignore_errors=True)
            raise StoreError(f"{to} cannot be written: {error}") from error
        act.add(tables.release_step, [{"release": found.id, "step": EXPORTED}])
        return checked


def releases(connection: Connection) -> list[Release]:
    """Every release, oldest first."""
    signed: dict[int, list[str]] = {}
    for row in connection.execute(select(tables.release_signature)):
        signed.setdefault(row.release, []).append(row.who)
    steps: dict[int, list[str]] = {}
    for row in connection.execute(select(tables.release_step)):
        steps.setdefault(row.release, []).append(row.step)
    table = tables.release
    return [
        Release(
            row.id,
            row.hash,
            ReleaseKind(row.kind),
            row.supersedes,
            row.reason,
            tuple(sorted(signed.get(row.id, []))),
            tuple(steps.get(row.id, [])),
        )
        for row in connection.execute(select(table).order_by(table.c.id))
    ]


def find(connection: Connection, start: str) -> Release:
    """The one release whose hash begins so.

    Raises:
        NotFound: none does, or several do.
    """
    found = [one for one in releases(connection) if start and one.hash.startswith(start)]
    if len(found) != 1:
        raise NotFound(f"{len(found)} releases begin with {start!r}; see kaowu release list")
    return found[0]


def published(connection: Connection) -> Release | None:
    """The release that the public sees now: published, and superseded by no published one."""
    shown = [one for one in releases(connection) if PUBLISHED in one.steps]
    gone = {one.supersedes for one in shown}
    left = [one for one in shown if one.hash not in gone]
    return left[-1] if left else None


def folder_of(office: Office, release: str) -> Path:
    """Where a release's files are."""
    return office.settings.home / "releases" / release


def release_keys(connection: Connection) -> dict[str, str]:
    """Public keys of the people who may sign releases; revoked ones stay, for what they signed."""
    return {m.name: m.public_key for m in members(connection) if m.role is Role.RELEASE}


def _check_superseded(connection: Connection, supersedes: str) -> None:
    now = published(connection)
    if now is None and supersedes:
        raise Refused(f"nothing is published; {supersedes[:12]} cannot be superseded")
    if now is not None and now.hash != supersedes:
        raise Refused(
            f"release {now.hash[:12]} is published; a new one must name it with --supersedes"
        )


def _check_bytes(folder: Path, name: str) -> Statement:
    """What is to be signed of a release whose files are whole, signed or not."""
    statement, _ = check_files(folder)
    if statement.release != name:
        raise Tampered(f"{folder} holds another release than its name says")
    return statement


def _enter(office: Office, signer: Signer, made: Draft, supersedes: str, reason: str) -> Release:
    """Write the files and enter the release; one that is there is left as it is."""
    write(office.settings.home / "releases", made)
    with office.ledger.moment() as connection:
        known = [one for one in releases(connection) if one.hash == made.hash]
    if known:
        return known[0]
    kind = ActKind.WITHDRAW if made.statement.kind == ReleaseKind.WITHDRAWAL else ActKind.FREEZE
    with office.ledger.act(signer, kind, target=f"release {made.hash[:12]}", why=reason) as act:
        row = {"hash": made.hash, "kind": made.statement.kind, "supersedes": supersedes}
        act.add(tables.release, [row | {"reason": reason}])
        return find(act.connection, made.hash)


def _basis(
    office: Office,
    connection: Connection,
    said: dict[str, Any],
    what: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What a manifest says a release rests on; `what` tells in words what stands, by its key."""
    exam, words = office.exam, what or {}
    return {
        **said,
        "exam": {"year": exam.year, "name": exam.name, "sha256": exam.sha256},
        "code": code_version(),
        "rules": rules_of(connection),
        "keys": marks(connection, exam),
        "settled": [
            one | {"what": words.get(one["matter"], "")} for one in settled_matters(connection)
        ],
    }


def _records(
    office: Office, connection: Connection, scored: Scored
) -> Sequence[tuple[ReleaseKind, pl.DataFrame]]:
    """The candidates' records, the military ones apart."""
    whole = records_of(connection, office.exam, scored)
    civil, military = whole.filter(~pl.col("military")), whole.filter("military")
    found = [(ReleaseKind.PUBLIC, civil)]
    if military.height:
        found.append((ReleaseKind.MILITARY, military))
    return found
