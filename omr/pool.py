"""Worker processes that may die: who did it is always known, and nobody else suffers.

A worker is a spawned process (never forked: numba's threads do not survive a fork) that takes a
chunk of items and sends back one result an item, in order. So when it dies or stays silent too
long, the item that it was at is known. That item gets one more chance, alone in another worker,
since the kernel's out-of-memory killer also hits the innocent; if that one dies too, the item is
`Lost`. Results come out in the order in which the items went in.
"""

from __future__ import annotations

import multiprocessing
import os
import selectors
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from omr.errors import OmrError

Work = Callable[[Any], bytes]
Start = Callable[[], Work]
_READY, _RESULT, _FAILED, _REFUSED = b"+", b"=", b"!", b"?"
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Lost:
    """What stands for the result of an item that killed its worker, or took too long."""

    why: str


class Crew(Protocol):
    """Whoever does the work: processes of this machine (`Limits`), or those of many."""

    @property
    def elsewhere(self) -> bool:
        """Whether other machines may do it."""
        ...

    def results(self, items: Iterable[Any], start: Start) -> Iterator[bytes | Lost]:
        """One result an item, in the order of the items. `start` runs once in every process."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many workers, how much travels at once, and how long a worker may be silent.

    As a `Crew` it is so many processes of this machine. `start_s` covers loading the libraries and
    compiling the kernels; it is also added to a worker's first item. `ahead` chunks a worker may be
    finished before the oldest one is.
    """

    workers: int
    chunk: int = 8
    ahead: int = 16
    item_s: float = 30.0
    start_s: float = 120.0

    @property
    def elsewhere(self) -> bool:
        """Never."""
        return False

    def results(self, items: Iterable[Any], start: Start) -> Iterator[bytes | Lost]:
        """See `run_pool`."""
        return run_pool(items, start, self)


@dataclass(slots=True)
class _Task:
    place: int
    item: Any
    deaths: int = 0


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    deadline: float
    tasks: deque[_Task] = field(default_factory=deque)
    ready: bool = False
    fresh: bool = True


def run_pool(items: Iterable[Any], start: Start, limits: Limits) -> Iterator[bytes | Lost]:
    """One result an item, in order. `start` must pickle; it runs once in every worker.

    With no workers at all, everything runs in this process and nothing is protected.

    Raises:
        OmrError: the workers cannot start, or the work raised one: nothing more is handed out.
    """
    if limits.workers == 0:
        work = start()
        yield from (work(item) for item in items)
        return
    pool = Pool(start, limits)
    clean = False
    try:
        yield from pool.results(items)
        clean = True
    finally:
        pool.close(clean)


