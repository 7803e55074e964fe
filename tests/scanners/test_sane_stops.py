"""SANE devices that jam, crash, hang or are closed: no sheet lost, none had twice or in part."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from scanner_drivers.errors import (
    CoverOpen,
    NoScanner,
    OutOfPaper,
    PaperJam,
    ScannerBusy,
    ScannerError,
    ScannerFailed,
    ScannerGone,
    ScannerSilent,
)
from scanner_drivers.profile import ScanProfile
from tests.scanners.sane_trays import Open, Tray, configured, greys, in_thread, scanner_in, taken

pytest.importorskip("sane", reason="python-sane cannot be imported", exc_type=ImportError)


@pytest.fixture
def scanner(tmp_path: Path) -> Open:
    """Opens SANE's test devices."""
    return scanner_in(tmp_path)


@pytest.fixture
def tray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tray:
    """The tray of the device that stands in."""
    return Tray(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("JAMMED", PaperJam), ("COVER_OPEN", CoverOpen), ("IO_ERROR", ScannerGone),
        ("DEVICE_BUSY", ScannerBusy), ("NO_DOCS", OutOfPaper), ("NO_MEM", ScannerFailed),
        ("ACCESS_DENIED", ScannerFailed), ("INVAL", ScannerFailed), ("EOF", ScannerFailed),
        ("CANCELLED", ScannerFailed), ("UNSUPPORTED", ScannerFailed),
    ],
)  # fmt: skip
def test_a_status_is_said_and_the_feed_goes_on_after_it(
    tmp_path: Path, scanner: Open, status: str, kind: type[ScannerError]
) -> None:
    driver, config = scanner("test:0"), configured(tmp_path)
    assert len(list(driver.pages())) == 10
    (config / "test.conf").write_text(f'read-status-code "SANE_STATUS_{status}"\n', "utf-8")
    pages, error = taken(driver)
    assert pages == []
    assert type(error) is kind
    assert error.sheets_fed == 10
    (config / "test.conf").unlink()
    assert [page.position for page in driver.pages()] == list(range(10, 20))


def test_an_empty_feeder_is_out_of_paper_only_before_the_first_sheet(
    scanner: Open, tray: Tray
) -> None:
    driver = scanner(str(tray.path))
    tray.lay(["1"])
    assert greys(list(driver.pages())) == [1]
    with pytest.raises(OutOfPaper) as caught:
        list(driver.pages())
    assert caught.value.sheets_fed == 1
    tray.lay(["2"])
    (page,) = driver.pages()
    assert (page.position, greys([page])) == (1, [2])


@pytest.mark.parametrize("moment", ["start", "read"])
@pytest.mark.parametrize(
    ("what", "kind", "said"),
    [
        ("Document feeder jammed", PaperJam, "paper jam"),
        ("Scanner cover is open", CoverOpen, "close it"),
        ("Error during device I/O", ScannerGone, "check cable"),
        ("Something new", ScannerFailed, "Something new"),
        ("crash", ScannerFailed, "SIGSEGV"),
        ("die", ScannerFailed, "code 3: backend: assertion failed"),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_a_sheet_comes_whole_or_not_at_all_and_no_sheet_twice(
    scanner: Open,
    tray: Tray,
    moment: str,
    what: str,
    kind: type[ScannerError],
    said: str,
    side: int,
) -> None:
    tray.lay(["1", "2"], ["3", "4"], ["5", "6"], troubles=((2, side, moment, what),))
    driver = scanner(str(tray.path), ScanProfile(dpi=100, duplex=True))
    pages, error = taken(driver)
    assert greys(pages) == [1, 2]
    assert type(error) is kind
    assert error.sheets_fed == 1
    assert said in str(error)
    assert driver.process_id is None
    rest = list(driver.pages())
    assert greys(rest) == [3, 4, 5, 6]
    assert [page.position for page in rest] == [2, 3, 4, 5]


def test_a_front_without_its_back_is_no_end(scanner: Open, tray: Tray) -> None:
    empty = "Document feeder out of documents"
    tray.lay(["1", "2"], ["3", "4"], troubles=((2, 1, "start", empty),))
    driver = scanner(str(tray.path), ScanProfile(dpi=100, duplex=True))
    pages, error = taken(driver)
    assert greys(pages) == [1, 2]
    assert type(error) is ScannerFailed
    assert greys(list(driver.pages())) == [3, 4]


def test_an_end_in_the_middle_of_a_page_is_no_end(scanner: Open, tray: Tray) -> None:
    empty = "Document feeder out of documents"
    tray.lay(["1"], ["2"], troubles=((2, 0, "read", empty),))
    driver = scanner(str(tray.path))
    pages, error = taken(driver)
    assert greys(pages) == [1]
    assert type(error) is ScannerFailed
    assert greys(list(driver.pages())) == [2]


def test_a_process_killed_in_the_middle_of_a_page_loses_nothing(scanner: Open, tray: Tray) -> None:
    tray.lay(["1"], ["2"], ["3"], troubles=((2, 0, "read", "hang"),))
    driver = scanner(str(tray.path))
    result = in_thread(driver)
    tray.wait_for_hang()
    assert driver.process_id is not None
    os.kill(driver.process_id, signal.SIGKILL)
    pages, error = result()
    assert type(error) is ScannerFailed
    assert error.sheets_fed == 1
    assert "SIGKILL" in str(error)
    pages += driver.pages()
    assert greys(pages) == [1, 2, 3]
    assert [page.position for page in pages] == [0, 1, 2]


def test_a_device_that_hangs_is_silent_and_its_process_ended(scanner: Open) -> None:
    driver = scanner("test:0")
    feed = driver.pages()
    next(feed)
    stopped = driver.process_id
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    driver.silent_after_s = 0.1
    with pytest.raises(ScannerSilent) as caught:
        next(feed)
    assert caught.value.sheets_fed == 1
    with pytest.raises(ProcessLookupError):
        os.kill(stopped, 0)
    driver.silent_after_s = 60
    assert next(driver.pages()).position == 1


def test_closing_ends_a_wait_and_gives_the_device_back(scanner: Open, tray: Tray) -> None:
    tray.lay(["1"], ["2"], troubles=((2, 0, "read", "hang"),))
    driver = scanner(str(tray.path))
    result = in_thread(driver)
    tray.wait_for_hang()
    driver.close()
    pages, error = result()
    assert error is None
    assert greys(pages) == [1]
    assert tray.closed == 1
    driver.close()
    assert list(driver.pages()) == []


def test_a_device_that_is_there_and_does_not_open_is_not_missing(scanner: Open, tray: Tray) -> None:
    with pytest.raises(ScannerFailed, match="Invalid argument"):
        list(scanner("shy").pages())
    with pytest.raises(NoScanner, match="there are: shy"):
        list(scanner("bold").pages())


def test_a_feed_begun_anew_takes_the_device_from_the_one_before(scanner: Open, tray: Tray) -> None:
    tray.lay(["1"], ["2"], ["3"])
    driver = scanner(str(tray.path))
    first, second = driver.pages(), driver.pages()
    pages = [next(first), next(second)]
    with pytest.raises(ScannerFailed):
        next(first)
    pages += second
    assert greys(pages) == [1, 2, 3]
    assert [page.position for page in pages] == [0, 1, 2]


def test_closing_twice_before_anything_does_no_harm(scanner: Open) -> None:
    driver = scanner("test:0")
    driver.close()
    driver.close()
    assert list(driver.pages()) == []
