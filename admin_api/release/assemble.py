"""Candidates' records for a release, put together from results and outcomes."""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection

from admin_api.exam.terms import Exam
from admin_api.release.records import RECORDS
from admin_api.results.service import Scored

_SUBJECT = ("subject", "state", "score", "passed", "carried")


def records_of(connection: Connection, exam: Exam, scored: Scored) -> pl.DataFrame:
    """A row a candidate: `RECORDS`, and whether the candidate is `military`."""
    carried = (
        scored.outcomes.select("candidate", "carried")
        .explode("carried")
        .drop_nulls()
        .unnest("carried")
        .with_columns(pl.col("year").cast(pl.String).alias("carried"))
        .select("candidate", "subject", "carried")
    )
    order = pl.Enum(list(exam.subjects))
    only_carried = carried.join(scored.results, on=["candidate", "subject"], how="anti").select(
        "candidate",
        "subject",
        pl.lit("carried").alias("state"),
        pl.lit("").alias("score"),
        pl.lit(False).alias("passed"),
        "carried",
    )
    sat = scored.results.join(carried, on=["candidate", "subject"], how="left").select(
        "candidate", "subject", "state", "score", "passed", pl.col("carried").fill_null("")
    )
    subjects = (
        pl.concat([sat, only_carried])
        .sort("candidate", pl.col("subject").cast(order))
        .group_by("candidate", maintain_order=True)
        .agg(pl.struct(_SUBJECT).alias("subjects"))
    )
    return (
        scored.candidates.join(subjects, on="candidate", how="inner")
        .join(scored.outcomes.select("candidate", "qualified"), on="candidate", how="inner")
        .select(*RECORDS, "military")
    )
