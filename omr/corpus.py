"""A folder of scans with expected readings, read and held against its contract.

The layout is described in sample_scans/README.md. Every page ends in exactly one of four counts:
`read` (nothing doubted, everything right), `review` (a person is asked, and what is not doubted
is right), `rejected`, and `misread`: a value that is wrong although nothing about its field is
doubted, or a value on a page that is no card.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omr.batch import PageRef, WorkerSetup, list_files, read_batch
from omr.corpus_layout import Expected, Family, read_corpus, read_expected
from omr.design import Design, load_design
from omr.errors import CorpusError
from omr.page_counts import PageCounts
from omr.policy import load_policy
from omr.pool import Limits
from omr.records import RejectedPage, Status
from omr.score.rows import Outcome

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_MOST_SHOWN = 30
_LOG_WIDTH = 120
_MISREAD = "misread"
COUNTS = ("read", "review", "rejected", _MISREAD)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected; `field` is "" where it is about the whole page."""

    family: str
    file: str
    field: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class PageSaid:
    """What came of a page, from wherever that is known. `reason` is "" where it was read."""

    status: str
    side: str
    values: Mapping[str, str]
    doubts: tuple[tuple[str, str], ...]  # kind, field
    reason: str = ""
    evidence: str = ""

    @classmethod
    def of_outcome(cls, outcome: Outcome) -> PageSaid:
        """From a page just read."""
        if isinstance(outcome, RejectedPage):
            reason, evidence = str(outcome.reason), outcome.evidence
            return cls(str(Status.REJECTED), "", {}, (), reason, evidence)
        reading = outcome.reading
        values = dict(zip(reading.fields, reading.values, strict=True))
        doubts = tuple((str(d.kind), d.field) for d in reading.doubts)
        return cls(str(reading.status), str(reading.side), values, doubts)

    @classmethod
    def of_row(cls, row: Mapping[str, Any], names: Iterable[str]) -> PageSaid:
        """From a row of a table of readings; `names` are the columns that hold values."""
        values = {name: row[name] for name in names if row[name] is not None}
        doubts = tuple((d["kind"], d["field"]) for d in row["doubts"] or ())
        why = (row["reason"] or "", row["evidence"] or "")
        return cls(row["status"], row["side"] or "", values, doubts, *why)


@dataclass(slots=True)
class FamilyResult(PageCounts):
    """What became of a family's pages; a misread one counts as that and as nothing else.

    `refused_wrongly`: rejected for a reason not expected.
    """

    family: Family
    refused_wrongly: int = 0
    differs: list[Difference] = field(default_factory=list)

    @property
    def misread(self) -> int:
        """Pages with something wrong that is not doubted."""
        return self.statuses[_MISREAD]

    @property
    def why(self) -> Counter[str]:
        """Pages by what is doubted and by reasons of rejection."""
        return self.doubts + self.reasons

    def compare(self, expected: Expected, said: PageSaid) -> None:
        """Count one page, and what is not as expected of it."""
        found = [
            Difference(self.family.name, expected.file, *told)
            for told in differences(expected, said)
        ]
        self.differs += found
        refused = said.status == Status.REJECTED
        self.refused_wrongly += bool(refused and found)
        status = _MISREAD if found and not refused else said.status
        self.count(status, (kind for kind, _ in said.doubts), said.reason)

    def broken(self) -> list[str]:
        """How the contract is broken, in words; empty where it is kept."""
        contract = self.family
        told = []
        if self.read < contract.least_read:
            told.append(f"{self.read} read, at least {contract.least_read} must be")
        if self.misread > contract.most_misread:
            told.append(f"{self.misread} misread, at most {contract.most_misread} may be")
        if contract.most_rejected is not None and self.rejected > contract.most_rejected:
            told.append(f"{self.rejected} rejected, at most {contract.most_rejected} may be")
        if self.refused_wrongly:
            told.append(f"{self.refused_wrongly} rejected for another reason than theirs")
        return told

    def row(self) -> dict[str, object]:
        """The family's line of the JSON report."""
        contract = self.family
        return {
            "name": contract.name,
            "design": contract.design,
            "dpi": contract.dpi,
            "pages": self.pages,
            **{count: getattr(self, count) for count in COUNTS},
            "least_read": contract.least_read,
            "most_misread": contract.most_misread,
            "most_rejected": contract.most_rejected,
            "why": dict(sorted(self.why.items())),
            "broken": self.broken(),
        }


def run(folder: Path, as_json: bool, workers: int | None = None) -> int:
    """Read a corpus, print what came of it, and return 1 where a family breaks its contract.

    Raises:
        CorpusError: the folder does not follow the layout; says what to do.
    """
    results = check_corpus(folder, workers)
    if as_json:
        print(json.dumps(report(results), ensure_ascii=False, indent=1))
    else:
        _show(results)
    return int(any(result.broken() for result in results))


