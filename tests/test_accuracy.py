"""The accuracy measurement: a small run of it, its figures, and its arithmetic."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import omr.accuracy
from omr.accuracy import (
    BINS,
    DESIGNS,
    Outcome,
    Tally,
    calibration_error,
    figures,
    measure_accuracy,
    plan,
    probability_bin,
    run,
    upper_95,
)
from omr.accuracy_report import as_text, write_report
from omr.design import load_design
from omr.records import Status
from omr.simulate import builtin_mixes
from omr.simulate.catalogue import DEFECTS

BUBBLES = 30_000
SEED = 20260601
KEYS = {
    "bubbles",
    "pages",
    "fields",
    "wrong",
    "unseen",
    "upper_95",
    "review_clean",
    "review_everyday",
    "calibration_error",
}


def test_a_small_measurement_finds_nothing_wrong_and_tells_all(tmp_path: Path) -> None:
    """Every mix on every design, once at least: one test, so that it is measured once."""
    measured = measure_accuracy(BUBBLES, SEED, workers=1)
    total, found = measured.total, figures(measured)
    assert total.wrong == 0, measured.errors
    assert set(found) == KEYS
    assert found["bubbles"] == total.bubbles >= BUBBLES
    assert 0 < found["upper_95"] <= 3.0 / BUBBLES
    assert 0 <= found["calibration_error"] < 0.02
    clean, everyday = measured.by_mix["clean"], measured.by_mix["everyday"]
    assert found["review_clean"] == clean.needless / clean.pages
    assert found["review_everyday"] == everyday.needless / everyday.pages
    assert set(measured.by_mix) == set(builtin_mixes())
    assert sum(tally.pages for tally in measured.by_mix.values()) == total.pages
    assert set(measured.by_defect) >= set(DEFECTS) - {"blank_answer"}
    blank = measured.by_mix["blank_sheet"]
    assert blank.reasons == {"blank_page": blank.pages}
    assert blank.bubbles == 0
    report = write_and_read(measured, tmp_path / "build" / "accuracy")
    for name in ("<svg", "mix everyday", "defect folded_corner", "upper_95"):
        assert name in report
    assert "mix everyday" in as_text(measured, found)


def write_and_read(outcome: Outcome, folder: Path) -> str:
    """The report's page, once its figures are compared."""
    found = figures(outcome)
    write_report(outcome, found, folder)
    told = json.loads((folder / "accuracy.json").read_text("utf-8"))
    assert {key: told[key] for key in KEYS} == found
    assert told["errors"] == outcome.errors
    return (folder / "report.html").read_text("utf-8")


def test_the_plan_covers_every_mix_and_design_and_enough_bubbles() -> None:
    bubbles = {
        name: sum(side.bubble_count for side in load_design(name).sides) for name, _ in DESIGNS
    }
    for wanted in (1, 5_000_000):
        tasks = plan(wanted, SEED)
        assert {(task.design, task.mix) for task in tasks} == {
            (design, mix) for design in bubbles for mix in builtin_mixes()
        }
        assert all(task.first < task.last for task in tasks)
        made = sum((task.last - task.first) * bubbles[task.design] for task in tasks)
        assert made >= 1.05 * wanted
        cards = [(t.design, t.seed, index) for t in tasks for index in range(t.first, t.last)]
        assert len(cards) == len(set(cards))
    assert plan(5_000_000, SEED) == tasks
    assert plan(5_000_000, SEED + 1) != tasks


def test_the_number_of_workers_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    few = [task for task in plan(1, SEED) if task.mix in ("everyday", "clean")]
    monkeypatch.setattr(omr.accuracy, "plan", lambda bubbles, seed: few)
    alone, together = (measure_accuracy(1, SEED, workers) for workers in (1, 2))
    assert alone.total.pages == 2 * (1 + 2 + 1)  # of the three designs one has two sides
    assert alone.total == together.total
    assert alone.by_mix == together.by_mix
    assert (alone.bins[:, [0, 2]] == together.bins[:, [0, 2]]).all()
    np.testing.assert_allclose(alone.bins[:, 1], together.bins[:, 1])
    assert alone.errors == together.errors


# ── arithmetic ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("trials", [1, 20, 10_000_000])
def test_the_bound_without_a_single_error_has_a_closed_form(trials: int) -> None:
    assert upper_95(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-9)


def test_the_bound_at_known_counts() -> None:
    assert upper_95(1, 10) == pytest.approx(0.3942, abs=1e-4)
    assert upper_95(5, 100) == pytest.approx(0.1023, abs=1e-4)
    assert upper_95(7, 7) == 1.0


def test_the_calibration_error_of_a_table_made_by_hand() -> None:
    bins = np.zeros((BINS, 3))  # fields, sum of stated probabilities, wrong
    assert calibration_error(bins) == 0.0
    bins[3] = (900, 9.0, 4)  # 5 too many stated
    bins[7] = (100, 2.0, 9)  # 7 too few
    assert calibration_error(bins) == pytest.approx((5 + 7) / 1000)


def test_bins_are_even_in_the_logarithm() -> None:
    stated = np.array([0.0, 1e-12, 1e-9, 1.01e-6, 1.01e-3, 0.999, 1.0])
    places = probability_bin(stated)
    assert places.tolist() == [0, 0, 0, BINS // 3, 2 * BINS // 3, BINS - 1, BINS - 1]


def test_tallies_add_up() -> None:
    one, two = Tally(bubbles=700, wrong=1), Tally(bubbles=20)
    one.count(Status.REVIEW, ["faint", "faint"])
    two.count(Status.REVIEW, ["faint", "line"])
    two.count(Status.REJECTED, [], "streak")
    one.add(two)
    assert (one.pages, one.bubbles, one.wrong) == (3, 720, 1)
    assert (one.doubts, one.reasons) == ({"faint": 2, "line": 1}, {"streak": 1})
    assert (one.read, one.review, one.rejected) == (0, 2, 1)


# ── report and contract ──────────────────────────────────────────────────────────────────────


def made_up(wrong: int = 0, needless: int = 0) -> Outcome:
    outcome = Outcome()
    tally = Tally(bubbles=500_000, fields=100_000, wrong=wrong, needless=needless)
    tally.statuses[Status.READ] = 1000
    outcome.by_mix["clean"] = tally
    outcome.by_defect["none"] = tally
    outcome.bins[5] = (100_000, 0.02, wrong)
    outcome.errors = [{"field": "q<1>", "mix": "clean"}] * wrong
    return outcome


def test_the_report_lists_what_is_wrong_and_escapes_it(tmp_path: Path) -> None:
    page = write_and_read(made_up(wrong=2), tmp_path)
    assert page.count("q&lt;1&gt;") == 2
    assert "q<1>" not in page


@pytest.mark.parametrize(
    ("outcome", "bubbles", "code"),
    [
        (made_up(), 500_000, 0),
        (made_up(), 500_001, 1),
        (made_up(wrong=1), 500_000, 1),
        (made_up(needless=2), 500_000, 0),
        (made_up(needless=3), 500_000, 1),
    ],
)
def test_the_command_fails_where_the_contract_is_broken(
    outcome: Outcome,
    bubbles: int,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(omr.accuracy, "measure_accuracy", lambda *_: outcome)
    assert run(bubbles, True, None) == code
    assert set(json.loads(capsys.readouterr().out)) == KEYS
