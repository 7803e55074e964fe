"""What an encoded page says of itself before a pixel is decoded.

Formats are known by their first bytes, never by name. The parsers face hostile bytes: every loop
is bounded and every offset checked, so that a page's size is known before anything is allocated.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum

from omr.detect.tiff_tags import plausible_dpi
from omr.errors import DamagedImage, ImageTooLarge, UnsupportedImage

_MAX_PIECES = 100_000
_RESCAN = "copy the file again from the scanner, or rescan the sheet"


class Format(StrEnum):
    """What is decoded."""

    JPEG = "JPEG"
    PNG = "PNG"
    BMP = "BMP"
    WEBP = "WebP"
    TIFF = "TIFF"


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond these nothing is decoded.

    `max_bytes` bounds the encoded page, `max_pixels` width × height, `min_side_px` the shorter
    side. A decoded page may take 4 bytes for each of `max_pixels`.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 100_000_000
    min_side_px: int = 100

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.min_side_px) < 1:
            raise ValueError(f"limits must be positive, got {self}")

    def check_bytes(self, size: int) -> None:
        """Refuses an encoded page over `max_bytes`."""
        if size > self.max_bytes:
            raise ImageTooLarge(
                f"the page takes {size:,} bytes, the limit is {self.max_bytes:,}; scan at 200 to "
                "300 dpi, in grey or black and white"
            )

    def check_size(self, width: int, height: int, bytes_a_pixel: int = 1) -> None:
        """Refuses a page of too many or too few pixels, by what its header says."""
        if width < 1 or height < 1:
            raise DamagedImage(f"the header says {width} × {height} pixels; {_RESCAN}")
        if width * height > self.max_pixels or width * height * bytes_a_pixel > 4 * self.max_pixels:
            raise ImageTooLarge(
                f"the header says {width} × {height} pixels of {bytes_a_pixel} bytes, the limit is "
                f"{self.max_pixels:,} pixels; scan one sheet at 200 to 300 dpi"
            )
        if min(width, height) < self.min_side_px:
            raise UnsupportedImage(
                f"{width} × {height} pixels are no scan of a card (a side has at least "
                f"{self.min_side_px}); give the scan itself, not a thumbnail"
            )


@dataclass(frozen=True, slots=True)
class PngHeader:
    """`colour_type` is PNG's; `palette` is PLTE (RGB triples), b"" without one."""

    width: int
    height: int
    bits: int
    colour_type: int
    palette: bytes
    dpi: float | None


_FOREIGN = (
    (b"%PDF", "a PDF file; give it under a name that ends in .pdf, so that its pages are listed"),
    (b"PK\x03\x04", "a zip or Office file; give a zip of scans under a name that ends in .zip"),
    (b"GIF8", "a GIF file; save the scan as PNG or TIFF"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file; save the scan as JPEG, PNG or TIFF"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 file; save the scan as JPEG, PNG or TIFF"),
    (b"\x97JB2", "a JBIG2 file; save the scan as TIFF or PDF"),
    (b"8BPS", "a Photoshop file; save the scan as JPEG, PNG or TIFF"),
)


def sniff(data: bytes) -> Format:
    """The format by the first bytes. DamagedImage if empty, UnsupportedImage for all others."""
    if data[:3] == b"\xff\xd8\xff":
        return Format.JPEG
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return Format.TIFF
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return Format.PNG
    if data[:2] == b"BM":
        return Format.BMP
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    if not data.strip(b"\0"):
        raise DamagedImage(f"the file is empty or all zeros; {_RESCAN}")
    for magic, what in _FOREIGN:
        if data.startswith(magic):
            raise UnsupportedImage(f"this is {what}")
    if data[4:8] == b"ftyp":
        raise UnsupportedImage("this is a HEIF or AVIF photograph; save it as JPEG or PNG")
    raise UnsupportedImage(
        "the first bytes are those of no image format; JPEG, PNG, TIFF, BMP, WebP and PDF are read"
    )


def damaged(kind: Format, what: str) -> DamagedImage:
    """The one way to say that a file is broken, and what to do."""
    return DamagedImage(f"the {kind} file is damaged: {what}; {_RESCAN}")


def read_png_header(data: bytes) -> PngHeader:
    """Size, palette, density. Walks all chunks and checks every CRC, so the file is whole.

    The decoders disagree on whether they check the last chunk; this does not depend on them.
    """
    if data[8:16] != b"\0\0\0\rIHDR" or len(data) < 33:
        raise damaged(Format.PNG, "it does not begin with its header")
    width, height, bits, colour_type = struct.unpack_from(">IIBB", data, 16)
    palette = b""
    dpi: float | None = None
    pixels_seen = False
    at = 8
    view = memoryview(data)
    for _ in range(_MAX_PIECES):
        if at + 12 > len(data):
            raise damaged(Format.PNG, "it ends before its end chunk")
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + size
        if end + 4 > len(data):
            raise damaged(Format.PNG, f"a {kind!r} chunk is cut off")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise damaged(Format.PNG, f"the checksum of a {kind!r} chunk is wrong")
        if kind == b"IEND":
            break
        if kind == b"PLTE":
            palette = data[at + 8 : end]
        elif kind == b"IDAT":
            pixels_seen = True
        elif kind == b"pHYs" and size == 9 and data[end - 1] == 1:
            x, y = struct.unpack_from(">II", data, at + 8)
            dpi = plausible_dpi(round(x * 0.0254, 1), round(y * 0.0254, 1))
        at = end + 4
    else:
        raise damaged(Format.PNG, f"it is cut into more than {_MAX_PIECES:,} pieces")
    if not pixels_seen:
        raise damaged(Format.PNG, "it holds no picture")
    return PngHeader(width, height, bits, colour_type, palette, dpi)


def read_webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of a still WebP; the container's lengths must fit the file."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) or end < 30:
        raise damaged(Format.WEBP, f"it says {end:,} bytes and has {len(data):,}")
    sizes: list[tuple[int, int]] = []
    at = 12
    for _ in range(_MAX_PIECES):
        if at + 8 > end:
            break
        kind, size = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 18]
        if at + 8 + size > end or (kind in (b"VP8 ", b"VP8L", b"VP8X") and len(body) < 10):
            raise damaged(Format.WEBP, f"a {kind!r} chunk is cut off")
        if kind == b"VP8X":
            if body[0] & 2:
                raise UnsupportedImage("an animated WebP is no scan; save one picture as PNG")
            canvas = int.from_bytes(body[4:7], "little"), int.from_bytes(body[7:10], "little")
            sizes.append((canvas[0] + 1, canvas[1] + 1))
        elif kind == b"VP8L":
            packed = int.from_bytes(body[1:5], "little")
            sizes.append(((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1))
        elif kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            sizes.append((width & 0x3FFF, height & 0x3FFF))
        at += 8 + size + (size & 1)
    if not sizes or len(set(sizes)) != 1:
        raise damaged(Format.WEBP, f"its sizes do not agree ({sizes or 'none'})")
    return sizes[0]
