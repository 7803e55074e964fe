"""What reading costs: against decoding alone, on one core and on all, over many pages; and scoring.

Every figure is a ratio within one run, for machines are shared and noisy; pages are simulated
everyday scans of the exam's own card, barcode and all.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from omr import bench_scoring
from omr.batch import WorkerSetup, engine, file_opener, list_files, read_records
from omr.design import Design, load_design
from omr.detect.decode import decode
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.pool import Limits
from omr.records import RejectedPage, ScannedPage

DESIGN = "cn-health-203"
SCANS = {
    "jpeg_200_grey": 'mode = "grey"\ndpi = 200\nquality = [75, 90]',
    "jpeg_300_colour": 'mode = "colour"\ndpi = 300\nquality = [75, 90]',
    "g4_200": 'mode = "bitonal"\ndpi = 200\nthreshold = [150, 180]',
}
LIMITS = {
    "jpeg_200_grey.ratio": 1.25,
    "jpeg_300_colour.ratio": 1.2,
    "g4_200.ratio": 2.5,
    "score_1m_s": 5,
    "score_peak_mb": 3072,
}
SEED = 41


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure."""

    pages: int = 12  # a kind of scan
    rounds: int = 15
    feed: int = 10_000  # pages for memory
    early: int = 1_000  # the page at which memory is first looked at
    scaling: int = 1_200  # pages for the speed of all cores
    judged: int = 100_000
    scored: int = 1_000_000  # candidates


QUICK = Effort(pages=1, rounds=1, feed=40, early=10, scaling=20, judged=50, scored=1_000)


def run(as_json: bool, out: Path | None, effort: Effort | None = None) -> int:
    """The `omr bench` command: print the figures, and write them to `out` as one flat object."""
    effort = effort or Effort()
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        stacks = simulated(effort.pages, Path(folder))
        for name, pages in stacks.items():
            found |= {f"{name}.{key}": value for key, value in against_decoding(pages, effort)}
        mixed = sorted(p for p in Path(folder).iterdir() if p.suffix != ".toml")
        found |= all_cores(mixed, effort.scaling)
        found |= memory(mixed, effort)
        found |= judging(next(iter(stacks.values())), effort.judged, Path(folder))
    found |= bench_scoring.measure(effort.scored)
    if out is not None:
        known = json.loads(out.read_text()) if out.exists() else {}
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(known | found, indent=1))
    print(json.dumps(found) if as_json else as_table(found))
    return 0


def as_table(found: dict[str, float]) -> str:
    """One figure a line, with its limit where it has one."""
    lines = []
    for name, value in found.items():
        limit = f"  (at most {LIMITS[name]:g})" if name in LIMITS else ""
        lines.append(f"{name:28}{value:12.3f}{limit}")
    return "\n".join(lines)


def simulated(count: int, folder: Path) -> dict[str, list[ScannedPage]]:
    """So many pages of each kind of scan, also written into the folder."""
    from omr.simulate import load_mix, simulate_card

    design = load_design(DESIGN)
    stacks: dict[str, list[ScannedPage]] = {}
    for name, scan in SCANS.items():
        mix_file = folder / f"{name}.toml"
        mix_file.write_text(f'title = "{name}"\nbase = "clean"\n[[scan]]\n{scan}\n')
        mix = load_mix(mix_file)
        stacks[name] = []
        for index in range(count):
            page = simulate_card(design, mix, SEED, index)[0]
            digest = ScannedPage.digest(page.image)
            stacks[name].append(ScannedPage(page.image, digest, name, index))
            (folder / f"{name}-{index:03d}{page.suffix}").write_bytes(page.image)
    return stacks


def _best(work: Callable[[ScannedPage], object], page: ScannedPage) -> float:
    start = time.perf_counter()
    work(page)
    return 1e3 * (time.perf_counter() - start)


