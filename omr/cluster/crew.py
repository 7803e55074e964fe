"""The crew that asks a cluster: batches go out as tasks, results come back in order.

A task only reads and changes nothing, so a machine that dies costs its batches a second reading
and no more. What was read is kept by whoever asked, never by the scheduler: when that is lost, the
same command goes on from the journal or the database.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omr.cluster import configure
from omr.cluster.hands import Batch, Stop, read_batch
from omr.cluster.mark import engine_mark
from omr.errors import OmrError
from omr.pool import Lost, Start

if TYPE_CHECKING:
    from distributed import Client, Future

_LOOK_S = 2.0  # how often a silent cluster is looked at
_AGAIN = 3  # times that a batch whose machines died is sent out anew


class ClusterLost(OmrError):
    """The cluster cannot be reached, or has nobody who reads."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as a `Crew`. `told` hears what a person should know while it waits.

    `batch` pages travel together; `ahead` batches a reading thread are out at once. `patience_s`
    is how long it may have no machine at all; `keys` is a folder of `omr.cluster.keys`.
    """

    address: str
    keys: Path | None = None
    told: Callable[[str], None] = lambda words: None
    batch: int = 16
    ahead: int = 3
    item_s: float = 30.0
    patience_s: float = 120.0
    connect_s: float = 10.0

    @property
    def elsewhere(self) -> bool:
        """Always: even on this machine a worker has its own folder."""
        return True

    def results(self, items: Iterable[Any], start: Start) -> Iterator[bytes | Lost]:
        """One result an item, in order.

        Raises:
            ClusterLost: it cannot be reached, it went away, or no machine reads.
            OmrError: a machine has another engine, or the work raised one.
        """
        client = self._client()
        try:
            yield from _Run(self, client, pickle.dumps(start)).results(iter(items))
        except (CancelledError, OSError) as error:
            raise ClusterLost(
                f"the cluster {self.address} was lost ({_line(error)}); start its scheduler and "
                "run the same command again: it goes on from what was stored"
            ) from error
        finally:
            with suppress(Exception):  # it may be gone
                client.close(timeout=2)

    def _client(self) -> Client:
        configure({"distributed.comm.timeouts.tcp": "20s", "logging.distributed": "critical"})
        from distributed import Client

        from omr.cluster.keys import security

        kept = security(self.keys, self.address)
        try:
            return Client(self.address, timeout=self.connect_s, set_as_default=False, security=kept)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ClusterLost(
                f"no cluster answers at {self.address} ({_line(error)}); start one with "
                "`omr cluster scheduler`, and check the address and the keys"
            ) from error


@dataclass(slots=True)
class _Out:
    """A batch that is out."""

    items: tuple[Any, ...]
    future: Future[Any]
    deaths: int = 0


class _Run:
    def __init__(self, crew: Cluster, client: Client, start: bytes) -> None:
        self._crew = crew
        self._client = client
        self._start = start
        self._out: deque[_Out] = deque()
        self._nobody_since: float | None = None
        self._threads = 1
        self._counted_s = -_LOOK_S

    def results(self, items: Iterator[Any]) -> Iterator[bytes | Lost]:
        more = True
        while more or self._out:
            while more and len(self._out) < self._room():
                batch = tuple(islice(items, self._crew.batch))
                more = len(batch) == self._crew.batch
                if batch:
                    self._out.append(_Out(batch, self._send(batch)))
            if self._out:
                yield from self._taken()

    def _room(self) -> int:
        if time.monotonic() - self._counted_s > _LOOK_S:
            self._threads = sum(int(one["nthreads"]) for one in self._machines())
            self._counted_s = time.monotonic()
        return self._crew.ahead * max(1, self._threads)

    def _machines(self) -> list[dict[str, Any]]:
        return list(self._client.scheduler_info(n_workers=-1)["workers"].values())

    def _send(self, items: tuple[Any, ...]) -> Future[Any]:
        batch = Batch(self._start, items, engine_mark(), self._crew.item_s)
        return self._client.submit(read_batch, batch, pure=False)

    def _taken(self) -> tuple[bytes | Lost, ...]:
        """The results of the oldest batch; it is no longer out."""
        from distributed.scheduler import KilledWorker

        oldest = self._out[0]
        while True:
            try:
                found = oldest.future.result(timeout=_LOOK_S)
                break
            except TimeoutError:
                self._look()
            except KilledWorker as error:
                # A page cannot have done it: pages are read in processes of their own.
                oldest.deaths += 1
                if oldest.deaths > _AGAIN:
                    raise ClusterLost(f"the machines keep dying: {_line(error)}") from error
                oldest.future = self._send(oldest.items)
            except (CancelledError, OSError):
                raise
            except Exception as error:
                raise OmrError(
                    f"a machine of the cluster {self._crew.address} failed: "
                    f"{type(error).__name__}: {_line(error)}; is the same version installed there?"
                ) from error
        self._nobody_since = None
        if isinstance(found, Stop):
            raise OmrError(f"the cluster's machine {found.machine}: {found.why}")
        self._out.popleft()
        return tuple(found)

    def _look(self) -> None:
        """Somebody must be there to read; say so if not, and give up in the end."""
        if self._client.status != "running":
            raise ConnectionError("its scheduler does not answer")
        if self._machines():
            self._nobody_since = None
            return
        if self._nobody_since is None:
            self._nobody_since = time.monotonic()
            self._crew.told(
                f"no machine reads for {self._crew.address}; waiting: start `omr cluster worker`"
            )
        elif time.monotonic() - self._nobody_since > self._crew.patience_s:
            raise ClusterLost(
                f"no machine reads for {self._crew.address}; start `omr cluster worker "
                f"{self._crew.address}` on some, and run the same command again"
            )


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