class Pool:
    """Workers that stay for one lot of items after another. Close it whatever happens."""

    def __init__(self, start: Start, limits: Limits) -> None:
        self._items: Iterator[_Task] = iter(())
        self._start = start
        self._limits = limits
        self._again: deque[list[_Task]] = deque()
        self._done: dict[int, bytes | Lost] = {}
        self._given = 0  # items handed out for the first time
        self._due = 0  # the place whose result comes out next
        self._workers: list[_Worker] = []
        self._false_starts = 0
        self._ears = selectors.DefaultSelector()

    def results(self, items: Iterable[Any]) -> Iterator[bytes | Lost]:
        """One result an item, in order; to be taken to the end before the next lot is given.

        Raises:
            OmrError: as `run_pool`; the pool is of no use then.
        """
        self._items = (_Task(place, item) for place, item in enumerate(items, self._given))
        self._hand_out()
        while self._due < self._given:
            while self._due in self._done:
                yield self._done.pop(self._due)
                self._due += 1
            self._hand_out()
            if self._due < self._given and self._due not in self._done:
                self._listen()

    def close(self, clean: bool) -> None:
        """End the workers: gently when all is done, at once otherwise."""
        for worker in self._workers:
            worker.pipe.close()
            if not clean:
                worker.process.kill()
        wait([worker.process.sentinel for worker in self._workers], 5.0)
        for worker in self._workers:
            worker.process.join(5.0)
            worker.process.kill()
            worker.process.join()
        self._ears.close()

    def _next_chunk(self) -> list[_Task]:
        if self._again:
            return self._again.popleft()
        limits = self._limits
        room = limits.workers * limits.ahead * limits.chunk - (self._given - self._due)
        chunk = list(islice(self._items, max(0, min(limits.chunk, room))))
        self._given += len(chunk)
        return chunk

    def _hand_out(self) -> None:
        idle = [worker for worker in self._workers if not worker.tasks]
        while idle or len(self._workers) < self._limits.workers:
            chunk = self._next_chunk()
            if not chunk:
                return
            worker = idle.pop() if idle else self._hire()
            worker.tasks.extend(chunk)
            if worker.ready:
                self._send(worker)

    def _hire(self) -> _Worker:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(theirs, self._start), daemon=True)
        with _undisturbed():
            process.start()
        theirs.close()
        worker = _Worker(process, ours, time.monotonic() + self._limits.start_s)
        self._workers.append(worker)
        self._ears.register(ours, selectors.EVENT_READ, worker)
        return worker

    def _send(self, worker: _Worker) -> None:
        grace = self._limits.start_s if worker.fresh else 0.0
        worker.deadline = time.monotonic() + self._limits.item_s + grace
        with suppress(OSError):  # it died meanwhile; listening will tell
            worker.pipe.send([task.item for task in worker.tasks])

    def _listen(self) -> None:
        busy = [worker for worker in self._workers if worker.tasks]
        soonest = min(worker.deadline for worker in busy)
        for key, _ in self._ears.select(max(0.0, soonest - time.monotonic())):
            self._hear(key.data)
        now = time.monotonic()
        for worker in busy:
            if worker.tasks and worker.deadline < now and not worker.pipe.poll():
                worker.process.kill()
                self._dismiss(worker, f"no answer within {self._limits.item_s:g} s", late=True)

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            worker.process.join(5.0)
            self._dismiss(worker, _ending(worker.process.exitcode), late=False)
            return
        if message[:1] == _REFUSED:
            raise OmrError(message[1:].decode())
        if message[:1] == _FAILED:
            raise OmrError(_cannot_start(message[1:].decode()))
        if worker.ready:
            self._done[worker.tasks.popleft().place] = message[1:]
            worker.fresh = False
            worker.deadline = time.monotonic() + self._limits.item_s
        else:
            worker.ready = True
            self._false_starts = 0
            self._send(worker)

    def _dismiss(self, worker: _Worker, why: str, *, late: bool) -> None:
        self._ears.unregister(worker.pipe)
        worker.pipe.close()
        worker.process.join()
        self._workers.remove(worker)
        rest = list(worker.tasks)
        if not rest:
            return
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts > 2:
                raise OmrError(_cannot_start(why))
            self._again.append(rest)
            return
        culprit, rest = rest[0], rest[1:]
        culprit.deaths += 1
        if late or culprit.deaths > 1:
            self._done[culprit.place] = Lost(why)
        else:
            self._again.appendleft([culprit])
        if rest:
            self._again.append(rest)


def _cannot_start(why: str) -> str:
    return f"the reading processes cannot start; omr does without by --workers 0. Mend this:\n{why}"


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with code {code}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Start children with SIGINT blocked: Ctrl-C reaches them too, but is the parent's affair."""
    resource_tracker.ensure_running()  # or its start would unblock SIGINT half way
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, start: Start) -> None:
    """The life of a worker: start once, then chunk after chunk until the parent hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        work = start()
    except OmrError as error:
        pipe.send_bytes(_REFUSED + str(error).encode())
        return
    except Exception:
        pipe.send_bytes(_FAILED + traceback.format_exc(limit=-4).encode())
        return
    with suppress(EOFError, OSError):
        pipe.send_bytes(_READY)
        while True:
            for item in pipe.recv():
                try:
                    message = _RESULT + work(item)
                except OmrError as error:
                    message = _REFUSED + str(error).encode()
                pipe.send_bytes(message)


def _leave_with_parent() -> None:
    """End at once when the parent is gone, even in the middle of a page."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
