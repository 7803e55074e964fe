"""What SANE's own test devices deliver, page for page, and what is refused before a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omr.design import load_design
from omr.detect.decode import decode
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.records import ScannedPage, SideName
from omr.simulate.mix import ScanMode
from scanner_drivers.errors import NoScanner, ProfileRefused
from scanner_drivers.profile import Colour, DropOut, Paper, ScanProfile
from scanner_drivers.sane import SaneMissing, list_devices
from tests.scanners.sane_trays import (
    FLATBED,
    Open,
    Tray,
    configured,
    greys,
    pixels,
    pnm,
    scanner_in,
)
from tests.test_pipeline import CARD, pages_of, scanned_as

pytest.importorskip("sane", reason="python-sane cannot be imported", exc_type=ImportError)


@pytest.fixture
def scanner(tmp_path: Path) -> Open:
    """Opens SANE's test devices."""
    return scanner_in(tmp_path)


@pytest.fixture
def tray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tray:
    """The tray of the device that stands in."""
    return Tray(tmp_path, monkeypatch)


# ── a feeder that works ──────────────────────────────────────────────────────────────────────


def test_devices_are_listed(tmp_path: Path) -> None:
    assert set(list_devices(configured(tmp_path))) == {"test:0", "test:1", "pnm:0", "pnm:1"}


def test_the_feeder_is_read_until_it_is_empty_and_goes_on_after_it(scanner: Open) -> None:
    driver = scanner("test:0")
    pages = list(driver.pages())
    assert [page.position for page in pages] == list(range(10))
    assert [page.source for page in pages] == [f"sane:test:0 sheet {n}" for n in range(1, 11)]
    assert {page.side for page in pages} == {None}
    assert [page.sha256 for page in pages] == [page.digest(page.image) for page in pages]
    assert [page.position for page in driver.pages()] == list(range(10, 20))


def test_stopping_in_between_draws_in_no_further_sheet(scanner: Open, tray: Tray) -> None:
    tray.lay(["1"], ["2"], ["3"])
    driver = scanner(str(tray.path))
    feed = driver.pages()
    assert greys([next(feed)]) == [1]
    feed.close()
    assert driver.process_id is None
    assert tray.closed == 1
    assert greys(list(driver.pages())) == [2, 3]


@pytest.mark.parametrize("colour", list(Colour))
def test_each_colour_is_read_as_such_with_its_dpi(scanner: Open, colour: Colour) -> None:
    profile = ScanProfile(dpi=200, colour=colour, width_mm=105, height_mm=60, paper=Paper.FLATBED)
    (page,) = scanner("test:0?test-picture=Color pattern", profile).pages()
    raster = decode(page, colour=True)
    assert raster.bitonal is (colour is Colour.BITONAL)
    assert raster.dpi == page.dpi == 200
    assert raster.pixels.shape[:2] == (472, 826)
    assert (raster.pixels.ndim == 3) is (colour is Colour.COLOUR)


def test_a_flatbed_gives_one_page_each_time(scanner: Open) -> None:
    driver = scanner("test:0", FLATBED)
    assert [page.position for page in driver.pages()] == [0]
    assert [page.position for page in driver.pages()] == [1]


def test_fronts_and_backs_come_in_turn(scanner: Open, tray: Tray) -> None:
    tray.lay(["1", "2"], ["3", "4"])
    pages = list(scanner(str(tray.path), ScanProfile(dpi=100, duplex=True)).pages())
    assert greys(pages) == [1, 2, 3, 4]
    assert [page.side for page in pages] == [SideName.FRONT, SideName.BACK] * 2
    assert [page.position for page in pages] == [0, 1, 2, 3]
    assert {page.source for page in pages[2:]} == {f"sane:{tray.path} sheet 2"}


def test_a_back_that_nobody_took_comes_first_the_next_time(scanner: Open, tray: Tray) -> None:
    tray.lay(["1", "2"], ["3", "4"])
    driver = scanner(str(tray.path), ScanProfile(dpi=100, duplex=True))
    assert greys([next(driver.pages())]) == [1]
    rest = list(driver.pages())
    assert greys(rest) == [2, 3, 4]
    assert [page.position for page in rest] == [1, 2, 3]


# ── what devices do besides ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "odd",
    [
        "read-limit=yes&read-limit-size=7", "read-delay=yes&read-delay-duration=1000",
        "fuzzy-parameters=yes", "non-blocking=yes", "select-fd=yes", "depth=16",
    ],
)  # fmt: skip
@pytest.mark.parametrize("colour", [Colour.GREY, Colour.COLOUR])
def test_an_odd_way_of_sending_changes_no_pixel(scanner: Open, odd: str, colour: Colour) -> None:
    profile = ScanProfile(paper=Paper.FLATBED, dpi=100, colour=colour)
    # At 16 bits its colours are finer, and not the same picture.
    picture = "Grid" if odd == "depth=16" else "Color pattern"
    (plain,) = scanner(f"test:0?test-picture={picture}", profile).pages()
    (sent,) = scanner(f"test:0?test-picture={picture}&{odd}", profile).pages()
    assert len(np.unique(pixels(plain))) > 1
    assert np.array_equal(pixels(sent), pixels(plain))


@pytest.mark.parametrize("colour", list(Colour))
def test_padded_rows_are_not_sheared(scanner: Open, colour: Colour) -> None:
    profile = ScanProfile(paper=Paper.FLATBED, dpi=100, colour=colour, width_mm=65)
    (plain,) = scanner("test:0?test-picture=Grid", profile).pages()
    (sent,) = scanner("test:0?test-picture=Grid&ppl-loss=7", profile).pages()
    height, width = pixels(plain).shape[:2]
    assert pixels(sent).shape[:2] == (height - 1, width - 7)
    assert np.array_equal(pixels(sent), pixels(plain)[:-1, :-7])


