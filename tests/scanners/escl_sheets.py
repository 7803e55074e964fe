"""Sheets that tell their number, and what a test does with a feed of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from omr.records import ScannedPage
from scanner_drivers.base import Driver
from scanner_drivers.errors import ScannerError
from scanner_drivers.escl import EsclDriver
from scanner_drivers.profile import Paper, ScanProfile
from tests.faults.seeds import grey, pillow
from tests.scanners.escl_server import EsclScanner

GREY = ScanProfile()
BOTH = ScanProfile(duplex=True)
GLASS = ScanProfile(paper=Paper.FLATBED)


@cache
def face(number: int, kind: str = "JPEG") -> bytes:
    """A page that tells its number by its pixels."""
    picture = grey().copy()
    picture[:9, : 1 + number] = 0
    return pillow(picture, kind)


def stack(count: int, first: int = 0) -> list[tuple[bytes, bytes]]:
    return [(face(2 * k), face(2 * k + 1)) for k in range(first, first + count)]


def driver_of(
    scanner: EsclScanner, profile: ScanProfile = GREY, silent_after_s: float = 30.0
) -> EsclDriver:
    return EsclDriver(scanner.address, profile, silent_after_s=silent_after_s)


def images(pages: Sequence[ScannedPage]) -> list[bytes]:
    return [page.image for page in pages]


def stop_of(driver: Driver, kind: type[ScannerError], pages: list[ScannedPage]) -> ScannerError:
    """The error that ends the feed; what came before it goes into `pages`."""
    with pytest.raises(kind) as caught:
        pages.extend(driver.pages())
    assert type(caught.value) is kind
    return caught.value
