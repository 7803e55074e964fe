"""From rows to frames: the readings and the scores of many pages, a batch at a time.

Frames come in feed order and hold at most `BATCH` pages each, so memory does not grow with the
run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat, tee
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from omr.page_counts import PageCounts
from omr.records import SideName, Status
from omr.score.columns import BARCODE, DOUBT, PAGE, Columns, Layout
from omr.score.pairing import Face, Pairing, pair_sheets, twins_of, usual_first
from omr.score.rows import BACK, FRONT, REJECTED, Packed, Row, SideArrays, cut, value_names

BATCH = 2048
_SIDES = {FRONT: SideName.FRONT, BACK: SideName.BACK}
_UNPAIRED = Pairing(None)
T = TypeVar("T")
Part = tuple[Sequence[int], Mapping[str, pl.Series]]  # rows' places in their batch, and columns


@dataclass(slots=True)
class Tally(PageCounts):
    """What became of the pages of a run, counted while its readings are built."""

    advice: dict[str, str] = field(default_factory=dict)  # by reason

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Count the pages of a frame of readings."""
        self.statuses.update(frame["status"].to_list())
        kinds = frame["doubts"].list.eval(pl.element().struct["kind"].unique()).explode()
        self.doubts.update(kinds.drop_nulls().to_list())
        rejected = frame.filter(pl.col("reason").is_not_null()).select("reason", "advice")
        for reason, advice in rejected.iter_rows():
            self.reasons[reason] += 1
            self.advice.setdefault(reason, advice)

    def counted(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The frames, counted as they pass."""
        for frame in frames:
            self.add_frame(frame)
            yield frame


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is said of n pages of one side, by column."""

    values: Mapping[str, pl.Series]  # by field and barcode zone
    probability: NDArray[np.float32]  # (n, fields)
    masks: NDArray[np.uint32]  # (n, groups)


def reading_frames(
    rows: Iterable[Packed], layout: Layout, tags: bytes | bytearray
) -> Iterator[pl.DataFrame]:
    """The readings table of rows in feed order; `tags` are the tags of all of them."""
    twins = twins_of(layout.design)
    if len(layout.design.sides) == 1:
        pairings: Iterable[Pairing] = repeat(_UNPAIRED)
        pages: Iterable[Packed] = rows
    else:
        first = usual_first(tags)
        pages, seen = tee(rows)  # pairing looks two pages ahead of what is built
        pairings = pair_sheets((face_of(p, layout, twins.flat()) for p in seen), twins, first)
    for batch in _batches(zip(pages, pairings, strict=False)):
        yield _readings([p for p, _ in batch], [pairing for _, pairing in batch], layout)


def score_frames(rows: Iterable[Packed], layout: Layout) -> Iterator[pl.DataFrame]:
    """The scores table of rows in feed order."""
    for batch in _batches(rows):
        parts = []
        for tag, order in _by_tag(batch).items():
            columns = page_columns([batch[i].row for i in order], tag)
            if tag != REJECTED:
                columns |= _measured([batch[i] for i in order], layout)
            parts.append((order, columns))
        yield assemble(parts, layout.scores)


def assemble(parts: Sequence[Part], schema: Columns) -> pl.DataFrame:
    """One frame out of parts whose rows belong at the given places; what a part lacks is null."""
    frames = [
        pl.DataFrame(dict(columns)).with_columns(pl.Series("_at", order, pl.UInt32))
        for order, columns in parts
    ]
    whole = pl.concat(frames, how="diagonal")
    if len(frames) > 1:
        whole = whole.sort("_at")
    there = set(whole.columns)
    return whole.select(
        pl.col(name).cast(kind) if name in there else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )


def page_columns(rows: Sequence[Row], tag: int) -> dict[str, pl.Series]:
    """The columns of `columns.PAGE` that rows of that tag have."""
    names = ["position", "source", "frame", "sha256", "design_hash"]
    if tag == REJECTED:
        names += ["reason", "evidence", "advice"]
    else:
        names += ["side", "turn", "residual_mm"]
    columns = {n: pl.Series(n, [row[n] for row in rows], PAGE[n]) for n in names}
    if tag == REJECTED:
        figures = [json.dumps(row["figures"]) if row["figures"] else None for row in rows]
        columns["figures"] = pl.Series("figures", figures, pl.String)
    else:
        columns["barcodes"] = struct_lists([row["barcodes"] for row in rows], BARCODE)
    return columns


def struct_lists(rows: Sequence[Sequence[Sequence[str]]], of: pl.Struct) -> pl.Series:
    """A list of structs a row, from the texts of each struct in the order of its fields."""
    names = [one.name for one in of.fields]
    flat = [(at, *texts) for at, row in enumerate(rows) for texts in row]
    schema = {"_at": pl.UInt32(), **dict.fromkeys(names, pl.String())}
    grouped = (
        pl.DataFrame(flat, schema, orient="row")
        .group_by("_at", maintain_order=True)
        .agg(pl.struct(names).alias("lists"))
    )
    places = pl.DataFrame({"_at": pl.Series(range(len(rows)), dtype=pl.UInt32)})
    lists = places.join(grouped, on="_at", how="left", maintain_order="left")["lists"]
    return lists.cast(pl.List(of)).fill_null(pl.Series([[]], dtype=pl.List(of)))


def verdict_columns(verdicts: Verdicts) -> dict[str, pl.Series]:
    """Verdicts as columns of the readings table."""
    worst = verdicts.probability.max(axis=1, initial=0.0)
    return dict(verdicts.values) | {
        "error_probability": _lists(verdicts.probability, pl.Float32),
        "worst_error_probability": pl.Series(worst, dtype=pl.Float32),
        "masks": _lists(verdicts.masks, pl.UInt32),
    }


def joined_columns(verdicts: Verdicts, layout: Layout) -> dict[str, pl.Series]:
    """Values that are put together from several fields, where the side has them."""
    said = pl.DataFrame(list(verdicts.values.values()))
    return {
        join.name: said.select(
            pl.concat_str(
                pl.when(pl.col(part) == "").then(pl.lit(blank)).otherwise(pl.col(part))
                for part, blank in zip(join.parts, join.blanks, strict=True)
            )
        )
        .to_series()
        .alias(join.name)
        for join in layout.design.joins
        if set(join.parts) <= set(said.columns)
    }


def with_joined(doubts: Sequence[Sequence[str]], layout: Layout) -> list[Sequence[str]]:
    """A page's doubts (kind, field, evidence), and those of the joined values that rest on them."""
    told = list(doubts)
    for join in layout.design.joins:
        fields: dict[str, list[str]] = {}
        for kind, name, _ in doubts:
            if name in join.parts:
                fields.setdefault(kind, []).append(name)
        told += [(kind, join.name, f"in {', '.join(own)}") for kind, own in fields.items()]
    return told


def face_of(page: Packed, layout: Layout, names: Sequence[str]) -> Face:
    """What pairing needs of a row: where it stood, its side, and the values of those names."""
    row = page.row
    if page.tag == REJECTED:
        return Face(row["position"], row["source"], None)
    side = layout.side(_SIDES[page.tag])
    said: dict[str, str] = {}
    if names:
        values = dict(zip(value_names(side), row["values"], strict=True))
        said = {name: values[name] for name in names if name in values}
    return Face(row["position"], row["source"], side.name, said)


def _readings(batch: Sequence[Packed], pairings: Sequence[Pairing], layout: Layout) -> pl.DataFrame:
    parts = []
    for tag, order in _by_tag(batch).items():
        pages, pairs = [batch[i] for i in order], [pairings[i] for i in order]
        rows = [page.row for page in pages]
        columns = page_columns(rows, tag)
        if tag != REJECTED:
            verdicts = _stored_verdicts(pages, layout)
            columns |= verdict_columns(verdicts) | joined_columns(verdicts, layout)
        columns["status"] = pl.Series(
            [_status(row["status"], bool(p.doubts)) for row, p in zip(rows, pairs, strict=True)]
        )
        columns["doubts"] = struct_lists(
            [with_joined(_doubts(row, p), layout) for row, p in zip(rows, pairs, strict=True)],
            DOUBT,
        )
        columns["partner"] = pl.Series([pair.partner for pair in pairs], dtype=pl.UInt32)
        columns["policy_hash"] = pl.Series([row["policy_hash"] for row in rows])
        parts.append((order, columns))
    return assemble(parts, layout.readings)


def _stored_verdicts(pages: Sequence[Packed], layout: Layout) -> Verdicts:
    side = layout.side(_SIDES[pages[0].tag])
    arrays = _arrays(pages, layout)
    columns = zip(*(page.row["values"] for page in pages), strict=True)
    values = {
        name: pl.Series(name, column, pl.String)
        for name, column in zip(value_names(side), columns, strict=True)
    }
    return Verdicts(values, arrays.probability, arrays.masks)


def _measured(pages: Sequence[Packed], layout: Layout) -> dict[str, pl.Series]:
    measured = _arrays(pages, layout).measured
    columns = {"bitonal": pl.Series([page.row["bitonal"] for page in pages], dtype=pl.Boolean)}
    for at, name in enumerate(("fill", "darkness", "around", "through")):
        columns[name] = pl.Series([page[at].tobytes() for page in measured], dtype=pl.Binary)
    return columns


def _arrays(pages: Sequence[Packed], layout: Layout) -> SideArrays:
    side = layout.side(_SIDES[pages[0].tag])
    return cut(b"".join(page.arrays for page in pages), len(pages), side)


def _lists(array: NDArray[np.generic], of: type[pl.DataType]) -> pl.Series:
    if array.shape[1] == 0:
        return pl.Series([[]] * len(array), dtype=pl.List(of))
    return pl.Series(array, dtype=pl.Array(of, array.shape[1])).cast(pl.List(of))


def _status(status: str, doubted: bool) -> str:
    return str(Status.REVIEW) if doubted and status == Status.READ else status


def _doubts(row: Row, pairing: Pairing) -> list[Sequence[str]]:
    own: list[Sequence[str]] = row.get("doubts", [])
    return own + [(str(d.kind), d.field, d.evidence) for d in pairing.doubts]


def _by_tag(batch: Sequence[Packed]) -> dict[int, list[int]]:
    places: dict[int, list[int]] = {}
    for at, page in enumerate(batch):
        places.setdefault(page.tag, []).append(at)
    return places


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    feed = iter(items)
    while batch := list(islice(feed, BATCH)):
        yield batch