def check_corpus(folder: Path, workers: int | None = None) -> list[FamilyResult]:
    """Read every family of a corpus and count; `workers` as for `omr read`, else one a core.

    Raises:
        CorpusError: the folder does not follow the layout; says what to do.
    """
    families = read_corpus(folder)
    results = [FamilyResult(family) for family in families]
    plan = [(result, *listed) for result in results for listed in listed_scans(result.family)]
    limits = Limits((os.cpu_count() or 1) if workers is None else workers)
    together: dict[tuple[str, Path | None], list[tuple[FamilyResult, Expected, PageRef]]] = {}
    for item in plan:
        family = item[0].family
        together.setdefault((family.design_source, family.policy), []).append(item)
    for (design, policy), items in together.items():
        setup = WorkerSetup(load_design(design), load_policy(policy))
        outcomes = read_batch([ref for _, _, ref in items], setup, limits)
        for (result, expected, _), outcome in zip(items, outcomes, strict=True):
            result.compare(expected, PageSaid.of_outcome(outcome))
    return results


def differences(expected: Expected, said: PageSaid) -> Iterator[tuple[str, str, str]]:
    """What is not as it should be: (field, expected, got)."""
    if said.status == Status.REJECTED:
        if expected.reject and said.reason not in expected.reject:
            reasons = " or ".join(expected.reject)
            yield "", f"rejected: {reasons}", f"rejected: {said.reason} ({said.evidence})"
    elif not expected.card:
        carried = [(name, "", value) for name, value in said.values.items() if value]
        if not carried and said.status == Status.READ:
            carried = [("", "no card", "read, with nothing filled in")]
        yield from carried
    elif said.side != expected.side:
        yield "", f"the {expected.side}", f"the {said.side}"
    else:
        doubted = {name for _, name in said.doubts} | expected.unsettled
        for name, value in expected.values.items():
            if said.values[name] != value and name not in doubted:
                yield name, value, said.values[name]


def report(results: Sequence[FamilyResult]) -> dict[str, object]:
    """The JSON report: sums over all families, what differs, and a row a family."""
    return {
        "pages": sum(result.pages for result in results),
        **{count: sum(getattr(r, count) for r in results) for count in COUNTS},
        "kept": not any(result.broken() for result in results),
        "differs": [asdict(one) for result in results for one in result.differs],
        "families": [result.row() for result in results],
    }


def listed_scans(family: Family) -> list[tuple[Expected, PageRef]]:
    """Each expectation of a family with its scan, in feed order; none may lack the other.

    Raises:
        CorpusError: a line without a scan, or a scan without a line.
    """
    design: Design = load_design(family.design_source)
    expected = {one.file: one for one in read_expected(family, design)}
    refs = {_file_of(ref, family.folder): ref for ref in list_files([family.folder])}
    if missing := [name for name in expected if name not in refs]:
        raise CorpusError(
            f"{family.expected}: no scan {missing[0]!r} in {family.folder}; add the file, or take "
            f"its line out ({len(missing)} such lines)"
        )
    if unlisted := [name for name in refs if name not in expected]:
        raise CorpusError(
            f"{family.folder}: {unlisted[0]!r} is not listed; add a line for it to "
            f"{family.expected.name}, or take the file away ({len(unlisted)} such files)"
        )
    return [(expected[name], ref) for name, ref in refs.items()]


def _file_of(ref: PageRef, folder: Path) -> str:
    return ref.source.removeprefix(f"{folder}{os.sep}").replace(os.sep, "/")


def _show(results: Sequence[FamilyResult]) -> None:
    console = wide_console()
    console.print(table_of(results))
    for result in results:
        for fault in result.broken():
            console.print(f"[bold red]{result.family.name}[/]: {fault}")
    differs = [one for result in results for one in result.differs]
    for one in differs[:_MOST_SHOWN]:
        where = f"{one.family}/{one.file}" + (f" {one.field}" if one.field else "")
        console.print(f"{where}: expected {one.expected!r}, got {one.got!r}", markup=False)
    if len(differs) > _MOST_SHOWN:
        console.print(f"… and {len(differs) - _MOST_SHOWN} more; --json lists all")


def wide_console() -> Console:
    """A console; what is written to a file or a pipe need not fit a small terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _LOG_WIDTH)


def table_of(results: Sequence[FamilyResult]) -> Table:
    """A line a family, for people."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
    sums = report(results)
    table.add_column("family", "all", no_wrap=True)
    for name in ("pages", *COUNTS):
        table.add_column(name, str(sums[name]), justify="right", no_wrap=True)
    table.add_column("contract", no_wrap=True)
    table.add_column("doubts, and reasons of refusal", overflow="fold")
    for result in results:
        broken = "[bold red]broken[/]" if result.broken() else "[green]kept[/]"
        table.add_row(
            result.family.name,
            str(result.pages),
            str(result.read),
            str(result.review),
            str(result.rejected),
            f"[bold red]{result.misread}[/]" if result.misread else "0",
            broken,
            ", ".join(f"{kind} {count}" for kind, count in result.why.most_common()),
        )
    return table
