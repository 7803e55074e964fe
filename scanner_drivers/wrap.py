"""Minimal TIFF and PNG files around image data that are already encoded, or plain.

What a PDF holds of a scan (fax, deflate) is, byte for byte, what these formats hold: putting a
header before it costs microseconds and changes no pixel.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

MINISWHITE, MINISBLACK, RGB = 0, 1, 2
PLAIN, GROUP_3, GROUP_4, DEFLATE = 1, 3, 4, 8

_SHORT, _LONG, _RATIONAL = 3, 4, 5


@dataclass(frozen=True, slots=True)
class Stored:
    """How `data` holds width × height pixels, in the terms of TIFF's tags."""

    width: int
    height: int
    bits: int
    samples: int
    photometric: int
    compression: int
    data: bytes
    predictor: int = 1
    t4_options: int = 0
    dpi: float | None = None


def as_tiff(stored: Stored) -> bytes:
    """A TIFF file of one page in one strip."""
    per_inch = round((stored.dpi or 0.0) * 1000)
    tags: list[tuple[int, int, int]] = [
        (256, _LONG, stored.width),
        (257, _LONG, stored.height),
        (258, _SHORT, stored.bits),
        (259, _SHORT, stored.compression),
        (262, _SHORT, stored.photometric),
        (273, _LONG, 0),
        (277, _SHORT, stored.samples),
        (278, _LONG, stored.height),
        (279, _LONG, len(stored.data)),
        (282, _RATIONAL, per_inch),
        (283, _RATIONAL, per_inch),
        (292, _LONG, stored.t4_options),
        (296, _SHORT, 2 if per_inch else 1),
        (317, _SHORT, stored.predictor),
    ]
    resolution_at = 8 + 2 + 12 * len(tags) + 4
    data_at = resolution_at + 8
    parts = [b"II*\0", struct.pack("<IH", 8, len(tags))]
    for tag, kind, value in tags:
        if kind == _RATIONAL:
            value = resolution_at
        elif tag == 273:
            value = data_at
        # A SHORT fills the first half of its four bytes: in little-endian order, the same bytes.
        parts.append(struct.pack("<HHII", tag, kind, 1, value))
    parts.append(struct.pack("<III", 0, per_inch, 1000))
    parts.append(stored.data)
    return b"".join(parts)


def as_png(stored: Stored) -> bytes:
    """A PNG file around a zlib stream whose rows carry PNG's filter bytes. Grey or RGB."""
    colour_type = 2 if stored.samples == 3 else 0
    head = struct.pack(">IIBBBBB", stored.width, stored.height, stored.bits, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", head)]
    if stored.dpi:
        per_metre = round(stored.dpi / 0.0254)
        chunks.append((b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)))
    chunks += [(b"IDAT", stored.data), (b"IEND", b"")]
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        parts += [struct.pack(">I", len(body)), kind, body]
        parts.append(struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))))
    return b"".join(parts)
