"""Fax codings (ITU-T T.4 and T.6, the bilevel compressions of TIFF and PDF), read strictly.

Decoders made for fax machines repair what they can: a run too many is cut, a row too short is
filled with white, and the page comes back as if nothing had happened. Here every row must come
to exactly the width, every code must exist, and after the last row there may be nothing but the
end code: the first thing that is wrong refuses the page. Codes and modes are those of ITU-T T.4
(1999), tables 2 and 3, and T.6 (1988), table 1.
"""

from __future__ import annotations

from enum import IntEnum

import numba
import numpy as np
from numpy.typing import NDArray

from omr.errors import DamagedImage, ImageError, UnsupportedImage
from omr.records import U8


class FaxCoding(IntEnum):
    """How rows are coded. The first three values are those of TIFF's tag 259."""

    MODIFIED_HUFFMAN = 2
    GROUP_3 = 3
    GROUP_4 = 4
    GROUP_3_2D = 5


class _Fault(IntEnum):
    """Why reading stopped; the kernel returns it beside the row (row << 3 | fault)."""

    NONE = 0
    BAD_CODE = 1
    BAD_ROW = 2
    CUT_SHORT = 3
    LEFT_OVER = 4
    UNCOMPRESSED = 5
    NO_LINE_START = 6


_SAYS = {
    _Fault.BAD_CODE: "a code that does not exist",
    _Fault.BAD_ROW: "a row that is longer than the page is wide",
    _Fault.CUT_SHORT: "the data end too early",
    _Fault.LEFT_OVER: "there are data after the last row",
    _Fault.NO_LINE_START: "a row does not begin with its line code",
}

# Terminating codes for runs of 0 to 63, then make-up codes for 64, 128 ... 1728.
_WHITE = (
    "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 "
    "110101 101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 "
    "0100100 0011000 00000010 00000011 00011010 00011011 00010010 00010011 00010100 00010101 "
    "00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101 "
    "00001010 00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 "
    "01011010 01011011 01001010 01001011 00110010 00110011 00110100 "
    "11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 "
    "011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001 "
    "011011010 011011011 010011000 010011001 010011010 011000 010011011"
)
_BLACK = (
    "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 "
    "00000111 000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 "
    "00000110111 00000101000 00000010111 00000011000 000011001010 000011001011 000011001100 "
    "000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 "
    "000011010100 000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 "
    "000011011011 000001010100 000001010101 000001010110 000001010111 000001100100 000001100101 "
    "000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 "
    "000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111 "
    "0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 "
    "0000001101100 0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 "
    "0000001110010 0000001110011 0000001110100 0000001110101 0000001110110 0000001110111 "
    "0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011 "
    "0000001100100 0000001100101"
)
# Make-up codes of either colour for 1792, 1856 ... 2560.
_LONG = (
    "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 "
    "000000010110 000000010111 000000011100 000000011101 000000011110 000000011111"
)
# Vertical modes are written as their displacement + 3, so 0 to 6.
_PASS, _HORIZONTAL, _UNCOMPRESSED = 7, 8, 9
_MODES = {
    "0000010": 0, "000010": 1, "010": 2, "1": 3, "011": 4, "000011": 5, "0000011": 6,
    "0001": _PASS, "001": _HORIZONTAL, "0000001111": _UNCOMPRESSED,
}  # fmt: skip
_CODE_BITS = 13
_MODE_ROW = 2
_PAD = bytes(8)


def _code_table() -> NDArray[np.uint16]:
    """(3, 8192): white runs, black runs, modes; by the next 13 bits: value << 4 | code length.

    0 where no code begins like that.
    """
    table = np.zeros((3, 1 << _CODE_BITS), np.uint16)
    lengths = [*range(64), *range(64, 1729, 64), *range(1792, 2561, 64)]
    white, black = (
        dict(zip(f"{codes} {_LONG}".split(), lengths, strict=True)) for codes in (_WHITE, _BLACK)
    )
    for row, codes in enumerate((white, black, _MODES)):
        for code, value in codes.items():
            free = _CODE_BITS - len(code)
            first = int(code, 2) << free
            table[row, first : first + (1 << free)] = value << 4 | len(code)
    table.flags.writeable = False
    return table


