"""Frames into tables and out of them, by the fastest road that each database has.

In: COPY with PostgreSQL, executemany with SQLite. Out: by this connection, or for tables of
millions as Arrow (ADBC), in parts, several at once, by connections of their own that see the very
same moment: see `read_many`.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
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
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from admin_api.arrow_reader import LAST_ACT, LENGTH

_CHUNK = 20_000  # rows that are in memory as Python objects at once
_AT_ONCE = 50  # rows of one statement: half the time of one row a statement
_PART = 250_000  # ids that one connection reads at a time
_CORES = len(os.sched_getaffinity(0))
_QUOTE = "'"
_BY_ID = ("enable_sort = off", "enable_bitmapscan = off", "enable_seqscan = off", "jit = off")
"""Follow the ids, as the rows lie: what was entered a moment ago the planner knows nothing of yet,
and would sort millions of it on disk."""
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


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame) -> str:
    """Insert a frame that has every column of the table, by name; returns its `digest_of`."""
    whole = frame.select(pl.col(column.name).cast(dtype_of(column)) for column in table.columns)
    connection.info[_CLEAN] = False
    if connection.dialect.name == "postgresql":
        return _copy_in(connection, table, whole)
    with ThreadPoolExecutor(1) as aside:  # either takes seconds for millions
        digest = aside.submit(digest_of, whole)
        _execute_in(connection, table, whole)
    return digest.result()


def _execute_in(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    names = ", ".join(f'"{name}"' for name in frame.columns)
    marks = f"({', '.join('?' * frame.width)})"
    into = f'INSERT INTO "{table.name}" ({names}) VALUES '
    with _unswept():
        for part in frame.iter_slices(_CHUNK):
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


def _copy_in(connection: Connection, table: Table, frame: pl.DataFrame) -> str:
    """Give the very bytes to the database that the digest is over, one block ahead of it."""
    names = ", ".join(f'"{name}"' for name in sorted(frame.columns))
    copy_in = f"COPY \"{table.name}\" ({names}) FROM STDIN (FORMAT csv, QUOTE '{_QUOTE * 2}')"
    digest = hashlib.sha256()

    def digested() -> Iterator[bytes]:
        for block in _blocks(frame):
            digest.update(block)
            yield block

    blocks = digested()
    cursor = connection.connection.cursor()
    with ThreadPoolExecutor(1) as aside, cursor.copy(copy_in) as copy:
        block = next(blocks, b"")
        while block:
            ahead = aside.submit(next, blocks, b"")
            copy.write(block)
            block = ahead.result()
    return digest.hexdigest()


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
    if connection.dialect.name == "postgresql":
        read = _by_snapshot(connection, parts, schema)
    else:
        read = _by_arrow(connection, parts, schema)
    if any(part is None for part in read):
        return read_frame(connection, query)
    return pl.concat([part for part in read if part is not None])


def _by_snapshot(
    connection: Connection, parts: Sequence[Select[Any]], schema: Mapping[str, pl.DataType]
) -> list[pl.DataFrame | None]:
    """Every query's rows, read by PostgreSQL connections with this one's snapshot."""
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi as arrow

    snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
    address = connection.engine.url.set(drivername="postgresql")
    url = address.render_as_string(hide_password=False)

    def borrowed(part: Select[Any]) -> pl.DataFrame | None:
        try:
            with arrow.connect(url) as other, other.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                for setting in _BY_ID:
                    cursor.execute(f"SET LOCAL {setting}")
                cursor.execute(_written_out(part))
                found: pl.DataFrame = cursor.fetch_polars()
        except (Error, pl.exceptions.PolarsError):  # no result may hang on this driver
            return None
        return found.cast(schema)  # type: ignore[arg-type]

    with ThreadPoolExecutor(_CORES) as pool:
        return list(pool.map(borrowed, parts))


def _written_out(query: Select[Any]) -> str:
    """A query as PostgreSQL takes it, with its values in it."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _by_arrow(
    connection: Connection, parts: Sequence[Select[Any]], schema: Mapping[str, pl.DataType]
) -> list[pl.DataFrame | None]:
    """Every query's rows, read by processes beside; None where another act was stored meanwhile."""
    dialect = sqlite.dialect()
    moment = connection.exec_driver_sql(LAST_ACT).scalar()
    command = [sys.executable, "-m", "admin_api.arrow_reader", str(connection.engine.url.database)]
    readers: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
    pipe = subprocess.PIPE
    count = min(_CORES, len(parts))
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(count)]

    def asked(part: Select[Any]) -> pl.DataFrame | None:
        compiled = part.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        reader = readers.get()
        try:
            content = _answered(reader, json.dumps([moment, str(compiled)]))
        finally:
            readers.put(reader)
        frame = pl.read_ipc_stream(content) if content else None
        if frame is None or frame.height:
            return frame if frame is None else frame.cast(schema)  # type: ignore[arg-type]
        return pl.DataFrame(schema=dict(schema))

    try:
        for reader in started:
            readers.put(reader)
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(asked, parts))
    finally:
        for reader in started:
            reader.communicate()  # the end of its input ends it


def _answered(reader: subprocess.Popen[bytes], question: str) -> bytes:
    """A reader's answer; nothing where it has died."""
    assert reader.stdin is not None
    assert reader.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        reader.stdin.write(question.encode() + b"\n")
        reader.stdin.flush()
        size = int.from_bytes(reader.stdout.read(LENGTH), "little")
        content = reader.stdout.read(size)
        return content if len(content) == size else b""
    return b""


def _as_stored(schema: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """SQLite keeps booleans as 0 and 1."""
    return {name: pl.Int64() if kind == pl.Boolean else kind for name, kind in schema.items()}


def _copy_out(
    connection: Connection, query: Select[Any], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    buffer = io.BytesIO()
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY ({_written_out(query)}) TO STDOUT (FORMAT csv)") as copy:
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


def digest_of(frame: pl.DataFrame, by: str = "id") -> str:
    """SHA-256 over a frame's rows, in the order of their ids: what an act signs for."""
    digest = hashlib.sha256()
    for block in _blocks(frame, by):
        digest.update(block)
    return digest.hexdigest()


def _blocks(frame: pl.DataFrame, by: str = "id") -> Iterator[bytes]:
    """Rows in the order of their ids, columns in that of their names, as CSV, some at a time.

    Both COPY and a digest take it: texts stand in quotes, so that "" is not null, and the quotes
    are not those that JSON is full of.
    """
    ordered = frame if frame[by].is_sorted() else frame.sort(by)
    plain = ordered.select(
        (pl.lit("\\x") + pl.col(name).bin.encode("hex")).alias(name)
        if kind == pl.Binary
        else pl.col(name)
        for name, kind in sorted(frame.schema.items())
    )
    for part in plain.iter_slices(_CHUNK):
        buffer = io.BytesIO()
        part.write_csv(buffer, include_header=False, quote_char=_QUOTE, quote_style="non_numeric")
        yield buffer.getvalue()
