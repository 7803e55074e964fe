"""The schema's versions, by Alembic; `upgrade` brings a database to the newest."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine

from admin_api.errors import StoreError

_ALONE = threading.Lock()  # Alembic's context is one for the whole process


@cache
def newest() -> str:
    """The revision that this program works with."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def revision_of(connection: Connection) -> str:
    """The revision of a database, "" for one without any."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(engine: Engine) -> None:
    """Apply what is missing; where nothing is, only look, so that nobody waits for a writer.

    It takes the writer's lock: who writes is waited for, and of several processes one migrates and
    the others find it done.

    Raises:
        StoreError: the database was made by a newer program.
    """
    with engine.connect() as connection:
        if revision_of(connection) == newest():
            return
    config = _config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection.execution_options(writer=True)
        try:
            with _ALONE:
                command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the database is of another version ({error}); use the program that made it"
            ) from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
