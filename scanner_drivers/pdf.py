"""PDF pages as images: the embedded scan itself where a page is one scan, else the page drawn.

Taking the scan out costs a fraction of a millisecond and is exact; drawing costs 10 to 130 ms and
can be off by a pixel. /Rotate is not applied and annotations are not drawn: the card's own marks
decide how it lies, and only what was scanned is read.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
from numpy.typing import NDArray

from omr.errors import DamagedImage, ImageTooLarge, OmrError, SourceError
from scanner_drivers.pdf_scan import Scan, find_scan, take_out
from scanner_drivers.wrap import MINISBLACK, PLAIN, RGB, Stored, as_tiff

_DRAWN_DPI = 200
_MAX_PIXELS = 100_000_000
_AGAIN = "save it again from the scanning program, or give the scans as JPEG or TIFF"


@dataclass(frozen=True, slots=True)
class PdfPage:
    """One page as the bytes of an image file, and its dots an inch."""

    image: bytes
    dpi: float | None


class PdfPages:
    """An open PDF. Not for several threads at once."""

    def __init__(self, source: str | bytes) -> None:
        """Opens a path, or bytes. SourceError where it is protected, damaged or not there."""
        self._source = source
        self._drawing: Any = None
        try:
            # No recovery: it would leave out pages that it cannot find, without a word. No memory
            # map: a file that shrinks on a network share would kill the process.
            self._pdf = pikepdf.open(
                source if isinstance(source, str) else io.BytesIO(source),
                attempt_recovery=False,
                access_mode=pikepdf.AccessMode.stream,
            )
            self.count = len(self._pdf.pages)
        except OSError as error:
            raise SourceError(
                f"cannot be opened ({error.strerror or error}); check that it exists and may be "
                "read, and that its disk or share is connected"
            ) from error
        except pikepdf.PasswordError as error:
            raise SourceError(
                "the PDF asks for a password; save it without one and give it again"
            ) from error
        except Exception as error:
            # Its own name for the file, such as an object's address, is not the same each time.
            why = re.sub(r"^(stream <.*?>|.*\.pdf)[^:]*: ", "", str(error), flags=re.IGNORECASE)
            raise SourceError(f"the PDF is damaged ({why}); {_AGAIN}") from error

    def close(self) -> None:
        """Gives the file back."""
        if self._drawing is not None:
            self._drawing.close()
            self._drawing = None
        self._pdf.close()

    def page(self, index: int) -> PdfPage:
        """Page `index`, 0-based. Raises OmrError and nothing else."""
        try:
            if index >= self.count:
                raise SourceError(f"the PDF has only {self.count} pages now; list it again")
            scan = find_scan(self._pdf, self._pdf.pages[index])
            if scan is not None:
                image = take_out(scan) or self._unpacked(index, scan)
                if image is not None:
                    return PdfPage(image, scan.dpi)
            return PdfPage(self._drawn(index), float(_DRAWN_DPI))
        except OmrError:
            raise
        except Exception as error:
            # qpdf and pdfium raise many kinds at hostile bytes; one page must not stop a batch.
            raise DamagedImage(
                f"page {index + 1} of the PDF cannot be read ({error}); {_AGAIN}"
            ) from error

    def _pdfium_page(self, index: int) -> Any:
        if self._drawing is None:
            self._drawing = pypdfium2.PdfDocument(self._source)
        return self._drawing[index]

    def _unpacked(self, index: int, scan: Scan) -> bytes | None:
        """The scan through pdfium's decoders (JBIG2, JPEG 2000 …), pixel for pixel, not drawn.

        None where pdfium shows something else than the stored pixels, or masks are involved.
        """
        image = scan.image
        width, height = int(image.Width), int(image.Height)
        _check_pixels(width, height)
        if any(key in image for key in ("/Decode", "/SMask", "/Mask", "/ImageMask")):
            return None
        page = self._pdfium_page(index)
        pictures = list(page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=1))
        if len(pictures) != 1:
            return None
        pixels = pictures[0].get_bitmap(render=False).to_numpy()
        if pixels.shape[:2] != (height, width):
            return None
        if pixels.ndim == 3:
            # pdfium stores blue first.
            pixels = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, 2::-1]
        one_bit = image.get("/BitsPerComponent") == 1
        if one_bit and pixels.ndim == 3 and ((pixels == pixels[:, :, :1]) & (pixels + 1 < 2)).all():
            # A palette of black and white.
            pixels = pixels[:, :, 0]
        return _plain_tiff(pixels, scan.dpi, one_bit=one_bit)

    def _drawn(self, index: int) -> bytes:
        """The page drawn at 200 dpi in RGB, stored plain: packing would cost more than drawing."""
        page = self._pdfium_page(index)
        scale = _DRAWN_DPI / 72
        width, height = page.get_size()
        _check_pixels(int(width * scale) + 1, int(height * scale) + 1)
        bitmap = page.render(scale=scale, draw_annots=False, rev_byteorder=True)
        return _plain_tiff(bitmap.to_numpy()[:, :, :3], float(_DRAWN_DPI))


def _plain_tiff(pixels: NDArray[np.uint8], dpi: float | None, *, one_bit: bool = False) -> bytes:
    height, width = pixels.shape[:2]
    if pixels.ndim == 3:
        return as_tiff(Stored(width, height, 8, 3, RGB, PLAIN, pixels.tobytes(), dpi=dpi))
    if one_bit:
        packed = np.packbits(pixels > 127, axis=1).tobytes()
        return as_tiff(Stored(width, height, 1, 1, MINISBLACK, PLAIN, packed, dpi=dpi))
    return as_tiff(Stored(width, height, 8, 1, MINISBLACK, PLAIN, pixels.tobytes(), dpi=dpi))


def _check_pixels(width: int, height: int) -> None:
    if width * height > _MAX_PIXELS:
        raise ImageTooLarge(
            f"the PDF page has {width} × {height} pixels, the limit is {_MAX_PIXELS:,}; scan one "
            "sheet a page at 200 to 300 dpi"
        )
