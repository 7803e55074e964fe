"""XLSX files: the first sheet, with limits on what it unfolds to.

The library keeps a sheet as a full grid, so a few bytes that name a far cell, or a small file
that unfolds to gigabytes, would take all memory: sizes are counted before it sees the file.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

import polars as pl

from admin_api.registration.columns import SheetColumns
from admin_api.registration.errors import FAULTS, ImportRefused, refuse_file
from admin_api.registration.raw import RawTable
from omr.spreadsheet import SpreadsheetError, not_text, open_book, text_of

MOST_UNFOLDED = 3 << 29  # bytes of all parts together
MOST_CELLS = 72_000_000  # 32 bytes each
MOST_PARTS = 10_000
MOST_NUMBERS = 100  # cells that are named; finding each takes a while
_CHUNK = 1 << 20
_OVERLAP = 64  # bytes, longer than what is searched for
# What a reference of so many digits or letters can reach; the longest come first.
_ROWS = (
    (re.compile(rb"r=[\"'][A-Z]{0,3}\d{7}"), 1_048_576),
    (re.compile(rb"r=[\"'][A-Z]{0,3}\d{6}"), 999_999),
    (re.compile(rb"r=[\"'][A-Z]{0,3}\d{5}"), 99_999),
)
_COLUMNS = (
    (re.compile(rb"r=[\"'][A-Z]{3}\d"), 16_384),
    (re.compile(rb"r=[\"'][B-Z][A-Z]\d"), 702),
    (re.compile(rb"r=[\"']A[A-Z]\d"), 52),
)
_Reach = tuple[tuple[re.Pattern[bytes], int], ...]


def read_xlsx(path: Path, expected: SheetColumns) -> RawTable:
    """The expected columns of the first sheet; `row` is the sheet's own row.

    Raises:
        ImportRefused: no XLSX, damaged, too large, or identifiers stored as numbers; these are
            named by sheet, row and column.
    """
    _check_size(path)
    try:
        book = open_book(path)
        name, table = text_of(book)
        filled = table.select(pl.any_horizontal(pl.all().is_not_null())).to_series().arg_true()
        if not len(filled):
            raise refuse_file(path, f"its first sheet, {name}, is empty; make the table the first")
        first = int(filled[0])
        header = [cell or "" for cell in table.row(first)]
        places = expected.places(path, header)
        texts = {place: key for key, place in places.items() if expected[key].text}
        numbers = not_text(book, list(texts), first, table.height, MOST_NUMBERS)
    except SpreadsheetError as error:
        reason = str(error).splitlines()[0]
        raise refuse_file(
            path, f"cannot be read ({reason}); open it in a spreadsheet and save it as XLSX again"
        ) from error
    row_word = f"sheet {name}, row"
    if numbers:
        faults = [
            (
                row + 1,
                f"column {_letters(place)} {expected[texts[place]].label}",
                "",
                "is stored as a number, which loses leading zeros and last digits; format the "
                "column as text and enter it again from the source",
            )
            for row, place in sorted(numbers)
        ]
        raise ImportRefused(path, pl.DataFrame(faults, schema=FAULTS, orient="row"), row_word)
    chosen = [pl.nth(place).alias(key) for key, place in places.items()]
    frame = table.select(chosen).with_row_index("row", offset=1).slice(first + 1)
    return RawTable(frame.with_columns(pl.col("row").cast(pl.Int64)), row_word)


def _letters(place: int) -> str:
    """A column's name in a spreadsheet, from its place, counted from 0."""
    text, rest = "", place + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        text = chr(ord("A") + letter) + text
    return text


def _check_size(path: Path) -> None:
    """Refuse what would unfold to more than memory can bear; headings of parts may lie."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise _too_large(path, f"{len(parts)} parts")
            unfolded = 0
            for part in parts:
                unfolded += _unfolded(path, archive, part, MOST_UNFOLDED - unfolded)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise refuse_file(
            path, f"is no XLSX, or is damaged ({error}); save it as XLSX again"
        ) from error
    except RuntimeError as error:  # zipfile's for a password
        raise refuse_file(path, "has a password; save it without one") from error


def _unfolded(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> int:
    """Bytes of a part; counts the grid of a worksheet as well."""
    is_sheet = part.filename.lower().startswith("xl/worksheets/")
    size, rows, columns, tags, before = 0, 9_999, 26, 0, b""
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise _too_large(path, f"more than {MOST_UNFOLDED >> 20} MiB unfolded")
            if is_sheet:
                text = before + chunk
                tags += chunk.count(b"<")
                rows, columns = _reach(text, _ROWS, rows), _reach(text, _COLUMNS, columns)
                before = text[-_OVERLAP:]
                if rows * columns > MOST_CELLS or tags > 4 * MOST_CELLS:
                    raise _too_large(path, f"up to {rows} rows and {columns} columns")
    return size


def _reach(text: bytes, classes: _Reach, known: int) -> int:
    for pattern, reach in classes:
        if reach <= known:
            break
        if pattern.search(text):
            return reach
    return known


def _too_large(path: Path, what: str) -> ImportRefused:
    return refuse_file(
        path,
        f"is too large ({what}); copy the table alone into a new workbook, or save it as CSV",
    )
