"""A cluster of two workers against one machine's processes, and what `kaowu cluster plan` asks.

python -m tests.benchmarks.cluster --out build/bench.json [--pages 1200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from admin_api.planning.measure import measure as measure_plan
from admin_api.planning.plan import as_entries
from omr.batch import PageRef, WorkerSetup, list_files, read_records
from omr.cluster.crew import Cluster
from omr.design import load_design
from omr.policy import default_policy
from omr.pool import Crew, Limits
from omr.simulate import load_mix, simulate
from tests.benchmarks.figures import tell
from tests.cluster.machines import cluster

DESIGN, POOL, SEED = "cn-health-203", 60, 9


def rate(refs: list[PageRef], setup: WorkerSetup, crew: Crew) -> float:
    """Pages a second between the first quarter and the last page: without starting up."""
    times = [time.perf_counter() for _ in read_records(refs, setup, crew)]
    first = len(times) // 4
    return (len(times) - first) / (times[-1] - times[first - 1])


def compare(folder: Path, pages: int, rounds: int) -> dict[str, float]:
    """In turns, so that what else the machine does hits both alike."""
    scans = folder / "scans"
    simulate(load_design(DESIGN), load_mix("everyday"), POOL, SEED, scans)
    files = sorted(path for path in scans.iterdir() if path.suffix != ".jsonl")
    refs = list_files([files[k % len(files)] for k in range(pages)])
    setup = WorkerSetup(load_design(DESIGN), default_policy())
    here, there = [], []
    with cluster(folder / "cluster", workers=2) as made:
        crews: list[tuple[list[float], Crew]] = [
            (here, Limits(2)),
            (there, Cluster(made.address)),
        ]
        for _ in range(rounds):
            for rates, crew in crews:
                rates.append(rate(refs, setup, crew))
    ratios = [two / one for one, two in zip(here, there, strict=True)]
    return {
        "cluster_ratio": statistics.median(ratios),
        "cluster_pages_per_s": statistics.median(there),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=1200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        figures = compare(Path(name) / "compare", asked.pages, asked.rounds)
        figures |= as_entries(measure_plan(Path(name), lambda words: None))
    tell(figures, asked.out)


if __name__ == "__main__":
    main()
