"""Writes the files that offices send: CSV, XLSX and DBF, sound ones and others."""

from __future__ import annotations

import csv
import struct
from collections.abc import Sequence
from pathlib import Path

import xlsxwriter

Rows = Sequence[Sequence[object]]


def csv_file(path: Path, rows: Rows, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def xlsx_file(path: Path, rows: Rows, sheet: str = "考生") -> Path:
    book = xlsxwriter.Workbook(path)
    page = book.add_worksheet(sheet)
    for r, cells in enumerate(rows):
        for c, cell in enumerate(cells):
            if isinstance(cell, str):
                page.write_string(r, c, cell)
            elif cell is not None:
                page.write_number(r, c, cell)
    book.close()
    return path


def dbf_bytes(
    names: Sequence[str],
    rows: Rows,
    *,
    encoding: str = "gb18030",
    language: int = 0x4D,
    kinds: str = "",
    deleted: Sequence[int] = (),
    padding: bytes = b" ",
) -> bytes:
    """A FoxPro table; `deleted` are rows counted from 0."""
    cells = [[str(cell).encode(encoding) for cell in row] for row in rows]
    widths = [max([1, *(len(row[at]) for row in cells)]) for at in range(len(names))]
    heading = b""
    for name, width, kind in zip(names, widths, kinds or "C" * len(names), strict=True):
        heading += name.encode("gb18030")[:10].ljust(11, b"\0") + kind.encode() + bytes(4)
        heading += bytes([width & 255, width >> 8 if kind == "C" else 0]) + bytes(14)
    start, length = 32 + len(heading) + 1, 1 + sum(widths)
    first = bytes([0x30, 126, 6, 1]) + struct.pack("<IHH", len(rows), start, length)
    records = b"".join(
        (b"*" if at in deleted else b" ")
        + b"".join(cell.ljust(width, padding) for cell, width in zip(row, widths, strict=True))
        for at, row in enumerate(cells)
    )
    return first + bytes(17) + bytes([language, 0, 0]) + heading + b"\r" + records + b"\x1a"


def dbf_file(path: Path, rows: Rows, **how: object) -> Path:
    """The first row names the fields."""
    names = [str(name) for name in rows[0]]
    path.write_bytes(dbf_bytes(names, rows[1:], **how))  # type: ignore[arg-type]
    return path
