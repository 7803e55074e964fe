"""Marks and passes: every enrolment's result, each with the facts that it rests on."""

from __future__ import annotations

import numpy as np
import polars as pl
from sqlalchemy import Connection

from admin_api.exam.terms import Exam, Paper
from admin_api.frames import RESULTS, beside
from admin_api.joining.states import EnrolmentState
from admin_api.keys.service import ready_keys
from admin_api.office import Office
from admin_api.results.present import Present
from admin_api.settling.service import settled
from omr.score.key import written
from omr.score.key_file import PaperKey
from omr.score.marking import compile_key, mark_cards
from omr.score.scaling import Scale, Scores, passed, score_texts

SCORED, ABSENT, VOID, NONE, OPEN = "scored", "absent", "void", "none", "open"
NO_KEY = "no answer key is in force"


def mark(office: Office, connection: Connection, now: Present) -> pl.DataFrame:
    """Every enrolment's result: `frames.RESULTS`, in the order of enrolments.

    Void (违纪) comes before everything; nobody's score is guessed: what is open stays open, unless
    two people let it stand without a score.
    """
    exam, keys = office.exam, ready_keys(office, connection)
    together = _together(now, settled(connection))
    together = together.with_columns(which=pl.Series(exam.lines.column(together, exam.year)))
    answered = together.select("enrolment", "paper", "form", "answers", "which").drop_nulls(
        "answers"
    )
    scored = pl.concat(
        [_scores(exam, keys, *group) for group in answered.group_by("paper", "form")]
        or [pl.DataFrame(schema=_SCORED)]
    )
    lines = pl.Series([written(one.line) for one in exam.lines.lines], dtype=pl.String)
    together = together.with_columns(line=lines.gather(together["which"]))
    return (
        beside(together, scored.sort("enrolment"), "enrolment")
        .with_columns(_state().alias("state"))
        .with_columns(
            (pl.col("passed").fill_null(False) & (pl.col("state") == SCORED)).alias("passed"),
            *(
                pl.when(pl.col("state") == SCORED).then(name).otherwise(pl.lit("")).alias(name)
                for name in ("raw", "score")
            ),
            pl.when((pl.col("state") == OPEN) & pl.col("answers").is_not_null())
            .then(pl.lit(NO_KEY))
            .otherwise("evidence")
            .alias("evidence"),
        )
        .select(pl.col(name).cast(kind) for name, kind in RESULTS.items())
    )


_SCORED: dict[str, pl.DataType] = {
    "enrolment": pl.Int64(),
    "raw": pl.String(),
    "score": pl.String(),
    "passed": pl.Boolean(),
    "key_version": pl.Int64(),
}


def _together(now: Present, allowed: dict[str, str]) -> pl.DataFrame:
    """Enrolments with where they stand, their penalties, and what may stand without a score."""
    pages = now.cards.filter(
        (pl.col("decisions").list.len() > 0) | (pl.col("corrections").list.len() > 0)
    ).select("page", "decisions", pl.col("corrections").alias("on_card"))
    people = now.candidates.select("candidate", "level")
    subject, whole = (
        now.penalties.filter(pl.col("subject") != ""),
        now.penalties.filter(pl.col("subject") == ""),
    )
    rows = (
        beside(now.enrolments, now.joined.enrolments, "enrolment")
        .join(people, on="candidate", how="left", maintain_order="left")
        .join(pages, on="page", how="left", maintain_order="left")
        .join(
            _gathered(subject, ["ticket", "subject"], "v1"),
            on=["ticket", "subject"],
            how="left",
            maintain_order="left",
        )
        .join(_gathered(whole, ["ticket"], "v2"), on="ticket", how="left", maintain_order="left")
        .join(_standing(now, allowed), on="enrolment", how="left", maintain_order="left")
        .with_columns(pl.coalesce("stands", "evidence").alias("evidence"))
    )
    return _with_said(rows)


