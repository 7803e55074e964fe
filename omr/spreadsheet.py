"""The first sheet of an XLSX file as text, and where it holds numbers in place of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fastexcel
import polars as pl

SpreadsheetError = fastexcel.FastExcelError
"""What the functions here raise on a file that is no XLSX, or a damaged one."""


def open_book(path: Path) -> fastexcel.ExcelReader:
    """The file, opened."""
    return fastexcel.read_excel(path)


def text_of(book: fastexcel.ExcelReader) -> tuple[str, pl.DataFrame]:
    """The first sheet's name and cells, all as text; row 0 of the frame is the sheet's row 1.

    Formulas are their stored values; empty cells and formulas in error are null.
    """
    # skip_rows=0 keeps leading empty rows, so that row numbers are the sheet's own.
    sheet = book.load_sheet(0, header_row=None, skip_rows=0, dtypes="string")
    return sheet.name, sheet.to_polars()


def not_text(
    book: fastexcel.ExcelReader, columns: Sequence[int], first: int, last: int, most: int
) -> list[tuple[int, int]]:
    """Cells (row, column) of the first sheet that hold something other than text, from 0.

    Looks at rows from `first` up to `last`; stops after about `most` cells.
    """
    if not columns or first >= last:
        return []
    try:
        sheet = book.load_sheet(
            0,
            header_row=None,
            skip_rows=first,
            n_rows=last - first,
            schema_sample_rows=None,
            dtype_coercion="strict",
            use_columns=list(columns),
        )
        if all(c.dtype in ("string", "null") for c in sheet.selected_columns):
            return []
        if len(columns) == 1:  # one type all through, and it is not text
            filled = sheet.to_polars().to_series().is_not_null().arg_true()
            return [(first + row, columns[0]) for row in filled.head(most)]
    except fastexcel.UnsupportedColumnTypeCombinationError:
        if last - first == 1:
            return [(first, column) for column in columns]
    if len(columns) > 1:
        parts = [(column, first, last) for column in columns]
    else:
        middle = (first + last) // 2
        parts = [(columns[0], first, middle), (columns[0], middle, last)]
    found: list[tuple[int, int]] = []
    for column, start, end in parts:
        if len(found) < most:
            found += not_text(book, [column], start, end, most - len(found))
    return found
