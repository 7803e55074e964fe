"""What a JPEG says of itself, and a look at its coded data that libjpeg does not take."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from omr.detect.headers import Format, damaged
from omr.detect.tiff_tags import plausible_dpi, read_directory
from omr.errors import ImageError, UnsupportedImage
from omr.records import Turn

_MAX_PIECES = 100_000
_END_OF_BLOCK = 0
_HOLE = bytes(64)


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """`scans` counts the passes over the picture; progressive files have several."""

    width: int
    height: int
    components: int
    scans: int
    adobe: bool
    dpi: float | None
    turn: Turn


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Frame, density and orientation. Refuses all but baseline and progressive Huffman coding."""
    at = 2
    dpi: float | None = None
    turn = Turn.UPRIGHT
    adobe = progressive = False
    frame: tuple[int, int, int] | None = None
    first_symbols: dict[int, int] = {}
    for _ in range(_MAX_PIECES):
        head = data[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF:
            raise damaged(Format.JPEG, f"no marker at byte {at}")
        marker = head[1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        size = head[2] << 8 | head[3]
        if size < 2 or at + 2 + size > len(data):
            raise damaged(Format.JPEG, "its header is cut off")
        if marker == 0xDA:
            break
        if marker == 0xE0 and data[at + 4 : at + 9] == b"JFIF\0" and size >= 14:
            unit, x, y = struct.unpack_from(">BHH", data, at + 11)
            scale = {1: 1.0, 2: 2.54}.get(unit, 0.0)
            dpi = plausible_dpi(x * scale, y * scale) or dpi
        elif marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            turn, exif_dpi = _read_exif(data[at + 10 : at + 2 + size])
            dpi = dpi or exif_dpi
        elif marker == 0xEE and data[at + 4 : at + 9] == b"Adobe":
            adobe = True
        elif marker == 0xC4:
            first_symbols |= _first_symbols(data[at + 4 : at + 2 + size])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = frame or _jpeg_frame(data, at, marker, size)
            progressive = progressive or marker == 0xC2
        at += 2 + size
    if frame is None:
        raise damaged(Format.JPEG, "it says no size")
    width, height, components = frame
    # Inside coded data 0xFF is always followed by 0, so this counts true markers only. Counting
    # takes a millisecond, so only where there may be several passes.
    several = progressive or data[at + 4 : at + 5] != bytes([components])
    scans = data.count(b"\xff\xda", at) if several else 1
    if not several:
        _refuse_hole(data, at, first_symbols)
    return JpegHeader(width, height, components, scans, adobe, dpi, turn)


def _first_symbols(tables: bytes) -> dict[int, int]:
    """What the code of zeros alone means in each Huffman table of a DHT segment."""
    first: dict[int, int] = {}
    at = 0
    while at + 17 < len(tables):
        first[tables[at]] = tables[at + 17]
        at += 17 + sum(tables[at + 1 : at + 17])
    return first


def _refuse_hole(data: bytes, scan: int, first_symbols: dict[int, int]) -> None:
    """Refuses coded data with a run of zeros, as a lost disk sector leaves it.

    libjpeg often decodes such a run without a word. But unless zeros mean "end of block" in the
    first component's AC table, each block of the run would have a coefficient of -1 at all 63
    frequencies: no picture has that.
    """
    ac_table = 0x10 | (data[scan + 6] & 15)
    if first_symbols.get(ac_table, _END_OF_BLOCK) == _END_OF_BLOCK:
        return
    hole = data.find(_HOLE, scan)
    if 0 <= hole < data.rfind(b"\xff\xd9"):
        raise damaged(Format.JPEG, f"{len(_HOLE)} zeros and more in its coded data at byte {hole}")


def _jpeg_frame(data: bytes, at: int, marker: int, size: int) -> tuple[int, int, int]:
    if size < 8:
        raise damaged(Format.JPEG, "its header is cut off")
    bits, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
    if marker > 0xC2:
        raise UnsupportedImage(
            f"a lossless, arithmetic or hierarchical JPEG (SOF{marker - 0xC0}) is not read; "
            "save the scan as an ordinary JPEG, PNG or TIFF"
        )
    if bits != 8:
        raise UnsupportedImage(f"a JPEG of {bits} bits is not read; save the scan with 8 bits")
    if components not in (1, 3):
        raise UnsupportedImage(
            f"a JPEG of {components} channels (CMYK) is not read; save the scan in grey or RGB"
        )
    return width, height, components


def _read_exif(blob: bytes) -> tuple[Turn, float | None]:
    """Orientation and resolution; a broken EXIF block is no reason to refuse the picture."""
    try:
        directory = read_directory(blob)
        return directory.turn(), directory.dpi()
    except (ImageError, struct.error):
        return Turn.UPRIGHT, None