def _with_said(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `decisions`, `corrections` and `violations`; few of millions have any."""
    said = (pl.col("corrections").list.len() > 0) | pl.any_horizontal(
        pl.col(name).is_not_null() for name in ("decisions", "on_card", "v1", "v2")
    )
    some = rows.filter(said).select(
        "enrolment",
        _lists("decisions"),
        pl.concat_list(_lists("corrections"), _lists("on_card")).alias("corrections"),
        pl.concat_list(_lists("v1"), _lists("v2")).list.sort().alias("violations"),
    )
    names = ("decisions", "corrections", "violations")
    nothing = (pl.lit([], pl.List(pl.Int64())).alias(name) for name in names)
    plain = rows.drop("on_card", "v1", "v2").with_columns(nothing)
    return plain.update(some, on="enrolment") if some.height else plain


def _lists(name: str) -> pl.Expr:
    return pl.col(name).fill_null(pl.lit([], pl.List(pl.Int64())))


def _gathered(penalties: pl.DataFrame, key: list[str], name: str) -> pl.DataFrame:
    return penalties.group_by(key).agg(pl.col("violation").alias(name))


def _standing(now: Present, allowed: dict[str, str]) -> pl.DataFrame:
    """Enrolments that two people let stand without a score, and why."""
    rows: list[tuple[int, str]] = []
    if allowed:
        open_states = [
            EnrolmentState.CANDIDATE_WITHOUT_CARD.value,
            EnrolmentState.CARD_IN_QUESTION.value,
        ]
        waiting = now.joined.enrolments.filter(pl.col("state").is_in(open_states)).join(
            now.enrolments.select("enrolment", "ticket", "subject"), on="enrolment"
        )
        claims = now.joined.pages.filter(pl.col("state") != "replaced")
        by_enrolment: dict[int, list[str]] = {}
        for row in claims.drop_nulls("enrolment").iter_rows(named=True):
            key = f"page {row['page']} {row['state']}"
            by_enrolment.setdefault(row["enrolment"], []).append(key)
        for row in waiting.iter_rows(named=True):
            own = [f"candidate {row['ticket']} {row['subject']} without card"]
            needed = by_enrolment.get(row["enrolment"], own)
            if all(key in allowed for key in needed):
                rows.append((row["enrolment"], "; ".join(allowed[key] for key in needed)))
    return pl.DataFrame(rows, schema={"enrolment": pl.Int64, "stands": pl.String}, orient="row")


def _state() -> pl.Expr:
    stood = pl.col("state")
    return (
        pl.when(pl.col("violations").list.len() > 0)
        .then(pl.lit(VOID))
        .when(stood == EnrolmentState.ABSENT.value)
        .then(pl.lit(ABSENT))
        .when(pl.col("stands").is_not_null())
        .then(pl.lit(NONE))
        .when((stood == EnrolmentState.ANSWERED.value) & pl.col("score").is_not_null())
        .then(pl.lit(SCORED))
        .otherwise(pl.lit(OPEN))
    )


def _scores(
    exam: Exam, keys: dict[tuple[str, str], PaperKey], group: tuple[object, ...], rows: pl.DataFrame
) -> pl.DataFrame:
    """The scores of one paper's form; none where its key is not in force."""
    paper, form = exam.papers[str(group[0])], str(group[1])
    # A paper of one form has one key, whatever a card's form field reads.
    key = keys.get((paper.code, form if paper.forms != ("",) else ""))
    if key is None:
        return pl.DataFrame(schema=_SCORED)
    table = compile_key(key.key, key.options)
    units = mark_cards(masks_of(rows["answers"], paper), table)
    scale = Scale.of(table, paper.scale, paper.rounding)
    scores = scale.scores(units)
    return pl.DataFrame(
        {
            "enrolment": rows["enrolment"],
            "raw": score_texts(Scores(units, table.denominator)),
            "score": score_texts(scores),
            "passed": passed(
                scores, [one.line for one in exam.lines.lines], rows["which"].to_numpy()
            ),
            "key_version": pl.Series([key.version], dtype=pl.Int64).new_from_index(0, rows.height),
        },
        schema=_SCORED,
    )


def masks_of(answers: pl.Series, paper: Paper) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Answers as (cards, items) masks; a card may have room for more items than the paper."""
    widths = answers.bin.size().unique().to_list()
    if max(widths) < paper.items:
        raise ValueError(f"answers of {max(widths)} items for paper {paper.code}")
    if len(widths) == 1:
        masks = answers.bin.reinterpret(dtype=pl.Array(pl.UInt8, widths[0])).to_numpy()
    else:
        masks = np.zeros((answers.len(), max(widths)), np.uint8)
        for row, one in enumerate(answers):
            masks[row, : len(one)] = np.frombuffer(one, np.uint8)
    return np.ascontiguousarray(masks[:, : paper.items])
