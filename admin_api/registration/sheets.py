"""Files of tables that come in, as text, whatever their format; and tables that go out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from admin_api.registration.columns import SheetColumns
from admin_api.registration.csv_in import read_csv
from admin_api.registration.dbf_in import read_dbf
from admin_api.registration.errors import refuse_file
from admin_api.registration.raw import RawTable
from admin_api.registration.xlsx_in import read_xlsx
from omr.encodings import STANDARD, known_encoding
from omr.errors import OutputError
from omr.score.writers import check_output, write_table

MOST_BYTES = 2**31
_OLE = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
_PRIVATE = r"[\x{E000}-\x{F8FF}]"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows as text.

    `frame` has a column for each of `columns` ("" for an empty cell or a column that lacks) and
    `row`: 1-based, as a person counts in that file, a DBF's records without a row for the heading.
    `row_word` comes before that number in messages; `lacking` names columns that are not there;
    `deleted` counts a DBF's deleted records, which are left out.
    """

    path: Path
    columns: SheetColumns
    frame: pl.DataFrame
    row_word: str = "row"
    lacking: frozenset[str] = frozenset()
    deleted: int = 0


def read_sheet(path: Path, expected: SheetColumns, *, encoding: str | None = None) -> Sheet:
    """The expected columns of a CSV, XLSX (first sheet) or DBF file; others are left alone.

    The first row that is not empty names the columns. Cells lose spaces at both ends; rows that
    are empty in the expected columns are left out. Characters that GB18030-2022 has a standard
    code for are no longer in private use.

    Raises:
        ImportRefused: the file cannot be read whole, its columns are not the expected ones, or
            identifiers are stored as numbers.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise refuse_file(path, f"cannot be read ({error.strerror}); give another file") from error
    if size > MOST_BYTES:
        raise refuse_file(path, f"{size >> 20} MiB is more than 2 GiB; split it by region")
    if not start:
        raise refuse_file(path, "is empty; export it again")
    if encoding is not None:
        try:
            known_encoding(encoding)
        except LookupError as error:
            raise refuse_file(path, str(error)) from error
    raw = _read(path, start, expected, encoding)
    return _tidy(path, expected, raw)


def _read(path: Path, start: bytes, expected: SheetColumns, encoding: str | None) -> RawTable:
    suffix = path.suffix.lower()
    if start.startswith(_OLE):
        raise refuse_file(
            path,
            "is a workbook of before 2007, or one with a password; open it and save it as XLSX "
            "without a password",
        )
    if start.startswith(_ZIP):
        return read_xlsx(path, expected)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith((b"<", b"{\\rtf", b"%pdf")):
        raise refuse_file(
            path,
            f"is a web page or another document, whatever its name ends in ({suffix}); open it in "
            "a spreadsheet and save it as XLSX",
        )
    if suffix == ".dbf":
        return read_dbf(path, expected, encoding)
    if suffix in (".csv", ".txt"):
        return read_csv(path, expected, encoding)
    raise refuse_file(path, "is not DBF, XLSX or CSV, or is damaged; export it again as one")


def _tidy(path: Path, expected: SheetColumns, raw: RawTable) -> Sheet:
    names = [name for name in expected.names if name in raw.frame.columns]
    frame = raw.frame.with_columns(pl.col(names).fill_null("").str.strip_chars())
    private = frame.select(pl.col(names).str.contains(_PRIVATE).any()).row(0)
    mended = [name for name, any_private in zip(names, private, strict=True) if any_private]
    frame = frame.with_columns(pl.col(mended).str.replace_many(STANDARD)) if mended else frame
    frame = frame.filter(pl.any_horizontal(pl.col(name) != "" for name in names))
    if frame.is_empty():
        raise refuse_file(path, "has no rows below its heading; export it again")
    lacking = frozenset(expected.names) - frozenset(names)
    frame = frame.with_columns(pl.lit("").alias(name) for name in lacking)
    return Sheet(
        path, expected, frame.select("row", *expected.names), raw.row_word, lacking, raw.deleted
    )


def write_sheet(frame: pl.DataFrame, path: Path) -> None:
    """Write a table for people as CSV (UTF-8 with a mark) or XLSX, whole or not at all.

    Texts stay texts, identifiers too, and none is run as a formula: see `omr.score.writers`.

    Raises:
        OutputError: another suffix, too many rows, or the file cannot be written.
    """
    if path.suffix not in (".csv", ".xlsx"):
        raise OutputError(f"{path}: give a name that ends in .csv or .xlsx")
    schema = dict(frame.schema)
    check_output(path, frame.height, schema)
    write_table([frame], path, schema)