_CODES = _code_table()
# Each byte with its bits the other way round, for `bytes.translate`.
REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def decode_fax(
    data: bytes,
    strips: list[tuple[int, int, int]],
    out: U8,
    coding: FaxCoding,
    *,
    low_bit_first: bool = False,
) -> None:
    """Paints the coded-black runs of all strips into `out` (height, width), filled with paper.

    `out` holds one value throughout, 255 or 0, for coded white; coded black becomes the other.
    `strips` are (offset, length, rows) in bytes of `data`; the rows must add up to the height.
    Raises DamagedImage where the data are not exactly that many rows of exactly that width, and
    UnsupportedImage for T.6's uncompressed mode.
    """
    if sum(rows for _, _, rows in strips) != out.shape[0]:
        raise ValueError(f"strips must add up to {out.shape[0]} rows")
    if any(at < 0 or size < 0 or at + size > len(data) for at, size, _ in strips):
        raise ValueError("strips must lie inside the data")
    if low_bit_first:
        data = data.translate(REVERSED_BITS)
    bits = np.frombuffer(data + _PAD, np.uint8)
    spans = np.array([(at * 8, (at + size) * 8, rows) for at, size, rows in strips], np.int64)
    status = int(unfax(bits, spans, _CODES, int(coding), out))
    if status:
        raise _refusal(_Fault(status & 7), status >> 3, out.shape[0])


def _refusal(fault: _Fault, row: int, height: int) -> ImageError:
    if fault is _Fault.UNCOMPRESSED:
        return UnsupportedImage(
            f"the fax data use uncompressed mode at row {row} of {height}, which is not read; "
            "save the scan as plain Group 4"
        )
    return DamagedImage(
        f"the fax data are damaged at row {row} of {height}: {_SAYS[fault]}; "
        "copy the file again from the scanner, or rescan the sheet"
    )


@numba.njit(cache=True, nogil=True)
def unfax(bits, spans, codes, coding, out):  # type: ignore[no-untyped-def]
    """The kernel of `decode_fax`: 0, or row << 3 | fault.

    `bits` has 8 spare bytes at its end; `spans` (n, 3) int64: first bit, one past the last bit,
    rows; `codes` is `_code_table()`, `coding` a FaxCoding, `out` (height, width) all paper.
    """
    width = out.shape[1]
    ink = 255 - out[0, 0]
    above = np.empty(width + 8, np.int32)
    turns = np.empty(width + 8, np.int32)
    y = 0
    for strip in range(spans.shape[0]):
        pos, stop = spans[strip, 0], spans[strip, 1]
        above[:4] = width
        for _ in range(spans[strip, 2]):
            flat = coding != 4
            if coding == 3 or coding == 5:
                after = _past_line_code(bits, pos, stop)
                if coding == 5:
                    if after == pos or after >= stop:
                        return y << 3 | 6
                    flat = _bit(bits, after) == 1
                    after += 1
                pos = after
            if flat:
                pos, count = _flat_row(bits, pos, stop, codes, turns, width)
            else:
                pos, count = _relative_row(bits, pos, stop, codes, above, turns, width)
            if pos > stop:
                return y << 3 | 3
            if count < 0:
                return y << 3 | -count
            turns[count : count + 4] = width
            for k in range(0, count, 2):
                out[y, turns[k] : turns[k + 1]] = ink
            above, turns = turns, above
            if coding == 2:
                pos = (pos + 7) & ~7
            y += 1
        if not _ends_here(bits, pos, stop, coding):
            return y << 3 | 4
    return 0


@numba.njit(cache=True, nogil=True)
def _bit(bits, pos):  # type: ignore[no-untyped-def]
    return (np.int64(bits[pos >> 3]) >> (7 - (pos & 7))) & 1


