"""Files of tables: each format in each encoding, and what is refused."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dbfread
import fastexcel
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin_api.registration.columns import ATTENDANCE, HISTORY, Column, SheetColumns
from admin_api.registration.errors import ImportRefused
from admin_api.registration.sheets import read_sheet, write_sheet
from omr.encodings import standard
from omr.errors import OutputError
from tests.registration.files import csv_file, dbf_bytes, dbf_file, xlsx_file

NAMES = SheetColumns(
    "list",
    (Column("number", "编号"), Column("name", "姓名"), Column("note", "备注", needed=False)),
)
RARE = [
    ["编号", "姓名", "别的"],
    ["001", "王䶮·㐂", "x"],
    ["002", "𫖯𬭎", ""],
    ["003", "Ali·B", "y"],
]
TAKEN = [("001", "王䶮·㐂", ""), ("002", "𫖯𬭎", ""), ("003", "Ali·B", "")]


def rows_of(path: Path, encoding: str | None = None) -> list[tuple[Any, ...]]:
    return read_sheet(path, NAMES, encoding=encoding).frame.drop("row").rows()


def refusal(path: Path, expected: SheetColumns = NAMES, encoding: str | None = None) -> str:
    with pytest.raises(ImportRefused) as caught:
        read_sheet(path, expected, encoding=encoding)
    assert str(path) in str(caught.value)
    return str(caught.value)


# ── what is taken ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", [None, "same"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_every_encoding(encoding: str, given: str | None, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", RARE, encoding)
    assert rows_of(path, encoding if given else None) == TAKEN


@pytest.mark.parametrize(
    ("encoding", "language"), [("gb18030", 0x4D), ("gb18030", 0x7A), ("gb18030", 0), ("utf-8", 0)]
)
@pytest.mark.parametrize("padding", [b" ", b"\0"])
def test_dbf_in_every_encoding(
    encoding: str, language: int, padding: bytes, tmp_path: Path
) -> None:
    path = dbf_file(tmp_path / "a.DBF", RARE, encoding=encoding, language=language, padding=padding)
    assert rows_of(path) == TAKEN
    assert rows_of(path, "GBK" if encoding == "gb18030" else encoding) == TAKEN


def test_xlsx(tmp_path: Path) -> None:
    assert rows_of(xlsx_file(tmp_path / "a.xlsx", RARE)) == TAKEN


def test_gb18030_characters_that_python_keeps_private_become_standard(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("编号,姓名\n1,王".encode("gb18030") + b"\xfe\x59\xa6\xd9\n")
    assert rows_of(path) == [("1", "王龴︐", "")]


@pytest.mark.parametrize(
    "text",
    [
        "编号,姓名\r\n1,a\r\n\r\n2,b\r\n",
        "\n\n编号,姓名\n1,a\n,\n2,b",
        '编号,"姓名"\n1,"a"\n"2","b"\n',
        "编号\t姓名\n1\ta\n2\tb\n",
        "编号,姓名\r1,a\r2,b\r",
        " NUMBER , Name \n 1 , a \n　2　,b\n",
    ],
)
def test_csv_as_programs_write_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    assert rows_of(path) == [("1", "a", ""), ("2", "b", "")]


def test_rows_are_counted_as_a_person_counts_them(tmp_path: Path) -> None:
    rows = [[], ["编号", "姓名"], ["1", "two\nlines"], [], ["2", "b"]]
    for path in (csv_file(tmp_path / "a.csv", rows), xlsx_file(tmp_path / "a.xlsx", rows)):
        assert read_sheet(path, NAMES).frame["row"].to_list() == [3, 5]


def test_deleted_records_are_left_out_and_counted(tmp_path: Path) -> None:
    sheet = read_sheet(dbf_file(tmp_path / "a.dbf", RARE, deleted=[1]), NAMES)
    assert sheet.deleted == 1
    assert sheet.frame["row"].to_list() == [1, 3]


def test_names_of_fields_may_be_cut_as_dbf_cuts_them(tmp_path: Path) -> None:
    rows = [
        ["YEAR", "FILE_NUMBE", "专业代码", "科目", "SCORE", "PASSED"],
        ["2025", "A1", "203", "1", "60", "1"],
    ]
    path = dbf_file(tmp_path / "a.dbf", rows, kinds="NCCCNC")
    assert read_sheet(path, HISTORY).frame.drop("row").row(0) == (
        "2025",
        "A1",
        "203",
        "1",
        "60",
        "1",
    )


cell = st.text(st.characters(codec="gb18030", exclude_categories=["C", "Z"]), max_size=12)


@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_dbf_reads_as_dbfread_does(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], data: st.DataObject
) -> None:
    deleted = data.draw(st.sets(st.integers(0, len(rows) - 1), max_size=len(rows)))
    path = tmp_path_factory.getbasetemp() / "oracle.dbf"
    path.write_bytes(dbf_bytes(["NUMBER", "NAME"], rows, deleted=sorted(deleted)))
    plain = [(r["NUMBER"], r["NAME"]) for r in dbfread.DBF(path, encoding="gb18030")]
    wanted = [row for row in plain if any(row)]
    if not wanted:
        assert "no rows" in refusal(path)
        return
    sheet = read_sheet(path, NAMES)
    assert sheet.frame.select("number", "name").rows() == [
        (standard(a), standard(b)) for a, b in wanted
    ]
    assert sheet.deleted == len(deleted)


csv_cell = st.text(st.sampled_from('ab,"\n\r龴x '), max_size=5)


@given(st.lists(st.tuples(csv_cell, csv_cell), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_csv_reads_as_the_standard_library_does(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = csv_file(tmp_path_factory.getbasetemp() / "oracle.csv", [["number", "name"], *rows])
    wanted = [(a.strip(), b.strip()) for a, b in rows if (a + b).strip()]
    if not wanted:
        assert "no rows" in refusal(path)
    else:
        assert read_sheet(path, NAMES).frame.select("number", "name").rows() == wanted


# ── what is refused ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"number,name\n", "no rows"),
        (b"number,name\n1,a\n1,a,b\n2\n", "row 3: 3 cells.*\n.*row 4: 1 cells"),
        (b'number,name\n1,"a\n2,b\n', r"row \d: a quote"),
        (b'number,name\n1,a\n2,b"c"d\n', "row 3: a quote"),
        (b'number,name\n1,"a"x\n', "row 2: a quote"),
        (b"number,name\n1,a\0b\n", "row 2: holds zero bytes"),
        ("number,name\n1,a\n".encode("utf-16-le"), "zero bytes"),
        (b"number,name\n1,a\n2,\x81\xff\n", "row 3: is not UTF-8 and not GB18030"),
        (b"number,title\n1,a\n", "no column for 姓名 name.*found: 'number', 'title'"),
        (b"number,name,NAME\n1,a,b\n", "columns 2 and 3 are both the 姓名 name"),
        (b",".join(b"c%d" % i for i in range(10_000)) + b"\n", "10000 columns"),
        (b"<html><table><tr><td>number</td></tr></table>", "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "before 2007"),
        (b"PK\x03\x04 nothing", "no XLSX, or is damaged"),
    ],
)
def test_csv_that_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ImportRefused, match=f"(?s){says}"):
        read_sheet(path, NAMES)


def test_html_by_the_name_of_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xef\xbb\xbf\r\n<HTML>")
    assert "web page" in refusal(path)
    path.write_bytes(b"number,name\n1,a\n")
    assert "is not DBF, XLSX or CSV" in refusal(path)


def test_encodings_that_are_wrong_or_unknown(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", RARE, "gb18030")
    assert "is not utf-8; name its encoding" in refusal(path, encoding="utf-8")
    assert "'latin-1' is not known; use one of utf-8" in refusal(path, encoding="latin-1")
    path = dbf_file(tmp_path / "a.dbf", RARE, encoding="gb18030")
    assert "record 1: holds text that is not utf-8" in refusal(path, encoding="utf-8")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "none.csv")
    assert "cannot be read" in refusal(tmp_path)


def test_numbers_among_identifiers_are_named_by_sheet_row_and_column(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["备注", "编号", "姓名"],
        ["", "1", "a"],
        [None, 110105194912310021, "b"],
        ["", "2", 5],
    ]
    said = refusal(xlsx_file(tmp_path / "a.xlsx", rows))
    assert "sheet 考生, row 3, column B 编号 number: is stored as a number" in said
    assert "sheet 考生, row 4, column C 姓名 name: is stored as a number" in said
    assert "0021" not in said
    rows = [["编号", "姓名"], *([n, "a"] for n in range(500))]
    assert "sheet 考生, row 2, column A" in refusal(xlsx_file(tmp_path / "b.xlsx", rows))


def test_numbers_are_taken_where_a_number_is_meant(tmp_path: Path) -> None:
    rows = [["ticket", "subject", "present"], ["1", "1", 1]]
    sheet = read_sheet(xlsx_file(tmp_path / "a.xlsx", rows), ATTENDANCE)
    assert sheet.frame.row(0) == (2, "1", "1", "1")


def change(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


SOUND = dbf_bytes(["NUMBER", "NAME"], [["001", "a"], ["002", "b"], ["003", "c"]])
RECORDS = struct.unpack_from("<H", SOUND, 8)[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (SOUND[:-3], "is cut off: its heading says 3 records and 2"),
        (SOUND[:40], "heading contradicts itself"),
        (SOUND[:10], "no DBF"),
        (b"\x99" + SOUND[1:], "no DBF"),
        (change(SOUND, 4, struct.pack("<I", 4_000_000_000)), "is cut off"),
        (change(SOUND, 4, struct.pack("<I", 2)), "says 2 records and 3"),
        (change(SOUND, 8, struct.pack("<H", 33)), "contradicts itself"),
        (change(SOUND, 8, struct.pack("<H", 65_535)), "contradicts|cut off"),
        (change(SOUND, 10, struct.pack("<H", 50)), "contradicts itself"),
        (change(SOUND, 10, struct.pack("<H", 0)), "contradicts itself"),
        (change(SOUND, RECORDS + 5, b"?"), "record 2: does not start as a record does"),
        (change(SOUND, RECORDS + 6, b"\n"), "record 2: holds control characters"),
        (change(SOUND, 29, b"\x78"), "language byte says Big5"),
        (change(SOUND, 32 + 11, b"N"), "NUMBER .编号 number. is stored as a number"),
        (change(SOUND, 32 + 11, b"M"), "is a memo"),
        (change(SOUND, 32 + 11, b"I"), "has type 'I'"),
        (change(SOUND, 32, b"\xff\xff"), "damaged name"),
        (change(SOUND, RECORDS + 8, b"\xd5"), "record 2: holds text.*last character is cut"),
    ],
)
def test_dbf_that_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dbf"
    path.write_bytes(content)
    with pytest.raises(ImportRefused, match=f"(?s){says}"):
        read_sheet(path, NAMES)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_dbf_files_are_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(SOUND)
    for at in data.draw(st.lists(st.integers(0, len(SOUND) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.dbf"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_sheet(path, NAMES)
    except ImportRefused:
        return


def repacked(path: Path, change_part: Callable[[str, bytes], bytes]) -> Path:
    """The workbook with its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(name, change_part(name, content))
    return path


