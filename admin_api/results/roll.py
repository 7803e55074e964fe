"""Candidates' outcomes: subjects passed now, and carried from the years before (成绩滚动)."""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.bulk import read_frame
from admin_api.frames import OUTCOMES
from admin_api.office import Office
from admin_api.results.present import Present
from omr.score import rolling
from omr.score.rolling import RollingRules

_WORDS = {
    rolling.NotRolled.MISSING: "no file number: nothing rolls",
    rolling.NotRolled.MALFORMED: "the file number is malformed: nothing rolls",
    rolling.NotRolled.SHARED: "the file number is another candidate's too: nothing rolls",
    rolling.NotRolled.CONTRADICTED: "earlier years contradict themselves: nothing rolls",
}


def roll(
    office: Office, connection: Connection, now: Present, results: pl.DataFrame
) -> pl.DataFrame:
    """Every candidate's outcome: `frames.OUTCOMES`, in the order of candidates."""
    past = tables.past_result
    history = read_frame(connection, select(*(past.c[name] for name in rolling.HISTORY)))
    return rolled(office.exam.rolling, now.candidates, results, history)


def rolled(
    rules: RollingRules, candidates: pl.DataFrame, results: pl.DataFrame, history: pl.DataFrame
) -> pl.DataFrame:
    """Outcomes from this year's results and the years before."""
    found = rolling.roll(
        _cast(candidates, rolling.CANDIDATES),
        _cast(results, rolling.SITTINGS),
        _cast(history, rolling.HISTORY),
        rules,
    )
    words = {str(kind): text for kind, text in _WORDS.items()}
    return found.with_columns(
        pl.col("not_rolled").replace_strict(words, default="").fill_null("").alias("evidence")
    ).select(pl.col(name).cast(kind) for name, kind in OUTCOMES.items())


def _cast(frame: pl.DataFrame, columns: rolling.Columns) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(kind) for name, kind in columns.items())
