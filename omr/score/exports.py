"""Tables for the field's older tools: SPSS (.sav) and dBase/FoxPro (.dbf).

Identifiers stay text. Both are put together in memory, so they take fewer pages than Parquet.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl

from omr.errors import OutputError
from omr.outputs import as_os_error
from omr.score.columns import Columns
from omr.score.flat import flattened

MOST_PAGES = 500_000
_SAV_DATE_AT, _SAV_DATE = 92, b"01 Jan 0000:00:00"
_SAV_WORDS = {"ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH"}
_SAV_NAME_BYTES, _SAV_TEXT_BYTES = 64, 32_767
_DBF_NAME_BYTES, _DBF_TEXT_BYTES, _DBF_COLUMNS, _DBF_RECORD_BYTES = 10, 254, 255, 65_500
_DBF_GBK = 0x4D  # language driver of code page 936
_DBF_NUMBERS = {True: (20, 10), False: (11, 0)}  # width and decimals: fractions, whole numbers
# What only programs read; Parquet has it whole.
_FOR_PROGRAMS = ("masks", "error_probability", "figures")
# What tells about a page in words; it may end in … where a column holds no more.
_IN_WORDS = ("doubts", "evidence", "advice", "source", "barcodes")


def write_sav(
    frames: Iterable[pl.DataFrame], path: Path, schema: Columns, notes: dict[str, str]
) -> None:
    """An SPSS file: variables are named as far as SPSS allows, their labels hold the full names.

    Raises:
        OutputError: a text is longer than SPSS holds.
    """
    import pyreadstat

    table = _whole(frames, schema)
    for name in table.columns:
        if table.schema[name] == pl.String:
            longest = table[name].str.len_bytes().max() or 0
            if isinstance(longest, int) and longest > _SAV_TEXT_BYTES:
                raise OutputError(
                    f"{name} holds a text of {longest} bytes, and SPSS at most {_SAV_TEXT_BYTES}; "
                    "use .parquet"
                )
    labels: list[str | None] = list(table.columns)
    table.columns = _names(table.columns, _sav_name, "utf-8", _SAV_NAME_BYTES)
    try:
        pyreadstat.write_sav(table, str(path), column_labels=labels, row_compress=True)
        with path.open("r+b") as file:  # the same rows give the same bytes, whenever
            file.seek(_SAV_DATE_AT)
            file.write(_SAV_DATE)
        # The library does not tell of a full disk: what was written must read back.
        back, _ = pyreadstat.read_sav(str(path), output_format="polars")
        if not _alike(back).equals(_alike(table)):
            raise OSError("what was written does not read back as it was")
    except Exception as error:
        raise as_os_error(error, path) from error


def _alike(table: pl.DataFrame) -> pl.DataFrame:
    """The table as SPSS keeps it: numbers are fractions, spaces at the end are none."""
    return table.with_columns(
        pl.col(pl.Int64).cast(pl.Float64), pl.col(pl.String).str.strip_chars_end(" ")
    )


def write_dbf(
    frames: Iterable[pl.DataFrame], path: Path, schema: Columns, notes: dict[str, str]
) -> None:
    """A dBase III file in GBK (code page 936), as examination offices exchange them.

    Names are cut to ten bytes; lists that only programs read are left out; words about a page end
    in … where a column is full.

    Raises:
        OutputError: more columns than a file holds, an answer or identifier that does not fit, or
            a character that GBK does not have.
    """
    table = _whole(frames, {n: k for n, k in schema.items() if n not in _FOR_PROGRAMS})
    if len(table.columns) > _DBF_COLUMNS:
        raise OutputError(
            f"{len(table.columns)} columns are more than a .dbf file holds ({_DBF_COLUMNS}); "
            "use .xlsx or .sav"
        )
    names = _names(table.columns, _dbf_name, "gbk", _DBF_NAME_BYTES)
    columns, heads = [], []
    for name, short in zip(table.columns, names, strict=True):
        cells, kind, decimals = _dbf_cells(name, table[name])
        width = max(1, max((len(c) for c in cells), default=1))
        if kind == b"N":
            width = _DBF_NUMBERS[decimals > 0][0]
            cells = [cell.rjust(width) for cell in cells]
        else:
            cells = [cell.ljust(width) for cell in cells]
        columns.append(cells)
        heads.append(struct.pack("<11sc4xBB14x", short.encode("gbk"), kind, width, decimals))
    length = 1 + sum(head[16] for head in heads)
    if length > _DBF_RECORD_BYTES:
        raise OutputError(
            f"a page takes {length} bytes, more than a .dbf record holds; use .xlsx or .sav"
        )
    first = struct.pack(
        "<B3BIHH17xBxx", 0x03, 100, 1, 1, table.height, 33 + 32 * len(heads), length, _DBF_GBK
    )
    with path.open("wb") as file:
        file.write(first + b"".join(heads) + b"\r")
        for row in zip(*columns, strict=True):
            file.write(b" " + b"".join(row))
        file.write(b"\x1a")


def _whole(frames: Iterable[pl.DataFrame], schema: Columns) -> pl.DataFrame:
    """All frames as one, lists as text, numbers as SPSS and dBase know them, no nulls in texts."""
    parts = [frame.select(list(schema)) for frame in frames]
    table = pl.concat(parts) if parts else pl.DataFrame(schema=schema)
    whole = [pl.col(n).cast(pl.Int64) for n, k in schema.items() if k.is_integer()]
    whole += [pl.col(n).cast(pl.Int64) for n, k in schema.items() if k == pl.Boolean]
    parted = [pl.col(n).cast(pl.Float64) for n, k in schema.items() if k.is_float()]
    texts = pl.col(pl.String).fill_null("").str.replace_all("\x00", "")
    return flattened(table.with_columns(*whole, *parted)).with_columns(texts)


def _names(
    names: Iterable[str], clean: Callable[[str], str], encoding: str, most_bytes: int
) -> list[str]:
    """Each name as the format allows it: cut at a whole character, and unlike the others."""
    taken: set[str] = set()
    short = []
    for name in names:
        wanted, number = clean(name), 1
        one = _cut(wanted, encoding, most_bytes)
        while one.upper() in taken:
            number += 1
            ending = f"_{number}"
            one = _cut(wanted, encoding, most_bytes - len(ending)) + ending
        taken.add(one.upper())
        short.append(one)
    return short


def _cut(text: str, encoding: str, most_bytes: int) -> str:
    return text.encode(encoding)[:most_bytes].decode(encoding, "ignore")


def _sav_name(name: str) -> str:
    clean = re.sub(r"[^\w.$#@]", "_", name).rstrip("._")
    if not clean or not (clean[0].isalpha() or clean[0] == "@"):
        clean = f"v{clean}"
    return f"{clean}_" if clean.upper() in _SAV_WORDS else clean


def _dbf_name(name: str) -> str:
    clean = re.sub(r"\W", "_", name).upper()
    kept = clean.encode("gbk", "replace").decode("gbk").replace("?", "_")
    return kept if kept[:1].isalpha() else f"F{kept}"


def _dbf_cells(name: str, column: pl.Series) -> tuple[list[bytes], bytes, int]:
    """A column's cells as bytes, its kind, and its decimals."""
    if column.dtype != pl.String:
        width, decimals = _DBF_NUMBERS[column.dtype.is_float()]
        texts = ["" if v is None else f"{v:.{decimals}f}" for v in column.to_list()]
        longest = max(texts, key=len, default="")
        if len(longest) > width:
            raise OutputError(f"{name}: {longest} does not fit into a .dbf number; use .xlsx")
        return [text.encode("ascii") for text in texts], b"N", decimals
    cells = []
    for row, text in enumerate(column.to_list(), 1):
        try:
            cell = text.encode("gbk")
        except UnicodeEncodeError as error:
            raise OutputError(
                f"row {row}, {name}: GBK has no {text[error.start]!r}, so a .dbf file cannot hold "
                f"{text!r}; use .xlsx or .sav"
            ) from error
        if len(cell) > _DBF_TEXT_BYTES:
            if name not in _IN_WORDS:
                raise OutputError(
                    f"row {row}, {name}: {len(cell)} bytes are more than a .dbf column holds "
                    f"({_DBF_TEXT_BYTES}); use .xlsx or .sav"
                )
            cell = (_cut(text, "gbk", _DBF_TEXT_BYTES - 2) + "…").encode("gbk")
        cells.append(cell)
    return cells, b"C", 0
