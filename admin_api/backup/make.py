"""Making a back-up, while others go on writing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import Column, Connection, LargeBinary, Table, func, select

from admin_api import tables
from admin_api.backup.manifest import Manifest, Part, write_manifest
from admin_api.backup.objects import Objects, alone
from admin_api.bulk import read_frame
from admin_api.clock import written_at
from admin_api.errors import StoreError
from admin_api.migrations import revision_of
from admin_api.office import Office

Told = Callable[[str], None]
_PART, _HEAVY_PART = 200_000, 20_000  # ids of a part; of one whose rows hold bytes
NEEDED = (
    tables.page.c.image,
    tables.work.c.image,
    tables.correction.c.evidence,
    tables.violation.c.evidence,
)
"""The columns that name files of the vault. `file_in` names some too, where they were kept."""


@dataclass(frozen=True, slots=True)
class Made:
    """A back-up that was made, and what of it was new in its folder."""

    path: Path
    manifest: Manifest
    files: int
    new: int


def make(office: Office, folder: Path, told: Told) -> Made:
    """Back up one moment: all rows, every file of the vault that they name, every release's files.

    What the folder has already is not written again. The secret under which answer keys are sealed
    does not go along: whoever has both can open them.

    Raises:
        StoreError: the database cannot be read, or the folder cannot be written.
        NotFound, Tampered: a file of the vault is missing, or not what it was.
    """
    store = Objects(folder)
    with alone(folder), office.ledger.moment() as connection:
        told("rows")
        act = tables.act
        last = connection.execute(
            select(act.c.id, act.c.hash).order_by(act.c.id.desc()).limit(1)
        ).one_or_none()
        if last is None:
            raise StoreError("nothing was ever entered; there is nothing to back up")
        kept = [_put(store, table, part) for table, part in _parts(connection)]
        told("files of the vault")
        names = _names(connection, office)
        new = sum(new for _, new in kept)
        new += sum(store.copy(office.vault.path_of(name), name) for name in names)
        listed, _ = store.put("".join(f"{name}\n" for name in names).encode())
        told("releases")
        releases = _releases(store, office.settings.home / "releases")
        made = Manifest(
            at=written_at(office.ledger.clock())[:19],
            exam=office.exam.name,
            revision=revision_of(connection),
            acts=last.id,
            head=last.hash,
            parts=tuple(part for part, _ in kept),
            vault=listed,
            releases=releases,
        )
        return Made(write_manifest(folder, made), made, len(names), new)


def _parts(connection: Connection) -> Iterator[tuple[Table, pl.DataFrame]]:
    for table in tables.metadata.sorted_tables:
        heavy = any(isinstance(column.type, LargeBinary) for column in table.columns)
        size = _HEAVY_PART if heavy else _PART
        for first in range(1, int(connection.scalar(select(func.max(table.c.id))) or 0) + 1, size):
            of_part = table.c.id.between(first, first + size - 1)
            yield table, read_frame(connection, select(table).where(of_part).order_by(table.c.id))


def _put(store: Objects, table: Table, frame: pl.DataFrame) -> tuple[Part, bool]:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=3)
    digest, new = store.put(buffer.getvalue())
    return Part(table.name, frame.height, digest), new


def _names(connection: Connection, office: Office) -> list[str]:
    """The files of the vault that rows name, sorted."""
    found: set[str] = set()
    for column in NEEDED:
        found |= _values(connection, column)
    found |= {
        name
        for name in _values(connection, tables.file_in.c.sha256)
        if office.vault.path_of(name).is_file()
    }
    return sorted(found - {""})


def _values(connection: Connection, column: Column[str]) -> set[str]:
    return set(read_frame(connection, select(column).distinct())[column.name])


def _releases(store: Objects, folder: Path) -> tuple[tuple[str, str], ...]:
    """The files of release folders that are whole; a draft's name begins with a dot."""
    found = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        within = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in within.parts):
            found.append((within.as_posix(), store.put(path.read_bytes())[0]))
    return tuple(found)
