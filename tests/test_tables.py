"""Tables: what was read stands in them, in every format, the same bytes each time."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fastexcel
import numpy as np
import polars as pl
import pytest

from omr.design import load_design
from omr.design_parse import parse_design
from omr.errors import DesignError, OutputError
from omr.journal import pack_record, unpack_record
from omr.policy import default_policy
from omr.records import DoubtKind, RejectedPage, ScannedPage, Status
from omr.score.columns import FIXED, layout_for, notes_for
from omr.score.rows import KeptPage, Outcome, Packed, pack, unpack, value_names
from omr.score.tables import Tally, reading_frames, score_frames
from omr.score.writers import check_output, for_people, write_table
from tests.stand_ins import read_fake

DESIGN = load_design("two-sided-60")
LAYOUT = layout_for(DESIGN)
ROOT = Path(__file__).parents[1]
SUFFIXES = (".parquet", ".jsonl", ".csv", ".xlsx", ".sav", ".dbf")


def outcome_of(words: str, position: int, source: str = "") -> Outcome:
    image = words.encode()
    page = ScannedPage(image, ScannedPage.digest(image), source or f"{position}.tif", position)
    read: Outcome = read_fake(page, DESIGN, default_policy())
    return read


def some_outcomes(count: int = 40) -> list[Outcome]:
    words = (
        f"page {i}{' back' * (i % 2)}{' reject' * (i % 9 == 4)} code S{i // 2}"
        for i in range(count)
    )
    return [outcome_of(w, i) for i, w in enumerate(words)]


def rows(outcomes: list[Outcome]) -> list[Packed]:
    return [pack(outcome) for outcome in outcomes]


def readings(outcomes: list[Outcome]) -> pl.DataFrame:
    packed = rows(outcomes)
    return pl.concat(reading_frames(packed, LAYOUT, bytes(p.tag for p in packed)))


def same(one: Outcome, other: Outcome) -> bool:
    """Equal, arrays and all."""
    return repr(one) == repr(other) and type(one) is type(other)


@pytest.mark.parametrize("words", ["a", "b back", "c reject", "d back code X-1"])
def test_a_row_comes_back_as_it_went(words: str) -> None:
    with np.printoptions(threshold=10**6, floatmode="unique"):
        before = outcome_of(words, 3)
        packed = unpack_record(pack_record(pack(before)))
        side = None
        if isinstance(before, KeptPage):
            side = DESIGN.side(before.reading.side)
        assert same(unpack(packed, side), before)


def test_readings_say_what_the_pages_say() -> None:
    outcomes = some_outcomes()
    frame = readings(outcomes)
    assert dict(frame.schema) == LAYOUT.readings
    for row, outcome in zip(frame.iter_rows(named=True), outcomes, strict=True):
        if isinstance(outcome, RejectedPage):
            assert row["status"] == "rejected"
            assert (row["reason"], row["advice"]) == (outcome.reason, outcome.advice)
            assert json.loads(row["figures"]) == outcome.figures
            assert row["q1"] is row["m1"] is row["side"] is row["masks"] is None
            assert row["doubts"] == []
            continue
        reading = outcome.reading
        assert (row["position"], row["source"]) == (reading.position, reading.source)
        assert (row["side"], row["turn"]) == (reading.side, reading.turn)
        named = dict(zip(reading.fields, reading.values, strict=True))
        assert {name: row[name] for name in named} == named
        other = next(s for s in DESIGN.sides if s.name is not reading.side)
        assert all(row[name] is None for name in value_names(other))
        assert row["masks"] == reading.masks.tolist()
        assert np.array_equal(np.array(row["error_probability"], "f4"), reading.error_probability)
        assert row["worst_error_probability"] == reading.error_probability.max()
        own = [(d.kind, d.field, d.evidence) for d in reading.doubts]
        assert [tuple(d.values()) for d in row["doubts"]][: len(own)] == own
        assert [tuple(b.values()) for b in row["barcodes"]] == [
            (b.zone, b.text, b.symbology, b.reader) for b in reading.barcodes
        ]


def test_scores_hold_every_byte() -> None:
    outcomes = some_outcomes()
    frame = pl.concat(score_frames(rows(outcomes), LAYOUT))
    assert dict(frame.schema) == LAYOUT.scores
    for row, outcome in zip(frame.iter_rows(named=True), outcomes, strict=True):
        if isinstance(outcome, RejectedPage):
            assert row["reason"] == outcome.reason
            assert row["fill"] is None
        else:
            for name in ("fill", "darkness", "around", "through"):
                assert row[name] == getattr(outcome.scores, name).tobytes()
            assert row["bitonal"] == outcome.scores.bitonal


def test_sheets_are_paired_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = some_outcomes(30)
    whole = readings(outcomes)
    monkeypatch.setattr("omr.score.tables.BATCH", 3)
    assert readings(outcomes).equals(whole)
    assert whole["partner"].to_list()[:4] == [1, 0, 3, 2]
    lonely = whole.filter(pl.col("position") == 5)  # its front was rejected
    assert lonely["status"].to_list() == ["review"]
    assert lonely["doubts"].to_list()[0][-1]["kind"] == DoubtKind.SIDE_MISSING


def test_the_tally_counts_pages() -> None:
    tally = Tally()
    for _ in tally.counted([readings(some_outcomes())]):
        pass
    assert tally.pages == sum(tally.statuses.values()) == 40
    assert tally.reasons == {"streak": 4}
    assert tally.advice == {"streak": "Clean the scanner's glass."}
    assert tally.doubts["side_missing"] == 4


def test_a_design_may_not_name_a_field_like_a_column() -> None:
    text = """
        name = "x"
        title = "x"
        ink = "red"
        page = { width_mm = 100, height_mm = 100 }
        bubble = { shape = "box", width_mm = 5, height_mm = 3 }
        [front]
        corner = [
            { shape = "square", x_mm = 5, y_mm = 5, size_mm = 4 },
            { shape = "square", x_mm = 5, y_mm = 95, size_mm = 4 },
            { shape = "square", x_mm = 95, y_mm = 5, size_mm = 4 },
        ]
        field = [
            { name = "masks", kind = "single", values = "AB", at = { x_mm = 20, y_mm = 20 }, value_step = { x_mm = 9 } },
            { name = "status", kind = "flag", at = { x_mm = 20, y_mm = 30 } },
        ]
    """  # noqa: E501
    with pytest.raises(DesignError, match=r"'masks' has the name of an output column(.|\n)*'statu"):
        layout_for(parse_design(text, "x.toml"))
    assert {"position", "fill", "status", "partner"} <= FIXED


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    frame = readings(some_outcomes())
    once, again = tmp_path / f"once{suffix}", tmp_path / f"again{suffix}"
    write_table([frame], once, LAYOUT.readings, notes_for("text"))
    write_table([frame[:7], frame[7:]], again, LAYOUT.readings, notes_for("text"))
    assert once.read_bytes() == again.read_bytes()
    names = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    if suffix == ".dbf":
        assert names.pop("once.fields.csv") == names.pop("again.fields.csv")
    assert sorted(names) == [f"again{suffix}", f"once{suffix}"]


def test_parquet_and_json_lines_hold_everything(tmp_path: Path) -> None:
    frame = readings(some_outcomes())
    write_table([frame], tmp_path / "r.parquet", LAYOUT.readings, notes_for("the design"))
    assert pl.read_parquet(tmp_path / "r.parquet").equals(frame)
    assert pl.read_parquet_metadata(tmp_path / "r.parquet")["omr.design"] == "the design"
    write_table([frame], tmp_path / "r.jsonl", LAYOUT.readings)
    lines = (tmp_path / "r.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == frame.height
    assert pl.read_ndjson(tmp_path / "r.jsonl", schema=LAYOUT.readings).equals(frame)


def test_spreadsheets_get_texts_that_are_safe_and_whole(tmp_path: Path) -> None:
    first = outcome_of("page 0 code =1+1", 0, "扫描/甲.tif")
    assert isinstance(first, KeptPage)
    frame = readings([first, outcome_of("page 1 back code 0012", 1, "@cmd.tif")])
    frame = frame.with_columns(pl.lit("000012345678").alias("ticket"))
    write_table([frame], tmp_path / "r.csv", LAYOUT.readings)
    write_table([frame], tmp_path / "r.xlsx", LAYOUT.readings)
    assert (tmp_path / "r.csv").read_bytes()[:3] == b"\xef\xbb\xbf"
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        by_csv = list(csv.DictReader(file))
    book = fastexcel.read_excel(tmp_path / "r.xlsx")
    by_xlsx = list(book.load_sheet(0, dtypes="string").to_polars().iter_rows(named=True))
    for row in (by_csv[0], by_xlsx[0]):
        assert row["source"] == "扫描/甲.tif"
        assert row["sheet_front"] == "'=1+1"
        assert row["ticket"] == "000012345678"
        assert row["masks"] == " ".join(map(str, first.reading.masks.tolist()))
        assert row["barcodes"] == "sheet_front:=1+1"
        assert "sheet_front:identity_clash" in row["doubts"].split("; ")
    assert by_csv[1]["source"] == by_xlsx[1]["source"] == "'@cmd.tif"
    assert list(by_csv[0]) == list(by_xlsx[0]) == list(LAYOUT.readings)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\r=x"])
def test_what_looks_like_a_formula_is_neutralised(text: str) -> None:
    frame = for_people(pl.DataFrame({"text": [text, "a" + text, "", None]}))
    assert frame["text"].to_list() == ["'" + text, "a" + text, "", None]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_page_at_all_still_makes_a_table(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"empty{suffix}"
    write_table([], out, LAYOUT.readings)
    assert out.exists()
    if suffix == ".parquet":
        assert dict(pl.read_parquet_schema(out)) == LAYOUT.readings


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_on_the_way_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"r{suffix}"
    out.write_text("the old one")

    def frames() -> Iterator[pl.DataFrame]:
        yield readings(some_outcomes(4))
        raise ZeroDivisionError("in the middle")

    with pytest.raises(ZeroDivisionError):
        write_table(frames(), out, LAYOUT.readings)
    assert out.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [out]


FULL_DISK = """
import resource, sys
from pathlib import Path
from omr.errors import OutputError
from omr.score.writers import write_table
from tests.test_tables import LAYOUT, readings, some_outcomes
frame = readings(some_outcomes(400))
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
for suffix in (".parquet", ".jsonl", ".csv", ".xlsx", ".sav", ".dbf"):
    out = Path(sys.argv[1]) / f"r{suffix}"
    try:
        write_table([frame], out, LAYOUT.readings)
    except OutputError as error:
        print(suffix, "no room left" in str(error), sorted(p.name for p in out.parent.iterdir()))
