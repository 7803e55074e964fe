"""Stored scores, judged anew: the same policy says the same, to the byte."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import polars as pl
import pytest

from omr.batch import WorkerSetup, list_files
from omr.design import load_design
from omr.errors import DesignError, SourceError
from omr.policy import Policy, default_policy, parse_policy
from omr.pool import Limits
from omr.progress import Silent
from omr.run import RunOrder, run
from omr.score.columns import notes_for
from omr.score.rejudge import ScoresFile, judged_frames, open_scores
from omr.score.writers import write_table
from omr.simulate import load_mix, simulate

DESIGN = load_design("two-sided-60")
TEXT = (resources.files("omr") / "designs" / "two-sided-60.toml").read_text("utf-8")
STRICT = (resources.files("omr") / "policies" / "default.toml").read_text("utf-8").replace(
    'answer = "reading"', 'answer = "doubt"'
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few sheets as the engine reads them: one page is gone, one is no card at all."""
    folder = tmp_path_factory.mktemp("read")
    simulate(DESIGN, load_mix("everyday"), 5, 3, folder / "scans")
    refs = list_files([folder / "scans"])
    Path(refs[2].source).unlink()
    Path(refs[7].source).write_bytes(b"no card")
    setup = WorkerSetup(DESIGN, default_policy())
    order = RunOrder(folder / "out.parquet", setup, Limits(0), TEXT, folder / "scores.parquet")
    summary = run(list_files([folder / "scans"]), order, Silent())
    assert summary.pages == 9
    return folder


def judged(scores: ScoresFile, policy: Policy, out: Path) -> pl.DataFrame:
    notes = notes_for(scores.design_text)
    write_table(judged_frames(scores, policy), out, scores.layout.readings, notes)
    return pl.read_parquet(out)


@pytest.mark.parametrize("rows", [2, 4096])
def test_the_same_policy_gives_the_same_bytes(
    folder: Path, tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omr.score.rejudge.ROW_GROUP", rows)
    frame = judged(open_scores(folder / "scores.parquet"), default_policy(), tmp_path / "r.parquet")
    assert (tmp_path / "r.parquet").read_bytes() == (folder / "out.parquet").read_bytes()
    assert frame["reason"].drop_nulls().len() == 1
    kinds = frame["doubts"].explode().struct["kind"].to_list()
    assert kinds.count("side_missing") == 2


def test_another_policy_says_its_own(folder: Path, tmp_path: Path) -> None:
    strict = parse_policy(STRICT, "strict.toml")
    scores = open_scores(folder / "scores.parquet")
    frame = judged(scores, strict, tmp_path / "r.parquet")
    assert frame["policy_hash"].unique().to_list() == [strict.hash]
    before = pl.read_parquet(folder / "out.parquet")
    same = ["position", "source", "sha256", "side", "reason", "barcodes", "partner"]
    assert frame.select(same).equals(before.select(same))


def test_the_cards_design_must_be_the_one_asked_for(folder: Path) -> None:
    assert open_scores(folder / "scores.parquet", DESIGN).pages == 9
    with pytest.raises(DesignError, match="are of another design"):
        open_scores(folder / "scores.parquet", load_design("quiz-a5"))


def test_what_is_no_scores_file_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds readings, not scores"):
        open_scores(folder / "out.parquet")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but no more")
    for name in ("x.parquet", "missing.parquet"):
        with pytest.raises(SourceError, match="cannot be read as a scores file"):
            open_scores(tmp_path / name)
    pl.DataFrame({"side": ["front"]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(SourceError, match="no scores file of this version"):
        open_scores(tmp_path / "other.parquet")
    table = pl.read_parquet(folder / "scores.parquet")
    mixed = table.with_columns(pl.lit("another").alias("design_hash"))
    mixed.write_parquet(tmp_path / "mixed.parquet", metadata=notes_for(TEXT))
    with pytest.raises(SourceError, match="not all of the design"):
        open_scores(tmp_path / "mixed.parquet")


def test_workers_read_the_same(folder: Path, tmp_path: Path) -> None:
    refs = list_files([folder / "scans"])
    order = RunOrder(
        tmp_path / "out.parquet", WorkerSetup(DESIGN, default_policy()), Limits(2, chunk=2), TEXT
    )
    run(refs, replace(order, scores=tmp_path / "s.parquet"), Silent())
    for name, there in (("out.parquet", "out.parquet"), ("s.parquet", "scores.parquet")):
        assert (tmp_path / name).read_bytes() == (folder / there).read_bytes()
