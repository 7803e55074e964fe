"""A whole run: pages to tables, taken up where a kill, a power cut or Ctrl-C left it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from omr.batch import PageRef, WorkerSetup, read_records
from omr.errors import OmrError, OutputError
from omr.journal import Journal, RunName, open_journal, take_over
from omr.outputs import writable_folder
from omr.pool import Crew
from omr.progress import Meter, Progress

if TYPE_CHECKING:  # polars is loaded when there is something to write
    from omr.score.marked import Marking
    from omr.score.tables import Tally

_TOGETHER = 16  # pages that go to the disk at once


class Stopped(OmrError):
    """The user stopped the run; the journal keeps what was read."""

    exit_code = 130


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a run is to produce. `design_text` is the design's TOML, kept with the scores.

    `marking` adds each page's score; its key goes into no file.
    """

    out: Path
    setup: WorkerSetup
    crew: Crew
    design_text: str
    scores: Path | None = None
    restart: bool = False
    marking: Marking | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the pages; counts by name. `elapsed_s` and `fresh` are of this run alone."""

    pages: int
    fresh: int
    elapsed_s: float
    statuses: dict[str, int]
    doubts: dict[str, int]
    reasons: dict[str, int]
    advice: dict[str, str]


def run(refs: Sequence[PageRef], order: RunOrder, progress: Progress) -> Summary:
    """Read the pages and write the tables; go on where an earlier, unfinished run stopped.

    The same pages, design and policy give the same bytes, interrupted or not. The journal of the
    same run under another suffix of the output's name, such as one whose format could not hold the
    readings, is taken over, so that no page is read twice.

    Raises:
        OutputError: an output cannot be written, or its journal belongs to another run.
        DesignError: the design cannot be told apart from the tables' own columns.
        Stopped: Ctrl-C.
    """
    from omr.score.columns import layout_for
    from omr.score.marked import columns_of
    from omr.score.writers import check_output

    layout = layout_for(order.setup.design)
    check_output(order.out, len(refs), columns_of(layout, order.marking))
    if order.scores is not None:
        check_scores(order.scores, order.out)
    for folder in (order.setup.overlays, order.setup.traces):
        if folder is not None:
            writable_folder(folder)
    name, path = run_name(refs, order), journal_path(order.out)
    if not order.restart and not path.exists():
        take_over(_other_journals(order.out), path, name)
    journal = open_journal(path, name, restart=order.restart)
    meter = Meter()
    try:
        progress.begin(len(refs), journal.pages)
        meter.add(len(refs) - journal.pages)
        _read(refs[journal.pages :], order, journal, progress)
        progress.stage("writing")
        try:
            summary = _write(journal, order, meter)
        except OutputError as error:
            if isinstance(error.__cause__, OSError):
                raise  # the disk's fault, not the format's: the same command will do
            raise OutputError(f"{error}\n{_kept(order.out)}") from error
        journal.remove()
        return summary
    except KeyboardInterrupt:
        raise Stopped(
            f"stopped after {journal.pages} of {len(refs)} pages; "
            "run the same command again to go on from there"
        ) from None
    finally:
        progress.end()
        journal.close()


def journal_path(out: Path) -> Path:
    """Where the journal of an output is."""
    return out.with_name(f"{out.name}.journal")


def _other_journals(out: Path) -> list[Path]:
    """Journals beside an output of the same name with another suffix."""
    return sorted(
        path
        for path in out.parent.iterdir()
        if path.suffix == ".journal" and Path(path.stem).stem == out.stem and path.stem != out.name
    )


def _kept(out: Path) -> str:
    other = out.with_suffix(".jsonl" if out.suffix == ".parquet" else ".parquet")
    return (
        "What was read is kept: the same command writes another format without reading again, "
        f"with --out {other} (only the suffix may differ)."
    )


def check_scores(scores: Path, out: Path) -> None:
    """Refuse a scores file that could not be written.

    Raises:
        OutputError: not Parquet, the same file as the readings, or no such folder.
    """
    if scores.suffix != ".parquet":
        raise OutputError(f"{scores}: scores are kept as Parquet; give a name in .parquet")
    if scores.absolute() == out.absolute():
        raise OutputError(f"{scores}: readings and scores need a file each; rename one")
    if not scores.parent.is_dir():
        raise OutputError(f"{scores.parent} is no folder; create it first")


def run_name(refs: Sequence[PageRef], order: RunOrder) -> RunName:
    """The name under which this run's journal can be continued."""
    return RunName(
        order.setup.design.hash,
        order.setup.policy.hash,
        metadata.version("omr-reader"),
        len(refs),
        inputs_digest(refs),
    )


def inputs_digest(refs: Iterable[PageRef]) -> str:
    """A digest of which pages are read, in their order, and of their files' sizes and times."""
    digest = hashlib.sha256()
    last, stamp = "", ""
    for ref in refs:
        path = str(getattr(ref, "path", ref.source))
        if path != last:
            last, stamp = path, getattr(ref, "stamp", "") or _stamp(path)
        line = f"{ref.source}\0{ref.frame}\0{ref.position}\0{stamp}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _stamp(path: str) -> str:
    with suppress(OSError):
        found = os.stat(path)
        return f"{found.st_size}.{found.st_mtime_ns}"
    return "missing"


def _read(refs: Sequence[PageRef], order: RunOrder, journal: Journal, progress: Progress) -> None:
    """Every page that is left, into the journal; whatever ends this, nothing read is lost."""
    waiting: list[bytes] = []
    try:
        for record in read_records(refs, order.setup, order.crew):
            waiting.append(record)
            if len(waiting) >= _TOGETHER:
                journal.append(waiting)
                progress.advance(len(waiting))
                waiting.clear()
    except BaseException:
        with suppress(OutputError):
            journal.append(waiting)
        raise
    journal.append(waiting)
    progress.advance(len(waiting))


def _write(journal: Journal, order: RunOrder, meter: Meter) -> Summary:
    from omr.score.columns import layout_for, notes_for
    from omr.score.marked import columns_of, with_scores
    from omr.score.tables import Tally, reading_frames, score_frames
    from omr.score.writers import write_table

    layout = layout_for(order.setup.design)
    notes = notes_for(order.design_text)
    tally = Tally()
    frames = tally.counted(reading_frames(journal.records(), layout, journal.tags))
    scored = with_scores(frames, layout, order.marking)
    write_table(scored, order.out, columns_of(layout, order.marking), notes)
    if order.scores is not None:
        write_table(score_frames(journal.records(), layout), order.scores, layout.scores, notes)
    return summary_of(tally, meter)


def summary_of(tally: Tally, meter: Meter) -> Summary:
    """What a tally and a meter say at the end."""
    return Summary(
        tally.pages,
        meter.pages,
        meter.elapsed_s,
        dict(tally.statuses),
        dict(tally.doubts),
        dict(tally.reasons),
        dict(tally.advice),
    )
