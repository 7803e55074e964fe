"""What a machine of the cluster does: read one batch after another, in protected processes.

Each of a worker's threads has one process that reads, which stays from batch to batch. A page
that kills it, or never ends, is found out as on a single machine and harms nobody else.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import platform
import threading
from dataclasses import dataclass, field
from typing import Any

from omr.cluster.mark import engine_mark
from omr.errors import OmrError
from omr.pool import Limits, Lost, Pool

_OWN = threading.local()


@dataclass(frozen=True, slots=True)
class Batch:
    """What travels to a machine. `start` is pickled: it is the same for every batch of a run."""

    start: bytes
    items: tuple[Any, ...]
    mark: str
    item_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the run cannot go on, and which machine says so; stands for a batch's results."""

    why: str
    machine: str = field(default_factory=platform.node)


def read_batch(batch: Batch) -> tuple[bytes | Lost, ...] | Stop:
    """One result an item. Changes nothing anywhere, so that it may be done twice."""
    if batch.mark != engine_mark():
        return Stop(
            "it runs another version of the engine or its libraries; bring it to the same one"
        )
    if multiprocessing.current_process().daemon:
        return Stop("it may not start reading processes; start it with `omr cluster worker`")
    try:
        return tuple(_pool(batch).results(batch.items))
    except OmrError as error:
        _let_go()
        return Stop(str(error))
    except BaseException:
        _let_go()
        raise


def _pool(batch: Batch) -> Pool:
    name = (hashlib.sha256(batch.start).digest(), batch.item_s)
    if getattr(_OWN, "name", None) != name:
        _let_go()
        _OWN.pool = Pool(pickle.loads(batch.start), Limits(1, item_s=batch.item_s))
        _OWN.name = name
    pool: Pool = _OWN.pool
    return pool


def _let_go() -> None:
    pool = getattr(_OWN, "pool", None)
    _OWN.name = _OWN.pool = None
    if pool is not None:
        pool.close(clean=False)