def test_a_workbook_that_unfolds_to_gigabytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admin_api.registration.xlsx_in.MOST_UNFOLDED", 1 << 22)
    path = repacked(
        xlsx_file(tmp_path / "a.xlsx", RARE),
        lambda name, content: content + b" " * (1 << 23) if "sharedStrings" in name else content,
    )
    assert "is too large (more than 4 MiB unfolded)" in refusal(path)


@pytest.mark.parametrize("cell", [b"XFD1048576", b"ZZ200000", b"BA1048576"])
def test_a_cell_that_is_far_away_is_refused_before_memory_is_taken(
    cell: bytes, tmp_path: Path
) -> None:
    path = repacked(
        xlsx_file(tmp_path / "a.xlsx", RARE),
        lambda name, content: content.replace(b'r="C2"', b'r="' + cell + b'"'),
    )
    assert "is too large" in refusal(path)


def test_workbooks_that_are_damaged(tmp_path: Path) -> None:
    path = xlsx_file(tmp_path / "a.xlsx", RARE)
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in refusal(path)
    path = repacked(
        xlsx_file(tmp_path / "b.xlsx", RARE), lambda name, content: content[: len(content) // 2]
    )
    assert "cannot be read" in refusal(path)
    assert "is empty; make the table the first" in refusal(xlsx_file(tmp_path / "c.xlsx", []))


# ── what goes out ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_written_sheets_keep_identifiers_and_run_no_formulas(suffix: str, tmp_path: Path) -> None:
    texts = ["00123", "11010519491231002X", "=1+1", "+1", "-1", "@x", "\tx", "王䶮"]
    path = tmp_path / f"a{suffix}"
    write_sheet(pl.DataFrame({"编号": texts, "姓名": texts}), path)
    wanted = [f"'{text}" if text[0] in "=+-@\t" else text for text in texts]
    if suffix == ".csv":
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert [row[0] for row in rows_of(path)] == wanted
    if suffix == ".xlsx":
        sheet = fastexcel.read_excel(path).load_sheet(0, dtype_coercion="strict")
        assert all(column.dtype == "string" for column in sheet.selected_columns)


def test_other_suffixes_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.csv or \.xlsx"):
        write_sheet(pl.DataFrame({"a": ["b"]}), tmp_path / "a.parquet")


def test_the_signature_tells_a_workbook_not_its_name(tmp_path: Path) -> None:
    path = xlsx_file(tmp_path / "a.xlsx", RARE)
    assert rows_of(path.rename(tmp_path / "a.et")) == TAKEN
