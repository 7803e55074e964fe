"""Opens the database: SQLite with one writer and a write-ahead log, or PostgreSQL by URL."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree

from admin_api.bulk import begin_clean
from admin_api.errors import StoreError, StoreLost

_BUSY_MS = 60_000  # for which one writer waits for another
_AWAY_S = 20.0  # for which a server that restarts is waited for
# Both ends notice a cut cable: a writer that is gone must not keep the others out.
_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_POSTGRESQL = {
    "connect_timeout": 10,
    **_ALIVE,
    "options": " ".join(f"-c tcp_{name}={value}" for name, value in _ALIVE.items()),
}
_WRITER = 4_203_2020  # PostgreSQL's advisory lock of the one writer


def open_engine(url: str) -> Engine:
    """An engine for a database URL; nothing is connected yet.

    Raises:
        StoreError: the URL is of a kind that is not served.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("KAOWU_DATABASE is no database URL; give postgresql://…") from error
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": _BUSY_MS / 1000})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        served = parsed.set(drivername="postgresql+psycopg")
        return create_engine(served, pool_pre_ping=True, connect_args=_POSTGRESQL)
    raise StoreError(f"{parsed.get_backend_name()} is not served; use sqlite or postgresql")


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by hand, see _begin_sqlite
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "cache_size = -262144",
        f"busy_timeout = {_BUSY_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    mode = "IMMEDIATE" if connection.get_execution_options().get("writer") else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {mode}")


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction of the one writer: others wait; all of it is stored, or nothing.

    Raises:
        StoreError: the database cannot be reached or written, or was busy for too long.
    """
    with _told("written"), _connected(engine) as connection:
        writer = connection.execution_options(writer=True)
        with writer.begin():
            become_writer(writer)
            begin_clean(writer)
            yield writer


def become_writer(connection: Connection) -> None:
    """Wait until nobody else writes; others wait until this transaction has ended.

    SQLite does so when a writer's transaction begins.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = {_BUSY_MS}"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER})


@contextlib.contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    """A connection. A server that does not take any is waited for a while: nothing was asked of it
    yet, so nothing can be done twice.
    """
    until = time.monotonic() + _AWAY_S
    while True:
        try:
            connection = engine.connect()
            break
        except OperationalError:
            if engine.dialect.name != "postgresql" or time.monotonic() > until:
                raise
            time.sleep(0.25)
    with connection:
        yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one moment of the database.

    Raises:
        StoreError: the database cannot be reached or read.
    """
    with _told("read"), _connected(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            begin_clean(connection)
            yield connection


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        kind = StoreLost if error.connection_invalidated else StoreError
        raise kind(f"the database cannot be {what}: {_reason(error)}") from error
    except NoneFree as error:
        raise StoreError(
            f"the database cannot be {what}: all of this process's connections are in use, perhaps "
            "waiting for a long act of another; try again when it has ended"
        ) from error


def _reason(error: SQLAlchemyError) -> str:
    reason = str(getattr(error, "orig", error)).strip().splitlines()
    words = reason[0] if reason else type(error).__name__
    if "full" in words:
        return f"{words}; free some space and run the same command again: nothing was stored"
    if "locked" in words or "lock timeout" in words:
        return f"{words}; another command is writing: wait for it and run this one again"
    return words


def need_answer(engine: Engine) -> None:
    """Pass if the database answers now; for whoever does not wait.

    Raises:
        StoreError: it does not.
    """
    with _told("read"), engine.connect() as connection:
        connection.execute(text("SELECT 1 FROM act LIMIT 1"))


def create_tables(engine: Engine) -> None:
    """Bring the database to the newest schema.

    Raises:
        StoreError: it cannot be written, or it is newer than this program.
    """
    from admin_api.migrations import upgrade

    if engine.dialect.name == "sqlite" and engine.url.database:
        try:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            told = f"{engine.url.database} cannot be created: {error.strerror}"
            raise StoreError(told) from error
    with _told("created"):
        upgrade(engine)


def is_created(engine: Engine) -> bool:
    """Whether the schema is there.

    Raises:
        StoreError: the database cannot be reached.
    """
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
        return False
    with _told("opened"):
        return inspect(engine).has_table("act")
