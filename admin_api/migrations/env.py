"""Alembic's entry: runs the revisions on the connection that `upgrade` hands in, as the writer."""

from alembic import context

from admin_api.database import become_writer
from admin_api.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    become_writer(connection)  # before it is looked up what is missing
    context.run_migrations()
