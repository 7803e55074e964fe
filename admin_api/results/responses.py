"""The answers of a sitting as matrices, one a paper's form, beside who sat where."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
from sqlalchemy import Connection

from admin_api.acts.roles import Role
from admin_api.exam.terms import Exam
from admin_api.frames import Schema, beside
from admin_api.keys.service import ready_keys
from admin_api.office import Office
from admin_api.registration.frames import read_places
from admin_api.results.marks import masks_of
from admin_api.results.present import Present
from omr.score.responses import AnswerMatrix

READERS = (Role.SUPERVISOR, Role.RELEASE, Role.AUDITOR)
"""Who may see what the answers say: it tells the keys, and whom a screening lists."""

PERSONS: Schema = {
    "enrolment": pl.Int64(),
    "candidate": pl.Int64(),
    "ticket": pl.String(),
    "subject": pl.String(),
    "region": pl.String(),
    "site": pl.String(),
    "venue": pl.String(),
    "room": pl.String(),
    "room_id": pl.Int64(),  # tells rooms apart whose names are alike
    "seat": pl.String(),
    "medium": pl.String(),  # card, computer
    "page": pl.Int64(),  # null where the answers came by computer
    "void": pl.Boolean(),  # a violation took the result
}
"""A row a person of `Responses`. Where somebody sat is the room of the enrolment."""


@dataclass(frozen=True, slots=True)
class Responses:
    """One paper's form: `persons` (`PERSONS`), in the order of enrolments, and in the same order
    the rows of `answers`.

    Nothing tells which item of one form is which of another: forms stay apart.
    """

    paper: str
    form: str
    persons: pl.DataFrame = field(repr=False)
    answers: AnswerMatrix = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sat:
    """All answers of a sitting. `without_key` counts the answered of papers and forms that no key
    is in force for: they cannot be told right from wrong.
    """

    responses: tuple[Responses, ...]
    without_key: dict[tuple[str, str], int]


def responses(office: Office, connection: Connection, now: Present) -> Sat:
    """Everybody's answers by paper and form, in their order; only forms that somebody sat.

    Who answered is who has one matched card or computer-based answers, the void ones with them;
    what is in question is left out, as it is of scores.
    """
    keys = ready_keys(office, connection)
    answered = _answered(office.exam, connection, now)
    found, lacking = [], {}
    for (code, form), rows in answered.group_by("paper", "form"):
        key = keys.get((str(code), str(form)))
        if key is None:
            lacking[str(code), str(form)] = rows.height
            continue
        rows = rows.sort("enrolment")
        persons = rows.select(pl.col(name).cast(kind) for name, kind in PERSONS.items())
        matrix = AnswerMatrix(masks_of(rows["answers"], office.exam.papers[str(code)]), key)
        found.append(Responses(str(code), str(form), persons, matrix))
    ordered = tuple(sorted(found, key=lambda one: (one.paper, one.form)))
    return Sat(ordered, dict(sorted(lacking.items())))


def _answered(exam: Exam, connection: Connection, now: Present) -> pl.DataFrame:
    """The enrolments with answers: `PERSONS`, their paper, the form of its key, and `answers`."""
    single = [code for code, paper in exam.papers.items() if paper.forms == ("",)]
    penalties = now.penalties.select("ticket", "subject").unique()
    some, every = (
        penalties.filter(pl.col("subject") != ""),
        penalties.filter(pl.col("subject") == ""),
    )
    void = pl.col("ticket").is_in(every["ticket"].to_list()) | pl.struct("ticket", "subject").is_in(
        some.select(pl.struct("ticket", "subject")).to_series().to_list()
    )
    return (
        beside(now.enrolments, now.joined.enrolments, "enrolment")
        .filter(pl.col("answers").is_not_null())
        .rename({"room": "room_id"})
        .join(read_places(connection), on="room_id", how="left", maintain_order="left")
        .with_columns(
            void.alias("void"),
            # A paper of one form has one key, whatever a card's form field reads.
            pl.when(pl.col("paper").is_in(single)).then(pl.lit("")).otherwise("form").alias("form"),
        )
    )
