"""`omr read` and `omr judge` from the command line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest
from dbfread import DBF

from omr.cli import main
from omr.design import load_design
from omr.simulate import load_mix, simulate


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    simulate(load_design("quiz-a5"), load_mix("clean"), 3, 1, folder)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 and no more")
    return folder


def omr(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["omr", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_read_then_judge(
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, scores = tmp_path / "r.jsonl", tmp_path / "s.parquet"
    words = ("--design", "quiz-a5", "--out", out, "--scores", scores, "--workers", 0)
    assert omr(monkeypatch, "read", scans, *words, "--overlay", tmp_path / "o") == 0
    told = capsys.readouterr().out
    assert "4 pages in" in told
    assert re.search(r"1  (damaged|unsupported)_file: \w", told)
    assert "left out as no scans: 1 .jsonl" in told
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["status"] == "rejected" for row in rows] == [True, False, False, False]
    assert len(list((tmp_path / "o").iterdir())) == 4
    assert omr(monkeypatch, "judge", scores, "--out", tmp_path / "j.jsonl") == 0
    assert (tmp_path / "j.jsonl").read_bytes() == out.read_bytes()
    assert "4 pages in" in capsys.readouterr().out
    assert omr(monkeypatch, "judge", scores, "--out", tmp_path / "j.dbf") == 0
    assert f"its fields' full names: {tmp_path / 'j.fields.csv'}" in capsys.readouterr().out
    assert [row["SOURCE"] for row in DBF(tmp_path / "j.dbf")] == [row["source"] for row in rows]


def test_a_run_beside_its_pages_does_not_read_itself(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for path in scans.glob("*.jp*g"):
        (folder / path.name).write_bytes(path.read_bytes())
    here = ("read", folder, "--design", "quiz-a5", "--out", folder / "r.parquet", "--workers", 0)
    with monkeypatch.context() as patch:
        patch.setattr("omr.run._write", interrupt)
        assert omr(patch, *here) == 130
    assert (folder / "r.parquet.journal").exists()
    assert omr(monkeypatch, *here) == 0
    sources = pl.read_parquet(folder / "r.parquet")["source"].to_list()
    assert sources == sorted(str(p) for p in folder.glob("*.jp*g"))


def test_what_a_format_cannot_hold_is_written_in_another_without_reading_again(
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "😀"  # no character of GBK, and in every row's source
    folder.mkdir()
    for path in scans.glob("*.jp*g"):
        (folder / path.name).write_bytes(path.read_bytes())
    outputs = tmp_path / "out"
    outputs.mkdir()
    words = ("read", folder, "--design", "quiz-a5", "--workers", 0, "--out")
    assert omr(monkeypatch, *words, outputs / "r.dbf") == 4
    told = capsys.readouterr().err
    assert "row 1, source" in told
    assert f"--out {outputs / 'r.parquet'}" in told
    assert omr(monkeypatch, *words, outputs / "s.jsonl") == 0  # another name is another run
    assert "run before" not in capsys.readouterr().out
    assert omr(monkeypatch, *words, outputs / "r.jsonl") == 0
    assert "(4 of them from the run before)" in capsys.readouterr().out
    names = {path.name for path in outputs.iterdir()}
    assert names == {"r.jsonl", "s.jsonl"}
    assert (outputs / "r.jsonl").read_bytes() == (outputs / "s.jsonl").read_bytes()


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--design", "no-such", "--out", "r.csv"], 2, "no-such"),
        (["--design", "quiz-a5", "--out", "r.doc"], 4, ".parquet, .jsonl, .csv, .xlsx"),
        (["--design", "quiz-a5", "--out", "no/r.csv"], 4, "no folder"),
        (["--design", "quiz-a5", "--out", "r.csv", "--scores", "s.csv"], 4, ".parquet"),
        (["--design", "quiz-a5", "--out", "r.csv", "--policy", "none.toml"], 2, "none.toml"),
    ],
)
def test_what_cannot_be_is_told_without_a_traceback(
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    what: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert omr(monkeypatch, "read", scans, *words) == code
    told = capsys.readouterr().err
    assert told.startswith("omr: ")
    assert what in told
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("x")
    out = ("--design", "quiz-a5", "--out", tmp_path / "r.csv")
    assert omr(monkeypatch, "read", tmp_path, *out) == 3
    assert "no pages found" in capsys.readouterr().err
    assert omr(monkeypatch, "read", tmp_path / "gone", *out) == 3
    assert "does not exist" in capsys.readouterr().err
