"""Rolling scores (成绩滚动): whose subjects are all passed within consecutive exam years.

A pass of an earlier year in the window counts for the same file number (档案号) in the same
specialty, or one that has been merged into it; a lower retake does not cancel it. What happens to
this sitting (a violation, an absence) is this sitting's affair: its subjects are not passed, and
what was carried stays. Where it is not certain whose an earlier pass is, nothing is carried, and
the outcome says why.

Who passes what are bits of a mask; masks are few, so what they come to is worked out once for
each that occurs, in plain Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from omr.errors import ScoringError

Columns = dict[str, pl.DataType]

CANDIDATES: Columns = {
    "candidate": pl.String(),  # whatever names one, such as the 准考证号; once each
    "file_number": pl.String(),  # null or "" where there is none
    "specialty": pl.String(),
}
SITTINGS: Columns = {
    "candidate": pl.String(),
    "subject": pl.String(),  # once a candidate
    "passed": pl.Boolean(),  # false where void or absent
}
HISTORY: Columns = {
    "year": pl.Int32(),
    "file_number": pl.String(),
    "specialty": pl.String(),  # as it was in that year
    "subject": pl.String(),
    "passed": pl.Boolean(),
}
CARRIED = pl.Struct({"subject": pl.String, "year": pl.Int32})
OUTCOMES: Columns = {
    "candidate": pl.String(),
    "qualified": pl.Boolean(),  # all subjects, this year's and carried ones
    "passed": pl.List(pl.String),  # this year
    "carried": pl.List(CARRIED),  # passed in an earlier year and not in this one; the latest pass
    "missing": pl.List(pl.String),
    "not_rolled": pl.String(),  # a `NotRolled`; null where earlier years were looked at
}
MOST_SUBJECTS = 63  # bits of a mask


class NotRolled(StrEnum):
    """Why nothing of earlier years was looked at."""

    MISSING = "file_number_missing"
    MALFORMED = "file_number_malformed"
    SHARED = "file_number_shared"  # by two candidates of this year in one specialty
    CONTRADICTED = "history_contradicts_itself"  # a subject of one year both passed and not


@dataclass(frozen=True, slots=True)
class RollingRules:
    """How scores roll in `year`.

    `needed`: this year's specialties with their subjects. `merges`: a specialty of an earlier year
    and the one that it became. `years`: how many exam years the window has, this one included;
    years `not_held` are skipped. `file_number`: what a well-formed one looks like as a whole (a
    regular expression as polars takes it).

    Raises:
        ScoringError: rules that contradict each other.
    """

    year: int
    needed: Mapping[str, tuple[str, ...]]
    merges: Mapping[str, str] = field(default_factory=dict)
    years: int = 2
    not_held: frozenset[int] = frozenset()
    file_number: str = "[0-9A-Za-z]+"

    def __post_init__(self) -> None:
        if self.years < 1:
            raise ScoringError("rolling needs a window of at least 1 year, this one")
        if len(self.subjects) > MOST_SUBJECTS:
            raise ScoringError(f"rolling takes at most {MOST_SUBJECTS} subjects")
        for code, subjects in self.needed.items():
            if not subjects or len(set(subjects)) < len(subjects):
                raise ScoringError(f"specialty {code} must name its subjects, each once")
            if self.became(code) != code:
                raise ScoringError(
                    f"specialty {code} was merged into {self.became(code)}, and yet is sat this "
                    "year; take it out of one of them"
                )
        for code in self.merges:
            self.became(code)
        try:
            pl.Series([""]).str.contains(self.file_number)
        except pl.exceptions.ComputeError as error:
            told = f"the file number's pattern is no regular expression: {error}"
            raise ScoringError(told) from error

    @property
    def subjects(self) -> tuple[str, ...]:
        """Every subject of any specialty, in order."""
        return tuple(dict.fromkeys(s for needed in self.needed.values() for s in needed))

    @property
    def earlier(self) -> tuple[int, ...]:
        """The window's earlier years, latest first."""
        found: list[int] = []
        year = self.year - 1
        while len(found) < self.years - 1:
            if year not in self.not_held:
                found.append(year)
            year -= 1
        return tuple(found)

    def became(self, specialty: str) -> str:
        """The specialty under which scores of `specialty` roll now."""
        seen = [specialty]
        while (after := self.merges.get(seen[-1], seen[-1])) != seen[-1]:
            if after in seen:
                raise ScoringError(f"the merges go in a circle: {' → '.join([*seen, after])}")
            seen.append(after)
        return seen[-1]


