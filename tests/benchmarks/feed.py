"""A long feed: so many pages, repeated from a pool, read into a table; speed, and memory's growth.

python -m tests.benchmarks.feed --out build/bench.json [--pages 80000]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import psutil

from omr.batch import WorkerSetup, list_files
from omr.cli_read import design_text
from omr.design import load_design
from omr.policy import default_policy
from omr.pool import Limits
from omr.progress import Silent
from omr.run import RunOrder, run
from omr.simulate import load_mix, simulate
from tests.benchmarks.figures import tell

DESIGN, POOL, SEED = "cn-health-203", 200, 17
_EARLY = 0.1  # the part of the feed after which memory should no longer grow


class Memory(Silent):
    """What this process and its workers hold, asked once a second; `early` at a tenth of the feed,
    `most` after that, until all is written.
    """

    def __init__(self, pages: int) -> None:
        self.early_mb = self.most_mb = 0.0
        self._pages = pages
        self._done = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def begin(self, total: int, done: int) -> None:
        self._thread.start()

    def advance(self, pages: int) -> None:
        self._done += pages

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(1.0):
            if self._done < self._pages * _EARLY:
                continue
            held = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.early_mb = self.early_mb or held / 2**20
            self.most_mb = max(self.most_mb, held / 2**20)


def measure(pages: int) -> dict[str, float]:
    """Every figure, by its key in build/bench.json."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        design = load_design(DESIGN)
        simulate(design, load_mix("everyday"), POOL, SEED, folder / "pool")
        files = sorted(path for path in (folder / "pool").iterdir() if path.suffix != ".jsonl")
        refs = list_files([files[k % len(files)] for k in range(pages)])
        order = RunOrder(
            folder / "readings.parquet",
            WorkerSetup(design, default_policy()),
            Limits(len(os.sched_getaffinity(0))),
            design_text(design, DESIGN),
        )
        memory = Memory(pages)
        start = time.perf_counter()
        done = run(refs, order, memory)
        took_s = time.perf_counter() - start
        assert done.pages == pages
    return {
        "feed_pages": float(pages),
        "feed_pages_per_s": pages / took_s,
        "feed_rss_early_mb": memory.early_mb,
        "feed_rss_growth": memory.most_mb / memory.early_mb,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=80_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    tell(measure(asked.pages), asked.out)


if __name__ == "__main__":
    main()
