"""Other systems' designs through the command: their joined labels and scores as columns."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat
import pytest
from dbfread import DBF
from typer.testing import CliRunner

from omr.cli import app
from omr.design_parse import parse_design
from omr.errors import AnswerKeyError, DesignError
from omr.importers.omrchecker import load_omrchecker
from omr.run import Stopped
from omr.score.columns import layout_for
from omr.score.flat import for_people
from omr.score.key import Accepted, Item, Key, written
from omr.score.marked import Marking
from omr.score.tables import with_joined
from tests.test_pictures import SAMPLES, TRUTH_IS_WRONG, cases, needs_samples

SMALL = Path("omr/designs/quiz-a5.toml").read_text(encoding="utf-8")


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


def by_template() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for case in cases():
        found.setdefault(case["template"], []).append(case)
    return found


@needs_samples
@pytest.mark.parametrize("template", by_template())
def test_a_template_is_read_into_its_own_columns(template: str, tmp_path: Path) -> None:
    own = by_template()[template]
    images = [SAMPLES / case["image"] for case in own]
    out = tmp_path / "out.jsonl"
    run("read", *images, "--design", SAMPLES / template, "--out", out, "--workers", 0)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    imported = load_omrchecker(SAMPLES / template)
    for case, row in zip(own, rows, strict=True):
        if row["status"] == "rejected":
            assert row.get("score") is None
            continue
        doubted = {doubt["field"] for doubt in row["doubts"]}
        for label, expected in case["expected"].items():
            expected = TRUTH_IS_WRONG.get((case["image"], label), expected)
            assert (label in doubted) == bool(doubted & set(imported.parts(label))), label
            if label not in doubted:
                blank = "" if label in imported.joined else imported.empty_values.get(label, "")
                assert (row[label] or blank) == expected, label
        if imported.evaluation and case["evaluation"]:
            assert row["score_max"]
            assert (row["score"] is None) == (row["score_doubted"] > 0)
            if row["score"] is None:
                assert doubted, "only a doubt keeps a score back"
            else:
                assert float(Fraction(row["score"])) == pytest.approx(float(case["score"]))


@needs_samples
def test_a_design_written_as_toml_gives_the_same_columns(tmp_path: Path) -> None:
    template = SAMPLES / "samples" / "sample1" / "template.json"
    image = next(SAMPLES / c["image"] for c in cases() if SAMPLES / c["template"] == template)
    run("design", "import", "omrchecker", template, "--out", tmp_path / "own.toml")
    assert "[[join]]" in (tmp_path / "own.toml").read_text(encoding="utf-8")
    tables = []
    for design, name in ((template, "a"), (tmp_path / "own.toml", "b")):
        out, scores = tmp_path / f"{name}.parquet", tmp_path / f"{name}-scores.parquet"
        run("read", image, "--design", design, "--out", out, "--scores", scores, "--workers", 0)
        run("judge", scores, "--out", tmp_path / f"{name}-again.parquet")
        read = pl.read_parquet(out)
        assert read.equals(pl.read_parquet(tmp_path / f"{name}-again.parquet"))
        tables.append(read.drop("source", "design_hash"))
    assert tables[0].equals(tables[1])


KEYED = SAMPLES / "samples" / "answer-key" / "weighted-answers"


@needs_samples
@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv", "xlsx", "sav", "dbf"])
def test_every_format_has_the_scores_and_judging_has_them_again(
    suffix: str, tmp_path: Path
) -> None:
    """By the template, and by the design written from it with the key given beside."""
    template, own = KEYED / "template.json", tmp_path / "own.toml"
    image, key = KEYED / "images" / "adrian_omr.png", KEYED / "evaluation.json"
    run("design", "import", "omrchecker", template, "--out", own)
    tables = []
    for name, design in (("a", (template,)), ("b", (own, "--evaluation", key))):
        out, again = tmp_path / f"{name}.{suffix}", tmp_path / f"{name}-again.{suffix}"
        scores = tmp_path / f"{name}-scores.parquet"
        words = ("--out", out, "--scores", scores, "--workers", 0)
        run("read", image, "--design", *design, *words)
        run("judge", scores, "--evaluation", key, "--out", again)
        tables += [table(out), table(again)]
    assert all(told == tables[0] for told in tables)
    (case,) = [case for case in cases() if SAMPLES / case["image"] == image]
    assert tables[0] == (written(Fraction(case["score"])), "0")


def table(path: Path) -> tuple[str, str]:
    """What a table of one page says of its score and its doubts, whatever its format."""
    row: dict[str, Any]
    if path.suffix == ".jsonl":
        row = json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix == ".sav":
        row = pyreadstat.read_sav(path, output_format="dict")[0]
        row = {name: values[0] for name, values in row.items()}
    elif path.suffix == ".dbf":
        (found,) = DBF(path)
        row = {"score": found["SCORE"], "score_doubted": found["SCORE_DOUB"]}
    else:
        read = {".csv": pl.read_csv, ".xlsx": pl.read_excel, ".parquet": pl.read_parquet}
        frame = read[path.suffix](path)
        row = frame.row(0, named=True)
    return str(row["score"]).strip(), f"{int(row['score_doubted'])}"


@needs_samples
def test_no_output_and_no_message_holds_the_key(tmp_path: Path) -> None:
    """An answer that nobody gave is in no file that a run leaves, nor in what a fault says."""
    secret = "ZQXJ"
    key = json.loads((KEYED / "evaluation.json").read_text(encoding="utf-8"))
    key["options"]["answers_in_order"][0] = ["A", secret]
    (tmp_path / "key.json").write_text(json.dumps(key))
    image, template = KEYED / "images" / "adrian_omr.png", KEYED / "template.json"
    out, scores = tmp_path / "out" / "o.jsonl", tmp_path / "out" / "s.parquet"
    out.parent.mkdir()
    words = ("--design", template, "--evaluation", tmp_path / "key.json", "--workers", 0)
    told = run("read", image, *words, "--out", out, "--scores", scores)
    assert secret not in told
    for left in out.parent.iterdir():
        assert secret.encode() not in left.read_bytes()
    key["options"]["answers_in_order"][0] = [["A", 1], secret]
    (tmp_path / "key.json").write_text(json.dumps(key))
    done = CliRunner().invoke(app, [str(word) for word in ("read", image, *words, "--out", out)])
    assert isinstance(done.exception, AnswerKeyError)
    assert secret not in str(done.exception)


# ── without the samples ──────────────────────────────────────────────────────────────────────


def joined(*lines: str) -> str:
    return SMALL + "\n[[join]]\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (('name = "pair"', 'of = ["q1", "nothing"]'), "of must name fields"),
        (('name = "q3"', 'of = ["q1", "q2"]'), "two fields are named 'q3'"),
        (('name = "pair"', 'of = ["q1", "q2"]', 'blank = ["-"]'), "one for each of the 2"),
        (('name = "pair"', "of = []"), "of must name fields"),
        (('name = "pair"', 'of = ["q1"]', "blanks = 3"), "blanks is not known"),
    ],
)
def test_joins_that_cannot_be(lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(DesignError, match=says):
        parse_design(joined(*lines), "small")


def frame(**values: object) -> pl.DataFrame:
    row = {"status": "read", "doubts": [], "q1": "A", "q2": "B", "reason": None} | values
    doubt = pl.List(pl.Struct({"kind": pl.String, "field": pl.String, "evidence": pl.String}))
    schema = {name: doubt if name == "doubts" else pl.String for name in row}
    return pl.DataFrame([row], schema=schema, orient="row")


def marking() -> Marking:
    design = parse_design(joined('name = "pair"', 'of = ["q1", "q2"]', 'blank = "?"'), "small")
    item = Item("pair", (Accepted("AB", Fraction(3)),), Fraction(-1, 3), Fraction(0), "all")
    return Marking.of(Key.of([item]), design)


@pytest.mark.parametrize(
    ("values", "score"),
    [
        ({}, ("3", 0)),
        ({"q2": "C"}, ("-1/3", 0)),
        ({"q1": "", "q2": ""}, ("0", 0)),
        ({"q1": None, "q2": None, "status": "rejected"}, (None, None)),
        ({"doubts": [{"kind": "faint", "field": "q2", "evidence": ""}]}, (None, 1)),
        ({"doubts": [{"kind": "faint", "field": "q9", "evidence": ""}]}, ("3", 0)),
        ({"doubts": [{"kind": "side_missing", "field": "", "evidence": ""}]}, (None, 1)),
    ],
)
def test_a_score_rests_on_no_doubt(
    values: dict[str, Any], score: tuple[str | None, int | None]
) -> None:
    made = marking()
    assert made._score(frame(**values).row(0, named=True)) == score


def test_a_joined_value_is_in_doubt_with_any_of_its_parts() -> None:
    layout = layout_for(parse_design(joined('name = "pair"', 'of = ["q1", "q2"]'), "small"))
    own = [("faint", "q2", "a"), ("several", "q2", "b"), ("faint", "q1", "c"), ("line", "q3", "d")]
    assert with_joined(own, layout) == [
        *own,
        ("faint", "pair", "in q2, q1"),
        ("several", "pair", "in q2"),
    ]
    assert with_joined([("side_missing", "", "")], layout) == [("side_missing", "", "")]


def test_scores_below_nothing_stay_as_they_are_for_people() -> None:
    texts = ["-1", "-0.25", "-1/3", "-1+2", "-A1", "=1"]
    told = for_people(pl.DataFrame({"score": texts}))["score"].to_list()
    assert told == ["-1", "-0.25", "-1/3", "'-1+2", "'-A1", "'=1"]


def test_a_key_for_other_fields_is_refused() -> None:
    made = marking()
    with pytest.raises(AnswerKeyError, match="pair is no field"):
        Marking.of(made.key, parse_design(SMALL, "small"))
    clash = parse_design(SMALL.replace('name = "form"', 'name = "score"'), "small")
    with pytest.raises(DesignError, match="name of an output column"):
        Marking(made.key, {}).columns(layout_for(clash))


@needs_samples
def test_a_run_that_was_stopped_goes_on_to_the_same_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("read", KEYED / "images", "--design", KEYED / "template.json", "--workers", 0)
    run(*words, "--out", tmp_path / "whole.parquet")
    stopped = [str(word) for word in (*words, "--out", tmp_path / "stopped.parquet")]
    with monkeypatch.context() as patch:
        patch.setattr("omr.run._write", stop)
        assert isinstance(CliRunner().invoke(app, stopped).exception, Stopped)
    assert "2 of them from the run before" in run(*stopped)
    one, other = tmp_path / "whole.parquet", tmp_path / "stopped.parquet"
    assert one.read_bytes() == other.read_bytes()
    assert pl.read_parquet(other)["score_doubted"].to_list() == [0, 0]


def stop(*_: object) -> None:
    raise KeyboardInterrupt


# ── what lies among the scans ────────────────────────────────────────────────────────────────


@needs_samples
def test_a_card_that_holds_the_key_is_no_scan_unless_it_is_named(tmp_path: Path) -> None:
    folder = SAMPLES / "samples" / "community" / "UPSC-mock"
    words = ("--design", folder / "template.json", "--workers", 0, "--out", tmp_path / "o.jsonl")
    key = folder / "answer_key.jpg"
    for paths, found in (((folder,), False), ((key,), True)):
        run("read", *paths, *words)
        assert (key.name in (tmp_path / "o.jsonl").read_text(encoding="utf-8")) == found
