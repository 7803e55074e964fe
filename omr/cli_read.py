"""The commands `omr read` and `omr judge`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omr.cli_command import command
from omr.pool import Crew, Limits

if TYPE_CHECKING:
    from omr.design import Design
    from omr.importers.omrchecker_evaluation import ReadKeyCard
    from omr.policy import Policy
    from omr.run import RunOrder, Summary

DesignName = Annotated[str, typer.Option(metavar="NAME|FILE", help="The cards' design.")]
Out = Annotated[
    Path, typer.Option(help="The table to write: .parquet, .jsonl, .csv, .xlsx, .sav or .dbf.")
]
PolicyFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What counts as a mark; else the default.")
]


EvaluationFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Score by this evaluation.json; else by the one beside --design template.json.",
    ),
]


@dataclass(frozen=True, slots=True)
class Cards:
    """What is read, and by what."""

    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Images, PDFs, zips or folders; or s3://… of such."),
    ]
    design: DesignName
    policy: PolicyFile = None
    evaluation: EvaluationFile = None

    def local(self) -> list[Path]:
        """Those that lie on a disk."""
        from omr.batch import on_disk

        return on_disk(self.paths)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written."""

    out: Out
    scores: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet", help="Keep what was measured, for `omr judge`."),
    ] = None
    overlay: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A picture of each page with its reading.")
    ] = None
    trace: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Numbered pictures of every stage.")
    ] = None

    def own(self) -> list[Path]:
        """What may lie among the pages and is none."""
        from omr.run import journal_path

        listed = (self.out, journal_path(self.out), self.scores, self.overlay, self.trace)
        return [path for path in listed if path is not None]


@dataclass(frozen=True, slots=True)
class Labour:
    """How the work is done."""

    workers: Annotated[
        int | None,
        typer.Option(min=0, max=256, help="Processes, else one a core; 0 for none."),
    ] = None
    restart: Annotated[
        bool, typer.Option("--restart", help="Discard what an unfinished run has read.")
    ] = False
    cluster: Annotated[
        str, typer.Option(metavar="tcp://HOST:8786", help="Read with the machines of a cluster.")
    ] = ""
    cluster_keys: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The keys of a cluster at tls://…")
    ] = None

    def crew(self) -> Crew:
        """Who reads."""
        if not self.cluster:
            return Limits(cores() if self.workers is None else self.workers)
        from omr.cluster.crew import Cluster

        return Cluster(self.cluster, self.cluster_keys, lambda words: print(words, file=sys.stderr))


@command
def read(cards: Cards, outputs: Outputs, labour: Labour) -> None:
    """Read scanned cards into a table. An interrupted run goes on when the command is repeated."""
    from omr.batch import WorkerSetup, list_files, not_there
    from omr.errors import SourceError
    from omr.importers.any import load_any, marking_for, no_scans
    from omr.policy import load_policy
    from omr.progress import shown_on
    from omr.run import RunOrder, run

    for path in not_there(cards.paths):
        raise SourceError(f"{path} does not exist; check the path")
    design, policy = load_any(cards.design), load_policy(cards.policy)
    setup = WorkerSetup(design, policy, overlays=outputs.overlay, traces=outputs.trace)
    crew = labour.crew()
    if crew.elsewhere:
        setup = replace(setup, folder=Path.cwd(), sees=tuple(cards.local()))
    order = RunOrder(
        outputs.out,
        setup,
        crew,
        design_text(design, cards.design),
        outputs.scores,
        labour.restart,
        marking_for(design, cards.design, cards.evaluation, _key_card_reader(design, policy)),
    )
    skipped: Counter[str] = Counter()
    named = {path.absolute() for path in cards.local()}  # a picture that is asked for is read
    left = [p for p in no_scans(cards.design, cards.evaluation) if p.absolute() not in named]
    refs = list_files(cards.paths, [*outputs.own(), *left], skipped)
    if not refs:
        asked = ", ".join(cards.paths)
        raise SourceError(f"no pages found in {asked}{_skipped(skipped)}")
    summary = run(refs, order, shown_on(sys.stderr))
    typer.echo(told(summary) + _skipped(skipped))
    typer.echo(_written(order))


