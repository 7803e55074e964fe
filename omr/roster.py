"""Rosters: whose cards are printed. Read from CSV (UTF-8 or GB18030) or XLSX.

Identifiers stay text throughout: a spreadsheet cell that holds a number has lost its leading
zeros and may have lost its last digits, so it is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omr.encodings import decoded, standard
from omr.errors import RosterError
from omr.spreadsheet import SpreadsheetError, not_text, open_book, text_of

COLUMNS = {
    "number": ("number", "准考证号", "学号", "考号"),
    "name": ("name", "姓名", "考生姓名"),
    "barcode": ("barcode", "条形码", "条码", "条码号"),
}
MOST_FINDINGS = 20
_NUMBER = re.compile(r"[0-9A-Za-z-]{1,40}")


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One candidate's card. `row` is the line or row of the file, 1-based, for messages."""

    number: str
    name: str
    barcode: str
    row: int = 0


def load_roster(path: Path) -> tuple[RosterRow, ...]:
    """The candidates in a CSV or XLSX file, in its order.

    The first row names the columns: number (准考证号), name (姓名) and, if wanted, barcode
    (条形码); other columns are left alone. Without a barcode the number is printed as one.

    Raises:
        RosterError: the file cannot be read or has faulty rows; up to 20 are listed.
    """
    rows = _sheet_rows(path) if path.suffix.lower() == ".xlsx" else _csv_rows(path)
    if not rows:
        raise RosterError(f"{path} is empty; its first row must name the columns number and name")
    places = _places(path, rows[0][1])
    findings: list[str] = []
    seen: dict[str, int] = {}
    roster: list[RosterRow] = []
    for row, cells in rows[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(rows[0][1]):
            findings.append(f"row {row}: {len(cells)} cells, the first row has {len(rows[0][1])}")
            continue
        found = {key: cells[at].strip() for key, at in places.items()}
        barcode = found.get("barcode") or found["number"]
        entry = RosterRow(found["number"], found["name"], barcode, row)
        findings += _faults(entry, seen)
        seen.setdefault(entry.number, row)
        roster.append(entry)
    _refuse(path, findings)
    if not roster:
        raise RosterError(f"{path} names nobody; write one candidate a row under the first row")
    return tuple(roster)


def _refuse(path: Path, findings: Sequence[str]) -> None:
    if not findings:
        return
    listed = "\n".join(f"  {finding}" for finding in findings[:MOST_FINDINGS])
    more = len(findings) - MOST_FINDINGS
    rest = f"\n  and {more} more" if more > 0 else ""
    raise RosterError(f"{path} cannot be printed; mend these rows:\n{listed}{rest}")


def _faults(entry: RosterRow, seen: dict[str, int]) -> list[str]:
    row, faults = f"row {entry.row}", []
    if not entry.number:
        faults.append(f"{row}: the number is empty; fill it in or delete the row")
    elif re.fullmatch(r"\d(\.\d+)?[Ee]\+?\d+", entry.number):
        faults.append(
            f"{row}: {entry.number} is a number that a spreadsheet rounded; "
            "format the column as text and enter the number again"
        )
    elif not _NUMBER.fullmatch(entry.number):
        faults.append(
            f"{row}: number {entry.number!r} may hold only digits, letters A-Z and hyphens, at "
            "most 40, half-width and without spaces"
        )
    elif entry.number in seen:
        faults.append(
            f"{row}: number {entry.number} stands in row {seen[entry.number]} too; delete one"
        )
    if not entry.name:
        faults.append(f"{row}: the name is empty; fill it in or delete the row")
    for what, words in (("name", entry.name), ("barcode", entry.barcode)):
        if not words.isprintable():
            faults.append(f"{row}: the {what} {words!r} holds a control character; delete it")
    return faults


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    names = [cell.strip().lower() for cell in header]
    places: dict[str, int] = {}
    for key, known in COLUMNS.items():
        found = [i for i, name in enumerate(names) if name in known]
        if len(found) > 1:
            raise RosterError(f"{path}: two columns are the {key}; rename or delete one")
        if found:
            places[key] = found[0]
    for key in ("number", "name"):
        if key not in places:
            raise RosterError(
                f"{path}: no column for the {key}; name one of the first row's cells "
                f"{' or '.join(COLUMNS[key])} (found: {', '.join(header)})"
            )
    return places


def _csv_rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RosterError(f"{path} cannot be read ({error}); give a CSV or XLSX file") from error
    text = _decoded(path, content)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        start = 1
        for cells in reader:
            if cells:
                rows.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        raise RosterError(
            f"{path} row {reader.line_num}: not CSV ({error}); save the sheet as CSV or XLSX again"
        ) from error
    return rows


def _decoded(path: Path, content: bytes) -> str:
    try:
        return standard(decoded(content))
    except UnicodeDecodeError as error:
        raise RosterError(
            f"{path} is neither UTF-8 nor GB18030; save it as CSV UTF-8 or as XLSX"
        ) from error


def _sheet_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The first sheet's rows as text; refuses numbers among the identifiers."""
    try:
        book = open_book(path)
        _, table = text_of(book)
    except SpreadsheetError as error:
        reason = str(error).splitlines()[0]
        raise RosterError(f"{path} cannot be read ({reason}); give a CSV or XLSX file") from error
    rows = [
        (number, [standard(cell or "") for cell in cells])
        for number, cells in enumerate(table.iter_rows(), 1)
        if any(cells)
    ]
    if rows:
        places = _places(path, rows[0][1])
        keys = {places[key]: key for key in ("number", "barcode") if key in places}
        numbers = not_text(book, list(keys), rows[0][0], table.height, MOST_FINDINGS)
        _refuse(
            path,
            [
                f"row {row + 1}: the {keys[column]} is stored as a number, which loses leading "
                "zeros and last digits; format the column as text and enter it again"
                for row, column in numbers
            ],
        )
    return rows
