"""Tables for dBase and FoxPro (.dbf), in the code page of Chinese examination offices (936, GBK).

A file of kind dBase III without memos: a heading, 32 bytes a field, and records of fixed length.
Widths are known only after the last page, so the rows wait in a file without a name beside the
output, and memory does not grow with the run.

What does not fit is refused and never cut: only words about a page (`WORDS`) end in … where a
field is full. What a page does not say (null) is as blank as what it says to be empty, and spaces
at the end of a text are padding.
"""

from __future__ import annotations

import io
import math
import re
import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import polars as pl

from omr.errors import OutputError
from omr.score.columns import Columns
from omr.score.flat import flattened, for_people

WORDS = frozenset({"doubts", "evidence", "advice"})
"""What tells about a page in words: may end in …, and `?` stands for what GBK does not have."""

LEFT_OUT = frozenset({"error_probability", "masks", "figures"})
"""What only programs read, longer than any field; Parquet has it."""

_MOST_FIELDS = 255
_NAME, _TEXT, _RECORD = 10, 254, 65_500  # bytes at most
_FILE = 2**31 - 1
_CODE_PAGE, _CODE_PAGE_936 = "gbk", 0x4D
_DATE = (100, 1, 1)  # 2000-01-01, so that the same rows give the same bytes
_ENDS = re.compile("[\0\x1a]")  # end a text or the file for some readers
_INSTEAD = "use .xlsx or .sav"
_SHORT = {
    "worst_error_probability": "WORST_ERR",
    "residual_mm": "RESIDUAL",
    "design_hash": "DESIGN",
    "policy_hash": "POLICY",
}
_WHOLE, _PARTED = (11, 0), (16, 10)  # width and decimals of numbers


def fields_of(schema: Columns) -> dict[str, str]:
    """The columns that a .dbf file holds, each with the name of its field.

    Raises:
        OutputError: more columns than a file holds.
    """
    names = [name for name in schema if name not in LEFT_OUT]
    if len(names) > _MOST_FIELDS:
        raise OutputError(
            f"{len(names)} columns are more than a .dbf file holds ({_MOST_FIELDS}); {_INSTEAD}"
        )
    return field_names(names)


def field_names(names: Sequence[str]) -> dict[str, str]:
    """For each name, one of at most ten capital letters, digits and underscores, unlike all others.

    What fits keeps its name; of long names the number at the end is kept; what has no letter of
    that kind is numbered (FIELD12).
    """
    found: dict[str, str] = {}
    for name in names:
        if _fits(name) and name.upper() not in found.values():
            found[name] = name.upper()
    for at, name in enumerate(names, 1):
        if name not in found:
            found[name] = _unlike(_shortened(name, at), set(found.values()))
    return {name: found[name] for name in names}


def write_names(path: Path, schema: Columns) -> None:
    """A CSV for people, of every field's name and the full name that it stands for."""
    fields = fields_of(schema)
    table = pl.DataFrame({"field": list(fields.values()), "name": list(fields)})
    path.write_bytes(b"\xef\xbb\xbf" + for_people(table).write_csv().encode())


def write_dbf(
    frames: Iterable[pl.DataFrame], path: Path, schema: Columns, notes: dict[str, str]
) -> None:
    """A .dbf file. Identifiers and answers are text; lists are text as in a spreadsheet.

    Raises:
        OutputError: too many columns or pages, a text that is too long, or one that GBK lacks.
        OSError: the file cannot be written.
    """
    fields = fields_of(schema)
    with tempfile.TemporaryFile(dir=path.parent) as waiting:
        sizes: list[int] = []
        widths = {name: 1 for name in fields if _is_text(schema[name])}
        rows = 0
        for frame in frames:
            plain = flattened(frame.select(list(fields)))
            for name in widths:
                longest = max(map(len, _texts(plain[name], rows + 1).values()), default=0)
                widths[name] = max(widths[name], longest)
            rows += frame.height
            sizes.append(_put(plain, waiting))
        shapes = {
            name: (b"C", widths[name], 0)
            if name in widths
            else (b"N", *(_WHOLE if schema[name].is_integer() else _PARTED))
            for name in fields
        }
        waiting.seek(0)
        with path.open("wb") as file:
            file.write(_heading(list(fields.values()), list(shapes.values()), rows))
            for plain in _taken(waiting, sizes):
                file.write(_records(plain, shapes))
            file.write(b"\x1a")


