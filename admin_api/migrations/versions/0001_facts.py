"""The first schema."""

from alembic import op

from admin_api.database import keep_append_only
from admin_api.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, and the triggers that keep them append-only."""
    connection = op.get_bind()
    metadata.create_all(connection)
    keep_append_only(connection)
