"""Alembic's entry: runs the revisions on the connection that `upgrade` hands in."""

from alembic import context

from admin_api.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
