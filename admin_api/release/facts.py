"""What a release rests on: a digest over every fact that went in, in blocks."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, func, select

from admin_api import tables
from admin_api.bulk import digest_of, read_frame

BLOCK = 1000  # rows that one digest covers

INPUTS: tuple[Table, ...] = (
    tables.exam,
    tables.artefact,
    tables.file_in,
    tables.room,
    tables.candidate,
    tables.enrolment,
    tables.attendance,
    tables.computer_answers,
    tables.past_result,
    tables.bag,
    tables.box,
    tables.region_boxes,
    tables.page,
    tables.reading,
    tables.replaced,
    tables.decision,
    tables.correction,
    tables.correction_verdict,
    tables.violation,
    tables.violation_verdict,
    tables.violation_document,
    tables.violation_closed,
    tables.key_entry,
    tables.settlement,
)
_NOT_SAID = frozenset({"act", "at", "sealed", "source"})
"""Columns that say when, how or from which folder a fact came in, not what it says; and a sealed
key, of which the keyed digest beside it speaks."""

FACTS = {"fact": pl.String(), "first": pl.Int64(), "last": pl.Int64(), "sha256": pl.String()}


def facts_frame(connection: Connection) -> pl.DataFrame:
    """A digest for every `BLOCK` rows of every table of inputs: `FACTS`."""
    rows: list[tuple[str, int, int, str]] = []
    for table in INPUTS:
        columns = [column for column in table.columns if column.name not in _NOT_SAID]
        last = int(connection.scalar(select(func.max(table.c.id))) or 0)
        for first in range(1, last + 1, BLOCK):
            until = min(first + BLOCK - 1, last)
            block = read_frame(connection, select(*columns).where(table.c.id.between(first, until)))
            rows.append((table.name, first, until, digest_of(block)))
    return pl.DataFrame(rows, schema=FACTS, orient="row")


def code_version() -> dict[str, str]:
    """This program: its version, and a digest over its own source files."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parents[2]
    for package in ("admin_api", "omr"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return {"version": metadata.version("omr-reader"), "sha256": digest.hexdigest()}


def rules_of(connection: Connection) -> list[dict[str, Any]]:
    """The designs and policies in the store, by kind and hash."""
    table = tables.artefact
    query = select(table.c.kind, table.c.hash).order_by(table.c.id)
    return [{"kind": row.kind, "hash": row.hash} for row in connection.execute(query)]
