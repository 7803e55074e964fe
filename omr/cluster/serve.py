"""A cluster's two kinds of process: the scheduler that hands out, and workers that read."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omr.cluster import configure
from omr.cluster.keys import security
from omr.errors import OmrError

if TYPE_CHECKING:
    from distributed import Scheduler, Security, Worker

_PAUSE_S = 1.0  # before a worker looks for its scheduler again
_LEAST_TCP_S = 11  # below it the library refuses every connection
_NO_PAGES = "127.0.0.1:0"  # the library insists on a server for pages; it has none


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process of the cluster listens, and how long it bears silence.

    A machine that was silent for `silence_s` is given up: its batches are read elsewhere, and it
    comes again by itself. `keys` makes every connection TLS.
    """

    host: str = ""
    keys: Path | None = None
    silence_s: int = 30

    @property
    def scheme(self) -> str:
        """`tls` with keys, `tcp` without."""
        return "tls" if self.keys else "tcp"


def run_scheduler(place: Place, port: int, told: Callable[[str], None]) -> None:
    """Hand out until SIGINT or SIGTERM.

    Raises:
        OmrError: it cannot listen there.
    """
    _configure(place)
    asyncio.run(_scheduler(place, port, told))


def run_worker(address: str, place: Place, threads: int, told: Callable[[str], None]) -> None:
    """Read for the scheduler at the address, with as many processes at once as `threads`.

    A scheduler that is away, or goes away, is waited for. Ends at SIGINT or SIGTERM.

    Raises:
        OmrError: the address or the keys are none, or it cannot listen.
    """
    _configure(place)
    asyncio.run(_worker(address, place, threads, told))


def _configure(place: Place) -> None:
    configure(
        {
            "distributed.scheduler.worker-ttl": f"{place.silence_s}s",
            "distributed.scheduler.allowed-failures": 20,
            "distributed.comm.timeouts.tcp": f"{max(place.silence_s, _LEAST_TCP_S)}s",
            "distributed.comm.timeouts.connect": "10s",
            "distributed.admin.system-monitor.gil.enabled": False,
            "distributed.diagnostics.nvml": False,
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
            "logging.distributed": "error",
        }
    )


async def _scheduler(place: Place, port: int, told: Callable[[str], None]) -> None:
    from distributed import Scheduler

    kept = security(place.keys, f"{place.scheme}://")
    ended = _until_told_to_end()
    try:
        made: Scheduler = await Scheduler(
            host=place.host or None,
            port=port,
            protocol=place.scheme,
            security=kept,
            dashboard_address=_NO_PAGES,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise OmrError(f"the scheduler cannot listen on port {port}: {error}") from error
    async with made:
        told(f"scheduler at {made.address}")
        await ended.wait()


async def _worker(address: str, place: Place, threads: int, told: Callable[[str], None]) -> None:
    kept = security(place.keys, address)
    ended = _until_told_to_end()
    with tempfile.TemporaryDirectory(prefix="cards-worker-") as scratch:
        waiting = False
        while not ended.is_set():
            worker = _made(address, place, threads, (kept, scratch))
            joining = asyncio.ensure_future(worker.start())
            await _first(ended, joining)
            if (why := _why_not(joining)) is not None:
                await worker.close(timeout=1)
                if not (waiting or ended.is_set()):
                    told(f"no scheduler answers at {address} ({why}); trying again")
                waiting = True
                await _first(ended, asyncio.ensure_future(asyncio.sleep(_PAUSE_S)))
                continue
            waiting = False
            told(f"reading for {address} with {threads} processes")
            await _first(ended, asyncio.ensure_future(_gone(worker, place)))
            with suppress(TimeoutError):  # one whose cable was cut may wait for answers for ever
                await asyncio.wait_for(worker.close(timeout=5), 10)
            if not ended.is_set():
                told(f"the scheduler {address} went away; trying again")


def _made(address: str, place: Place, threads: int, own: tuple[Security | None, str]) -> Worker:
    from distributed import Worker

    return Worker(
        address,
        nthreads=threads,
        host=place.host or None,
        security=own[0],
        local_directory=own[1],
        memory_limit=0,
        dashboard_address=_NO_PAGES,
        death_timeout=10,
    )


async def _gone(worker: Worker, place: Place) -> None:
    """Until the worker ended, or its scheduler answers and knows nothing of it.

    After a cut cable neither end may ever hear of the other's: the scheduler has given the worker
    up, and the worker takes silence for having nothing to do.
    """
    ended = asyncio.ensure_future(worker.finished())
    forgotten = asyncio.ensure_future(_forgotten(worker, place))
    await asyncio.wait([ended, forgotten], return_when=asyncio.FIRST_COMPLETED)
    for one in (ended, forgotten):
        one.cancel()


async def _forgotten(worker: Worker, place: Place) -> None:
    from distributed import rpc

    while True:
        await asyncio.sleep(place.silence_s)
        with suppress(OSError, TimeoutError):  # then it is away, which the worker sees itself
            async with rpc(
                worker.scheduler.address, connection_args=worker.connection_args
            ) as scheduler:
                known = await asyncio.wait_for(scheduler.identity(n_workers=-1), place.silence_s)
            if worker.address not in known["workers"]:
                return


def _why_not(joining: asyncio.Future[Any]) -> str | None:
    """Why a worker did not join; None where it did."""
    if joining.cancelled():
        return "stopped"
    error = joining.exception()
    if error is None:
        return None
    if not isinstance(error, OSError | RuntimeError | ValueError):
        raise error
    return str(error.__cause__ or error) or type(error).__name__


async def _first(ended: asyncio.Event, other: asyncio.Future[Any]) -> None:
    """Until one of them happens; the other one is given up."""
    waited = asyncio.ensure_future(ended.wait())
    await asyncio.wait([waited, other], return_when=asyncio.FIRST_COMPLETED)
    for one in (waited, other):
        if not one.done():
            one.cancel()
            await asyncio.wait([one], timeout=2)


def _until_told_to_end() -> asyncio.Event:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    return ended
