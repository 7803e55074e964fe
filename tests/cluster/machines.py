"""A cluster of the tests' own: our commands as processes on loopback, each ended by its own id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[2]
_PATIENCE_S = 60


def free_port() -> int:
    """A port that was free just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Machine:
    """A process of the cluster; `log` is what it said."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self, words: str, times: int = 1) -> None:
        """Wait until it said something so often."""
        until = time.monotonic() + _PATIENCE_S
        while self.log.read_text().count(words) < times:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """At once, as a power cut does."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """As systemd does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@dataclass
class Cluster:
    """A scheduler and its workers."""

    folder: Path
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    keys: Path | None = None
    machines: list[Machine] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{'tls' if self.keys else 'tcp'}://{self.host}:{self.port}"

    def scheduler(self) -> Machine:
        """Start the scheduler and wait for it."""
        made = self._start(["scheduler", "--host", self.host, "--port", str(self.port)])
        made.said("scheduler at")
        return made

    def worker(self, host: str = "", inside: Sequence[str] = ()) -> Machine:
        """Start a worker with one process and wait until it joined; `inside` a namespace."""
        words = ["worker", self.address, "--host", host or self.host, "--processes", "1"]
        made = self._start(words, inside)
        made.said("reading for")
        return made

    def _start(self, words: Sequence[str], inside: Sequence[str] = ()) -> Machine:
        log = self.folder / f"{len(self.machines)}-{words[0]}.log"
        keys = ["--keys", str(self.keys)] if self.keys else []
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    *(*inside, sys.executable, "-m", "omr.cli", "cluster", *words, *keys),
                    *("--silence-s", "3"),
                ],
                cwd=PROJECT,
                env={**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(self.folder)},
                stdout=out,
                stderr=out,
            )
        self.machines.append(Machine(process, log))
        return self.machines[-1]


@contextlib.contextmanager
def cluster(
    folder: Path, workers: int = 2, host: str = "127.0.0.1", keys: Path | None = None
) -> Iterator[Cluster]:
    """A running cluster, gone when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Cluster(folder, host=host, keys=keys)
    try:
        made.scheduler()
        for _ in range(workers):
            made.worker()
        yield made
    finally:
        for machine in reversed(made.machines):
            if machine.process.poll() is None:
                machine.kill()
