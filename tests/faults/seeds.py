"""One valid file of every kind that is read, small, all of the same picture of a card."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np
import pikepdf
import tifffile
from numpy.typing import NDArray
from PIL import Image

U8 = NDArray[np.uint8]
Wrapped = tuple[bytes, Callable[[bytes], bytes]]
WIDTH, HEIGHT = 203, 301  # no multiple of eight: padding bits and blocks are in play
DPI = 200


@cache
def bilevel() -> U8:
    """(301, 203) of 0 and 255: rows of boxes, some filled, and two solid marks."""
    picture = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for row, y in enumerate(range(40, HEIGHT - 20, 17)):
        for column, x in enumerate(range(20, WIDTH - 20, 23)):
            filled = (row * 7 + column * 3) % 5 == 0
            cv2.rectangle(picture, (x, y), (x + 14, y + 8), 0, -1 if filled else 1)
    picture[10:22, 8:30] = 0
    picture[10:22, -30:-8] = 0
    picture.flags.writeable = False
    return picture


@cache
def grey() -> U8:
    """The same with soft edges and some grain."""
    noise = np.random.default_rng(7).integers(-9, 10, (HEIGHT, WIDTH))
    soft = cv2.GaussianBlur(bilevel(), (0, 0), 0.8).astype(np.int64) + noise
    picture: U8 = np.clip(soft, 0, 255).astype(np.uint8)
    return picture


@cache
def rgb() -> U8:
    """(301, 203, 3): the grey picture on three papers."""
    return np.dstack([grey(), 255 - grey() // 3, np.roll(grey(), 5, axis=0)])


def pillow(picture: NDArray[Any], kind: str, mode: str | None = None, **options: Any) -> bytes:
    """A file by Pillow; `mode` converts without dithering first."""
    image = Image.fromarray(picture)
    if mode is not None:
        image = image.convert(mode, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def fax_tiff(coding: str = "group4", **tags: object) -> bytes:
    """The bilevel picture as fax TIFF at 200 dpi."""
    options: dict[str, object] = {"compression": coding, "dpi": (DPI, DPI), **tags}
    return pillow(bilevel(), "TIFF", "1", **options)


def many_paged_tiff(pages: int = 3) -> bytes:
    """G4 pages; page k has k black columns at its left edge."""
    images = []
    for k in range(pages):
        picture = bilevel().copy()
        picture[:, :k] = 0
        images.append(Image.fromarray(picture).convert("1"))
    file = io.BytesIO()
    images[0].save(
        file, "TIFF", compression="group4", save_all=True, append_images=images[1:], dpi=(DPI, DPI)
    )
    return file.getvalue()


def g4_stream() -> bytes:
    """The bare T.6 data of the bilevel picture, coded black for black."""
    file = fax_tiff(tiffinfo={278: HEIGHT, 262: 0})
    tags = Image.open(io.BytesIO(file)).tag_v2  # type: ignore[attr-defined]
    return file[tags[273][0] :][: tags[279][0]]


def jbig2_stream() -> bytes:
    """Embedded JBIG2: a page and one generic region coded as MMR, which is T.6."""

    def segment(number: int, kind: int, body: bytes) -> bytes:
        return struct.pack(">IBBBI", number, kind, 0, 1, len(body)) + body

    page = struct.pack(">IIIIBH", WIDTH, HEIGHT, 0, 0, 0, 0)
    region = struct.pack(">IIIIBB", WIDTH, HEIGHT, 0, 0, 0, 1) + g4_stream()
    return segment(0, 48, page) + segment(1, 38, region)


FULL_PAGE = b"q 73.08 0 0 108.36 0 0 cm /Im0 Do Q"  # 203 × 301 px at 200 dpi


def pdf(
    *images: tuple[bytes, dict[str, object]],
    content: bytes = FULL_PAGE,
    rotate: int = 0,
    page_pt: tuple[float, float] = (73.08, 108.36),
    **save: Any,
) -> bytes:
    """A PDF with one page for each (stream, image dictionary)."""
    document = pikepdf.new()
    for data, entries in images:
        page = document.add_blank_page(page_size=page_pt)
        image = pikepdf.Stream(document, data)
        given: dict[str, object] = {
            "Type": pikepdf.Name.XObject,
            "Subtype": pikepdf.Name.Image,
            "Width": WIDTH,
            "Height": HEIGHT,
            "BitsPerComponent": 8,
            "ColorSpace": pikepdf.Name.DeviceGray,
            **entries,
        }
        for key, value in given.items():
            image[pikepdf.Name("/" + key)] = value
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        page.obj.Resources = pikepdf.Dictionary(
            XObject=pikepdf.Dictionary(Im0=document.make_indirect(image)),
            Font=pikepdf.Dictionary(F0=font),
        )
        page.obj.Contents = document.make_stream(content)
        if rotate:
            page.obj.Rotate = rotate
    file = io.BytesIO()
    # Always the same bytes, so that a damaged file can be made again.
    document.save(file, **{"static_id": True, **save})
    return file.getvalue()


def jpeg_image() -> tuple[bytes, dict[str, object]]:
    """The grey picture as a PDF image, JPEG."""
    return pillow(grey(), "JPEG", quality=90), {"Filter": pikepdf.Name.DCTDecode}


def fax_image(**parms: object) -> tuple[bytes, dict[str, object]]:
    """The bilevel picture as a PDF image, G4."""
    given = pikepdf.Dictionary(K=-1, Columns=WIDTH, Rows=HEIGHT)
    for key, value in parms.items():
        given[pikepdf.Name("/" + key)] = value
    entries = {"Filter": pikepdf.Name.CCITTFaxDecode, "BitsPerComponent": 1, "DecodeParms": given}
    return g4_stream(), entries


def deflated_image() -> tuple[bytes, dict[str, object]]:
    """The grey picture as a PDF image, deflate."""
    return zlib.compress(grey().tobytes()), {"Filter": pikepdf.Name.FlateDecode}


def png_predicted_image() -> tuple[bytes, dict[str, object]]:
    """The RGB picture as a PDF image, deflate with PNG's predictor."""
    rows = b"".join(b"\1" + _sub(row) for row in rgb())
    parms = pikepdf.Dictionary(Predictor=15, Colors=3, BitsPerComponent=8, Columns=WIDTH)
    return zlib.compress(rows), {
        "Filter": pikepdf.Name.FlateDecode,
        "DecodeParms": parms,
        "ColorSpace": pikepdf.Name.DeviceRGB,
    }


