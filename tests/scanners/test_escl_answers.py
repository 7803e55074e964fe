"""What a scanner may answer: nonsense, nothing, too much, and pages in every format."""

from __future__ import annotations

import pytest

from omr.errors import SourceError
from omr.records import ScannedPage
from scanner_drivers import escl_http
from scanner_drivers.errors import ScannerFailed, ScannerGone, ScannerSilent
from scanner_drivers.escl import EsclDriver
from scanner_drivers.escl_words import NotUnderstood, parse
from scanner_drivers.profile import Colour, ScanProfile
from scanner_drivers.sources import SourceLimits
from tests.faults.seeds import bilevel, jpeg_image, many_paged_tiff, pdf, pillow
from tests.scanners.escl_server import BOMB, EsclScanner, Fault, Model
from tests.scanners.escl_sheets import GREY, driver_of, face, stack, stop_of

# ── hostile answers ──────────────────────────────────────────────────────────────────────────

HOSTILE: dict[str, tuple[int, dict[str, str], bytes]] = {
    "an entity bomb": (200, {}, BOMB),
    "a bomb in UTF-16": (200, {}, BOMB.decode().encode("utf-16")),
    "a bomb in EBCDIC": (200, {}, b"<?xml version='1.0' encoding='cp037'?>" + BOMB),
    "a million bytes too many": (200, {}, b"<a>" + b" " * 2_000_000 + b"</a>"),
    "a length that is a lie": (200, {"Content-Length": "99999999999"}, b"<a/>"),
    "a redirect": (302, {"Location": "http://192.0.2.1/eSCL/ScannerCapabilities"}, b""),
    "deep nesting": (200, {}, b"<a>" * 1000 + b"</a>" * 1000),
    "no XML": (200, {}, b"hello"),
    "other XML": (200, {}, b"<html/>"),
    "nothing": (200, {}, b""),
    "a password": (401, {}, b""),
    "a teapot": (418, {}, b""),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("asked", ["GET ScannerCapabilities", "POST ScanJobs"])
def test_an_answer_that_makes_no_sense_is_refused(name: str, asked: str) -> None:
    with EsclScanner(stack(2)) as scanner:
        scanner.answers[asked] = HOSTILE[name]
        stop = stop_of(driver_of(scanner), ScannerFailed, [])
        assert len(str(stop)) < 600


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_it_is_read(encoding: str) -> None:
    with pytest.raises(NotUnderstood, match="document type"):
        parse(BOMB.decode().encode(encoding), "b")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_status_that_makes_no_sense_is_no_clean_end(name: str) -> None:
    with EsclScanner(stack(2)) as scanner:
        scanner.answers["GET ScannerStatus"] = HOSTILE[name]
        pages: list[ScannedPage] = []
        stop = stop_of(driver_of(scanner), ScannerFailed, pages)
        assert stop.sheets_fed == len(pages) == 2


@pytest.mark.parametrize("asked", ["GET ScannerCapabilities", "POST ScanJobs", "GET NextDocument"])
def test_a_scanner_that_never_answers_is_silent(asked: str) -> None:
    with EsclScanner(stack(2)) as scanner:
        scanner.answers[asked] = (0, {}, b"")
        stop = stop_of(driver_of(scanner, silent_after_s=0.3), ScannerSilent, [])
        assert stop.sheets_fed == 0


def test_a_page_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escl_http, "_LIMITS", SourceLimits(image_bytes=2000, paged_bytes=2000))
    with EsclScanner(stack(2)) as scanner:
        stop = stop_of(driver_of(scanner), ScannerFailed, [])
        assert "more than 2,000 bytes" in str(stop)


@pytest.mark.parametrize(
    "address", ["", "192.168.1.20", "ftp://x/eSCL", "http://", "http://a:b@x/", "http://x:99999/"]
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(SourceError, match="like http://"):
        EsclDriver(address, GREY)


# ── formats ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("fmt", "kind"), [("image/png", "PNG"), ("image/tiff", "TIFF")])
def test_formats_without_loss_are_preferred(fmt: str, kind: str) -> None:
    model = Model(formats=(fmt, "application/pdf", "image/jpeg"))
    with EsclScanner([(face(k, kind),) for k in range(2)], model) as scanner:
        assert len(list(driver_of(scanner).pages())) == 2
        assert scanner.settings[0]["DocumentFormatExt"] == fmt


def test_a_document_of_several_pages_is_several_pages() -> None:
    stack_in_one = pdf(*[jpeg_image()] * 4)
    with EsclScanner([(stack_in_one,)], Model(formats=("application/pdf",))) as scanner:
        pages = list(driver_of(scanner).pages())
        assert len(pages) == 4
        assert all(page.image.startswith(b"\xff\xd8") for page in pages)
    model = Model(formats=("image/tiff",), modes=("BlackAndWhite1",))
    with EsclScanner([(many_paged_tiff(3),)], model) as scanner:
        pages = list(driver_of(scanner, ScanProfile(colour=Colour.BITONAL)).pages())
        assert [page.frame for page in pages] == [0, 1, 2]
        assert len({page.sha256 for page in pages}) == 3
    assert [page.position for page in pages] == [0, 1, 2]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PDF"])
def test_a_cut_file_is_not_taken_for_a_whole_one(kind: str) -> None:
    formats = {"PNG": "image/png", "TIFF": "image/tiff", "PDF": "application/pdf"}
    whole = pillow(bilevel(), kind)
    with EsclScanner([(whole,)], Model(formats=(formats[kind],))) as scanner:
        scanner.fault(0, Fault.CUT_UNBOUNDED)
        pages: list[ScannedPage] = []
        assert stop_of(driver_of(scanner), ScannerGone, pages).sheets_fed == 0
        assert pages == []
