"""SPSS and DBF files, read back by other people's readers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from dbfread import DBF

from omr.errors import OutputError
from omr.score.writers import check_output, write_table
from tests.test_tables import LAYOUT, readings, some_outcomes

SCHEMA = {
    "position": pl.UInt32(),
    "准考证号": pl.String(),
    "q1": pl.String(),
    "not": pl.String(),
    "worst_error_probability": pl.Float32(),
    "worst_error_of_all": pl.Float32(),
    "masks": pl.List(pl.UInt32()),
}
ROWS = [
    [0, "000012345678901234", "A", "王芳", 0.5, 1e-9, [1, 2]],
    [1, "37010519900101123X", "", "Ünï", None, 0.25, []],
    [2, None, "AC", "䶮", 1.0, 0.0, [4]],
]


def frame(rows: list[list[object]] | None = None) -> pl.DataFrame:
    return pl.DataFrame(ROWS if rows is None else rows, schema=SCHEMA, orient="row")


def test_spss_reads_identifiers_as_text_and_names_in_full(tmp_path: Path) -> None:
    write_table([frame()[:1], frame()[1:]], tmp_path / "r.sav", SCHEMA)
    table, meta = pyreadstat.read_sav(tmp_path / "r.sav", output_format="polars")
    assert meta.column_labels == list(SCHEMA)
    assert table.columns[:4] == ["position", "准考证号", "q1", "not_"]
    assert table["准考证号"].to_list() == ["000012345678901234", "37010519900101123X", ""]
    assert table["q1"].to_list() == ["A", "", "AC"]
    assert table["not_"].to_list() == ["王芳", "Ünï", "䶮"]
    assert table["worst_error_probability"].to_list() == [0.5, None, 1.0]
    assert table["masks"].to_list() == ["1 2", "", "4"]


def test_dbf_reads_identifiers_as_text(tmp_path: Path) -> None:
    rows = [[*row[:3], "王芳", *row[4:]] for row in ROWS]
    write_table([frame(rows)], tmp_path / "r.dbf", SCHEMA)
    table = DBF(tmp_path / "r.dbf", encoding=None)
    assert table.encoding == "cp936"
    read = list(table)
    assert list(read[0]) == ["POSITION", "准考证号", "Q1", "NOT", "WORST_ERRO", "WORST_ER_2"]
    assert [row["准考证号"] for row in read] == ["000012345678901234", "37010519900101123X", ""]
    assert [row["Q1"] for row in read] == ["A", "", "AC"]
    assert {row["NOT"] for row in read} == {"王芳"}
    assert [row["WORST_ERRO"] for row in read] == [0.5, None, 1.0]
    assert [row["POSITION"] for row in read] == [0, 1, 2]


def test_what_does_not_fit_a_dbf_is_refused_not_cut(tmp_path: Path) -> None:
    out = tmp_path / "r.dbf"
    with pytest.raises(OutputError, match=r"row 2, not: GBK has no 'Ü'(.|\n)*\.xlsx"):
        write_table([frame()], out, SCHEMA)
    with pytest.raises(OutputError, match="row 1, q1: 300 bytes are more"):
        write_table([frame([[0, "1", "A" * 300, "", 0.0, 0.0, []]])], out, SCHEMA)
    many = {f"q{n}": pl.String() for n in range(256)}
    with pytest.raises(OutputError, match="256 columns are more than"):
        write_table([pl.DataFrame(schema=many)], out, many)
    assert not list(tmp_path.iterdir())
    with pytest.raises(OutputError, match="at most 500000 pages"):
        check_output(out, 500_001)


def test_words_about_a_page_end_in_an_ellipsis_where_a_dbf_is_full(tmp_path: Path) -> None:
    schema = {"evidence": pl.String(), "q1": pl.String()}
    words = "第一个标记不见了" * 40
    table = pl.DataFrame([[words, "B"]], schema=schema, orient="row")
    write_table([table], tmp_path / "r.dbf", schema)
    (row,) = DBF(tmp_path / "r.dbf")
    assert row["EVIDENCE"].endswith("…")
    assert words.startswith(row["EVIDENCE"][:-1])
    assert row["Q1"] == "B"


@pytest.mark.parametrize("suffix", [".sav", ".dbf"])
def test_real_readings_are_written(tmp_path: Path, suffix: str) -> None:
    table = readings(some_outcomes())
    out = tmp_path / f"r{suffix}"
    write_table([table], out, LAYOUT.readings)
    if suffix == ".sav":
        read, _ = pyreadstat.read_sav(out, output_format="polars")
        assert read["source"].to_list() == table["source"].to_list()
        assert read["status"].to_list() == table["status"].to_list()
    else:
        rows = list(DBF(out))
        assert [row["STATUS"] for row in rows] == table["status"].to_list()
        assert "MASKS" not in rows[0]
