"""DBF files (dBase, FoxPro), read at once: records of fixed length taken apart as one matrix."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from admin_api.registration.columns import SheetColumns
from admin_api.registration.errors import ImportRefused, refuse_file, refuse_rows
from admin_api.registration.raw import RawTable
from omr.encodings import decoded

_VERSIONS = frozenset({0x03, 0x30, 0x31, 0x32, 0x83, 0x8B, 0xF5})
_CHINESE = frozenset({0x4D, 0x7A})  # code page 936
_FOREIGN = {0x4F: "Big5", 0x78: "Big5", 0x7B: "Japanese", 0x4E: "Korean", 0x79: "Korean"}
_HEADING, _FIELD, _END = 32, 32, 0x0D
_TEXT_TYPES, _NUMBER_TYPES = frozenset("CV"), frozenset("NF")
_OTHER_TYPES = frozenset("DL")  # dates as eight digits, T and F
_SPACE, _DELETED = 0x20, 0x2A
_CELL, _ROW = 0x1F, 0x0A  # between cells and rows on the way to polars; no GB18030 byte is one
_MOST_AT_ONCE = 200_000  # records
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: str
    start: int  # within the record, whose first byte tells whether it is deleted
    width: int


@dataclass(frozen=True, slots=True)
class _Layout:
    records: int
    length: int
    start: int
    language: int
    fields: tuple[_Field, ...]


def read_dbf(path: Path, expected: SheetColumns, encoding: str | None) -> RawTable:
    """The expected columns; `row` is the record's number, deleted ones counted too.

    The language byte tells the encoding where it is Chinese; else it is found.

    Raises:
        ImportRefused: a damaged or truncated file, one whose heading contradicts it, memos or
            numbers where text is expected, or text that is in another encoding.
    """
    content = path.read_bytes()
    layout = _layout(path, content)
    if encoding is None:
        if layout.language in _FOREIGN:
            raise refuse_file(
                path,
                f"its language byte says {_FOREIGN[layout.language]}; name its encoding if that "
                "is wrong, or save it as XLSX",
            )
        encoding = "gb18030" if layout.language in _CHINESE else None
    places = expected.places(path, [field.name for field in layout.fields])
    fields = {name: layout.fields[place] for name, place in places.items()}
    _check_kinds(path, expected, fields)
    matrix = np.frombuffer(content, np.uint8, layout.records * layout.length, layout.start).reshape(
        layout.records, layout.length
    )
    flags = matrix[:, 0]
    damaged = np.flatnonzero((flags != _SPACE) & (flags != _DELETED))
    if len(damaged):
        raise refuse_rows(
            path,
            [
                (
                    int(damaged[0]) + 1,
                    "does not start as a record does, so the file is damaged from "
                    "here on; export it again",
                )
            ],
            row_word="record",
        )
    kept = np.flatnonzero(flags == _SPACE)
    frame = _frame(path, matrix, kept, fields, encoding)
    rows = pl.Series("row", kept + 1, dtype=pl.Int64)
    return RawTable(frame.with_columns(rows), row_word="record", deleted=layout.records - len(kept))


def _layout(path: Path, content: bytes) -> _Layout:
    if len(content) < _HEADING + 1 or content[0] not in _VERSIONS:
        raise refuse_file(path, "is no DBF of dBase or FoxPro, or is damaged; export it again")
    records, start, length = struct.unpack_from("<IHH", content, 4)
    fields: list[_Field] = []
    at, place = _HEADING, 1
    while at + _FIELD <= min(start, len(content)) and content[at] != _END:
        raw = content[at : at + 11].split(b"\0")[0]
        kind, width = chr(content[at + 11]), content[at + 16]
        if kind == "C":  # FoxPro keeps the high byte of long texts in the decimals
            width += content[at + 17] << 8
        try:
            fields.append(_Field(decoded(raw).strip(), kind, place, width))
        except UnicodeDecodeError as error:
            raise refuse_file(
                path, f"field {len(fields) + 1} has a damaged name; export it again"
            ) from error
        at, place = at + _FIELD, place + width
    if not fields or at >= len(content) or content[at] != _END or place != length:
        raise refuse_file(
            path,
            f"its heading contradicts itself (fields take {place} bytes, records {length}); export "
            "it again",
        )
    there = (len(content) - start) // length
    if there < records:
        raise refuse_file(
            path,
            f"is cut off: its heading says {records} records and {max(there, 0)} are there; copy "
            "or export it again",
        )
    rest = content[start + records * length : start + records * length + 1]
    if there > records and rest != b"\x1a":
        raise refuse_file(
            path,
            f"its heading says {records} records and {there} are there; export it again",
        )
    return _Layout(records, length, start, content[29], tuple(fields))


def _check_kinds(path: Path, expected: SheetColumns, fields: dict[str, _Field]) -> None:
    for name, field in fields.items():
        label = expected[name].label
        if field.kind in _NUMBER_TYPES and expected[name].text:
            raise refuse_file(
                path,
                f"field {field.name} ({label}) is stored as a number, which loses leading zeros; "
                "make it a text field (type C) and fill it again from the source",
            )
        if field.kind in "MGPBW":
            raise refuse_file(
                path,
                f"field {field.name} ({label}) is a memo, which lies in another file; make it a "
                "text field (type C), or save the table as XLSX",
            )
        if field.kind not in _TEXT_TYPES | _NUMBER_TYPES | _OTHER_TYPES:
            raise refuse_file(
                path,
                f"field {field.name} ({label}) has type {field.kind!r}; make it a text field "
                "(type C)",
            )


def _frame(
    path: Path,
    matrix: Bytes,
    kept: NDArray[np.int64],
    fields: dict[str, _Field],
    encoding: str | None,
) -> pl.DataFrame:
    columns = np.concatenate(
        [np.r_[np.arange(f.start, f.start + f.width), 0] for f in fields.values()]
    )
    breaks = np.cumsum([f.width + 1 for f in fields.values()]) - 1
    parts = []
    for first in range(0, len(kept), _MOST_AT_ONCE):
        some = kept[first : first + _MOST_AT_ONCE]
        cells = matrix[some][:, columns]
        cells[:, breaks] = _SPACE
        _refuse_control(path, cells, some, fields)
        cells[cells == 0] = _SPACE  # some programs fill up with zeros
        cells[:, breaks[:-1]] = _CELL
        cells[:, breaks[-1]] = _ROW
        parts.append(_parsed(path, cells, some, list(fields), encoding))
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(fields, pl.String))
    return pl.concat(parts)


def _refuse_control(
    path: Path, cells: Bytes, records: NDArray[np.int64], fields: dict[str, _Field]
) -> None:
    bad = np.flatnonzero(((cells < _SPACE) & (cells != 0)).any(axis=1))
    if len(bad):
        raise refuse_rows(
            path,
            [
                (row + 1, "holds control characters; delete them, or export the file again")
                for row in records[bad].tolist()
            ],
            row_word="record",
        )


def _parsed(
    path: Path, cells: Bytes, records: NDArray[np.int64], names: list[str], encoding: str | None
) -> pl.DataFrame:
    content = cells.tobytes()
    try:
        text = decoded(content, encoding).encode()
    except UnicodeDecodeError as error:
        raise _undecodable(path, error, cells.shape[1], records, encoding) from error
    return pl.read_csv(
        io.BytesIO(text),
        has_header=False,
        infer_schema=False,
        separator=chr(_CELL),
        quote_char=None,
        new_columns=names,
    )


def _undecodable(
    path: Path,
    error: UnicodeDecodeError,
    width: int,
    records: NDArray[np.int64],
    encoding: str | None,
) -> ImportRefused:
    record = int(records[error.start // width]) + 1
    return refuse_rows(
        path,
        [
            (
                record,
                f"holds text that is not {encoding or 'UTF-8 and not GB18030'}, or whose last "
                "character is cut; name its encoding, or widen the field and export it again",
            )
        ],
        row_word="record",
    )
