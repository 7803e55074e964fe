"""Whether a file is all there, told from its own structure by a few short reads.

It is a guard against reading half a scan, no proof: bytes missing in the middle are not seen here.
"""

from __future__ import annotations

import os
import stat
import struct
from enum import Enum, auto
from typing import IO

from scanner_drivers.sources import HEAD_BYTES, Kind, kind_of

_BLOCK = 64 * 1024
_MOST_PADDING = 1024 * 1024
_MAX_FRAMES = 65_536
_MAX_VALUES = 1_000_000
_PADDING = b"\0\xff\r\n "
_TIFF_NUMBERS = {3: "H", 4: "I", 16: "Q"}
_TIFF_SIZES = dict(zip(range(1, 14), (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), strict=True))
_TIFF_SIZES |= {16: 8, 17: 8, 18: 8}
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES = 273, 279, 324, 325


class Ending(Enum):
    """What the end of a file says."""

    WHOLE = auto()
    CUT = auto()
    UNKNOWN = auto()  # of a kind whose end cannot be told


def ending(path: str) -> tuple[Ending, str]:
    """What the file's structure says, and for CUT what is missing. Links are not followed.

    Raises OSError where it cannot be opened or is no ordinary file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb", buffering=0) as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "no ordinary file")
        missing = _missing(file, status.st_size)
    if missing is None:
        return Ending.UNKNOWN, ""
    return (Ending.CUT, missing) if missing else (Ending.WHOLE, "")


def _missing(file: IO[bytes], size: int) -> str | None:
    """What is missing; "" for nothing, None where nobody can tell."""
    head = file.read(HEAD_BYTES)
    if not head:
        return "it is empty"
    if not head.strip(b"\0"):
        return "its beginning is not written yet"
    kind = kind_of(head)
    if kind is Kind.TIFF:
        return _of_tiff(file, size)
    if kind is Kind.PDF:
        return "" if b"%%EOF" in _last(file, size, 2048) else "the PDF has no end mark"
    if kind is Kind.ZIP:
        return _of_zip(file, size)
    if head.startswith(b"\xff\xd8"):
        return "" if _ends_in(file, size, b"\xff\xd9") else "the JPEG has no end mark"
    if head.startswith(b"\x89PNG"):
        return "" if _ends_in(file, size, b"IEND\xaeB`\x82") else "the PNG has no end mark"
    return _of_sized(head, size)


def _of_sized(head: bytes, size: int) -> str | None:
    if head.startswith(b"BM") and len(head) >= 6:
        (said,) = struct.unpack_from("<I", head, 2)
        if said == 0:  # allowed, and written by some
            return None
    elif head.startswith(b"RIFF") and len(head) >= 8:
        said = 8 + struct.unpack_from("<I", head, 4)[0]
    else:
        return None
    return "" if said <= size else f"{said - size:,} bytes are missing"


def _last(file: IO[bytes], size: int, count: int) -> bytes:
    file.seek(max(0, size - count))
    return file.read(count)


def _ends_in(file: IO[bytes], size: int, mark: bytes) -> bool:
    """Whether the mark is the last thing before padding.

    A file that was given its full length first and is being filled ends in padding, too, but
    hardly ever in the mark before it.
    """
    end = size
    while end > max(0, size - _MOST_PADDING):
        start = max(0, end - _BLOCK)
        # A little more in front: the mark may lie across two blocks.
        front = max(0, start - len(mark))
        kept = _at(file, front, end - front).rstrip(_PADDING)
        if front + len(kept) > start:
            return kept.endswith(mark)
        end = start
    return False


def _of_zip(file: IO[bytes], size: int) -> str:
    tail = _last(file, size, 65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return "the zip has no directory"
    length, start = struct.unpack_from("<II", tail, at + 12)
    where = size - len(tail) + at
    if 0xFFFFFFFF not in (length, start) and length + start > where:
        return "the zip's directory points outside of it"
    return ""


def _of_tiff(file: IO[bytes], size: int) -> str:
    head = _at(file, 0, 16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    number, count_letter, entry_size = ("Q", "Q", 20) if big else ("I", "H", 12)
    try:
        (offset,) = struct.unpack_from(order + number, head, 8 if big else 4)
        if offset == 0:
            return "the TIFF has no directory yet"
        seen: set[int] = set()
        # A chain that runs in a circle is whole as far as can be seen; listing will refuse it.
        while offset and offset not in seen and len(seen) < _MAX_FRAMES:
            seen.add(offset)
            count_size, place = struct.calcsize(count_letter), struct.calcsize(number)
            (count,) = struct.unpack(order + count_letter, _at(file, offset, count_size))
            if not 0 < count <= 4096:
                return "a directory of the TIFF is not written yet"
            body = _at(file, offset + count_size, count * entry_size + place)
            (offset,) = struct.unpack_from(order + number, body, count * entry_size)
            if _page_end(file, order, body[: count * entry_size], entry_size) > size:
                return "a page of the TIFF is cut off"
    except (struct.error, OverflowError, ValueError):
        return "a directory of the TIFF lies beyond its end"
    return ""


def _page_end(file: IO[bytes], order: str, body: bytes, entry_size: int) -> int:
    """Where the last strip or tile of a page ends, or the last value of its directory."""
    end = 0
    found: dict[int, tuple[int, ...]] = {}
    for at in range(0, len(body), entry_size):
        tag, kind = struct.unpack_from(order + "HH", body, at)
        place = "Q" if entry_size == 20 else "I"
        count, offset = struct.unpack_from(order + place * 2, body, at + 4)
        width = count * _TIFF_SIZES.get(kind, 0)
        if width > struct.calcsize(place):
            end = max(end, offset + width)
        if tag in (_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES) and kind in _TIFF_NUMBERS:
            found[tag] = _values(file, order, body[at : at + entry_size], _TIFF_NUMBERS[kind])
    # A value may be written behind the pixels, and then it ends the file.
    starts = found.get(_STRIPS, ()) or found.get(_TILES, ())
    sizes = found.get(_STRIP_SIZES, ()) or found.get(_TILE_SIZES, ())
    return max([end, *map(sum, zip(starts, sizes, strict=False))])


def _values(file: IO[bytes], order: str, entry: bytes, letter: str) -> tuple[int, ...]:
    number = "Q" if len(entry) == 20 else "I"
    (count,) = struct.unpack_from(order + number, entry, 4)
    if count > _MAX_VALUES:
        return ()
    width = count * struct.calcsize(letter)
    at = 4 + struct.calcsize(number)
    if width <= len(entry) - at:
        data = entry[at : at + width]
    else:
        (offset,) = struct.unpack_from(order + number, entry, at)
        data = _at(file, offset, width)
    return struct.unpack(f"{order}{count}{letter}", data)


def _at(file: IO[bytes], offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
