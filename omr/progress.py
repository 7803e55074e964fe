"""How a long run shows that it lives: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO


class Progress(Protocol):
    """What a run tells while it works."""

    def begin(self, total: int, done: int) -> None:
        """There are `total` pages, of which an earlier run did `done`."""

    def advance(self, pages: int) -> None:
        """So many more pages are done."""

    def stage(self, what: str) -> None:
        """Something other than pages is being done now."""

    def end(self) -> None:
        """Nothing more will come, whatever happened."""


class Silent:
    """Tells nothing."""

    def begin(self, total: int, done: int) -> None: ...
    def advance(self, pages: int) -> None: ...
    def stage(self, what: str) -> None: ...
    def end(self) -> None: ...


class Bar:
    """A bar with pages, rate and time left, for a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Rich

        self._rich = Rich(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            refresh_per_second=4,
        )
        self._meter = Meter()

    def begin(self, total: int, done: int) -> None:
        self._meter = Meter()
        self._task = self._rich.add_task("reading", total=total, completed=done, rate="")
        self._rich.start()

    def advance(self, pages: int) -> None:
        self._meter.add(pages)
        self._rich.update(self._task, advance=pages, rate=f"{self._meter.rate:.0f} pages/s")

    def stage(self, what: str) -> None:
        self._rich.update(self._task, description=what)

    def end(self) -> None:
        self._rich.stop()


class Lines:
    """A line every few seconds, for a log."""

    def __init__(self, to: TextIO, every_s: float = 5.0) -> None:
        self._to = to
        self._every_s = every_s
        self._total = self._done = 0
        self._last = time.monotonic()
        self._meter = Meter()

    def begin(self, total: int, done: int) -> None:
        self._total, self._done = total, done
        self._meter = Meter()
        self._last = time.monotonic()
        if done:
            self._say(f"going on after page {done} of {total}")

    def advance(self, pages: int) -> None:
        self._done += pages
        self._meter.add(pages)
        if time.monotonic() - self._last >= self._every_s:
            self._last = time.monotonic()
            rate = self._meter.rate
            left = f", {_duration((self._total - self._done) / rate)} left" if rate else ""
            self._say(f"{self._done} of {self._total} pages, {rate:.0f} pages/s{left}")

    def stage(self, what: str) -> None:
        self._say(what)

    def end(self) -> None: ...

    def _say(self, line: str) -> None:
        print(line, file=self._to, flush=True)


class Meter:
    """Pages and the time that they took, since the first was asked for."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self.pages = 0

    def add(self, pages: int) -> None:
        """So many more."""
        self.pages += pages

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._since

    @property
    def rate(self) -> float:
        """Pages a second over the whole time."""
        return self.pages / max(self.elapsed_s, 1e-6)


def shown_on(stream: TextIO) -> Progress:
    """A bar where the stream is a terminal, lines otherwise."""
    return Bar() if stream is sys.stderr and stream.isatty() else Lines(stream)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
