"""What every driver is: something that delivers scanned pages, then is closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from omr.records import ScannedPage


class Driver(Protocol):
    """A source of pages. Drivers deliver encoded bytes and never decode or judge them.

    A sheet is delivered whole or not at all: where the back of a sheet fails, its front has not
    been delivered either, so that the sheet can be fed again and is neither lost nor had twice.
    """

    def pages(self) -> Iterator[ScannedPage]:
        """The pages in feed order until the tray is empty.

        `position` rises by one with each page of the source, over all calls: called again, after
        a ScannerError or an empty tray, it goes on where it stopped. A scanner's driver raises
        ScannerError, and nothing else, where the device stops. Coming back for the next page says
        that the last one is stored.
        """
        ...

    def close(self) -> None:
        """Gives back files and devices, and ends a `pages()` that waits in another thread, as if
        the tray were empty. Closing twice does no harm."""
        ...
