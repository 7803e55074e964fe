"""SPSS and DBF files, read back by other people's readers."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat
import pytest
from dbfread import DBF
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omr.design import builtin_names, load_design
from omr.errors import OutputError
from omr.score.columns import DOUBT, Columns, layout_for
from omr.score.dbf import LEFT_OUT, field_names
from omr.score.sav import variable_names
from omr.score.writers import check_output, write_table
from tests.test_tables import LAYOUT, ROOT, readings, some_outcomes

SCHEMA: Columns = {
    "position": pl.UInt32(),
    "准考证号": pl.String(),
    "q1": pl.String(),
    "not": pl.String(),
    "worst_error_probability": pl.Float32(),
    "doubts": pl.List(DOUBT),
    "masks": pl.List(pl.UInt32()),
}
DOUBTED = [{"kind": "faint", "field": "q1", "evidence": "A"}, {"kind": "side_missing", "field": ""}]
ROWS = [
    [0, "000012345678901234", "A", "王芳", 0.5, DOUBTED, [1, 2]],
    [1, "37010519900101123X", "", "=1+1", None, [], []],
    [4294967295, None, "AC", "欧阳·李", 1e-9, [], [4]],
]
TEXT = pl.String()


def frame(rows: list[list[Any]] = ROWS, schema: Columns = SCHEMA) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


def texts(**columns: str) -> tuple[pl.DataFrame, Columns]:
    schema: Columns = dict.fromkeys(columns, TEXT)
    return frame([list(columns.values())], schema), schema


def test_spss_reads_identifiers_as_text_and_names_in_full(tmp_path: Path) -> None:
    write_table([frame()[:1], frame()[1:]], tmp_path / "r.sav", SCHEMA)
    table, meta = pyreadstat.read_sav(tmp_path / "r.sav", output_format="polars")
    assert meta.column_labels == list(SCHEMA)
    assert table.columns == [*list(SCHEMA)[:3], "v_not", *list(SCHEMA)[4:]]
    assert table["准考证号"].to_list() == ["000012345678901234", "37010519900101123X", ""]
    assert table["q1"].to_list() == ["A", "", "AC"]
    assert table["v_not"].to_list() == ["王芳", "=1+1", "欧阳·李"]
    assert table["position"].to_list() == [0, 1, 4294967295]
    assert (
        table["worst_error_probability"].to_list() == frame()["worst_error_probability"].to_list()
    )
    assert table["doubts"].to_list() == ["q1:faint; side_missing", "", ""]
    assert table["masks"].to_list() == ["1 2", "", "4"]
    assert meta.original_variable_types["position"] == "F10.0"


def test_dbf_reads_identifiers_as_text_and_names_stand_beside_it(tmp_path: Path) -> None:
    write_table([frame()[:1], frame()[1:]], tmp_path / "r.dbf", SCHEMA)
    table = DBF(tmp_path / "r.dbf")
    assert table.encoding == "cp936"
    read = list(table)
    assert list(read[0]) == ["POSITION", "FIELD2", "Q1", "NOT", "WORST_ERR", "DOUBTS"]
    assert [row["FIELD2"] for row in read] == ["000012345678901234", "37010519900101123X", ""]
    assert [row["Q1"] for row in read] == ["A", "", "AC"]
    assert [row["NOT"] for row in read] == ["王芳", "=1+1", "欧阳·李"]
    assert [row["WORST_ERR"] for row in read] == [0.5, None, 1e-9]
    assert [row["POSITION"] for row in read] == [0, 1, 4294967295]
    assert [row["DOUBTS"] for row in read] == ["q1:faint; side_missing", "", ""]
    with (tmp_path / "r.fields.csv").open(encoding="utf-8-sig", newline="") as file:
        names = {row["field"]: row["name"] for row in csv.DictReader(file)}
    assert names == dict(zip(read[0], SCHEMA, strict=False))


@pytest.mark.parametrize("suffix", [".sav", ".dbf"])
def test_real_readings_are_written(tmp_path: Path, suffix: str) -> None:
    table, out = readings(some_outcomes()), tmp_path / f"r{suffix}"
    write_table([table[:9], table[9:]], out, LAYOUT.readings)
    if suffix == ".sav":
        read = pyreadstat.read_sav(out, output_format="polars")[0].rename(str.lower)
    else:
        rows = [{name.lower(): value for name, value in row.items()} for row in DBF(out)]
        read = pl.DataFrame(rows)
    for name in ("source", "status", "q1", "ticket", "sha256", "evidence", "position"):
        wanted = table[name].fill_null("") if table.schema[name] == TEXT else table[name]
        assert read[name].to_list() == wanted.to_list()


# What both formats hold: GBK's characters without spaces at the end, which are padding in both.
HELD = st.text(st.characters(codec="gbk", exclude_characters="\0\x1a"), max_size=60).map(
    lambda text: text.rstrip(" ")
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.lists(st.tuples(HELD, HELD), max_size=6), cut=st.integers(0, 6))
def test_every_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str]], cut: int
) -> None:
    schema: Columns = {"ticket": TEXT, "姓名": TEXT}
    table = frame([list(row) for row in values], schema)
    folder = tmp_path_factory.mktemp("held")
    for suffix in (".sav", ".dbf"):
        write_table([table[:cut], table[cut:]], folder / f"r{suffix}", schema)
    read = pyreadstat.read_sav(folder / "r.sav", output_format="polars")[0]
    assert read.rows() == values
    assert [tuple(row.values()) for row in DBF(folder / "r.dbf")] == values


NAMES = st.lists(
    st.text(st.sampled_from("abQ19_.- 准考证号題=é"), min_size=1, max_size=30), unique=True
)


@given(names=NAMES)
def test_names_are_allowed_and_unlike_each_other(names: list[str]) -> None:
    fields = field_names(names)
    assert list(fields) == names
    assert len(set(fields.values())) == len(names)
    for name in fields.values():
        assert name.isascii()
        assert name == name.upper()
        assert name[0].isalpha()
        assert name.replace("_", "").isalnum()
        assert len(name) <= 10
    variables = variable_names(names)
    assert len({name.upper() for name in variables}) == len(names)
    assert all(name[0].isalpha() and len(name.encode()) <= 64 for name in variables)


def test_names_stay_readable() -> None:
    names = ["q1", "ticket", "multiple_choice_12", "multiple_choice_13", "准考证号", "Q1", "1号"]
    assert list(field_names(names).values()) == [
        *("Q1", "TICKET", "MULTIPLE12", "MULTIPLE13", "FIELD5", "Q1_2", "FIELD7")
    ]
    long = "准考证号" * 8
    assert variable_names([f"{long}一", f"{long}二", "all", "1a", "q 1", "Q_1", "末。"]) == [
        *((long)[:21], f"{long[:20]}_2", "v_all", "v_1a", "q_1", "Q_1_2", "末")
    ]


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_designs_keep_their_questions_names(name: str) -> None:
    columns = layout_for(load_design(name)).readings
    fields = field_names([column for column in columns if column not in LEFT_OUT])
    changed = {full: short for full, short in fields.items() if full.upper() != short}
    ours = {
        "worst_error_probability": "WORST_ERR",
        "residual_mm": "RESIDUAL",
        "design_hash": "DESIGN",
        "policy_hash": "POLICY",
    }
    sheets = {"sheet_front": "SHEET_FRON", "sheet_back": "SHEET_BACK"[:10]}
    assert changed == ours | {full: s for full, s in sheets.items() if full in changed}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (
            "䶮",
            r"row 1, ticket: a \.dbf file \(GBK\) has no character 䶮 \(U\+4DAE\).*\.xlsx or \.sav",
        ),
        ("0" * 255, "row 1, ticket: 255 bytes are more than a .dbf field holds"),
        ("12\x0034", r"row 1, ticket: a .dbf file cannot hold the character '\\x00'"),
        ("12\x1a34", r"row 1, ticket: a .dbf file cannot hold the character '\\x1a'"),
    ],
)
def test_what_a_dbf_cannot_hold_is_refused_not_changed(
    tmp_path: Path, value: str, what: str
) -> None:
    table, schema = texts(ticket=value)
    with pytest.raises(OutputError, match=what):
        write_table([table], tmp_path / "r.dbf", schema)
    assert not list(tmp_path.iterdir())


def test_the_row_that_does_not_fit_is_told(tmp_path: Path) -> None:
    table = pl.DataFrame({"name": ["王芳", "王芳", "李娜", "㐂", "㐂"]})
    with pytest.raises(OutputError, match="row 4, name"):
        write_table([table[:3], table[3:]], tmp_path / "r.dbf", {"name": TEXT})
    table = pl.DataFrame({"name": ["王芳", None, "a\0b", "李娜"]})
    with pytest.raises(OutputError, match=r"row 3, name: SPSS holds .* without the character NUL"):
        write_table([table[:1], table[1:]], tmp_path / "r.sav", {"name": TEXT})
    table, schema = texts(a="x", b="中" * 11_000)
    with pytest.raises(OutputError, match="row 1, b: SPSS holds texts of at most 32767 bytes"):
        write_table([table], tmp_path / "r.sav", schema)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["source", "barcodes", "q1"])
def test_only_words_about_a_page_end_in_an_ellipsis(tmp_path: Path, name: str) -> None:
    words = "x第一个标记不见了" * 40
    table, schema = texts(evidence=f"{words}", advice="20 µm", q1="B")
    write_table([table], tmp_path / "r.dbf", schema)
    (row,) = DBF(tmp_path / "r.dbf")
    assert row["EVIDENCE"].endswith("…")
    assert words.startswith(row["EVIDENCE"][:-1])
    assert len(row["EVIDENCE"].encode("gbk")) in (253, 254)
    assert (row["ADVICE"], row["Q1"]) == ("20 ?m", "B")
    table, schema = texts(**{name: words})
    with pytest.raises(OutputError, match=f"{name}: .* bytes are more than"):
        write_table([table], tmp_path / "again.dbf", schema)


def test_what_no_file_could_hold_is_refused_first(tmp_path: Path) -> None:
    many: Columns = {f"q{n}": TEXT for n in range(256)}
    with pytest.raises(OutputError, match="256 columns are more than"):
        check_output(tmp_path / "r.dbf", 1, many)
    check_output(
        tmp_path / "r.dbf", 1, dict.fromkeys(LEFT_OUT, TEXT) | dict(list(many.items())[1:])
    )
    for suffix in (".dbf", ".sav"):
        with pytest.raises(OutputError, match=r"pages, and at most .*use \.parquet"):
            check_output(tmp_path / f"r{suffix}", 1_000_001, SCHEMA)
    wide: Columns = {f"q{n}": TEXT for n in range(255)}
    row = dict.fromkeys(wide, "x" * 254)
    write_table([pl.DataFrame([row], wide)], tmp_path / "r.dbf", wide)
    assert [dict(read) for read in DBF(tmp_path / "r.dbf")] == [
        {name.upper(): text for name, text in row.items()}
    ]


# The file's heading is written where the library does not look for errors.
_FULL_ANYWHERE = """
import resource, sys
from pathlib import Path
from omr.errors import OutputError
from omr.score.writers import write_table
from tests.test_tables import LAYOUT, readings, some_outcomes
frame, out = readings(some_outcomes()), Path(sys.argv[1])
write_table([frame], out, LAYOUT.readings)
whole = out.read_bytes()
for limit in [0, 80, 92, 100, *range(200, len(whole), len(whole) // 40), len(whole) - 1]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_table([frame], out, LAYOUT.readings)
        print(limit, "says nothing")
    except OutputError as error:
        if "no room left" not in str(error):
            print(limit, error)
    if out.read_bytes() != whole:
        print(limit, "changed the file")
"""


@pytest.mark.parametrize("suffix", [".sav", ".dbf"])
def test_a_full_disk_is_told_wherever_it_stops_a_file(tmp_path: Path, suffix: str) -> None:
    command = [sys.executable, "-c", _FULL_ANYWHERE, str(tmp_path / f"out{suffix}")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
