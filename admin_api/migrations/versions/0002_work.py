"""Pages that a cluster is to read: noted before they are, so that whoever comes next goes on."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

from admin_api.migrations.append_only import refuse_changes

revision = "0002"
down_revision = "0001"
_ID = BigInteger().with_variant(Integer, "sqlite")
_KEY = ("region", "box", "bag", "sha256", "design", "policy")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "work",
        Column("id", _ID, nullable=False, autoincrement=False),
        Column("act", _ID, nullable=False),
        Column("region", Text, nullable=False),
        Column("box", Text, nullable=False),
        Column("bag", Text, nullable=False),
        Column("position", Integer, nullable=False),
        Column("source", Text, nullable=False),
        Column("frame", Integer, nullable=False),
        Column("sha256", Text, nullable=False),
        Column("image", Text, nullable=False),
        Column("design", Text, nullable=False),
        Column("policy", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_work"),
        UniqueConstraint(*_KEY, name=f"uq_work_{'_'.join(_KEY)}"),
    )
    op.create_index("ix_work_act", "work", ["act"])
    refuse_changes("work")
