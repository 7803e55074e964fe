"""A backend that people use: SANE's airscan, with a scanner on the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from omr.design import load_design
from omr.detect.decode import decode
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.records import U8, ScannedPage, SideName
from scanner_drivers.errors import OutOfPaper, PaperJam, ProfileRefused
from scanner_drivers.profile import Colour, Paper, ScanProfile
from scanner_drivers.sane import SaneDriver, list_devices
from scanner_drivers.sane_pixels import png
from tests.scanners.network_scanner import NetworkScanner, network_scanner
from tests.scanners.sane_trays import pixels, taken
from tests.test_pipeline import CARD, card

pytest.importorskip("sane", reason="python-sane cannot be imported", exc_type=ImportError)
if not any(
    chain(*(Path(lib).glob("**/libsane-airscan.so*") for lib in ("/usr/lib", "/usr/lib64")))
):
    pytest.skip("SANE's airscan backend is not installed", allow_module_level=True)

DEVICE = "airscan:e0:box"
CARD_SIZE = ScanProfile(width_mm=60, height_mm=40)


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[NetworkScanner]:
    with network_scanner(tmp_path) as started:
        yield started


def sheets(count: int) -> list[U8]:
    """Pages of noise, of the size of CARD_SIZE."""
    return list(np.random.default_rng(count).integers(0, 256, (count, 315, 472), np.uint8))


def sent(picture: U8) -> bytes:
    return png(picture, 200, bitonal=False)


def test_it_is_found(scanner: NetworkScanner, tmp_path: Path) -> None:
    assert list_devices(tmp_path) == (DEVICE,)


@pytest.mark.parametrize("duplex", [False, True])
def test_a_feed_arrives_pixel_for_pixel(
    scanner: NetworkScanner, tmp_path: Path, duplex: bool
) -> None:
    driver = SaneDriver(DEVICE, replace(CARD_SIZE, duplex=duplex), config_dir=tmp_path)
    scanner.tray = [sent(picture) for picture in sheets(4)]
    pages = list(driver.pages())
    assert np.array_equal([pixels(page) for page in pages], sheets(4))
    assert [page.side for page in pages] == (list(SideName) * 2 if duplex else [None] * 4)
    with pytest.raises(OutOfPaper) as caught:
        list(driver.pages())
    assert caught.value.sheets_fed == (2 if duplex else 4)


@pytest.mark.parametrize("duplex", [False, True])
def test_a_jam_is_told_and_no_sheet_lost_or_had_twice(
    scanner: NetworkScanner, tmp_path: Path, duplex: bool
) -> None:
    driver = SaneDriver(DEVICE, replace(CARD_SIZE, duplex=duplex), config_dir=tmp_path)
    feed = [sent(picture) for picture in sheets(6)]
    # The third page jams: on two sides, after the first sheet; else after two sheets.
    scanner.tray = [*feed[:3], None] if duplex else [*feed[:2], None]
    pages, error = taken(driver)
    assert type(error) is PaperJam
    # airscan draws in ahead, and may tell of the jam before it gave what it holds.
    assert error.sheets_fed * (2 if duplex else 1) == len(pages) <= 2
    scanner.tray = [*feed[len(pages) :]]
    pages += driver.pages()
    assert np.array_equal([pixels(page) for page in pages], sheets(6))
    assert [page.position for page in pages] == list(range(6))


def test_what_it_cannot_do_is_refused(scanner: NetworkScanner, tmp_path: Path) -> None:
    for change, said in (
        ({"dpi": 300}, "300 dpi; it can: 200"),
        ({"paper": Paper.FLATBED}, "the flatbed; it can: ADF, ADF Duplex"),
        ({"colour": Colour.BITONAL}, "bitonal; it can: Color, Gray"),
        ({"width_mm": 300.0}, "br-x of at most 215.9 mm"),
    ):
        driver = SaneDriver(DEVICE, replace(CARD_SIZE, **change), config_dir=tmp_path)
        with pytest.raises(ProfileRefused) as caught:
            list(driver.pages())
        assert said in str(caught.value)


def test_a_card_fed_is_read_as_the_card_itself(scanner: NetworkScanner, tmp_path: Path) -> None:
    simulated = card(CARD, "everyday", 1)
    itself = ScannedPage(simulated.image, ScannedPage.digest(simulated.image), "itself", 0)
    picture = decode(itself, colour=False).pixels
    scanner.tray = [sent(picture)]
    profile = ScanProfile(
        width_mm=picture.shape[1] / 200 * 25.4, height_mm=picture.shape[0] / 200 * 25.4
    )
    (page,) = SaneDriver(DEVICE, profile, config_dir=tmp_path).pages()
    scanned, meant = (read_page(one, load_design(CARD), default_policy()) for one in (page, itself))
    assert isinstance(scanned, ReadPage)
    assert isinstance(meant, ReadPage)
    assert scanned.reading.values == meant.reading.values
    assert scanned.reading.doubts == meant.reading.doubts
