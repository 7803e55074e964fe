"""The driver for eSCL before a scanner that does whatever scanners do."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.design import load_design
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.records import ScannedPage, SideName
from scanner_drivers.base import Driver
from scanner_drivers.errors import (
    CoverOpen,
    DoubleFeed,
    NoScanner,
    OutOfPaper,
    PaperJam,
    ScannerBusy,
    ScannerError,
    ScannerFailed,
    ScannerGone,
    ScannerSilent,
)
from scanner_drivers.escl import EsclDriver
from tests.scanners.certificate import self_signed
from tests.scanners.escl_server import EsclScanner, Fault, Model
from tests.scanners.escl_sheets import BOTH, GLASS, GREY, driver_of, face, images, stack, stop_of
from tests.test_pipeline import pages_of

# ── sheets that go through ───────────────────────────────────────────────────────────────────


def test_a_stack_comes_in_order_and_says_where_it_is_from() -> None:
    with EsclScanner(stack(3)) as scanner:
        driver: Driver = driver_of(scanner)
        pages = list(driver.pages())
        driver.close()
        driver.close()
        assert images(pages) == [face(0), face(2), face(4)]
        assert [page.position for page in pages] == [0, 1, 2]
        assert [page.imprint for page in pages] == ["1", "2", "3"]
        assert {(page.source, page.dpi, page.side) for page in pages} == {
            (scanner.address, 200, None)
        }
        assert all(page.sha256 == ScannedPage.digest(page.image) for page in pages)
        assert not any(line.startswith("DELETE") for line in scanner.requests)
        assert list(driver.pages()) == []


def test_fronts_and_backs_alternate() -> None:
    with EsclScanner(stack(3)) as scanner:
        pages = list(driver_of(scanner, BOTH).pages())
    assert images(pages) == [face(k) for k in range(6)]
    assert [page.side for page in pages] == [SideName.FRONT, SideName.BACK] * 3


def test_a_second_stack_goes_on_with_the_next_position() -> None:
    with EsclScanner(stack(2)) as scanner:
        driver = driver_of(scanner)
        assert [page.position for page in driver.pages()] == [0, 1]
        assert list(driver.pages()) == []
        scanner.lay_in(stack(2, 2))
        assert [page.position for page in driver.pages()] == [2, 3]
        assert scanner.requests.count("GET /eSCL/ScannerCapabilities") == 1


def test_the_glass_gives_one_page_each_time() -> None:
    with EsclScanner(stack(1), Model(feeder=False)) as scanner:
        driver = driver_of(scanner, GLASS)
        for position in range(2):
            assert [page.position for page in driver.pages()] == [position]
        assert {each["InputSource"] for each in scanner.settings} == {"Platen"}
        assert "Duplex" not in scanner.settings[0]


def test_an_iteration_left_early_is_taken_up_again() -> None:
    with EsclScanner(stack(3), Model(ahead=3)) as scanner:
        driver = driver_of(scanner, BOTH)
        first = next(iter(driver.pages()))
        rest = list(driver.pages())
    assert images([first, *rest]) == [face(k) for k in range(6)]
    assert [page.position for page in (first, *rest)] == list(range(6))


def test_a_scanner_that_takes_few_sheets_a_job_is_asked_again() -> None:
    with EsclScanner(stack(5), Model(a_job=2)) as scanner:
        assert len(list(driver_of(scanner).pages())) == 5
        assert len(scanner.jobs) == 3


@pytest.mark.parametrize("lists_jobs", [True, False])
def test_a_tray_that_always_says_that_it_is_loaded_comes_to_an_end(lists_jobs: bool) -> None:
    model = Model(always_loaded=True, code_when_empty=201, lists_jobs=lists_jobs)
    with EsclScanner(stack(2), model) as scanner:
        pages: list[ScannedPage] = []
        driver = driver_of(scanner)
        if lists_jobs:
            pages += driver.pages()
        else:
            # Nobody says whether the job ended well: that is doubted.
            assert stop_of(driver, ScannerFailed, pages).sheets_fed == 2
        assert images(pages) == [face(0), face(2)]


@pytest.mark.parametrize("location", ["relative", "absolute", "other host"])
def test_whatever_host_the_job_names_the_given_one_is_asked(location: str) -> None:
    with EsclScanner(stack(2), Model(location=location, code_at_end=410)) as scanner:
        address = scanner.address.removesuffix("/eSCL") + "/"
        assert len(list(EsclDriver(address, GREY).pages())) == 2


def test_tls_with_the_scanner_s_own_certificate(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(tmp_path))
    with EsclScanner(stack(2), tls=tls) as scanner:
        assert scanner.address.startswith("https:")
        assert len(list(driver_of(scanner).pages())) == 2


# ── faults ───────────────────────────────────────────────────────────────────────────────────

ERRORS = {
    Fault.JAM: PaperJam,
    Fault.MISPICK: PaperJam,
    Fault.DOOR: CoverOpen,
    Fault.DOUBLE: DoubleFeed,
    Fault.TOO_LONG: ScannerFailed,
    Fault.CANCELLED: ScannerFailed,
    Fault.CUT: ScannerGone,
    Fault.CUT_CHUNKED: ScannerGone,
    Fault.CUT_UNBOUNDED: ScannerGone,
    Fault.RESET: ScannerGone,
    Fault.STALL: ScannerSilent,
    Fault.WRONG: ScannerFailed,
    Fault.HTML: ScannerFailed,
}


@pytest.mark.parametrize("sheet", [0, 1, 3])
@pytest.mark.parametrize("fault", ERRORS, ids=str)
def test_every_fault_has_its_error_and_costs_one_sheet_at_most(fault: Fault, sheet: int) -> None:
    with EsclScanner(stack(4)) as scanner:
        scanner.fault(sheet, fault)
        driver = driver_of(scanner, silent_after_s=0.4)
        pages: list[ScannedPage] = []
        stop = stop_of(driver, ERRORS[fault], pages)
        assert stop.sheets_fed == sheet
        assert "back on top of the tray" in str(stop)
        # Only a double feed takes two, where there are two.
        both = [sheet, sheet + 1] if fault is Fault.DOUBLE and sheet < 3 else [sheet]
        assert scanner.lay_back(sheet) == both
        assert "DELETE /eSCL/ScanJobs/a1b2-0001" in scanner.requests
        pages += driver.pages()
        assert images(pages) == [face(0), face(2), face(4), face(6)]
        assert [page.position for page in pages] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("fault", "kind"), [(Fault.JAM_AT_BACK, PaperJam), (Fault.CUT_AT_BACK, ScannerGone)]
)
def test_where_the_back_fails_the_front_is_not_delivered(
    fault: Fault, kind: type[ScannerError]
) -> None:
    with EsclScanner(stack(3)) as scanner:
        scanner.fault(1, fault)
        driver = driver_of(scanner, BOTH)
        pages: list[ScannedPage] = []
        assert stop_of(driver, kind, pages).sheets_fed == 1
        assert images(pages) == [face(0), face(1)]
        scanner.lay_back(1)
        assert images([*pages, *driver.pages()]) == [face(k) for k in range(6)]


def test_sheets_that_a_hasty_scanner_took_in_are_told() -> None:
    with EsclScanner(stack(5), Model(ahead=3)) as scanner:
        scanner.fault(1, Fault.CUT)
        pages: list[ScannedPage] = []
        stop = stop_of(driver_of(scanner), ScannerGone, pages)
        assert stop.sheets_fed == 1
        unread = len(scanner.lay_back(1))
        assert unread > 1
        assert f"the last {unread} were not read" in str(stop)


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.EARLY_404])
def test_a_scanner_that_is_slow_is_waited_for(fault: Fault) -> None:
    with EsclScanner(stack(2)) as scanner:
        scanner.fault(0, fault, fault)
        scanner.fault(1, fault)
        assert len(list(driver_of(scanner).pages())) == 2


def test_a_scanner_that_is_busy_for_ever_is_silent() -> None:
    with EsclScanner(stack(2)) as scanner:
        scanner.fault(1, *[Fault.BUSY] * 10_000)
        scanner.retry_after = "3600"
        stop = stop_of(driver_of(scanner, silent_after_s=0.3), ScannerSilent, [])
        assert stop.sheets_fed == 1


FEEDER_FAULTS = [Fault.JAM, Fault.DOOR, Fault.DOUBLE, Fault.MISPICK, Fault.TOO_LONG]
NETWORK_FAULTS = [Fault.CUT, Fault.CUT_CHUNKED, Fault.CUT_UNBOUNDED, Fault.RESET, Fault.WRONG]
ONLY_BOTH = [Fault.JAM_AT_BACK, Fault.CUT_AT_BACK]
WAITS = [Fault.STALL, Fault.HTML, Fault.BUSY, Fault.EARLY_404]


@st.composite
def troubled_feeds(draw: st.DrawFn) -> tuple[int, bool, Model, dict[int, list[Fault]]]:
    """How many sheets, both sides or one, what scanner, and what befalls which sheet."""
    both, lists_jobs = draw(st.booleans()), draw(st.booleans())
    kinds = FEEDER_FAULTS + NETWORK_FAULTS + WAITS + (ONLY_BOTH if both else [])
    # Of a job that is cancelled at a scanner that lists none, nobody can know.
    kinds += [Fault.CANCELLED] if lists_jobs else []
    count = draw(st.integers(1, 5))
    faults = draw(
        st.dictionaries(
            st.integers(0, count - 1),
            st.lists(st.sampled_from(kinds), min_size=1, max_size=3),
            max_size=3,
        )
    )
    model = Model(
        lists_jobs=lists_jobs,
        ahead=draw(st.integers(0, 3)),
        code_at_stop=draw(st.sampled_from([404, 409, 410, 500, 503])),
        code_when_empty=draw(st.sampled_from([201, 409, 503])),
        location=draw(st.sampled_from(["relative", "absolute", "other host"])),
    )
    return count, both, model, faults


def sheets_until_stop(driver: Driver, pages: list[ScannedPage]) -> int | None:
    """The pages that come; and how many sheets there were at the stop, if it stopped."""
    try:
        # Not list(): what came before a stop must stay.
        for page in driver.pages():
            pages.append(page)
    except ScannerError as stop:
        return stop.sheets_fed
    return None


@settings(max_examples=25, deadline=None)
@given(troubled_feeds())
def test_whatever_happens_every_sheet_comes_once_and_in_order(
    feed: tuple[int, bool, Model, dict[int, list[Fault]]],
) -> None:
    count, both, model, faults = feed
    with EsclScanner(stack(count), model) as scanner:
        for sheet, kinds in faults.items():
            scanner.fault(sheet, *kinds)
        driver = driver_of(scanner, BOTH if both else GREY, silent_after_s=0.5)
        pages: list[ScannedPage] = []
        sides = 2 if both else 1
        for _ in range(1 + sum(map(len, faults.values()))):
            fed = sheets_until_stop(driver, pages)
            if fed is None:
                break
            assert len(pages) == fed * sides
            scanner.lay_back(fed)
        else:
            pytest.fail("more stops than faults")
        driver.close()
        assert images(pages) == [face(2 * k + side) for k in range(count) for side in range(sides)]
        assert [page.position for page in pages] == list(range(count * sides))
        assert sorted(scanner.through) == list(range(count))


# ── ends and beginnings ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [201, 409, 500, 503])
def test_an_empty_tray_is_told_before_the_first_sheet(code: int) -> None:
    with EsclScanner([], Model(code_when_empty=code)) as scanner:
        driver = driver_of(scanner)
        assert stop_of(driver, OutOfPaper, []).sheets_fed == 0
        scanner.lay_in(stack(1))
        assert len(list(driver.pages())) == 1


def test_a_device_in_use_is_waited_for_and_then_given_up() -> None:
    with EsclScanner(stack(1)) as scanner:
        scanner.busy_posts = 3
        driver = driver_of(scanner)
        assert len(list(driver.pages())) == 1
        scanner.lay_in(stack(1, 1))
        scanner.busy_posts = 1000
        assert stop_of(driver, ScannerBusy, []).sheets_fed == 1


def test_more_scanned_than_sent_is_no_clean_end() -> None:
    with EsclScanner(stack(2)) as scanner:
        driver = driver_of(scanner)
        feed = driver.pages()
        next(feed)
        scanner.jobs["a1b2-0001"].images += 1
        next(feed)
        with pytest.raises(ScannerFailed, match="scanned 3 pages and sent 2"):
            next(feed)


@pytest.mark.parametrize("lists_jobs", [True, False])
def test_a_last_sheet_that_leaves_the_tray_alone_and_does_not_come_is_missed(
    lists_jobs: bool,
) -> None:
    with EsclScanner(stack(2), Model(lists_jobs=lists_jobs)) as scanner:
        scanner.fault(1, Fault.JAM, Fault.CANCELLED)
        driver = driver_of(scanner)
        for kind in (PaperJam, ScannerFailed):
            assert stop_of(driver, kind, []).sheets_fed == 1
            scanner.lay_back(1)
        assert images(list(driver.pages())) == [face(2)]


def test_a_job_that_is_forgotten_is_no_clean_end() -> None:
    with EsclScanner(stack(2)) as scanner:
        feed = driver_of(scanner).pages()
        next(feed)
        scanner.jobs.clear()
        scanner.tray.clear()
        with pytest.raises(ScannerGone, match="forgotten") as caught:
            next(feed)
        assert caught.value.sheets_fed == 1


def test_a_back_that_never_comes_is_no_clean_end() -> None:
    with EsclScanner(stack(2)) as scanner:
        scanner.fault(1, Fault.NO_BACK)
        driver = driver_of(scanner, BOTH)
        pages: list[ScannedPage] = []
        assert "did not come" in str(stop_of(driver, ScannerFailed, pages))
        assert len(pages) == 2
        scanner.lay_back(1)
        assert len(list(driver.pages())) == 2


def test_where_nobody_answers_there_is_no_scanner() -> None:
    with EsclScanner([]) as scanner:
        address = scanner.address
    stop = stop_of(EsclDriver(address, GREY, silent_after_s=1), NoScanner, [])
    assert address in str(stop)


def test_a_scanner_switched_off_between_pages_is_gone_and_can_come_back() -> None:
    with EsclScanner(stack(3)) as scanner:
        driver = driver_of(scanner, silent_after_s=1)
        feed = driver.pages()
        pages = [next(feed)]
    with pytest.raises(ScannerGone) as caught:
        next(feed)
    assert caught.value.sheets_fed == len(pages)


def test_closing_ends_what_waits() -> None:
    with EsclScanner(stack(2)) as scanner:
        scanner.fault(1, Fault.STALL)
        driver = driver_of(scanner, silent_after_s=600.0)
        pages: list[ScannedPage] = []
        thread = threading.Thread(target=lambda: pages.extend(driver.pages()), daemon=True)
        thread.start()
        assert scanner.waiting.wait(60)
        driver.close()
        thread.join(60)
        assert not thread.is_alive()
        assert len(pages) <= 1
        assert "DELETE /eSCL/ScanJobs/a1b2-0001" in scanner.requests


# ── cards, from end to end ───────────────────────────────────────────────────────────────────


def test_cards_read_from_the_scanner_as_they_are_from_files() -> None:
    design = load_design("two-sided-60")
    cards = [pages_of("two-sided-60", index=k) for k in range(2)]
    with EsclScanner([[page.image for page in card] for card in cards]) as scanner:
        scanner.fault(1, Fault.CUT_AT_BACK)
        driver = driver_of(scanner, BOTH)
        pages: list[ScannedPage] = []
        stop_of(driver, ScannerGone, pages)
        scanner.lay_back(1)
        pages += driver.pages()
    simulated = [page for card in cards for page in card]
    assert len(pages) == len(simulated)
    for page, known in zip(pages, simulated, strict=True):
        assert page.image == known.image
        outcome = read_page(page, design, default_policy())
        assert isinstance(outcome, ReadPage), outcome
        reading = outcome.reading
        assert dict(zip(reading.fields, reading.values, strict=True)) == known.truth.values
        assert reading.side is known.truth.side is page.side
