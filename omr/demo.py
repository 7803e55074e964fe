"""`make demo`: reads sample_scans/ as any stack of cards is read, and shows what came out."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omr import run as batch_run
from omr.batch import PageRef, WorkerSetup, engine, file_opener
from omr.cli_read import design_text
from omr.corpus import FamilyResult, PageSaid, listed_scans, table_of, wide_console
from omr.corpus_layout import Expected, read_corpus
from omr.design import Design, load_design
from omr.policy import default_policy
from omr.pool import Limits
from omr.progress import Silent, shown_on
from omr.run import RunOrder, Summary
from omr.score.rows import value_names
from omr.trace import write_overlay

SCANS = Path("sample_scans")
OUT = Path("build") / "demo"
_MOST_OVERLAYS = 12
# Whose overlays are worth a look, if they are there; then one for every doubt and every refusal.
_WORTH_SEEING = ("everyday", "light", "erasure", "crease", "turned")


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of the samples, what it should say, and where its counts go."""

    result: FamilyResult
    expected: Expected
    ref: PageRef


def run_demo(scans: Path, out: Path) -> list[FamilyResult]:
    """Read a corpus through the batch into `out`: readings and scores a design, and overlays.

    Raises:
        OmrError: the corpus or an output cannot be used.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    results = [FamilyResult(family) for family in read_corpus(scans)]
    designs = dict.fromkeys(result.family.design_source for result in results)
    worth: dict[str, tuple[Scan, Design]] = {}
    for source in designs:
        design = load_design(source)
        stack = list(_stack([r for r in results if r.family.design_source == source]))
        table = out / f"{design.name}.jsonl"
        summary = _read(stack, design, design_text(design, source), table)
        print(f"{table}: {summary.pages} pages in {summary.elapsed_s:.1f} s")
        for scan, said in zip(stack, _rows(table, design), strict=True):
            scan.result.compare(scan.expected, said)
            for label in _labels(scan, said):
                worth.setdefault(label, (scan, design))
    _draw(worth, out / "overlays")
    return results


def run() -> int:
    """Run the demo in the project's folder and tell where to look next."""
    console = wide_console()
    console.print(
        "[bold]Reading sample_scans/[/]: simulated answer cards, a family for each defect"
    )
    results = run_demo(SCANS, OUT)
    console.print(table_of(results))
    misread = sum(result.misread for result in results)
    pages = sum(result.pages for result in results)
    colour = "bold red" if misread else "bold green"
    console.print(f"[{colour}]{misread} of {pages} pages misread[/]: values that are wrong and not")
    console.print("doubted, held against what each card is known to say.\n")
    console.print("[bold]Where to look next[/]", highlight=False)
    for path, words in (
        (f"{OUT / 'overlays'}/", "what was seen on some of the pages, what was doubted, and why"),
        (f"{OUT}/*.jsonl", "the readings, a line a page, and the scores they were judged from"),
        ("omr/README.md", "how a card is read, and what to do about each refusal"),
        ("sample_scans/README.md", "how to add scans of your own"),
    ):
        console.print(f"  {path:<24} {words}", highlight=False)
    console.print(
        "\n  omr read SCANS --design cn-health-203 --out readings.xlsx --overlay pictures"
    )
    console.print("  omr design print quiz-a5 --out cards.pdf")
    return int(bool(misread))


def _stack(results: Sequence[FamilyResult]) -> Iterator[Scan]:
    """All scans of some families as one feed."""
    position = 0
    for result in results:
        for expected, ref in listed_scans(result.family):
            placed: Any = ref
            yield Scan(result, expected, replace(placed, position=position))
            position += 1


def _read(stack: Sequence[Scan], design: Design, text: str, table: Path) -> Summary:
    """The same run as `omr read` makes, but in this process: so few pages are read sooner so."""
    limits = Limits(workers=0)
    scores = table.with_name(f"{design.name}-scores.parquet")
    order = RunOrder(table, WorkerSetup(design, default_policy()), limits, text, scores)
    progress = shown_on(sys.stderr) if sys.stderr.isatty() else Silent()
    return batch_run.run([scan.ref for scan in stack], order, progress)


def _rows(table: Path, design: Design) -> Iterator[PageSaid]:
    names = [name for side in design.sides for name in value_names(side)]
    with table.open(encoding="utf-8") as file:
        for line in file:
            yield PageSaid.of_row(json.loads(line), names)


def _labels(scan: Scan, said: PageSaid) -> list[str]:
    """Under which names the page's overlay would be worth keeping."""
    name = scan.result.family.name
    labels = [f"family-{name}"] if name in _WORTH_SEEING and said.side else []
    labels += [f"doubt-{kind}" for kind, _ in said.doubts]
    return labels + ([f"refused-{said.reason}"] if said.reason else [])


def _draw(worth: dict[str, tuple[Scan, Design]], folder: Path) -> None:
    opener = file_opener()
    for label, (scan, design) in list(worth.items())[:_MOST_OVERLAYS]:
        page = opener.open(scan.ref)
        outcome = engine(page, design, default_policy(), None)
        write_overlay(page, outcome, design, folder / f"{label}.jpg")
