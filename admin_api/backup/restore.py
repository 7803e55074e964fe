"""An office made of a back-up, and the check that one is whole."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import Engine, select

from admin_api import tables
from admin_api.acts.verify import verify_chain
from admin_api.backup.make import Told
from admin_api.backup.manifest import Manifest, Part, named, read_manifest
from admin_api.backup.objects import Objects
from admin_api.bulk import insert_frame
from admin_api.database import is_created, open_engine, reading, writing
from admin_api.errors import Refused, StoreError, Tampered
from admin_api.migrations import newest, upgrade
from admin_api.settings import Settings
from admin_api.vault import Vault, write_whole


@dataclass(frozen=True, slots=True)
class Whole:
    """A back-up of which every object was read and found as it was put there."""

    path: Path
    manifest: Manifest
    files: int


def verify(folder: Path, name: str, told: Told) -> Whole:
    """Read all that a back-up is made of; `name` begins its manifest's, "" is the newest.

    Raises:
        NotFound: there is no such back-up, or a part of it is missing.
        Tampered: a part is not what it was.
        StoreError: it cannot be read.
    """
    path = named(folder, name)
    manifest, store = read_manifest(path), Objects(folder)
    told("rows")
    for part in manifest.parts:
        _frame(store, part)
    told("files of the vault")
    names = _names(store, manifest)
    for one in names:
        store.get(one)
    told("releases")
    for _, digest in manifest.releases:
        store.get(digest)
    return Whole(path, manifest, len(names))


def restore(settings: Settings, folder: Path, name: str, told: Told) -> Manifest:
    """Make the office of the settings out of a back-up, on either kind of database.

    Files come first, the rows in one transaction last: one that was cut short is finished by the
    same command, and until then there is no office. The audit chain is checked before it is one.
    The secret is not in a back-up: it has to be put into its place by hand.

    Raises:
        Refused: there is an office already.
        NotFound, Tampered: a part of the back-up is missing, or not what it was.
        StoreError: the database or the home cannot be written, or the back-up is of a schema that
            this program does not know.
    """
    path = named(folder, name)
    manifest, store = read_manifest(path), Objects(folder)
    if manifest.revision != newest():
        raise StoreError(
            f"{path.name} has the schema {manifest.revision}, this program {newest()}; restore it "
            "with the program that made it, which the newer one then takes over"
        )
    engine = open_engine(settings.database)
    try:
        _need_empty(engine, settings)
        told("files of the vault")
        vault = Vault(settings.vault)
        for one in _names(store, manifest):
            if not vault.path_of(one).is_file():
                write_whole(vault.path_of(one), store.get(one))
        told("releases")
        for within, digest in manifest.releases:
            write_whole(settings.home / "releases" / within, store.get(digest))
        told("rows")
        upgrade(engine)
        with writing(engine) as connection:
            for part in manifest.parts:
                insert_frame(connection, tables.metadata.tables[part.table], _frame(store, part))
            told("audit chain")
            state = verify_chain(connection, manifest.head)
            if not state.holds or state.head != manifest.head:
                raise Tampered(f"{path.name}: the restored chain is broken: {state.broken}")
    finally:
        engine.dispose()
    return manifest


def _need_empty(engine: Engine, settings: Settings) -> None:
    if is_created(engine):
        with reading(engine) as connection:
            if connection.execute(select(tables.act.c.id).limit(1)).first() is not None:
                raise Refused(
                    f"there is an office in {settings.home} already, and nothing may be written "
                    "over it; choose an empty KAOWU_HOME and an empty KAOWU_DATABASE"
                )


def _names(store: Objects, manifest: Manifest) -> list[str]:
    return store.get(manifest.vault).decode().split()


def _frame(store: Objects, part: Part) -> pl.DataFrame:
    frame = pl.read_parquet(io.BytesIO(store.get(part.object)))
    if frame.height != part.rows:
        raise Tampered(f"{store.path_of(part.object)} has {frame.height} rows, not {part.rows}")
    return frame


def counts(manifest: Manifest) -> dict[str, int]:
    """Rows by table, of tables that have any."""
    found: Counter[str] = Counter()
    for part in manifest.parts:
        found[part.table] += part.rows
    return dict(found)
