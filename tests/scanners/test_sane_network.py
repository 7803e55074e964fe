"""A backend that people use: SANE's airscan, with a scanner on the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
from tests.scanners.airscan import DEVICE, INSTALLED, PAGE_S, configured
from tests.scanners.escl_server import EsclScanner, Fault, Model
from tests.scanners.sane_trays import pixels, taken
from tests.test_pipeline import CARD, card

pytest.importorskip("sane", reason="python-sane cannot be imported", exc_type=ImportError)
if not INSTALLED:
    pytest.skip("SANE's airscan backend is not installed", allow_module_level=True)

MODEL = Model(formats=("image/png",), dpis=(200,), glass=False, most=(2550, 4200), page_s=PAGE_S)
CARD_SIZE = ScanProfile(width_mm=60, height_mm=40)


def faces(count: int) -> list[U8]:
    """Pages of noise, of the size of CARD_SIZE."""
    return list(np.random.default_rng(count).integers(0, 256, (count, 315, 472), np.uint8))


def stack(pictures: Sequence[U8], sides: int) -> list[list[bytes]]:
    """Pictures as sheets."""
    sent = [png(picture, 200, bitonal=False) for picture in pictures]
    return [sent[at : at + sides] for at in range(0, len(sent), sides)]


def test_it_is_found(tmp_path: Path) -> None:
    with EsclScanner([], MODEL) as scanner:
        assert list_devices(configured(scanner, tmp_path)) == (DEVICE,)


@pytest.mark.parametrize("sides", [1, 2])
def test_a_feed_arrives_pixel_for_pixel(tmp_path: Path, sides: int) -> None:
    with EsclScanner(stack(faces(4), sides), MODEL) as scanner:
        profile = replace(CARD_SIZE, duplex=sides == 2)
        driver = SaneDriver(DEVICE, profile, config_dir=configured(scanner, tmp_path))
        pages = list(driver.pages())
        assert np.array_equal([pixels(page) for page in pages], faces(4))
        assert [page.side for page in pages] == (list(SideName) * 2 if sides == 2 else [None] * 4)
        with pytest.raises(OutOfPaper) as caught:
            list(driver.pages())
        assert caught.value.sheets_fed == 4 // sides


@pytest.mark.parametrize("sides", [1, 2])
def test_a_jam_is_told_and_no_sheet_lost_or_had_twice(tmp_path: Path, sides: int) -> None:
    with EsclScanner(stack(faces(6), sides), MODEL) as scanner:
        scanner.fault(2 if sides == 1 else 1, Fault.JAM)
        profile = replace(CARD_SIZE, duplex=sides == 2)
        driver = SaneDriver(DEVICE, profile, config_dir=configured(scanner, tmp_path))
        pages, error = taken(driver)
        assert type(error) is PaperJam
        # airscan draws in ahead, and may tell of the jam before it gave what it holds.
        assert error.sheets_fed * sides == len(pages) <= 2
        scanner.lay_back(error.sheets_fed)
        pages += driver.pages()
    assert np.array_equal([pixels(page) for page in pages], faces(6))
    assert [page.position for page in pages] == list(range(6))


def test_what_it_cannot_do_is_refused(tmp_path: Path) -> None:
    for change, said in (
        ({"dpi": 300}, "300 dpi; it can: 200"),
        ({"paper": Paper.FLATBED}, "the flatbed; it can: ADF, ADF Duplex"),
        ({"colour": Colour.BITONAL}, "bitonal; it can: Color, Gray"),
        ({"width_mm": 300.0}, "br-x of at most 215.9 mm"),
    ):
        with EsclScanner([], MODEL) as scanner:
            config = configured(scanner, tmp_path)
            driver = SaneDriver(DEVICE, replace(CARD_SIZE, **change), config_dir=config)
            with pytest.raises(ProfileRefused) as caught:
                list(driver.pages())
        assert said in str(caught.value)


def test_a_card_fed_is_read_as_the_card_itself(tmp_path: Path) -> None:
    simulated = card(CARD, "everyday", 1)
    itself = ScannedPage(simulated.image, ScannedPage.digest(simulated.image), "itself", 0)
    picture = decode(itself, colour=False).pixels
    profile = ScanProfile(
        width_mm=picture.shape[1] / 200 * 25.4, height_mm=picture.shape[0] / 200 * 25.4
    )
    with EsclScanner(stack([picture], 1), MODEL) as scanner:
        config = configured(scanner, tmp_path)
        (page,) = SaneDriver(DEVICE, profile, config_dir=config).pages()
    scanned, meant = (read_page(one, load_design(CARD), default_policy()) for one in (page, itself))
    assert isinstance(scanned, ReadPage)
    assert isinstance(meant, ReadPage)
    assert scanned.reading.values == meant.reading.values
    assert scanned.reading.doubts == meant.reading.doubts
