"""Tables for SPSS (.sav). Identifiers stay text.

pyreadstat takes the table whole, so memory grows with the pages. What a page does not say (null)
and what it says to be empty are both an empty text there; spaces at the end of a text are padding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from omr.errors import OutputError
from omr.outputs import as_os_error
from omr.score.columns import Columns
from omr.score.flat import flattened

_TEXT_BYTES = 32_767
_NAME_BYTES = 64
_LABEL_BYTES = 255
_AT_ONCE = 10_000  # rows that are read back together
_DATE_AT, _DATE = 92, b"01 Jan 0000:00:00"
_RESERVED = {"ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH"}
_WHOLE, _PARTED = "F10.0", "F12.9"  # how SPSS shows numbers


def write_sav(
    frames: Iterable[pl.DataFrame], path: Path, schema: Columns, notes: dict[str, str]
) -> None:
    """An SPSS file. Variables are named as near as SPSS allows; their labels are the full names.

    Lists are text as in a spreadsheet. Nothing is cut.

    Raises:
        OutputError: a text or a name is longer than SPSS holds, or holds a character that ends it.
        OSError: the file cannot be written.
    """
    import pyreadstat

    for name in schema:
        if len(name.encode()) > _LABEL_BYTES:
            raise OutputError(f"{name!r} is too long a name for an SPSS label; use .parquet")
    plain = [_checked(flattened(frame), at) for at, frame in _numbered(frames)]
    table = pl.concat(plain) if plain else flattened(pl.DataFrame(schema=schema))
    names = variable_names(schema)
    formats = {
        name: _WHOLE if kind.is_integer() else _PARTED
        for name, kind in zip(names, schema.values(), strict=True)
        if kind.is_numeric()
    }
    table.columns = names
    try:
        labels: list[str | None] = list(schema)
        pyreadstat.write_sav(
            table, path, column_labels=labels, row_compress=True, variable_format=formats
        )
        with path.open("r+b") as file:  # the moment of writing is in the header
            file.seek(_DATE_AT)
            file.write(_DATE)
        _read_back(table, path)
    except Exception as error:
        raise as_os_error(error, path) from error


def variable_names(names: Iterable[str]) -> list[str]:
    """Each name as SPSS allows it, in 64 bytes and unlike all others."""
    taken: set[str] = set()
    found = []
    for name in names:
        wanted, number = _allowed(name), 1
        one = _cut(wanted, _NAME_BYTES)
        while one.casefold() in taken:
            number += 1
            one = f"{_cut(wanted, _NAME_BYTES - len(str(number)) - 1)}_{number}"
        taken.add(one.casefold())
        found.append(one)
    return found


def _allowed(name: str) -> str:
    clean = re.sub(r"[^\w.$#@]", "_", name).strip("._")
    if not clean[:1].isalpha() or clean.upper() in _RESERVED:
        return f"v_{clean}".rstrip("_")
    return clean


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore").rstrip("._")


def _numbered(frames: Iterable[pl.DataFrame]) -> Iterable[tuple[int, pl.DataFrame]]:
    """Frames, each with the number of its first row."""
    first = 1
    for frame in frames:
        yield first, frame
        first += frame.height


def _checked(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    """The frame, if SPSS can hold every text of it; its first row has that number."""
    text = pl.col(pl.String)
    bad = frame.select((text.str.len_bytes() > _TEXT_BYTES) | text.str.contains("\0", literal=True))
    for name in bad.columns:
        row = bad[name].arg_max()
        if row is not None and bad[name][row]:
            raise OutputError(
                f"row {first + row}, {name}: SPSS holds texts of at most {_TEXT_BYTES} bytes "
                "without the character NUL; use .parquet"
            )
    return frame


def _read_back(table: pl.DataFrame, path: Path) -> None:
    """Compare the file with its table: the library does not tell of a disk that is full while it
    writes the heading.

    Raises:
        OSError: the file holds something else.
    """
    import pyreadstat

    numbers = [name for name, kind in table.schema.items() if kind.is_numeric()]
    for at in range(0, max(table.height, 1), _AT_ONCE):
        held, _ = pyreadstat.read_sav(
            path, output_format="polars", row_offset=at, row_limit=_AT_ONCE
        )
        wanted = table[at : at + _AT_ONCE].with_columns(
            pl.col(numbers).cast(pl.Float64).fill_nan(None),
            pl.col(pl.String).fill_null("").str.strip_chars_end(" "),
        )
        if not wanted.equals(held):
            raise OSError("it does not read back as it was written")
