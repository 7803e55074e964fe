"""Triggers by which the database itself refuses to change or delete what is stored."""

from __future__ import annotations

from alembic import op

_FUNCTION = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'facts are append-only: %', TG_TABLE_NAME; END $$"
)


def refuse_changes(table: str) -> None:
    """Have updates, deletions and, with PostgreSQL, truncations of a table fail, named
    `no_update_…`, `no_delete_…` and `no_truncate_…`.
    """
    if op.get_context().dialect.name == "postgresql":
        op.execute(_FUNCTION)
        for change in ("UPDATE", "DELETE", "TRUNCATE"):
            op.execute(
                f'CREATE TRIGGER no_{change.lower()}_{table} BEFORE {change} ON "{table}" '
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f'CREATE TRIGGER no_{change.lower()}_{table} BEFORE {change} ON "{table}" '
            "BEGIN SELECT RAISE(ABORT, 'facts are append-only'); END"
        )
