"""From measured figures to what a centre has to buy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from admin_api.errors import Refused

BUSY = 0.7  # of a core, a disk or a cable that a plan fills: the rest is for what goes wrong


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured: for a page, on one core, one disk, and with the one writer of the store.

    `keep_page_s` is to put a page's image into the vault, flushed to its disk; `store_page_s` to
    note it and to enter its page and reading as facts. `image_bytes`, `row_bytes` and
    `result_bytes` are what it takes in the vault, in the database, and on its way back from the
    machine that read it.
    """

    read_page_s: float
    keep_page_s: float
    store_page_s: float
    image_bytes: float
    row_bytes: float
    result_bytes: float

    def __post_init__(self) -> None:
        for one in fields(self):
            if not 0 < getattr(self, one.name) < math.inf:
                raise Refused(f"plan figure {one.name} must be above 0; measure again")


PREFIX = "plan."


def as_entries(figures: Figures) -> dict[str, float]:
    """The figures by their keys in a file of figures."""
    return {PREFIX + one.name: getattr(figures, one.name) for one in fields(Figures)}


def figures_in(entries: Mapping[str, object]) -> Figures:
    """The figures of such a file.

    Raises:
        Refused: some are missing or no numbers.
    """
    found: dict[str, float] = {}
    for one in fields(Figures):
        value = entries.get(PREFIX + one.name)
        if not isinstance(value, int | float):
            raise Refused(
                f"the figures lack {PREFIX}{one.name}; leave --figures out to measure them"
            )
        found[one.name] = float(value)
    return Figures(**found)


@dataclass(frozen=True, slots=True)
class Demand:
    """So many pages within so many hours."""

    pages: float
    hours: float

    def __post_init__(self) -> None:
        if not (1 <= self.pages < math.inf and 0 < self.hours < math.inf):
            raise Refused("give at least one card, and hours above 0")

    @property
    def pages_per_s(self) -> float:
        """On the average; a plan leaves room above it."""
        return self.pages / (self.hours * 3600)


@dataclass(frozen=True, slots=True)
class Need:
    """What that takes. Bits and bytes in units of ten.

    `intakes` are processes that keep pages in the vault; `vault_mb_s` is written there and read
    again; `writer_busy` is the share of the time
    for which the one writer of the store works, which no further machine changes.
    """

    pages_per_s: float
    reading_cores: int
    intakes: int
    writer_busy: float
    vault_tb: float
    database_gb: float
    vault_mb_s: float
    network_mbit_s: float
    scheduler_mbit_s: float

    @property
    def feasible(self) -> bool:
        """Whether the one writer has time enough."""
        return self.writer_busy <= BUSY


def need(demand: Demand, figures: Figures) -> Need:
    """What the demand takes, each part at most `BUSY` of the time."""
    rate = demand.pages_per_s
    flow = rate * figures.image_bytes
    return Need(
        pages_per_s=rate,
        reading_cores=math.ceil(rate * figures.read_page_s / BUSY),
        intakes=math.ceil(rate * figures.keep_page_s / BUSY),
        writer_busy=rate * figures.store_page_s,
        vault_tb=demand.pages * figures.image_bytes / 1e12,
        database_gb=demand.pages * figures.row_bytes / 1e9,
        vault_mb_s=flow / 1e6,
        # Into the vault once and out of it once, and a little for what is said about it.
        network_mbit_s=(2 * flow + rate * figures.result_bytes) * 8 / 1e6 / BUSY,
        scheduler_mbit_s=2 * rate * figures.result_bytes * 8 / 1e6 / BUSY,
    )


def most_pages(figures: Figures, hours: float) -> float:
    """How many pages the one writer stores in so many hours."""
    return BUSY * hours * 3600 / figures.store_page_s
