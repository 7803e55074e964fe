"""Frames into tables and out of them, by the fastest road that each database has.

PostgreSQL: COPY both ways. SQLite: executemany in, and out through Arrow (ADBC) for millions.
Tables of millions are read in parts, several at once, by connections of their own that see the very
same moment: see `read_many`.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import adbc_driver_sqlite.dbapi as arrow
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
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

_CHUNK = 200_000  # rows that are in memory as Python objects at once
_AT_ONCE = 50  # rows of one statement: half the time of one row a statement
_PART = 250_000  # ids that one connection reads at a time
_CLEAN = "kaowu-clean"  # nothing was written in the connection's transaction yet


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
    connection.info[_CLEAN] = False
    if connection.dialect.name == "postgresql":
        _copy_in(connection, table, ordered)
        return
    names = ", ".join(f'"{name}"' for name in ordered.columns)
    marks = f"({', '.join('?' * ordered.width)})"
    into = f'INSERT INTO "{table.name}" ({names}) VALUES '
    with _unswept():
        for part in ordered.iter_slices(_CHUNK):
            rows = part.rows()
            whole = len(rows) - len(rows) % _AT_ONCE
            many = [
                tuple(chain.from_iterable(rows[n : n + _AT_ONCE]))
                for n in range(0, whole, _AT_ONCE)
            ]
            if many:
                connection.exec_driver_sql(into + ", ".join([marks] * _AT_ONCE), many)
            if whole < len(rows):
                connection.exec_driver_sql(into + marks, rows[whole:])


@contextlib.contextmanager
def _unswept() -> Iterator[None]:
    """No garbage collection: it would look through millions of tuples of which none is garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


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


def begin_clean(connection: Connection) -> None:
    """Note that a transaction begins: what others read of this moment is all that there is."""
    connection.info[_CLEAN] = True


def read_many(connection: Connection, query: Select[Any], by: Column[int]) -> pl.DataFrame:
    """A query's rows like `read_frame`, from a table of millions: in parts of `by`, its id.

    The parts are read at once by other connections. PostgreSQL lends them this one's snapshot. With
    SQLite each compares the last act with this connection's: nothing is ever stored without one, so
    the same last act is the same moment. Where that cannot be had, this connection reads.
    """
    last = connection.scalar(select(func.max(by)))
    parts = [query.where(by.between(n, n + _PART - 1)) for n in range(1, (last or 0) + 1, _PART)]
    if len(parts) < 2 or not connection.info.get(_CLEAN):
        return read_frame(connection, query)
    schema = schema_of(query.selected_columns)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        if connection.dialect.name == "postgresql":
            snapshot = str(connection.scalar(text("SELECT pg_export_snapshot()")))
            engine = connection.engine

            def borrowed(part: Select[Any]) -> pl.DataFrame | None:
                level = {"isolation_level": "REPEATABLE READ"}
                with engine.connect().execution_options(**level) as other, other.begin():
                    other.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                    return _copy_out(other, part, schema)

            read = list(pool.map(borrowed, parts))
        else:
            moment = connection.exec_driver_sql(_LAST_ACT).scalar()
            file = str(connection.engine.url.database)
            read = list(pool.map(lambda part: _by_arrow(file, moment, part, schema), parts))
    if any(part is None for part in read):
        return read_frame(connection, query)
    return pl.concat([part for part in read if part is not None])


_LAST_ACT = "SELECT max(id) FROM act"


def _by_arrow(
    file: str, moment: int | None, query: Select[Any], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame | None:
    """A query's rows, None where another act was stored meanwhile."""
    dialect = sqlite.dialect()
    sql = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    with arrow.connect(f"file:{file}?mode=ro") as other, other.cursor() as cursor:
        cursor.execute(_LAST_ACT)  # from here on this connection sees one moment
        if cursor.fetch_polars().item() != moment:
            return None
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_PART)})
        cursor.execute(sql)
        frame: pl.DataFrame = cursor.fetch_polars()
    return frame.cast(schema) if frame.height else pl.DataFrame(schema=dict(schema))  # type: ignore[arg-type]


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