def _heading(names: list[str], shapes: list[tuple[bytes, int, int]], rows: int) -> bytes:
    length = 1 + sum(width for _, width, _ in shapes)
    size = 32 * (len(names) + 1) + 1
    if length > _RECORD:
        raise OutputError(
            f"a row takes {length} bytes, and in a .dbf file at most {_RECORD}; {_INSTEAD}"
        )
    if size + rows * length >= _FILE:
        raise OutputError(
            f"{rows} rows of {length} bytes are more than a .dbf file holds (2 GiB); {_INSTEAD}"
        )
    first = struct.pack("<B3BIHH17xBxx", 3, *_DATE, rows, size, length, _CODE_PAGE_936)
    fields = (
        struct.pack("<11sc4xBB14x", name.encode("ascii"), kind, width, decimals)
        for name, (kind, width, decimals) in zip(names, shapes, strict=True)
    )
    return first + b"".join(fields) + b"\r"


def _records(plain: pl.DataFrame, shapes: dict[str, tuple[bytes, int, int]]) -> bytes:
    columns: list[Iterable[bytes]] = [[b" "] * plain.height]
    for name, (kind, width, decimals) in shapes.items():
        column = plain[name]
        if kind == b"N":
            columns.append([_number(value, width, decimals, name) for value in column])
        else:
            texts = {t: cell.ljust(width) for t, cell in _texts(column, 0).items()}
            columns.append([texts[t] for t in column])
    return b"".join(cell for record in zip(*columns, strict=True) for cell in record)


def _number(value: float | None, width: int, decimals: int, name: str) -> bytes:
    if value is None or not math.isfinite(value):
        return b" " * width
    text = f"{value:{width}.{decimals}f}"
    if len(text) > width:
        raise OutputError(f"{name}: {value} is too large for a .dbf file; {_INSTEAD}")
    return text.encode("ascii")


def _texts(column: pl.Series, first: int) -> dict[str | None, bytes]:
    """Every text of a column as the file holds it; the column's first row has that number."""
    encode = _words if column.name in WORDS else _whole
    found: dict[str | None, bytes] = {None: b""}
    for text in column.unique(maintain_order=True).drop_nulls():
        try:
            found[text] = encode(text)
        except ValueError as error:
            row = first + (column == text).arg_max()
            raise OutputError(f"row {row}, {column.name}: {error}; {_INSTEAD}") from None
    return found


def _whole(text: str) -> bytes:
    """A text in GBK.

    Raises:
        ValueError: the file cannot hold it.
    """
    try:
        cell = text.encode(_CODE_PAGE)
    except UnicodeEncodeError as error:
        at = text[error.start]
        raise ValueError(
            f"a .dbf file (GBK) has no character {at} (U+{ord(at):04X}) as in {text!r}"
        ) from None
    if found := _ENDS.search(text):
        raise ValueError(f"a .dbf file cannot hold the character {found[0]!r} as in {text!r}")
    if len(cell) > _TEXT:
        raise ValueError(f"{len(cell)} bytes are more than a .dbf field holds ({_TEXT})")
    return cell


def _words(text: str) -> bytes:
    """A text in GBK, as far as a field holds it."""
    cell = _ENDS.sub(" ", text).encode(_CODE_PAGE, "replace")
    if len(cell) <= _TEXT:
        return cell
    ellipsis = "…".encode(_CODE_PAGE)
    kept = cell[: _TEXT - len(ellipsis)].decode(_CODE_PAGE, "ignore")
    return kept.encode(_CODE_PAGE) + ellipsis


def _put(plain: pl.DataFrame, waiting: IO[bytes]) -> int:
    buffer = io.BytesIO()
    plain.write_ipc(buffer, compression="lz4")
    return waiting.write(buffer.getbuffer())


def _taken(waiting: IO[bytes], sizes: Iterable[int]) -> Iterator[pl.DataFrame]:
    for size in sizes:
        yield pl.read_ipc(io.BytesIO(waiting.read(size)))


def _is_text(kind: Any) -> bool:
    return kind == pl.String or isinstance(kind, pl.List)


def _fits(name: str) -> bool:
    return (
        len(name) <= _NAME and re.fullmatch(r"[A-Z][A-Z0-9_]*", name.upper(), re.ASCII) is not None
    )


def _shortened(name: str, at: int) -> str:
    if name in _SHORT:
        return _SHORT[name]
    clean = re.sub(r"[^A-Z0-9_]", "", name.upper(), flags=re.ASCII)
    if not re.search("[A-Z]", clean):
        return f"FIELD{at}"
    clean = clean.lstrip("0123456789_")
    tail = re.search(r"[0-9]*$", clean)
    number = tail[0][-6:] if tail else ""
    return clean[: len(clean) - len(tail[0] if tail else "")][: _NAME - len(number)] + number


def _unlike(wanted: str, taken: set[str]) -> str:
    one, number = wanted, 1
    while one in taken:
        number += 1
        one = f"{wanted[: _NAME - len(str(number)) - 1]}_{number}"
    return one
