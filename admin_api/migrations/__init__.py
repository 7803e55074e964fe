"""The schema's versions, by Alembic; `upgrade` brings a database to the newest."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine

from admin_api.errors import StoreError


def upgrade(engine: Engine) -> None:
    """Apply what is missing; where nothing is, only look, so that nobody waits for a writer.

    Raises:
        StoreError: the database was made by a newer program.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    newest = ScriptDirectory.from_config(config).get_heads()
    with engine.connect() as connection:
        if list(MigrationContext.configure(connection).get_current_heads()) == newest:
            return
    with engine.connect() as connection:
        config.attributes["connection"] = connection.execution_options(writer=True)
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the database is of another version ({error}); use the program that made it"
            ) from error