def _sub(row: U8) -> bytes:
    return bytes(np.diff(row, axis=0, prepend=np.zeros((1, 3), np.uint8)).astype(np.uint8))


def jbig2_image() -> tuple[bytes, dict[str, object]]:
    """The bilevel picture as a PDF image, JBIG2."""
    return jbig2_stream(), {"Filter": pikepdf.Name.JBIG2Decode, "BitsPerComponent": 1}


def jpeg_2000_image() -> tuple[bytes, dict[str, object]]:
    """The grey picture as a PDF image, JPEG 2000."""
    return pillow(grey(), "JPEG2000", irreversible=False), {"Filter": pikepdf.Name.JPXDecode}


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip; the same name may come twice."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members:
            # Without a clock: a damaged file must be the same when it is made again.
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            archive.writestr(info, data)
    return file.getvalue()


_DRAWN = b"q 40 0 0 40 9 9 cm /Im0 Do Q BT /F0 9 Tf 3 Tr 5 5 Td (x) Tj ET 0 g 1 1 5 5 re f"

_MAKERS: dict[str, Callable[[], bytes]] = {
    "grey.jpg": lambda: pillow(grey(), "JPEG", quality=85, dpi=(DPI, DPI)),
    "rgb.jpg": lambda: pillow(rgb(), "JPEG", quality=85),
    "progressive.jpg": lambda: pillow(rgb(), "JPEG", quality=85, progressive=True),
    "exif.jpg": lambda: pillow(grey(), "JPEG", exif=b"Exif\0\0" + _exif(6)),
    "grey.png": lambda: pillow(grey(), "PNG", dpi=(DPI, DPI)),
    "bit.png": lambda: pillow(bilevel(), "PNG", "1"),
    "palette.png": lambda: pillow(rgb(), "PNG", "P"),
    "deep.png": lambda: pillow(np.dstack([rgb(), grey()]), "PNG"),
    "grey.bmp": lambda: pillow(grey(), "BMP"),
    "bit.bmp": lambda: pillow(bilevel(), "BMP", "1"),
    "rgb.bmp": lambda: pillow(rgb(), "BMP", dpi=(DPI, DPI)),
    "lossy.webp": lambda: pillow(rgb(), "WEBP", quality=80),
    "lossless.webp": lambda: pillow(np.dstack([rgb(), grey()]), "WEBP", lossless=True),
    "g4.tif": fax_tiff,
    "g3.tif": lambda: fax_tiff("group3"),
    "huffman.tif": lambda: fax_tiff("tiff_ccitt"),
    "lzw.tif": lambda: pillow(grey(), "TIFF", compression="tiff_lzw"),
    "packbits.tif": lambda: pillow(rgb(), "TIFF", compression="packbits"),
    "deflate.tif": lambda: pillow(rgb(), "TIFF", "P", compression="tiff_adobe_deflate"),
    "plain.tif": lambda: pillow(grey(), "TIFF"),
    "jpeg.tif": lambda: pillow(rgb(), "TIFF", compression="jpeg"),
    "pages.tif": many_paged_tiff,
    "g3_2d.tif": lambda: fax_tiff("group3", tiffinfo={292: 1}),
    "tiled.tif": lambda: _tiled(),
    "jpeg.pdf": lambda: pdf(jpeg_image(), jpeg_image()),
    "fax.pdf": lambda: pdf(fax_image()),
    "deflate.pdf": lambda: pdf(deflated_image(), png_predicted_image()),
    "jbig2.pdf": lambda: pdf(jbig2_image()),
    "jpeg2000.pdf": lambda: pdf(jpeg_2000_image()),
    "drawn.pdf": lambda: pdf(jpeg_image(), content=_DRAWN),
    "cards.zip": lambda: zipped(
        ("card_1.jpg", pillow(grey(), "JPEG")), ("card_2.tif", many_paged_tiff(2))
    ),
}


