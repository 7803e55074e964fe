"""Cards judged anew under another policy, from their stored scores; no image is touched."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, starmap
from pathlib import Path

import numpy as np
import polars as pl

from omr.design import Design
from omr.design_parse import parse_design
from omr.errors import DesignError, SourceError
from omr.policy import Policy
from omr.records import U8, BarcodeRead, Doubt, SideName, Status
from omr.score.columns import DESIGN_KEY, DOUBT, FORMAT, FORMAT_KEY, PAGE, Layout, layout_for
from omr.score.pairing import Face, Pairing, Twins, pair_sheets, twins_of, usual_first
from omr.score.reading import SideValues, read_many
from omr.score.rows import BACK, FRONT, REJECTED
from omr.score.tables import (
    Part,
    Verdicts,
    assemble,
    joined_columns,
    struct_lists,
    verdict_columns,
    with_joined,
)
from omr.score.writers import ROW_GROUP

_FIGURES = ("fill", "darkness", "around", "through")
_NOT_SCORES = "make one with `omr read … --scores FILE.parquet`"
_AHEAD = 2  # the kernels let go of Python's lock, so two threads do help
_TAGS = {None: REJECTED, "front": FRONT, "back": BACK}


@dataclass(frozen=True, slots=True)
class ScoresFile:
    """A stored scores table and the design of its cards."""

    path: Path
    layout: Layout
    design_text: str
    tags: bytes

    @property
    def pages(self) -> int:
        """Rows of the table."""
        return len(self.tags)


def open_scores(path: Path, given: Design | None = None) -> ScoresFile:
    """The scores file at `path`; the design is in it. `given`, if any, must be the same.

    Raises:
        SourceError: the file cannot be read, or is no scores file of this version.
        DesignError: `given` is another design than the cards'.
    """
    try:
        notes = pl.read_parquet_metadata(path)
        if notes.get(FORMAT_KEY) != FORMAT or DESIGN_KEY not in notes:
            raise SourceError(f"{path} is no scores file of this version; {_NOT_SCORES}")
        known = pl.read_parquet_schema(path)
        if missing := {*PAGE, *_FIGURES, "bitonal"} - set(known):
            raise SourceError(f"{path} holds readings, not scores ({min(missing)} is missing); "
                              f"{_NOT_SCORES}")  # fmt: skip
        heads = pl.read_parquet(path, columns=["side", "design_hash"])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"{path} cannot be read as a scores file: {error}") from error
    design = parse_design(notes[DESIGN_KEY], f"the design in {path.name}")
    found = set(heads["design_hash"].unique())
    if given is not None and given.hash != design.hash:
        raise DesignError(
            given.source, (f"the cards in {path} are of another design ({design.name})",)
        )
    if found - {design.hash}:
        raise SourceError(f"{path}: its rows are not all of the design that it holds; read again")
    tags = bytes(_TAGS[side] for side in heads["side"].to_list())
    return ScoresFile(path, layout_for(design), notes[DESIGN_KEY], tags)


def judged_frames(scores: ScoresFile, policy: Policy) -> Iterator[pl.DataFrame]:
    """The readings table of the stored cards under a policy, in feed order."""
    twins = twins_of(scores.layout.design)
    if len(scores.layout.design.sides) == 1:
        for batch in _batches(scores, policy):
            yield batch.frame([Pairing(None)] * batch.size, scores.layout, policy)
        return
    open_batches: deque[_Batch] = deque()

    def faces() -> Iterator[Face]:
        for batch in _batches(scores, policy):
            open_batches.append(batch)
            yield from batch.faces(twins)

    pairings: list[Pairing] = []
    for pairing in pair_sheets(faces(), twins, usual_first(scores.tags)):
        pairings.append(pairing)
        if len(pairings) == open_batches[0].size:
            yield open_batches.popleft().frame(pairings, scores.layout, policy)
            pairings = []


@dataclass(frozen=True, slots=True)
class _Group:
    """The pages of a batch that are of one side, or rejected."""

    side: SideName | None
    places: list[int]
    pages: pl.DataFrame
    said: SideValues | None


@dataclass(frozen=True, slots=True)
class _Batch:
    size: int
    groups: list[_Group]

    def faces(self, twins: Twins) -> list[Face]:
        """What pairing needs of each page."""
        faces: dict[int, Face] = {}
        for group in self.groups:
            values = [{}] * len(group.places) if group.said is None else _twin_values(group, twins)
            rows = zip(group.places, group.pages["position"], group.pages["source"], strict=True)
            for (at, position, source), said in zip(rows, values, strict=True):
                faces[at] = Face(position, source, group.side, said)
        return [faces[at] for at in range(self.size)]

    def frame(self, pairings: Sequence[Pairing], layout: Layout, policy: Policy) -> pl.DataFrame:
        """The batch as readings."""
        parts = [
            self._part(group, [pairings[at] for at in group.places], layout)
            for group in self.groups
        ]
        frame = assemble(parts, layout.readings)
        return frame.with_columns(pl.lit(policy.hash).alias("policy_hash"))

    def _part(self, group: _Group, pairings: Sequence[Pairing], layout: Layout) -> Part:
        columns = {name: group.pages[name] for name in PAGE}
        own: list[tuple[Doubt, ...]] = [()] * len(pairings)
        if group.said is not None:
            own = group.said.doubts
            verdicts = _verdicts(group.said)
            columns |= verdict_columns(verdicts) | joined_columns(verdicts, layout)
        doubts = [(*a, *b.doubts) for a, b in zip(own, pairings, strict=True)]
        texts = [
            with_joined([(str(d.kind), d.field, d.evidence) for d in row], layout) for row in doubts
        ]
        columns["doubts"] = struct_lists(texts, DOUBT)
        columns["partner"] = pl.Series([p.partner for p in pairings], dtype=pl.UInt32)
        if group.said is None:
            status = pl.Series([str(Status.REJECTED)] * len(pairings))
        else:
            status = pl.Series([str(Status.REVIEW if d else Status.READ) for d in doubts])
        columns["status"] = status
        return group.places, columns


def _batches(scores: ScoresFile, policy: Policy) -> Iterator[_Batch]:
    """Batches in feed order; the next ones are judged while one is being written."""
    starts = range(0, scores.pages, ROW_GROUP)
    with ThreadPoolExecutor(_AHEAD) as threads:
        open_futures: deque[Future[_Batch]] = deque()
        for start in starts:
            open_futures.append(threads.submit(_batch, scores, policy, start))
            if len(open_futures) > _AHEAD:
                yield open_futures.popleft().result()
        while open_futures:
            yield open_futures.popleft().result()


def _batch(scores: ScoresFile, policy: Policy, start: int) -> _Batch:
    frame = pl.scan_parquet(scores.path).slice(start, ROW_GROUP).collect().with_row_index("_at")
    groups = []
    for side in (None, *SideName):
        mine = pl.col("side").is_null() if side is None else pl.col("side") == str(side)
        pages = frame.filter(mine)
        if pages.height:
            said = None if side is None else _judge(pages, side, scores.layout, policy)
            groups.append(_Group(side, pages["_at"].to_list(), pages.drop("_at"), said))
    return _Batch(frame.height, groups)


def _judge(pages: pl.DataFrame, name: SideName, layout: Layout, policy: Policy) -> SideValues:
    side = layout.side(name)
    fill, darkness, around, through = (_figures(pages[one], side.bubble_count) for one in _FIGURES)
    bitonal = pages["bitonal"].to_numpy()
    codes = _barcodes(pages["barcodes"])
    return read_many(side, policy, (fill, darkness, around, through), bitonal, codes)


def _figures(column: pl.Series, bubbles: int) -> U8:
    joined = b"".join(column.to_list())
    return np.frombuffer(joined, np.uint8).reshape(len(column), bubbles)


def _barcodes(column: pl.Series) -> list[tuple[BarcodeRead, ...]]:
    codes = starmap(BarcodeRead, column.explode(empty_as_null=False).struct.unnest().rows())
    return [tuple(islice(codes, count)) for count in column.list.len()]


def _verdicts(said: SideValues) -> Verdicts:
    values = {
        name: pl.Series(name, said.values[:, k].tolist(), pl.String)
        for k, name in enumerate(said.names)
    }
    return Verdicts(values, said.probability, said.masks)


def _twin_values(group: _Group, twins: Twins) -> list[dict[str, str]]:
    said = group.said
    assert said is not None
    places = [(name, said.names.index(name)) for name in twins.flat() if name in said.names]
    return [{name: row[at] for name, at in places} for row in said.values]