def against_decoding(pages: Sequence[ScannedPage], effort: Effort) -> Iterator[tuple[str, float]]:
    """Medians over pages of each page's best time: decoding, reading, and their ratio."""
    design, policy = load_design(DESIGN), default_policy()

    def read(page: ScannedPage) -> ReadPage | RejectedPage:
        return read_page(page, design, policy)

    def decoded(page: ScannedPage) -> object:
        return decode(page, colour=True)

    read(pages[0])  # compiles
    decodes, reads = [1e9] * len(pages), [1e9] * len(pages)
    for _ in range(effort.rounds):
        for k, page in enumerate(pages):
            decodes[k] = min(decodes[k], _best(decoded, page))
            reads[k] = min(reads[k], _best(read, page))
    yield "decode_ms", statistics.median(decodes)
    yield "read_ms", statistics.median(reads)
    yield "ratio", statistics.median(r / d for r, d in zip(reads, decodes, strict=True))


def _setup(design: Design) -> WorkerSetup:
    return WorkerSetup(design, default_policy(), engine, file_opener)


def _feed(files: Sequence[Path], count: int) -> list[Path]:
    return [files[k % len(files)] for k in range(count)]


def all_cores(files: Sequence[Path], count: int) -> dict[str, float]:
    """How many times as fast all cores read as one, once the workers are warm."""
    cores = len(os.sched_getaffinity(0))
    rates = {}
    for workers in (1, cores):
        refs = list_files(_feed(files, count))
        warm = count // 4
        times = [
            time.perf_counter()
            for _ in read_records(refs, _setup(load_design(DESIGN)), Limits(workers))
        ]
        rates[workers] = (len(times) - warm) / max(1e-9, times[-1] - times[warm - 1])
    return {
        "all_cores.workers": cores,
        "all_cores.pages_per_s": rates[cores],
        "one_core.pages_per_s": rates[1],
        "all_cores.speedup": rates[cores] / rates[1],
    }


def memory(files: Sequence[Path], effort: Effort) -> dict[str, float]:
    """Memory of this process and its workers late in a long feed against early in it."""
    me = psutil.Process()

    def resident() -> float:
        return float(sum(p.memory_info().rss for p in [me, *me.children(recursive=True)]))

    cores = len(os.sched_getaffinity(0))
    refs = list_files(_feed(files, effort.feed))
    seen: list[float] = []
    records = read_records(refs, _setup(load_design(DESIGN)), Limits(cores))
    for k, _ in enumerate(records, 1):
        if k in (effort.early, effort.feed - 2 * cores):
            seen.append(resident())
    return {"rss_early_mb": seen[0] / 2**20, "rss_growth": seen[1] / seen[0]}


def judging(pages: Sequence[ScannedPage], count: int, folder: Path) -> dict[str, float]:
    """Seconds that `omr judge` takes for so many stored cards."""
    from omr.cli_read import design_text
    from omr.progress import Silent
    from omr.run import RunOrder
    from omr.run import run as run_batch
    from omr.score.columns import notes_for
    from omr.score.rejudge import judged_frames, open_scores
    from omr.score.writers import write_table

    design = load_design(DESIGN)
    one = folder / "one.parquet"
    files = sorted(folder.glob("jpeg_200_grey-*"))[: len(pages)]
    order = RunOrder(
        folder / "readings.jsonl", _setup(design), Limits(0), design_text(design, DESIGN), one
    )
    run_batch(list_files(files), order, Silent())
    stored = pl.read_parquet(one)
    many = pl.concat([stored] * (count // len(stored) + 1)).head(count)
    many = many.with_columns(position=pl.Series(np.arange(count, dtype=np.uint32)))
    scores = folder / "many.parquet"
    many.write_parquet(scores, metadata=pl.read_parquet_metadata(one))
    start = time.perf_counter()
    opened = open_scores(scores)
    frames = judged_frames(opened, default_policy())
    out = folder / "judged.parquet"
    write_table(frames, out, opened.layout.readings, notes_for(opened.design_text))
    return {"judge_100k_s": (time.perf_counter() - start) * 100_000 / count}
