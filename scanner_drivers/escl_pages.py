"""The pages in one document of an eSCL scanner: whole, and of the format that it claims."""

from __future__ import annotations

import io
from collections.abc import Callable

from omr.errors import OmrError
from omr.records import ScannedPage
from scanner_drivers.errors import ScannerFailed, ScannerGone
from scanner_drivers.escl_http import Answer, Broken
from scanner_drivers.pdf import PdfPages
from scanner_drivers.sources import count_frames

_STARTS: dict[str, tuple[bytes, ...]] = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "application/pdf": (b"%PDF-",),
}
_ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/tif": "image/tiff"}
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream")
# A TIFF has no end of its own.
_ENDS: dict[str, Callable[[bytes], bool]] = {
    "image/jpeg": lambda body: body.rstrip(b"\0\r\n").endswith(b"\xff\xd9"),
    "image/png": lambda body: body.endswith(b"IEND\xaeB`\x82"),
    "image/tiff": lambda body: False,
    "application/pdf": lambda body: b"%%EOF" in body[-1024:],
}


def pages_in(answer: Answer, asked: str, dpi: int) -> list[ScannedPage]:
    """The pages of a document, at least one; their source and position are still to be set.

    `asked` is the format that counts where the answer claims none. Raises Broken.
    """
    told = (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    claimed = _ALIASES.get(told, asked if told in _UNTOLD else told)
    if claimed not in _STARTS:
        raise Broken(ScannerFailed, f"it sent {claimed[:60]} instead of a page")
    if not answer.body.startswith(_STARTS[claimed]):
        raise Broken(ScannerFailed, f"a page came as {claimed} and is none")
    if not answer.bounded and not _ENDS[claimed](answer.body):
        raise Broken(ScannerGone, f"a page broke off after {len(answer.body):,} bytes")
    if claimed == "application/pdf":
        return _pages_of_pdf(answer.body)
    if claimed == "image/tiff":
        frames, wrong = count_frames(io.BytesIO(answer.body))
        if wrong is not None:
            raise Broken(ScannerFailed, f"a page is damaged: {wrong}")
        return [_page(answer.body, dpi, frame) for frame in frames]
    return [_page(answer.body, dpi)]


def _page(image: bytes, dpi: float | None, frame: int = 0) -> ScannedPage:
    return ScannedPage(image, ScannedPage.digest(image, frame), "", 0, frame, dpi)


def _pages_of_pdf(body: bytes) -> list[ScannedPage]:
    try:
        pdf = PdfPages(body)
        try:
            found = [pdf.page(index) for index in range(pdf.count)]
        finally:
            pdf.close()
    except OmrError as error:
        raise Broken(ScannerFailed, f"a page is damaged: {error}") from error
    if not found:
        raise Broken(ScannerFailed, "a PDF without a page came")
    return [_page(page.image, page.dpi) for page in found]