def _key_card_reader(design: Design, policy: Policy) -> ReadKeyCard:
    """Reads a filled card that holds a key (标准答案卡)."""
    from omr.errors import AnswerKeyError
    from omr.importers.omrchecker_evaluation import KeyCard
    from omr.pipeline import read_page
    from omr.records import RejectedPage, ScannedPage

    def read(path: Path) -> KeyCard:
        try:
            content = path.read_bytes()
        except OSError as error:
            told = (f"the key's card {path} cannot be read: {error.strerror}",)
            raise AnswerKeyError(path.name, told) from error
        page = ScannedPage(content, ScannedPage.digest(content), str(path), 0)
        found = read_page(page, design, policy)
        if isinstance(found, RejectedPage):
            raise AnswerKeyError(path.name, (f"{found.reason}: {found.evidence}",))
        said = found.reading
        doubted = frozenset(doubt.field for doubt in said.doubts)
        return KeyCard(dict(zip(said.fields, said.values, strict=True)), doubted)

    return read


def judge(
    scores: Annotated[Path, typer.Argument(metavar="SCORES.parquet", help="From `omr read`.")],
    out: Out,
    policy: PolicyFile = None,
    design: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Refuse cards of another design than this."),
    ] = None,
    evaluation: EvaluationFile = None,
) -> None:
    """Judge stored scores under another policy; no image is needed."""
    from omr.errors import OutputError
    from omr.importers.any import load_any, marking_for
    from omr.policy import load_policy
    from omr.progress import Meter
    from omr.run import summary_of
    from omr.score.columns import notes_for
    from omr.score.marked import columns_of, with_scores
    from omr.score.rejudge import judged_frames, open_scores
    from omr.score.tables import Tally
    from omr.score.writers import check_output, write_table

    meter = Meter()
    rules = load_policy(policy)
    stored = open_scores(scores, load_any(design) if design else None)
    layout = stored.layout
    reader = _key_card_reader(layout.design, rules)
    marking = marking_for(layout.design, design, evaluation, reader)
    columns = columns_of(layout, marking)
    check_output(out, stored.pages, columns)
    if out.absolute() == scores.absolute():
        raise OutputError(f"{out} holds the scores; give the readings a file of their own")
    tally = Tally()
    frames = tally.counted(judged_frames(stored, rules))
    notes = notes_for(stored.design_text)
    write_table(with_scores(frames, layout, marking), out, columns, notes)
    meter.add(tally.pages)
    typer.echo(told(summary_of(tally, meter)))
    typer.echo(_readings(out))


def design_text(design: Design, name_or_file: str) -> str:
    """The TOML of a loaded design, to be kept with its scores.

    Raises:
        DesignError: the file was changed just now.
    """
    from omr.design import builtin_names
    from omr.design_parse import parse_design, with_pictures
    from omr.errors import DesignError
    from omr.importers.omrchecker import load_omrchecker

    if name_or_file in builtin_names():
        text = (resources.files("omr") / "designs" / f"{name_or_file}.toml").read_text("utf-8")
    elif Path(name_or_file).suffix == ".json":
        text = load_omrchecker(Path(name_or_file)).standalone()
    else:
        file = Path(name_or_file)
        text = with_pictures(file.read_text("utf-8"), file.parent)
    if parse_design(text, name_or_file).hash != design.hash:
        raise DesignError(name_or_file, ("it was changed while it was read; start again",))
    return text


def told(summary: Summary) -> str:
    """A summary in words."""
    rate = summary.fresh / max(summary.elapsed_s, 1e-6)
    lines = [f"{summary.pages} pages in {summary.elapsed_s:.1f} s, {rate:.0f} pages/s"]
    earlier = summary.pages - summary.fresh
    if earlier:
        lines[0] += f" ({earlier} of them from the run before)"
    lines.append(f"  read      {summary.statuses.get('read', 0)}")
    lines.append(f"  review    {summary.statuses.get('review', 0)}")
    lines += [f"    {count:>6}  {kind}" for kind, count in _most(summary.doubts)]
    lines.append(f"  rejected  {summary.statuses.get('rejected', 0)}")
    for reason, count in _most(summary.reasons):
        lines.append(f"    {count:>6}  {reason}: {summary.advice[reason]}")
    return "\n".join(lines)


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _skipped(skipped: Counter[str]) -> str:
    if not skipped:
        return ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in _most(skipped))
    return f"\nleft out as no scans: {kinds}"


def _written(order: RunOrder) -> str:
    lines = [_readings(order.out)]
    if order.scores:
        lines.append(f"scores: {order.scores}")
    if order.setup.overlays:
        lines.append(f"overlays: {order.setup.overlays}")
    if order.setup.traces:
        lines.append(f"traces: {order.setup.traces}")
    return "\n".join(lines)


def _readings(out: Path) -> str:
    from omr.outputs import names_path

    if out.suffix == ".dbf":
        return f"readings: {out}\nits fields' full names: {names_path(out)}"
    return f"readings: {out}"


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