@pytest.mark.parametrize("height", ["", "&hand-scanner=yes"])
@pytest.mark.parametrize("colour", list(Colour))
def test_every_pixel_arrives(scanner: Open, tmp_path: Path, colour: Colour, height: str) -> None:
    shape = (121, 203, 3) if colour is Colour.COLOUR else (121, 203)
    picture = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    if colour is Colour.BITONAL:
        picture = np.where(picture < 128, 0, 255).astype(np.uint8)
    file = pnm(tmp_path / "page.pnm", picture)
    profile = ScanProfile(paper=Paper.FLATBED, colour=colour)
    (page,) = scanner(f"pnm:0?filename={file}{height}", profile).pages()
    assert np.array_equal(pixels(page), picture)


@pytest.mark.parametrize(
    ("device", "colour", "said"),
    [
        ("test:0?three-pass=yes", Colour.COLOUR, "colour in one pass; it can: grey"),
        ("test:0?depth=16", Colour.BITONAL, "bitonal; it can: grey at 16 bits"),
        ("test:0?ppl-loss=5", Colour.BITONAL, "rows of 309 pixels"),
        ("test:0?mode=Color", Colour.GREY, "grey; it can: colour at 8 bits"),
        ("test:0?no-such=1", Colour.GREY, "the option 'no-such'; it can: mode, depth, "),
        ("test:0?three-pass=yes", Colour.GREY, "the option 'three-pass'"),
        ("test:0?ppl-loss=999", Colour.GREY, "ppl-loss=999; it can: 0 to 128 in steps of 1"),
        ("test:0?hand-scanner=perhaps", Colour.GREY, "it can: yes, no"),
        ("test:0?test-picture=Cat", Colour.GREY, "it can: Solid black, Solid white, "),
        ("test:0?gamma-table=1", Colour.GREY, "gamma-table=1"),
        ("test:0?Grid", Colour.GREY, "'Grid'; it can: name=value"),
    ],
)
def test_what_would_be_read_wrong_is_refused(
    scanner: Open, device: str, colour: Colour, said: str
) -> None:
    profile = ScanProfile(paper=Paper.FLATBED, dpi=100, colour=colour)
    with pytest.raises(ProfileRefused) as caught:
        list(scanner(device, profile).pages())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (ScanProfile(duplex=True), "both sides of a sheet; it can: Flatbed, Automatic"),
        (ScanProfile(drop_out=DropOut.RED), "drop-out of red; it can: nothing of the kind"),
        (ScanProfile(width_mm=210), "a page of 210 mm; it can: br-x of at most 200 mm"),
    ],
)
def test_a_profile_that_the_device_cannot_do_is_refused(
    scanner: Open, profile: ScanProfile, said: str
) -> None:
    with pytest.raises(ProfileRefused) as caught:
        list(scanner("test:0", profile).pages())
    assert said in str(caught.value)


def test_a_device_that_would_scan_one_sheet_for_ever_is_no_feeder(
    scanner: Open, tmp_path: Path
) -> None:
    file = pnm(tmp_path / "page.pnm", np.full((9, 9), 7, np.uint8))
    with pytest.raises(ProfileRefused, match="one page at a time"):
        list(scanner(f"pnm:0?filename={file}").pages())


# ── devices that are not there ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["nowhere:0", "test:7", ""])
def test_an_unknown_device_is_told_from_those_that_there_are(scanner: Open, name: str) -> None:
    with pytest.raises(NoScanner) as caught:
        list(scanner(name).pages())
    assert "there are: " in str(caught.value)
    assert all(known in str(caught.value) for known in ("test:0", "test:1", "pnm:0", "pnm:1"))


def test_without_python_sane_it_says_what_to_install(
    scanner: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sane.py").write_text("raise ImportError('libsane.so.1: not found')\n", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SaneMissing, match=r"libsane\.so\.1: not found.*omr-reader\[sane\]"):
        list(scanner("test:0").pages())
    with pytest.raises(NoScanner, match="install libsane"):
        list_devices()


# ── cards ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", [ScanMode.GREY, ScanMode.BITONAL])
def test_a_card_scanned_is_read_as_the_card_itself(
    scanner: Open, tmp_path: Path, mode: ScanMode
) -> None:
    simulated = pages_of(CARD, "everyday", scan=scanned_as(mode))[0]
    itself = ScannedPage(simulated.image, ScannedPage.digest(simulated.image), "itself", 0)
    raster = decode(itself, colour=False)
    file = pnm(tmp_path / "card.pnm", raster.pixels)
    colour = Colour.BITONAL if raster.bitonal else Colour.GREY
    profile = ScanProfile(paper=Paper.FLATBED, dpi=200, colour=colour)
    (page,) = scanner(f"pnm:0?filename={file}", profile).pages()
    read = [read_page(one, load_design(CARD), default_policy()) for one in (page, itself)]
    scanned, meant = read
    assert isinstance(scanned, ReadPage)
    assert isinstance(meant, ReadPage)
    assert scanned.reading.values == meant.reading.values
    assert scanned.reading.doubts == meant.reading.doubts
    assert scanned.scores.bitonal is meant.scores.bitonal
    assert np.array_equal(scanned.scores.fill, meant.scores.fill)
