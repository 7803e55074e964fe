"""Valid scans of whole cards, in the formats that scanners give.

Damage to these can get past the decoders, as far as the marks, the bubbles and the barcodes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pikepdf
from PIL import Image

from tests.faults.seeds import U8, Wrapped, pdf, pillow, zipped

CARD, SMALL_CARD = "cn-health-203", "quiz-a5"
SAMPLES = Path(__file__).resolve().parents[2] / "sample_scans"


@cache
def _sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def _grey() -> bytes:
    return _sample(f"clean/{CARD}-000001-front.jpg")


def _bitonal() -> bytes:
    return _sample(f"clean/{CARD}-000002-front.tif")


@cache
def _pixels(data: bytes) -> U8:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


def _as_pdf(data: bytes, size: tuple[int, int], dpi: int, **entries: object) -> bytes:
    width, height = (px * 72 / dpi for px in size)
    image = {"Width": size[0], "Height": size[1], **entries}
    content = f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Im0 Do Q".encode()
    return pdf((data, image), content=content, page_pt=(width, height))


def _jpeg_pdf(data: bytes) -> bytes:
    height, width = _pixels(_grey()).shape
    return _as_pdf(data, (width, height), 150, Filter=pikepdf.Name.DCTDecode)


def _g4_stream() -> bytes:
    """The bare T.6 data of the bitonal scan, which is one strip."""
    tags = Image.open(io.BytesIO(_bitonal())).tag_v2  # type: ignore[attr-defined]
    (start,), (size,) = tags[273], tags[279]
    return _bitonal()[start : start + size]


def _fax_pdf(data: bytes) -> bytes:
    height, width = _pixels(_bitonal()).shape
    parms = pikepdf.Dictionary(K=-1, Columns=width, Rows=height, BlackIs1=True)
    fax = {"Filter": pikepdf.Name.CCITTFaxDecode, "BitsPerComponent": 1, "DecodeParms": parms}
    return _as_pdf(data, (width, height), 200, **fax)


def _zip(data: bytes) -> bytes:
    return zipped(("1.jpg", data), ("2.tif", _bitonal()), compression=zipfile.ZIP_STORED)


def _repainted(whole: bytes, kind: str, mode: str, **options: object) -> Wrapped:
    """The pixels themselves, and a valid file of whatever has become of them."""
    width = _pixels(whole).shape[1]
    image = Image.fromarray(_pixels(whole)).convert(mode, dither=Image.Dither.NONE)
    row = width if mode == "L" else -(-width // 8)

    def wrap(changed: bytes) -> bytes:
        rows = max(1, len(changed) // row)
        file = io.BytesIO()
        filled = changed[: rows * row].ljust(rows * row, b"\xff")
        Image.frombytes(mode, (width, rows), filled).save(file, kind, **options)
        return file.getvalue()

    return image.tobytes(), wrap


_MAKERS: dict[str, Callable[[], bytes]] = {
    f"{CARD}.jpg": _grey,
    f"{CARD}.tif": _bitonal,
    f"{CARD}.png": lambda: pillow(_pixels(_grey()), "PNG", dpi=(150, 150)),
    f"{CARD}.bmp": lambda: pillow(_pixels(_bitonal()), "BMP", "1"),
    f"{CARD}.webp": lambda: pillow(_pixels(_grey()), "WEBP", quality=70),
    f"{CARD}-colour.jpg": lambda: _sample(f"clean/{CARD}-000004-front.jpg"),
    f"{CARD}-bit.png": lambda: pillow(_pixels(_bitonal()), "PNG", "1"),
    f"{CARD}-lzw.tif": lambda: pillow(_pixels(_grey()), "TIFF", compression="tiff_lzw"),
    f"{CARD}.pdf": lambda: _jpeg_pdf(_grey()),
    f"{CARD}-fax.pdf": lambda: _fax_pdf(_g4_stream()),
    f"{CARD}.zip": lambda: _zip(_grey()),
    f"{SMALL_CARD}.jpg": lambda: _sample(f"clean_quiz/{SMALL_CARD}-000002-front.jpg"),
    f"{SMALL_CARD}.tif": lambda: _sample(f"clean_quiz/{SMALL_CARD}-000001-front.tif"),
}


@cache
def card_files() -> dict[str, bytes]:
    """All of them, by a name that says what it is."""
    return {name: make() for name, make in _MAKERS.items()}


@cache
def wrapped_cards() -> dict[str, Wrapped]:
    """What some of them hold, and how to wrap it again: what a file holds, or its bare pixels."""
    small = card_files()[f"{SMALL_CARD}.tif"]
    return {
        f"{CARD}.pdf": (_grey(), _jpeg_pdf),
        f"{CARD}-fax.pdf": (_g4_stream(), _fax_pdf),
        f"{CARD}.zip": (_grey(), _zip),
        f"{CARD}.jpg": _repainted(_grey(), "JPEG", "L", quality=80),
        f"{CARD}.tif": _repainted(_bitonal(), "TIFF", "1", compression="group4"),
        f"{CARD}-bit.png": _repainted(_bitonal(), "PNG", "1"),
        f"{SMALL_CARD}.tif": _repainted(small, "TIFF", "1", compression="group4"),
    }