def _tiled() -> bytes:
    file = io.BytesIO()
    deep = rgb().astype(np.uint16) * 257
    tifffile.imwrite(file, deep, tile=(64, 96), compression="lzw", predictor=2, bigtiff=True)
    return file.getvalue()


def _exif(orientation: int) -> bytes:
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 274, 3, 1, orientation, 0, 0)


@cache
def seed_files() -> dict[str, bytes]:
    """All of them, by a name that says what it is."""
    return {name: make() for name, make in _MAKERS.items()}


def _as_pdf(image: Callable[[], tuple[bytes, dict[str, object]]]) -> Wrapped:
    data, entries = image()
    return data, lambda changed: pdf((changed, entries))


@cache
def wrapped_files() -> dict[str, Wrapped]:
    """What some files hold, and how to wrap it again: so damage gets past the wrapping's checks."""
    return {
        "jpeg.pdf": _as_pdf(jpeg_image),
        "fax.pdf": _as_pdf(fax_image),
        "deflate.pdf": _as_pdf(deflated_image),
        "jbig2.pdf": _as_pdf(jbig2_image),
        "jpeg2000.pdf": _as_pdf(jpeg_2000_image),
        "drawn.pdf": (_DRAWN, lambda changed: pdf(jpeg_image(), content=changed)),
        "cards.zip": (many_paged_tiff(2), lambda changed: zipped(("1.tif", changed))),
    }
