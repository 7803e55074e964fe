"""Scores beside readings: each page of a table marked under a key.

A score that rests on a doubted field is not told: the page goes to a person, and is marked when
its fields are settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from omr.design import Design
from omr.errors import AnswerKeyError, DesignError
from omr.score.columns import Columns, Layout
from omr.score.grading import grade
from omr.score.key import Key, written

SCORES: Columns = {
    "score": pl.String(),  # exact, as people write it; null where a doubt or a refusal stands
    "score_max": pl.String(),  # full marks
    "score_doubted": pl.UInt32(),  # on how many doubted fields it would rest; 0 where it is told
}
"""The columns that marking adds, right after the design's own."""


@dataclass(frozen=True, slots=True)
class Marking:
    """A key, and what its items are on the cards: fields, or labels that fields are joined to."""

    key: Key
    parts: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, key: Key, design: Design) -> Marking:
        """A key for the cards of a design.

        Raises:
            AnswerKeyError: an item is none of the design's fields and joined labels.
        """
        known: dict[str, tuple[str, ...]]
        known = {field.name: (field.name,) for side in design.sides for field in side.fields}
        known |= {join.name: join.parts for join in design.joins}
        lost = [item.name for item in key.items if item.name not in known]
        if lost:
            told = tuple(f"{name} is no field of the design {design.name}" for name in lost)
            raise AnswerKeyError("the key", told)
        return cls(key, {item.name: known[item.name] for item in key.items})

    def columns(self, layout: Layout) -> Columns:
        """The readings' columns with the scores among them.

        Raises:
            DesignError: a field has the name of one of them.
        """
        clash = sorted(set(SCORES) & set(layout.readings))
        if clash:
            told = tuple(f"field {n!r} has the name of an output column; rename it" for n in clash)
            raise DesignError(layout.design.source, told)
        found: Columns = {}
        for name, kind in layout.readings.items():
            if name == "reason":  # the design's own columns end here
                found |= SCORES
            found[name] = kind
        return found

    def marked(self, frames: Iterable[pl.DataFrame], layout: Layout) -> Iterator[pl.DataFrame]:
        """Readings with their scores."""
        columns = self.columns(layout)
        full = written(self.key.full)
        needed = sorted({part for parts in self.parts.values() for part in parts})
        for frame in frames:
            rows = frame.select("doubts", *needed).iter_rows(named=True)
            told = [self._score(row) for row in rows]
            found = pl.Series("score", [score for score, _ in told], pl.String)
            counts = pl.Series("score_doubted", [n for _, n in told], SCORES["score_doubted"])
            full_marks = pl.lit(full).alias("score_max")
            yield frame.with_columns(found, full_marks, counts).select(list(columns))

    def _score(self, row: Mapping[str, object]) -> tuple[str | None, int | None]:
        """A page's score, and how many doubts keep it back; neither of a page that lacks fields."""
        parts = {part for parts in self.parts.values() for part in parts}
        if any(row[part] is None for part in parts):
            return None, None
        doubts = row["doubts"]
        named = {doubt["field"] for doubt in doubts} if isinstance(doubts, list) else set()
        if doubted := len(named & (parts | {""})):
            return None, doubted
        answers = {
            name: "".join(str(row[part]) for part in parts) for name, parts in self.parts.items()
        }
        return written(grade(self.key, answers).total), 0


def columns_of(layout: Layout, marking: Marking | None) -> Columns:
    """The readings' columns, with scores where there is a key.

    Raises:
        DesignError: a field has the name of one of the scores' columns.
    """
    return marking.columns(layout) if marking else layout.readings


def with_scores(
    frames: Iterable[pl.DataFrame], layout: Layout, marking: Marking | None
) -> Iterable[pl.DataFrame]:
    """Readings, with their scores where there is a key."""
    return marking.marked(frames, layout) if marking else frames
