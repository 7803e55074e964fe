"""What is promised of fax rows: codes as texts of 0 and 1."""

from __future__ import annotations

import re
from dataclasses import dataclass

from omr.detect import fax
from omr.detect.fax import FaxCoding


class Stop(Exception):
    """Reading ended with this fault, by its number."""


_LENGTHS = [*range(64), *range(64, 1729, 64), *range(1792, 2561, 64)]
RUN_CODES = [
    dict(zip(f"{codes} {fax._LONG}".split(), _LENGTHS, strict=True))
    for codes in (fax._WHITE, fax._BLACK)
]
_BAD_CODE, _BAD_ROW, _CUT_SHORT, _LEFT_OVER, _UNCOMPRESSED, _NO_LINE_START = range(1, 7)
_LINE_CODE = re.compile("0{11,}1")


@dataclass
class Tape:
    """A strip's bits as a text of 0 and 1, read from `at`; `end` is its own end."""

    bits: str
    at: int
    end: int

    def code(self, codes: dict[str, int]) -> int:
        for length in range(1, 14):
            value = codes.get(self.bits[self.at : self.at + length])
            if value is not None:
                self.at += length
                if self.at > self.end:
                    raise Stop(_CUT_SHORT)
                return value
        raise Stop(_BAD_CODE)

    def run(self, colour: int) -> int:
        total = 0
        while True:
            part = self.code(RUN_CODES[colour])
            total += part
            if part < 64:
                return total

    def line_code(self) -> bool:
        found = _LINE_CODE.match(self.bits, self.at, self.end)
        self.at = found.end() if found else self.at
        return found is not None

    def ends(self, coding: FaxCoding) -> bool:
        rest = self.bits[self.at : self.end]
        if coding is FaxCoding.MODIFIED_HUFFMAN:
            return "1" not in rest
        line = "0{11,}1(?:[01]|$)" if coding is FaxCoding.GROUP_3_2D else "0{11,}1"
        whole = 2 if coding is FaxCoding.GROUP_4 else 6
        pattern = f"(?:{line}){{{whole}}}[01]*|(?:{line}){{0,{whole - 1}}}0*"
        return re.fullmatch(pattern, rest) is not None


def unfax(bits: str, spans, coding: FaxCoding, width: int) -> tuple[int, list[list[int]]]:
    """`unfax`: 0 or row << 3 | fault, and the rows before it (1 is coded black)."""
    rows: list[list[int]] = []
    try:
        for first, end, count in spans:
            tape = Tape(bits, first, end)
            above = [0] * width
            for _ in range(count):
                above = _fax_row(tape, coding, above)
                rows.append(above)
                if coding is FaxCoding.MODIFIED_HUFFMAN:
                    tape.at += -tape.at % 8
            if not tape.ends(coding):
                raise Stop(_LEFT_OVER)
    except Stop as stop:
        return len(rows) << 3 | stop.args[0], rows
    return 0, rows


def _fax_row(tape: Tape, coding: FaxCoding, above: list[int]) -> list[int]:
    flat = coding is not FaxCoding.GROUP_4
    if coding is FaxCoding.GROUP_3:
        tape.line_code()
    if coding is FaxCoding.GROUP_3_2D:
        if not tape.line_code() or tape.at >= tape.end:
            raise Stop(_NO_LINE_START)
        flat = tape.bits[tape.at] == "1"
        tape.at += 1
    return _flat(tape, len(above)) if flat else _against(tape, above)


def _flat(tape: Tape, width: int) -> list[int]:
    row: list[int] = []
    colour = 0
    while len(row) < width:
        row += [colour] * tape.run(colour)
        if len(row) > width:
            raise Stop(_BAD_ROW)
        colour = 1 - colour
    return row


def _against(tape: Tape, above: list[int]) -> list[int]:
    """T.6: a0 is the last place settled, b1 and b2 the next changes in the row above."""
    width = len(above)
    row: list[int] = []
    a0, colour = -1, 0
    while len(row) < width:
        b1, b2 = reference(above, a0, colour)
        mode = tape.code(fax._MODES)
        if mode == fax._UNCOMPRESSED:
            raise Stop(_UNCOMPRESSED)
        if mode == fax._PASS:
            row += [colour] * (b2 - len(row))
        elif mode == fax._HORIZONTAL:
            for ink in (colour, 1 - colour):
                row += [ink] * tape.run(ink)
                if len(row) > width:
                    raise Stop(_BAD_ROW)
        else:
            a1 = b1 + mode - 3
            if not a0 < a1 <= width:
                raise Stop(_BAD_ROW)
            row += [colour] * (a1 - len(row))
            colour = 1 - colour
        a0 = len(row)
    return row


def reference(above: list[int], a0: int, colour: int) -> tuple[int, int]:
    """The first change right of a0 to the other colour, and the next change after it."""
    width = len(above)
    changes = [i for i in range(width) if above[i] != (above[i - 1] if i else 0)]
    b1 = next((i for i in changes if i > a0 and above[i] != colour), width)
    return b1, next((i for i in changes if i > b1), width)
