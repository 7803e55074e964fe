"""BMP pages: uncompressed ones, sliced by numpy, so there is no decoder to be fooled."""

from __future__ import annotations

import struct

import numpy as np

from omr.detect.headers import Format, Limits, damaged
from omr.detect.tiff_tags import plausible_dpi
from omr.detect.tones import from_palette, grey_of, read_only
from omr.errors import UnsupportedImage
from omr.records import Raster

_CORE_HEADER = 12
_PLAIN, _MASKS = 0, 3
_KNOWN_MASKS = {
    16: {(0x7C00, 0x3E0, 0x1F): (10, 5, 5), (0xF800, 0x7E0, 0x1F): (11, 5, 6)},
    32: {(0xFF0000, 0xFF00, 0xFF): (16, 8, 8)},
}
_SAVE_PLAIN = "save the scan as an uncompressed BMP, as PNG or as TIFF"


def read_bmp(data: bytes, *, colour: bool, limits: Limits) -> Raster:
    """The picture. BMP has no checksum: beyond its lengths, damage cannot be seen."""
    if len(data) < 26:
        raise damaged(Format.BMP, "its header is cut off")
    start, header_size = struct.unpack_from("<II", data, 10)
    if header_size == _CORE_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression, x_per_m, y_per_m, used = _PLAIN, 0, 0, 0
    elif header_size >= 40 and len(data) >= 54:
        width, height, _, bits, compression, _, x_per_m, y_per_m, used = struct.unpack_from(
            "<iiHHIIiiI", data, 18
        )
    else:
        raise damaged(Format.BMP, f"its header has {header_size} bytes")
    top_first, height = height < 0, abs(height)
    if compression not in (_PLAIN, _MASKS) or bits not in (1, 4, 8, 16, 24, 32):
        raise UnsupportedImage(
            f"a BMP of {bits} bits with compression {compression} is not read; {_SAVE_PLAIN}"
        )
    limits.check_size(width, height, max(1, bits // 8))
    stride = (width * bits + 31) // 32 * 4
    if start < 14 + header_size or start + stride * height > len(data):
        raise damaged(Format.BMP, f"it ends before its last row ({len(data):,} bytes)")
    rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)
    rows = rows if top_first else rows[::-1]
    dpi = plausible_dpi(round(x_per_m * 0.0254, 1), round(y_per_m * 0.0254, 1))
    bitonal = False
    if bits <= 8:
        entry = 3 if header_size == _CORE_HEADER else 4
        count = min(used or 1 << bits, 1 << bits)
        table_at = 14 + header_size
        if table_at + count * entry > start:
            raise damaged(Format.BMP, "its palette is cut off")
        table = np.frombuffer(data, np.uint8, count * entry, table_at).reshape(count, entry)
        if bits == 1:
            indices = np.unpackbits(rows, axis=1, count=width)
        elif bits == 4:
            indices = np.dstack([rows >> 4, rows & 15]).reshape(height, -1)[:, :width]
        else:
            indices = rows[:, :width]
        pixels, bitonal = from_palette(indices, table[:, 2::-1])
        bitonal = bitonal and bits == 1
    elif bits == 24:
        pixels = rows[:, : width * 3].reshape(height, width, 3)[:, :, ::-1]
    else:
        red, green, green_bits = _masks(data, bits, compression)
        words = np.ascontiguousarray(rows[:, : width * bits // 8]).view(f"<u{bits // 8}")
        five = bits == 16
        levels = [
            (words >> shift & ((1 << size) - 1)) * 255 // ((1 << size) - 1)
            for shift, size in ((red, 5 if five else 8), (green, green_bits), (0, 5 if five else 8))
        ]
        pixels = np.dstack(levels).astype(np.uint8)
    if pixels.ndim == 3 and not colour:
        pixels = grey_of(pixels)
    return Raster(read_only(pixels), bitonal, dpi)


def _masks(data: bytes, bits: int, compression: int) -> tuple[int, int, int]:
    """Shift of red, shift of green, bits of green; blue always lies lowest."""
    known = _KNOWN_MASKS[bits]
    if compression == _PLAIN:
        return next(iter(known.values()))
    if len(data) < 66:
        raise damaged(Format.BMP, "its colour masks are cut off")
    found = known.get(struct.unpack_from("<III", data, 54))
    if found is None:
        raise UnsupportedImage(f"a BMP with unusual colour masks is not read; {_SAVE_PLAIN}")
    return found
