"""The tables: facts only, each row entered by one act and never changed.

Identifiers are text. Moments are text in China Standard Time. Marks are exact: whole units of a
key's smallest part, or fractions written out. Ids are given by the writer, in order, from 1.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Id = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean(create_constraint=False), nullable=False)


def _of(table: str, *, indexed: bool = False) -> Column[int]:
    """A reference to another fact, called as that fact's table."""
    return Column(table, Id, ForeignKey(f"{table}.id"), nullable=False, index=indexed)


def _of_many(table: str, *, indexed: bool = False) -> Column[int]:
    """A reference in a table of millions, where the database's own check of each row costs more
    than the row: `kaowu audit verify` looks for rows that refer to nothing.
    """
    return Column(table, Id, nullable=False, index=indexed)


def _fact(name: str, *columns: Column[Any] | UniqueConstraint | Index) -> Table:
    """A table of facts: numbered from 1, each row entered by an act."""
    identity = Column("id", Id, primary_key=True, autoincrement=False)
    act_of = Column("act", Id, nullable=False, index=True)  # the act's row comes last
    return Table(name, metadata, identity, act_of, *columns)


act = Table(
    "act",  # the audit chain (审计): who, when, from where, what, why
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    _text("at"),
    _text("who"),
    _text("role"),
    _text("via"),  # host and process, or the address of a browser
    _text("kind"),
    _text("target"),
    _text("why"),
    _text("details"),  # a JSON object; nothing personal, nothing secret
    _text("facts"),  # SHA-256 over the rows that the act entered, "" for none
    _text("previous"),
    _text("hash"),
    _text("signature"),  # Ed25519 over the hash
)

exam = _fact("exam", _text("text"), _text("sha256"))
artefact = _fact(
    "artefact",  # texts that readings rest on: designs and policies
    _text("kind"),
    _text("hash"),
    _text("text"),
    UniqueConstraint("kind", "hash"),
)
file_in = _fact(
    "file_in",  # files taken in, each once
    _text("kind"),
    _text("sha256"),
    _text("name"),
    _count("rows"),
    UniqueConstraint("kind", "sha256"),
)

# ── people ────────────────────────────────────────────────────────────────────────────────────

staff = _fact(
    "staff",
    _text("name"),
    _text("role"),
    _text("region"),  # "" where the role is bound to none
    _text("site"),
    _text("public_key"),
    _text("sealed_key"),
    UniqueConstraint("name"),
)
staff_revoked = _fact("staff_revoked", _of("staff"))
passphrase = _fact("passphrase", _of("staff"), _text("sealed_key"))  # the newest counts
second_factor = _fact(
    "second_factor",  # the newest counts; "" where an administrator took it away
    _of("staff"),
    _text("sealed"),  # under the office's secret
)

# ── registration ──────────────────────────────────────────────────────────────────────────────

room = _fact(
    "room",
    _text("region"),
    _text("site"),
    _text("venue"),
    _text("room"),
    UniqueConstraint("region", "site", "venue", "room"),
)
candidate = _fact(
    "candidate",
    _text("ticket"),
    _text("name"),
    _text("id_kind"),
    _text("id_number"),
    _text("file_number"),
    _text("specialty"),
    _text("level"),
    _text("region"),
    _text("site"),
    _flag("military"),
    _text("unit"),
    UniqueConstraint("ticket"),
)
enrolment = _fact(
    "enrolment",
    _of_many("candidate"),
    _text("subject"),
    _text("paper"),
    _of_many("room"),
    _text("seat"),
    UniqueConstraint("candidate", "subject"),
)
attendance = _fact(
    "attendance", _of_many("enrolment"), _flag("present"), UniqueConstraint("enrolment")
)
computer_answers = _fact(
    "computer_answers",
    _of_many("enrolment"),
    _text("paper"),
    _text("form"),
    Column("answers", LargeBinary, nullable=False),  # one byte an item, bit k is option k
    UniqueConstraint("enrolment"),
)
past_result = _fact(
    "past_result",
    _count("year"),
    _text("file_number"),
    _text("specialty"),
    _text("subject"),
    _text("score"),
    _flag("passed"),
    UniqueConstraint("year", "file_number", "specialty", "subject"),
)

# ── material counts ───────────────────────────────────────────────────────────────────────────

bag = _fact(
    "bag",  # 回收确认单
    _text("region"),
    _text("box"),
    _text("bag"),
    _of("room"),
    _text("subject"),
    _count("cards"),
    UniqueConstraint("region", "box", "bag"),
)
box = _fact(
    "box", _text("region"), _text("box"), _count("bags"), UniqueConstraint("region", "box")
)  # 回收单
region_boxes = _fact(
    "region_boxes", _text("region"), _count("boxes"), UniqueConstraint("region")
)  # 汇总表

# ── cards ─────────────────────────────────────────────────────────────────────────────────────