"""


def test_a_full_disk_is_told_in_every_format(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.splitlines() == [f"{suffix} True []" for suffix in SUFFIXES], told.stderr


# The places in a Parquet file where a small page header is written, among others.
_FULL_ANYWHERE = """
import resource, sys
from pathlib import Path
from omr.errors import OutputError
from omr.score.writers import write_table
from tests.test_tables import LAYOUT, readings, some_outcomes
frame, out = readings(some_outcomes()), Path(sys.argv[1])
write_table([frame], out, LAYOUT.readings)
for limit in range(500, out.stat().st_size, 500):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_table([frame], out, LAYOUT.readings)
    except OutputError as error:
        if "no room left" not in str(error):
            print(limit, error)
"""


def test_a_full_disk_is_told_wherever_it_stops_a_parquet_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FULL_ANYWHERE, str(tmp_path / "out.parquet")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ""


def test_outputs_that_cannot_be_are_refused_first(tmp_path: Path) -> None:
    for name, pages, what in [
        ("r.txt", 1, "ends in .parquet"),
        ("nowhere/r.csv", 1, "no folder"),
        ("r.xlsx", 2_000_000, "use .parquet"),
    ]:
        with pytest.raises(OutputError, match=what):
            check_output(tmp_path / name, pages, LAYOUT.readings)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path / "folder.csv", 1, LAYOUT.readings)


def test_a_doubt_from_pairing_sends_a_clear_page_to_review() -> None:
    alone = outcome_of("page 1", 0)
    assert isinstance(alone, KeptPage)
    assert alone.reading.status is Status.READ
    row = readings([alone]).row(0, named=True)
    assert row["status"] == Status.REVIEW
    evidence = "no back of this sheet is next to it in the feed"
    assert row["doubts"] == [{"kind": "side_missing", "field": "", "evidence": evidence}]
