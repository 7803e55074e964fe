"""The schema's revisions make exactly the tables that the program works with, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Engine, Integer, LargeBinary, Table, insert, inspect, text
from sqlalchemy.exc import DBAPIError

from admin_api import migrations, tables
from admin_api.database import create_tables, is_created, open_engine, writing
from admin_api.errors import StoreError
from admin_api.settings import Settings
from tests.office.postgres import Server

REVISIONS = Path(migrations.__file__).parent / "versions"


@pytest.fixture
def empty(settings: Settings) -> Iterator[Engine]:
    """A database with nothing in it."""
    engine = open_engine(settings.database)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty: Engine) -> Engine:
    """A database of the newest revision."""
    create_tables(empty)
    return empty


def declared(tmp_path: Path, like: Engine, request: pytest.FixtureRequest) -> Engine:
    """Another empty database of the same kind, with the tables as the program declares them."""
    if like.dialect.name == "sqlite":
        other = open_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    else:
        server: Server = request.getfixturevalue("postgres")
        other = open_engine(server.database())
    tables.metadata.create_all(other)
    return other


def described(engine: Engine) -> dict[str, Any]:
    """Everything that a database tells of its tables, but for the order of names."""
    found = inspect(engine)

    def of(table: str) -> dict[str, Any]:
        return {
            "columns": [
                {key: str(one[key]) for key in ("name", "type", "nullable", "default")}
                for one in found.get_columns(table)
            ],
            "key": found.get_pk_constraint(table),
            "unique": sorted(map(str, found.get_unique_constraints(table))),
            "refers": sorted(map(str, found.get_foreign_keys(table))),
            "indexes": sorted(map(str, found.get_indexes(table))),
        }

    return {name: of(name) for name in found.get_table_names() if name != "alembic_version"}


def test_the_revisions_make_the_tables_that_are_declared(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == [], "write a revision for this"
    other = declared(tmp_path, engine, request)
    try:
        assert described(engine) == described(other)
    finally:
        other.dispose()
    assert set(described(engine)) == set(tables.metadata.tables)


def test_a_difference_would_be_found(engine: Engine) -> None:
    """The comparison itself: it sees a column and an index that no revision makes."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE box ADD COLUMN colour TEXT"))
        connection.execute(text("DROP INDEX ix_box_act"))
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    assert {one[0] for one in found} == {"remove_column", "add_index"}


def test_create_tables_goes_through_the_revisions(empty: Engine) -> None:
    assert not is_created(empty)
    create_tables(empty)
    assert is_created(empty)
    newest = max(path.stem[:4] for path in REVISIONS.glob("[0-9]*.py"))
    with empty.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == newest
    with writing(empty):  # a long writer: whoever opens the office must not wait for it
        create_tables(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="use the program that made it"):
        create_tables(empty)


def test_revisions_stand_by_themselves() -> None:
    """A revision that read the live tables would make other databases from day to day."""
    for path in REVISIONS.glob("*.py"):
        assert "admin_api.tables" not in path.read_text(encoding="utf-8"), path.name


def example(table: Table) -> dict[str, Any]:
    """A row that the table takes; it refers to the first row of others."""

    def value(kind: Any) -> Any:
        if isinstance(kind, Boolean):
            return True
        if isinstance(kind, LargeBinary):
            return b"\0"
        return 1 if isinstance(kind, Integer) else "x"

    return {column.name: value(column.type) for column in table.columns}


def test_no_table_lets_a_row_be_changed_or_deleted(engine: Engine) -> None:
    every = tables.metadata.sorted_tables
    with engine.begin() as connection:
        for table in every:
            connection.execute(insert(table), [example(table)])
    changes = ['UPDATE "{}" SET id = 2', 'DELETE FROM "{}"']
    if engine.dialect.name == "postgresql":
        changes.append('TRUNCATE "{}" CASCADE')
    for table in every:
        for change in changes:
            with pytest.raises(DBAPIError, match="facts are append-only"), engine.begin() as moment:
                moment.execute(text(change.format(table.name)))
    with engine.connect() as connection:
        assert all(len(connection.execute(table.select()).all()) == 1 for table in every)
