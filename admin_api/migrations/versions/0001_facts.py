"""The first schema: every table, its indexes, and the triggers that keep it append-only.

What stands here never changes, whatever becomes of admin_api/tables.py: a database of this revision
is one that was made by these very lines. Another table or column is a revision of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

from admin_api.migrations.append_only import refuse_changes

revision = "0001"
down_revision = None
_ID = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "act",
        Column("id", _ID, nullable=False, autoincrement=False),
        *_text("at", "who", "role", "via", "kind", "target", "why", "details", "facts"),
        *_text("previous", "hash", "signature"),
        PrimaryKeyConstraint("id", name="pk_act"),
    )
    refuse_changes("act")
    _people()
    _registration()
    _cards()
    _reports()
    _scores()
    _releases()


def _people() -> None:
    """The exam, files taken in, and the staff."""
    _fact("exam", *_text("text", "sha256"))
    _fact("artefact", *_text("kind", "hash", "text"), unique=("kind", "hash"))
    _fact("file_in", *_text("kind", "sha256", "name"), _whole("rows"), unique=("kind", "sha256"))
    _fact(
        "staff",
        *_text("name", "role", "region", "site", "public_key", "sealed_key"),
        unique=("name",),
    )
    _fact("staff_revoked", _id("staff"), refers={"staff": "staff"})
    _fact("passphrase", _id("staff"), *_text("sealed_key"), refers={"staff": "staff"})
    _fact("second_factor", _id("staff"), *_text("sealed"), refers={"staff": "staff"})


def _registration() -> None:
    """Candidates and where they sit, what rooms and other years say, counts of materials."""
    _fact(
        "room",
        *_text("region", "site", "venue", "room"),
        unique=("region", "site", "venue", "room"),
    )
    _fact(
        "candidate",
        *_text(
            "ticket",
            "name",
            "id_kind",
            "id_number",
            "file_number",
            "specialty",
            "level",
            "region",
            "site",
        ),
        _flag("military"),
        *_text("unit"),
        unique=("ticket",),
    )
    _fact(
        "enrolment",
        _id("candidate"),
        *_text("subject", "paper"),
        _id("room"),
        *_text("seat"),
        unique=("candidate", "subject"),
    )
    _fact("attendance", _id("enrolment"), _flag("present"), unique=("enrolment",))
    _fact(
        "computer_answers",
        _id("enrolment"),
        *_text("paper", "form"),
        _bytes("answers"),
        unique=("enrolment",),
    )
    _fact(
        "past_result",
        _whole("year"),
        *_text("file_number", "specialty", "subject", "score"),
        _flag("passed"),
        unique=("year", "file_number", "specialty", "subject"),
    )
    _fact(
        "bag",
        *_text("region", "box", "bag"),
        _id("room"),
        *_text("subject"),
        _whole("cards"),
        unique=("region", "box", "bag"),
        refers={"room": "room"},
    )
    _fact("box", *_text("region", "box"), _whole("bags"), unique=("region", "box"))
    _fact("region_boxes", *_text("region"), _whole("boxes"), unique=("region",))


def _cards() -> None:
    """Pages, readings and what people decided of them."""
    _fact(
        "page",
        *_text("region", "box", "bag"),
        _whole("position"),
        *_text("source"),
        _whole("frame"),
        *_text("sha256", "image"),
        unique=("region", "box", "bag", "sha256"),
        indexed=("sha256",),
    )
    _fact(
        "reading",
        _id("page"),
        *_text("design", "policy", "status", "ticket", "subject", "form"),
        _flag("absent"),
        _flag("violation"),
        *_text("barcode"),
        _bytes("answers"),
        *_text("doubts", "reason", "record"),
        _bytes("arrays"),
        indexed=("page",),
    )
    _fact("replaced", _id("page"), _id("by", nullable=True), refers={"page": "page", "by": "page"})
    _fact(
        "decision",
        _id("page"),
        *_text("field", "value", "who"),
        _flag("arbiter"),
        refers={"page": "page"},
        indexed=("page",),
    )
    _fact(
        "known_field",
        _id("page"),
        *_text("field", "value", "settled", "who"),
        refers={"page": "page"},
    )


def _reports() -> None:
    """What regions report, and what others say of it."""
    _fact(
        "correction",
        *_text(
            "kind",
            "region",
            "ticket",
            "subject",
            "old",
            "new",
            "reason",
            "evidence",
            "document",
            "who",
            "at",
        ),
        _flag("late"),
    )
    _fact(
        "correction_verdict",
        _id("correction"),
        *_text("verdict", "who"),
        refers={"correction": "correction"},
        indexed=("correction",),
    )
    _fact("violation", *_text("region", "ticket", "subject", "code", "record", "evidence", "who"))
    _fact(
        "violation_verdict",
        _id("violation"),
        *_text("verdict", "who"),
        refers={"violation": "violation"},
        indexed=("violation",),
    )
    _fact("violation_document", *_text("region", "document", "ticket", "subject", "code"))
    _fact("violation_closed", *_text("region", "document"))


def _scores() -> None:
    """Keys, settled matters, results."""
    _fact(
        "key_entry",
        *_text("paper", "form"),
        _whole("version"),
        *_text("mark", "sealed", "who"),
        unique=("paper", "form", "version", "who"),
    )
    _fact("settlement", *_text("matter", "reason", "who"), unique=("matter", "who"))
    _fact("score_run", *_text("inputs"), _whole("changed"))
    _fact("result", _id("enrolment"), *_text("state", "score"), _flag("passed"), *_text("basis"))
    _fact("outcome", _id("candidate"), _flag("qualified"), *_text("rolling"))


def _releases() -> None:
    """Releases."""
    _fact("release", *_text("hash", "kind", "supersedes", "reason"), unique=("hash",))
    _fact(
        "release_signature",
        _id("release"),
        *_text("who", "signature"),
        unique=("release", "who"),
        refers={"release": "release"},
    )
    _fact("release_step", _id("release"), *_text("step"), refers={"release": "release"})


def _fact(
    name: str,
    *columns: Column[Any],
    unique: tuple[str, ...] = (),
    refers: Mapping[str, str] | None = None,
    indexed: Iterable[str] = (),
) -> None:
    """A table of facts: numbered, each row entered by an act and found by it, never changed."""
    rules: list[Any] = [PrimaryKeyConstraint("id", name=f"pk_{name}")]
    if unique:
        rules.append(UniqueConstraint(*unique, name=f"uq_{name}_{'_'.join(unique)}"))
    rules += [
        ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{name}_{column}")
        for column, to in (refers or {}).items()
    ]
    identity = Column("id", _ID, nullable=False, autoincrement=False)
    op.create_table(name, identity, _id("act"), *columns, *rules)
    for column in ("act", *indexed):
        op.create_index(f"ix_{name}_{column}", name, [column])
    refuse_changes(name)


def _text(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _whole(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean(create_constraint=False), nullable=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _id(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, _ID, nullable=nullable)