page = _fact(
    "page",
    _text("region"),
    _text("box"),
    _text("bag"),
    _count("position"),  # in the bag's feed, from 1
    _text("source"),
    _count("frame"),  # page within the image's file, from 0
    _text("sha256"),  # of the page
    _text("image"),  # its file in the vault, "" where it could not be opened
    UniqueConstraint("region", "box", "bag", "sha256"),
    Index(None, "sha256"),
)
reading = _fact(
    "reading",
    _of_many("page", indexed=True),
    _text("design"),
    _text("policy"),
    _text("status"),
    _text("ticket"),
    _text("subject"),
    _text("form"),
    _flag("absent"),
    _flag("violation"),
    _text("barcode"),
    Column("answers", LargeBinary, nullable=False),  # one byte an item, bit k is option k
    _text("doubts"),  # a JSON list of [kind, field, evidence], "" for none
    _text("reason"),  # why it was rejected, "" where it was read
    _text("record"),  # how the page lay and what else it says: a JSON object
    Column("arrays", LargeBinary, nullable=False),  # as omr.score.rows packs them, zlib
)
work = _fact(
    "work",  # a page in the vault that a cluster is to read; done once its reading is there
    _text("region"),
    _text("box"),
    _text("bag"),
    _count("position"),
    _text("source"),
    _count("frame"),
    _text("sha256"),
    _text("image"),
    _text("design"),
    _text("policy"),
    UniqueConstraint("region", "box", "bag", "sha256", "design", "policy"),
)
replaced = _fact(
    "replaced",  # a page that another page stands for, or that is no card
    _of("page"),
    Column("by", Id, ForeignKey("page.id"), nullable=True),
)
decision = _fact(
    "decision",  # what one person says that a doubted field reads
    _of("page", indexed=True),
    _text("field"),
    _text("value"),
    _text("who"),
    _flag("arbiter"),
)

known_field = _fact(
    "known_field",  # a field that others settled, shown once more to measure a grader
    _of("page"),
    _text("field"),
    _text("value"),
    _text("settled"),  # as the others had settled it
    _text("who"),
)

# ── what regions report ───────────────────────────────────────────────────────────────────────

correction = _fact(
    "correction",
    _text("kind"),
    _text("region"),
    _text("ticket"),
    _text("subject"),
    _text("old"),
    _text("new"),
    _text("reason"),
    _text("evidence"),  # SHA-256 in the vault
    _text("document"),
    _text("who"),
    _text("at"),
    _flag("late"),
)
correction_verdict = _fact(
    "correction_verdict",
    _of("correction", indexed=True),
    _text("verdict"),  # approved, rejected, override
    _text("who"),
)
violation = _fact(
    "violation",
    _text("region"),
    _text("ticket"),
    _text("subject"),
    _text("code"),
    _text("record"),  # the form's other entries, a JSON object
    _text("evidence"),
    _text("who"),
)
violation_verdict = _fact(
    "violation_verdict",
    _of("violation", indexed=True),
    _text("verdict"),  # reviewed, rejected
    _text("who"),
)
violation_document = _fact(
    "violation_document",  # a line of a formal document (正式文件)
    _text("region"),
    _text("document"),
    _text("ticket"),
    _text("subject"),
    _text("code"),
)
violation_closed = _fact("violation_closed", _text("region"), _text("document"))

# ── keys and scores ───────────────────────────────────────────────────────────────────────────

key_entry = _fact(
    "key_entry",  # an answer key as one person loaded it
    _text("paper"),
    _text("form"),
    _count("version"),
    _text("mark"),  # a keyed digest: tells whether two people loaded the same
    _text("sealed"),
    _text("who"),
    UniqueConstraint("paper", "form", "version", "who"),
)
settlement = _fact(
    "settlement",  # one of two people says that an open matter may stand, and why
    _text("matter"),
    _text("reason"),
    _text("who"),
    UniqueConstraint("matter", "who"),
)
score_run = _fact("score_run", _text("inputs"), _count("changed"))
result = _fact(
    "result",  # an enrolment's result as of a run; the newest counts
    _of_many("enrolment"),
    _text("state"),  # scored, absent, void, open
    _text("score"),  # exact; "" where there is none
    _flag("passed"),
    _text("basis"),  # the facts it rests on, as JSON: reading, key, decisions, corrections …
)
outcome = _fact(
    "outcome",  # a candidate's outcome as of a run; the newest counts
    _of_many("candidate"),
    _flag("qualified"),
    _text("rolling"),  # what was carried from which year, a JSON object
)

# ── releases ──────────────────────────────────────────────────────────────────────────────────

release = _fact(
    "release",
    _text("hash"),
    _text("kind"),  # public, military
    _text("supersedes"),
    _text("reason"),
    UniqueConstraint("hash"),
)
release_signature = _fact(
    "release_signature",
    _of("release"),
    _text("who"),
    _text("signature"),
    UniqueConstraint("release", "who"),
)
release_step = _fact("release_step", _of("release"), _text("step"))  # published, withdrawn

FACTS = tuple(table for table in metadata.sorted_tables if table is not act)
