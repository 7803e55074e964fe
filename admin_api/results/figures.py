"""Figures of results, and what the regions' reports changed: statistics before and after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
from sqlalchemy import Connection

from admin_api.exam.terms import Exam
from admin_api.office import Office
from admin_api.results.marks import SCORED, mark
from admin_api.results.present import present
from admin_api.results.roll import roll
from admin_api.results.service import Scored


@dataclass(frozen=True, slots=True)
class SubjectFigures:
    """A subject's results: how many by state, how many passed, the mean of the scored."""

    subject: str
    states: dict[str, int]
    passed: int
    mean: float | None


@dataclass(frozen=True, slots=True)
class ChangedResult:
    """A result that is not what it was before corrections and violations."""

    ticket: str
    subject: str
    state_before: str
    score_before: str
    state: str
    score: str
    corrections: int
    violations: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Results before what the regions reported, and with it. `listed` holds the first `most` of
    the `results` that changed, by ticket and subject.
    """

    before: list[SubjectFigures]
    after: list[SubjectFigures]
    qualified_before: int
    qualified: int
    passes_gained: int
    passes_lost: int
    results: int
    listed: list[ChangedResult]


def figures(exam: Exam, enrolments: pl.DataFrame, results: pl.DataFrame) -> list[SubjectFigures]:
    """Each of the exam's subjects."""
    rows = results.join(enrolments.select("enrolment", "subject"), on="enrolment")
    return [_of(code, rows.filter(pl.col("subject") == code)) for code in exam.subjects]


def changes(office: Office, connection: Connection, now: Scored, *, most: int = 500) -> Changes:
    """What corrections and violations (违纪) change in the results of the present.

    Before them a result rests on the card as read and as graders decided it, and on the roster as
    it was registered; answer keys and what people let stand are the same on both sides.
    """
    then = present(office, connection, reported=False)
    before = mark(office, connection, then)
    outcomes = roll(office, connection, then, before)
    side_by_side = now.results.join(
        before.select("enrolment", *(pl.col(one).name.suffix("_before") for one in _COMPARED)),
        on="enrolment",
        how="left",
    )
    other = side_by_side.filter(
        pl.any_horizontal(pl.col(one).ne_missing(pl.col(f"{one}_before")) for one in _COMPARED)
    )
    named = other.join(
        now.present.enrolments.select("enrolment", "ticket", "subject"), on="enrolment"
    ).sort("ticket", "subject")
    own = partial(figures, office.exam)
    return Changes(
        before=own(then.enrolments, before),
        after=own(now.present.enrolments, now.results),
        qualified_before=int(outcomes["qualified"].sum()),
        qualified=int(now.outcomes["qualified"].sum()),
        passes_gained=other.filter(pl.col("passed") & ~pl.col("passed_before")).height,
        passes_lost=other.filter(~pl.col("passed") & pl.col("passed_before")).height,
        results=other.height,
        listed=[_changed(row) for row in named.head(most).iter_rows(named=True)],
    )


_COMPARED = ("state", "score", "passed")


def _of(subject: str, own: pl.DataFrame) -> SubjectFigures:
    states = dict(own["state"].value_counts(sort=True).iter_rows())
    marks = own.filter(pl.col("state") == SCORED).select(_as_float("score")).to_series().mean()
    mean = round(marks, 2) if isinstance(marks, float) else None
    return SubjectFigures(subject, states, int(own["passed"].sum()), mean)


def _as_float(name: str) -> pl.Expr:
    """Exact marks, such as 71.5 or 212/3, as near as a float comes."""
    parts = pl.col(name).str.split_exact("/", 1)
    above, below = (parts.struct.field(f"field_{n}").cast(pl.Float64) for n in (0, 1))
    return above / below.fill_null(1.0)


def _changed(row: dict[str, Any]) -> ChangedResult:
    return ChangedResult(
        row["ticket"],
        row["subject"],
        row["state_before"] or "",
        row["score_before"] or "",
        row["state"],
        row["score"],
        len(row["corrections"]),
        len(row["violations"]),
    )