@numba.njit(cache=True, nogil=True)
def _next_13(bits, pos):  # type: ignore[no-untyped-def]
    at = pos >> 3
    word = np.int64(bits[at]) << 16 | np.int64(bits[at + 1]) << 8 | np.int64(bits[at + 2])
    return (word >> (11 - (pos & 7))) & 0x1FFF


@numba.njit(cache=True, nogil=True)
def _run(bits, pos, stop, codes, colour):  # type: ignore[no-untyped-def]
    """Reads make-up codes and the terminating code; the run is -1 where no code fits."""
    total = np.int64(0)
    while pos <= stop:
        code = np.int64(codes[colour, _next_13(bits, pos)])
        if code == 0:
            return pos, -1
        pos += code & 15
        total += code >> 4
        if code >> 4 < 64:
            return pos, total
    return pos, -1


@numba.njit(cache=True, nogil=True)
def _mark(turns, count, x):  # type: ignore[no-untyped-def]
    """Notes a change of colour at x. Two at one place are none, so that places always rise."""
    if count and turns[count - 1] == x:
        return count - 1
    turns[count] = x
    return count + 1


@numba.njit(cache=True, nogil=True)
def _flat_row(bits, pos, stop, codes, turns, width):  # type: ignore[no-untyped-def]
    """One row coded by itself: runs, white first. Count of changes, or minus the fault."""
    count = 0
    x = 0
    colour = 0
    while x < width:
        pos, run = _run(bits, pos, stop, codes, colour)
        if run < 0:
            return pos, -1
        x += run
        if x > width:
            return pos, -2
        count = _mark(turns, count, x)
        colour ^= 1
    return pos, count


@numba.njit(cache=True, nogil=True)
def _relative_row(bits, pos, stop, codes, above, turns, width):  # type: ignore[no-untyped-def]
    """One row coded against the row above. Count of changes, or minus the fault.

    The colour is the parity of `count`. `b1` indexes the first change above that lies right of x
    and turns to the other colour; `above` ends in four times the width, so it never runs out.
    """
    count = 0
    x = 0
    b1 = 0
    started = False
    while x < width:
        if pos > stop:
            return pos, -3
        code = np.int64(codes[_MODE_ROW, _next_13(bits, pos)])
        if code == 0:
            return pos, -1
        pos += code & 15
        mode = code >> 4
        if mode < 7:
            to = above[b1] + mode - 3
            if to > width or to < x or (to == x and started):
                return pos, -2
            count = _mark(turns, count, to)
            x = to
            b1 += -1 if mode < 3 and b1 > 0 else 1
        elif mode == 8:
            for _ in range(2):
                pos, run = _run(bits, pos, stop, codes, count & 1)
                if run < 0:
                    return pos, -1
                x += run
                if x > width:
                    return pos, -2
                count = _mark(turns, count, x)
        elif mode == 7:
            x = above[b1 + 1]
        else:
            return pos, -5
        started = True
        while above[b1] <= x and above[b1] < width:
            b1 += 2
    return pos, count


@numba.njit(cache=True, nogil=True)
def _past_line_code(bits, pos, stop):  # type: ignore[no-untyped-def]
    """Where the row begins: past eleven zeros or more and a one, if they are there."""
    at = pos
    while at < stop and _bit(bits, at) == 0:
        at += 1
    return at + 1 if at < stop and at - pos >= 11 else pos


@numba.njit(cache=True, nogil=True)
def _ends_here(bits, pos, stop, coding):  # type: ignore[no-untyped-def]
    """Nothing may follow the last row but zeros and line codes, up to the complete end code."""
    codes_to_end = 2 if coding == 4 else 6
    seen = 0
    while seen < codes_to_end:
        after = pos
        while after < stop and _bit(bits, after) == 0:
            after += 1
        if after >= stop:
            return True
        if after - pos < 11 or coding == 2:
            return False
        pos = after + 1 if coding != 5 else after + 2
        seen += 1
    return True
