"""CSV files, read at once and taken apart by columns.

polars parses; it fills short rows up in silence, so the file's structure is checked here first.
In UTF-8 no byte of a longer character looks like a comma, a quote or a line end.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from admin_api.registration.columns import SheetColumns
from admin_api.registration.errors import refuse_file, refuse_rows
from admin_api.registration.raw import RawTable
from omr.encodings import decoded

_QUOTE, _COMMA, _TAB, _RETURN, _LINE = (ord(c) for c in '",\t\r\n')
_SEPARATORS = (_COMMA, _TAB)
Positions = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def read_csv(path: Path, expected: SheetColumns, encoding: str | None) -> RawTable:
    """The expected columns; `row` counts records as a spreadsheet does, empty ones too.

    Raises:
        ImportRefused: undecodable, not CSV, or rows with too many or too few cells.
    """
    text = _text(path, encoding).encode()
    content = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(content == _QUOTE)
    ends = _outside(np.flatnonzero(content == _LINE), quotes)
    if not text.endswith(b"\n") or len(quotes) % 2:
        ends = np.append(ends, len(content))
    _check_quotes(path, content, quotes, ends)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    only_return = (lengths == 1) & (content[np.minimum(starts, len(content) - 1)] == _RETURN)
    filled = (lengths > 0) & ~only_return
    if not filled.any():
        raise refuse_file(path, "is empty; export it again")
    first = int(np.argmax(filled))
    heading = text[starts[first] : ends[first]]
    separator = _TAB if b"\t" in heading and b"," not in heading else _COMMA
    header = next(csv.reader([heading.decode().strip("\r")], delimiter=chr(separator)))
    places = expected.places(path, header)
    separators = _outside(np.flatnonzero(content == separator), quotes)
    cells = np.diff(np.searchsorted(separators, ends), prepend=0) + 1
    wrong = np.flatnonzero(filled & (cells != len(header)))
    if len(wrong):
        raise refuse_rows(
            path,
            [
                (
                    row + 1,
                    f"{cells[row]} cells, and the heading has {len(header)}; a comma within "
                    "a cell needs quotes around the cell: save the sheet as CSV or XLSX again",
                )
                for row in wrong.tolist()
            ],
        )
    below = int(ends[first]) + 1
    frame = _parsed(text[below:], chr(separator), len(header), sorted(set(places.values())))
    if frame.height != len(ends) - first - 1:
        raise refuse_file(path, "its rows cannot be told apart; save the sheet as XLSX")
    return RawTable(
        frame.select(
            pl.int_range(first + 2, len(ends) + 1, dtype=pl.Int64).alias("row"),
            *(pl.col(str(place)).alias(name) for name, place in places.items()),
        )
    )


def _parsed(content: bytes, separator: str, width: int, places: list[int]) -> pl.DataFrame:
    """The columns at those places, each under its place."""
    names = [str(place) for place in places]
    if not content:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return pl.read_csv(
        io.BytesIO(content),
        has_header=False,
        schema={str(place): pl.String for place in range(width)},
        columns=places,
        separator=separator,
        quote_char='"' if b'"' in content else None,
    )


def _text(path: Path, encoding: str | None) -> str:
    content = path.read_bytes()
    try:
        text = decoded(content, encoding)
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise refuse_rows(
            path,
            [
                (
                    row,
                    f"is not {encoding or 'UTF-8 and not GB18030'}; name its encoding, or save it "
                    "as CSV UTF-8 or XLSX",
                )
            ],
        ) from error
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise refuse_rows(
            path,
            [
                (
                    row,
                    "holds zero bytes, so the file is damaged or is UTF-16 without a mark; "
                    "export it again as CSV UTF-8 or XLSX",
                )
            ],
        )
    return text if "\n" in text else text.replace("\r", "\n")


def _outside(positions: Positions, quotes: Positions) -> Positions:
    """Those positions that are not between quotes."""
    return positions[np.searchsorted(quotes, positions) % 2 == 0] if len(quotes) else positions


def _check_quotes(path: Path, content: Bytes, quotes: Positions, ends: Positions) -> None:
    """Refuse a quote that neither opens, closes nor is doubled within a cell."""
    if not len(quotes):
        return
    opening, closing = quotes[::2], quotes[1::2]
    edges = [_QUOTE, _RETURN, _LINE, *_SEPARATORS]
    before = np.where(opening == 0, _LINE, content[opening - 1])
    after = np.where(
        closing == len(content) - 1, _LINE, content[np.minimum(closing + 1, len(content) - 1)]
    )
    stray = np.concatenate((opening[~np.isin(before, edges)], closing[~np.isin(after, edges)]))
    if len(quotes) % 2:
        stray = np.append(stray, quotes[-1])
    if len(stray):
        rows = np.unique(np.searchsorted(ends, stray)).tolist()
        raise refuse_rows(
            path,
            [
                (
                    row + 1,
                    'a quote " is out of place or not closed; save the sheet as CSV or XLSX again',
                )
                for row in rows
            ],
        )
