"""What every driver is: something that delivers scanned pages, then is closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from omr.records import ScannedPage


class Driver(Protocol):
    """A source of pages. Drivers deliver encoded bytes and never decode or judge them."""

    def pages(self) -> Iterator[ScannedPage]:
        """The pages in feed order; `position` rises by one with each page of the source."""
        ...

    def close(self) -> None:
        """Gives back files and devices. Closing twice does no harm."""
        ...
