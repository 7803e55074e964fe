"""Rosters: encodings, identifiers that must stay text, and bad rows by name."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
import xlsxwriter

from omr.errors import RosterError
from omr.press import RosterRow, load_roster

ROWS = [["准考证号", "姓名", "备注"], ["000123", "欧阳娜娜", "x"], ["000124", "买买提·江", ""]]


def csv_file(path: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def sheet_file(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for r, cells in enumerate(rows):
        for c, cell in enumerate(cells):
            if isinstance(cell, str):
                sheet.write_string(r, c, cell)
            elif cell is not None:
                sheet.write_number(r, c, cell)
    book.close()
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_rosters_keep_their_zeros_and_names(encoding: str, tmp_path: Path) -> None:
    roster = load_roster(csv_file(tmp_path / "r.csv", ROWS, encoding))
    assert roster == (
        RosterRow("000123", "欧阳娜娜", "000123", 2),
        RosterRow("000124", "买买提·江", "000124", 3),
    )


def test_xlsx_rosters_give_the_same_and_barcodes_of_their_own(tmp_path: Path) -> None:
    assert load_roster(sheet_file(tmp_path / "r.xlsx", ROWS)) == load_roster(
        csv_file(tmp_path / "r.csv", ROWS)
    )
    rows = [[], ["Name", "NUMBER", "条形码"], [], ["张三", "01", "P-7"], ["李四", "02", ""]]
    assert load_roster(sheet_file(tmp_path / "r.xlsx", rows)) == (
        RosterRow("01", "张三", "P-7", 4),
        RosterRow("02", "李四", "02", 5),
    )


def test_gb18030_characters_without_a_unicode_of_their_own_in_python_are_mended(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes("number,name\n01,王".encode("gb18030") + b"\xfe\x59\n")
    assert load_roster(path)[0].name == "王龴"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["number", "name"], ["", "张三"]], "row 2: the number is empty"),
        ([["number", "name"], ["01", " "]], "row 2: the name is empty"),
        ([["number", "name"], ["01", "张三"], ["01", "李四"]], "row 3: number 01 stands in row 2"),
        ([["number", "name"], ["1.1E+11", "张三"]], "row 2: .*spreadsheet rounded"),
        ([["number", "name"], ["０１", "张三"]], "row 2: .*half-width"),
        ([["number", "name"], ["0 1", "张三"]], "row 2: .*without spaces"),
        ([["number", "name"], ["01", "张\x07三"]], "row 2: .*control character"),
        ([["number", "name"], ["01", "张三", "x"]], "row 2: 3 cells"),
        ([["number", "barcode"], ["01", "2"]], "no column for the name.*姓名"),
        ([["number", "学号", "name"], ["01", "2", "x"]], "two columns are the number"),
        ([["number", "name"]], "names nobody"),
        ([], "is empty"),
    ],
)
def test_bad_rows_are_named_with_what_to_do(
    rows: list[list[str]], says: str, tmp_path: Path
) -> None:
    path = csv_file(tmp_path / "r.csv", rows)
    with pytest.raises(RosterError, match=says) as caught:
        load_roster(path)
    assert str(path) in str(caught.value)


def test_identifiers_that_a_sheet_holds_as_numbers_are_refused_by_row(tmp_path: Path) -> None:
    rows = [["number", "name"], ["01", "a"], [110105194912310021, "b"], ["02", "c"], [3, "d"]]
    with pytest.raises(RosterError, match="row 3: the number is stored as a number") as caught:
        load_roster(sheet_file(tmp_path / "r.xlsx", rows))
    assert "row 5: the number" in str(caught.value)
    assert "row 4" not in str(caught.value)


@pytest.mark.parametrize("name", ["r.csv", "r.xlsx"])
def test_files_that_are_no_roster_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(RosterError, match="cannot be read"):
        load_roster(path)
    path.write_bytes(b"\xff\xfe\x00\x01 no roster \x81")
    with pytest.raises(RosterError, match=name):
        load_roster(path)