def merges_of(rows: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """A merge map from targets and what was merged into each, such as 109 of 109 and 110.

    Raises:
        ScoringError: one specialty is merged into two.
    """
    found: dict[str, str] = {}
    for target, sources in rows.items():
        for source in sources:
            if found.setdefault(source, target) != target:
                raise ScoringError(
                    f"specialty {source} is merged into {found[source]} and {target}; keep one"
                )
    return found


def roll(
    candidates: pl.DataFrame, sittings: pl.DataFrame, history: pl.DataFrame, rules: RollingRules
) -> pl.DataFrame:
    """What every candidate's subjects come to: `OUTCOMES`, in the order of `candidates`.

    Takes `CANDIDATES`, `SITTINGS` and `HISTORY`; other columns are left alone. History outside the
    window is not looked at.

    Raises:
        ScoringError: a candidate or a sitting twice, a sitting of nobody, a specialty or subject
            that is not of this year.
    """
    _check_columns(candidates, CANDIDATES, "candidates")
    _check_columns(sittings, SITTINGS, "sittings")
    _check_columns(history, HISTORY, "history")
    people = candidates.select(*CANDIDATES)
    if twice := people.filter(people["candidate"].is_duplicated())["candidate"].to_list():
        raise ScoringError(f"candidate {twice[0]} stands there twice; keep one row each")
    if unknown := sorted(set(people["specialty"].unique()) - rules.needed.keys(), key=str):
        raise ScoringError(f"specialty {unknown[0]} has no subjects this year; name them")
    earlier = [f"year_{year}" for year in rules.earlier]
    masks = people.join(_this_year(sittings, people, rules), on="candidate", how="left")
    masks = masks.with_columns(_no_rolling(rules))
    masks = masks.join(
        _by_file(history, rules), on=["file_number", "specialty"], how="left", maintain_order="left"
    ).with_columns(
        pl.when(pl.col("not_rolled").is_null() & pl.col("contradicted"))
        .then(pl.lit(NotRolled.CONTRADICTED.value))
        .otherwise("not_rolled")
        .alias("not_rolled")
    )
    rolls = pl.col("not_rolled").is_null()
    masks = masks.with_columns(
        pl.col("now").fill_null(0),
        *(pl.when(rolls).then(name).otherwise(None).fill_null(0).alias(name) for name in earlier),
    )
    by = ["specialty", "now", *earlier]
    rows = [_outcome(row, rules) for row in masks.select(by).unique().iter_rows(named=True)]
    told = {n: OUTCOMES[n] for n in ("qualified", "passed", "carried", "missing")}
    kinds = {"specialty": pl.String(), **dict.fromkeys(by[1:], pl.UInt64())} | told
    outcomes = pl.DataFrame(rows, schema=kinds)
    return masks.join(outcomes, on=by, how="left", maintain_order="left").select(*OUTCOMES)


def _check_columns(frame: pl.DataFrame, columns: Columns, name: str) -> None:
    for column, kind in columns.items():
        if frame.schema.get(column) != kind:
            raise ScoringError(
                f"{name} needs the column {column} as {kind}, got {frame.schema.get(column)}"
            )
        if column != "file_number" and frame[column].null_count():
            raise ScoringError(f"{name}: {column} must be known in every row")


def _bit(rules: RollingRules) -> pl.Expr:
    """A subject's bit; null where it is none of this year's."""
    bits = {subject: 1 << k for k, subject in enumerate(rules.subjects)}
    return pl.col("subject").replace_strict(bits, default=None, return_dtype=pl.UInt64)


def _mask(subjects: tuple[str, ...], rules: RollingRules) -> int:
    return sum(1 << rules.subjects.index(subject) for subject in subjects)


def _this_year(sittings: pl.DataFrame, people: pl.DataFrame, rules: RollingRules) -> pl.DataFrame:
    """`candidate` and `now`, the mask of what it passed this year."""
    bits = sittings.select("candidate", "passed", bit=_bit(rules))
    now = bits.group_by("candidate").agg(
        now=pl.col("bit").filter("passed").bitwise_or(),
        sat=pl.col("bit").bitwise_or(),
        rows=pl.len(),
        known=pl.col("bit").count(),
    )
    if strangers := now.join(people, on="candidate", how="anti")["candidate"].to_list():
        raise ScoringError(f"a sitting names {strangers[0]}, who is not among the candidates")
    needed = {code: _mask(subjects, rules) for code, subjects in rules.needed.items()}
    checked = now.join(people.select("candidate", "specialty"), on="candidate").with_columns(
        needed=pl.col("specialty").replace_strict(needed, return_dtype=pl.UInt64)
    )
    foreign = (pl.col("known") < pl.col("rows")) | (pl.col("sat") & ~pl.col("needed") != 0)
    if bad := checked.filter(foreign)["candidate"].to_list():
        raise ScoringError(f"candidate {bad[0]} sat a subject that its specialty does not have")
    twice = pl.col("sat").bitwise_count_ones() < pl.col("rows")
    if bad := checked.filter(twice)["candidate"].to_list():
        raise ScoringError(f"candidate {bad[0]} sat a subject twice; settle which sitting counts")
    return now.select("candidate", "now")


def _no_rolling(rules: RollingRules) -> pl.Expr:
    """Why a candidate's file number cannot be followed, or null."""
    number = pl.col("file_number")
    return (
        pl.when(number.is_null() | (number == ""))
        .then(pl.lit(NotRolled.MISSING.value))
        .when(~number.str.contains(rf"\A(?:{rules.file_number})\z"))
        .then(pl.lit(NotRolled.MALFORMED.value))
        .when(pl.struct("file_number", "specialty").is_duplicated())
        .then(pl.lit(NotRolled.SHARED.value))
        .otherwise(None)
        .alias("not_rolled")
    )


def _by_file(history: pl.DataFrame, rules: RollingRules) -> pl.DataFrame:
    """By file number and today's specialty: a mask of passes a year, and whether rows disagree."""
    codes = history["specialty"].unique().to_list()
    key = ["file_number", "specialty"]
    window = history.filter(
        pl.col("year").is_in(rules.earlier) & pl.col("file_number").is_not_null()
    ).select(
        "year",
        "file_number",
        "passed",
        pl.col("specialty").replace_strict(
            {code: rules.became(code) for code in codes}, return_dtype=pl.String
        ),
        bit=_bit(rules),
    )
    by_year = (
        window.filter(pl.col("bit").is_not_null())
        .group_by(*key, "year")
        .agg(
            passed=pl.col("bit").filter("passed").bitwise_or().fill_null(0),
            failed=pl.col("bit").filter(~pl.col("passed")).bitwise_or().fill_null(0),
        )
    )
    return by_year.group_by(key).agg(
        *(
            pl.col("passed").filter(pl.col("year") == year).bitwise_or().alias(f"year_{year}")
            for year in rules.earlier
        ),
        contradicted=((pl.col("passed") & pl.col("failed")) != 0).any(),
    )


def _outcome(row: Mapping[str, str | int], rules: RollingRules) -> dict[str, object]:
    """The rule itself: what one specialty's masks come to."""
    passed, carried, missing = [], [], []
    for subject in rules.needed[str(row["specialty"])]:
        bit = _mask((subject,), rules)
        years = [year for year in rules.earlier if int(row[f"year_{year}"]) & bit]
        if int(row["now"]) & bit:
            passed.append(subject)
        elif years:
            carried.append({"subject": subject, "year": years[0]})
        else:
            missing.append(subject)
    found = {"passed": passed, "carried": carried, "missing": missing, "qualified": not missing}
    return {**row, **found}
