"""Frames into tables and out of them, by the fastest road that each database has.

SQLite: executemany and large fetches; PostgreSQL: COPY both ways.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Any

import polars as pl
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Select,
    Table,
)
from sqlalchemy.dialects import postgresql

_CHUNK = 200_000  # rows that are in memory as Python objects at once


def dtype_of(column: Column[Any]) -> pl.DataType:
    """The polars type of a table's column."""
    kind = column.type
    if isinstance(kind, Boolean):
        return pl.Boolean()
    if isinstance(kind, BigInteger | Integer):
        return pl.Int64()
    if isinstance(kind, LargeBinary):
        return pl.Binary()
    return pl.String()


def schema_of(columns: Any) -> dict[str, pl.DataType]:
    """The polars schema of a table's, or a query's, columns."""
    return {column.name: dtype_of(column) for column in columns}


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    """Insert a frame that has every column of the table, by name."""
    ordered = frame.select(pl.col(column.name).cast(dtype_of(column)) for column in table.columns)
    if connection.dialect.name == "postgresql":
        _copy_in(connection, table, ordered)
        return
    names = ", ".join(f'"{name}"' for name in ordered.columns)
    marks = ", ".join("?" * ordered.width)
    for part in ordered.iter_slices(_CHUNK):
        if part.height:
            connection.exec_driver_sql(
                f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', part.rows()
            )


def _copy_in(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    names = ", ".join(f'"{name}"' for name in frame.columns)
    hexed = frame.with_columns(
        (pl.lit("\\x") + pl.col(name).bin.encode("hex")).alias(name)
        for name, kind in frame.schema.items()
        if kind == pl.Binary
    )
    cursor = connection.connection.cursor()
    with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT csv)') as copy:
        for part in hexed.iter_slices(_CHUNK):
            copy.write(part.write_csv(include_header=False, quote_style="non_numeric").encode())


def read_frame(connection: Connection, query: Select[Any]) -> pl.DataFrame:
    """A query's rows; its columns must be named and typed."""
    schema = schema_of(query.selected_columns)
    if connection.dialect.name == "postgresql":
        return _copy_out(connection, query, schema)
    result = connection.execute(query)
    parts: list[pl.DataFrame] = []
    cursor: Any = result.cursor
    while rows := cursor.fetchmany(_CHUNK):
        parts.append(pl.DataFrame(rows, schema=_as_stored(schema), orient="row"))
    result.close()
    empty = pl.DataFrame(schema=schema)
    if not parts:
        return empty
    return pl.concat(parts).cast(schema)  # type: ignore[arg-type]


def _as_stored(schema: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """SQLite keeps booleans as 0 and 1."""
    return {name: pl.Int64() if kind == pl.Boolean else kind for name, kind in schema.items()}


def _copy_out(
    connection: Connection, query: Select[Any], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    sql = str(
        query.compile(
            dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
            compile_kwargs={"literal_binds": True},
        )
    )
    buffer = io.BytesIO()
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)") as copy:
        for block in copy:
            buffer.write(block)
    if not buffer.tell():
        return pl.DataFrame(schema=dict(schema))
    buffer.seek(0)
    texts = {
        name: pl.String() if kind in (pl.Boolean, pl.Binary) else kind
        for name, kind in schema.items()
    }
    frame = pl.read_csv(
        buffer,
        has_header=False,
        schema=texts,
    )
    return frame.with_columns(
        pl.col(name) == "t"
        if kind == pl.Boolean
        else pl.col(name).str.strip_prefix("\\x").str.decode("hex")
        for name, kind in schema.items()
        if kind in (pl.Boolean, pl.Binary)
    )


def digest_of(frame: pl.DataFrame) -> str:
    """SHA-256 over a frame's rows, in the order of their ids: what an act signs for."""
    plain = frame.sort("id").select(
        pl.col(name).bin.encode("hex").alias(name) if kind == pl.Binary else pl.col(name)
        for name, kind in sorted(frame.schema.items())
    )
    digest = hashlib.sha256()
    for part in plain.iter_slices(_CHUNK):
        digest.update(part.write_csv(include_header=False, quote_style="non_numeric").encode())
    return digest.hexdigest()
