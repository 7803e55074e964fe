"""Honest sittings are not flagged more often than the level says; whoever copied much is found."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from omr.score.similarity.answers import Answers
from omr.score.similarity.honesty import LEVEL, TESTS, Honesty, Trial, bounds, honesty
from omr.score.similarity.listing import LEAST_PERSONS, Form, direction_of, list_pairs
from omr.score.similarity.screening import Method
from omr.score.similarity.simulate import Exam, as_answers, copied, sitting


@pytest.fixture(scope="module")
def tried() -> Honesty:
    return honesty(
        Trial(persons=1200, sittings=1, items=60, copying=40, shares=(0.1, 0.8), bents=(0.0,))
    )


def test_a_whole_exam_has_so_many_tests() -> None:
    assert TESTS == 17_400_000
    assert pytest.approx(5.747e-10, rel=1e-3) == LEVEL


def test_honest_pairs_are_flagged_no_more_often_than_the_level_says(tried: Honesty) -> None:
    alarms = tried.false_alarms.filter(pl.col("within") == "all")
    assert set(alarms["method"]) == set(Method)
    for row in alarms.iter_rows(named=True):
        if row["log_level"] >= -4:  # of 719,400 pairs
            assert row["low"] <= 10.0 ** row["log_level"]
    default = alarms.filter(
        pl.col("method") == Method.GIVEN_SCORES.value, pl.col("log_level") == -2
    )
    assert default["rate"].item() > 0.005, "and it is no blunt test either"


def test_the_far_tail_within_a_site_is_told_for_a_whole_exam(tried: Honesty) -> None:
    assert tried.far.select("who", "level").rows() == [
        (who, level) for who in ("anybody", "strong") for level in (1e-4, 1e-6, LEVEL)
    ]
    last = tried.far.filter(pl.col("level") == LEVEL)
    assert last["false_at_most"].max() < 1, "taught apart"
    assert (last["false_in_exam"] / last["rate"]).to_list() == pytest.approx([TESTS] * 2)


def test_much_copied_is_found_and_little_is_not(tried: Honesty) -> None:
    rates = dict(
        tried.found.filter(pl.col("method") == Method.GIVEN_SCORES.value)
        .select("share", "rate")
        .iter_rows()
    )
    assert rates[0.8] > 0.8
    assert rates[0.1] == 0.0


def test_bounds_hold_the_share_and_are_exact_at_the_ends() -> None:
    assert bounds(0, 100) == (0.0, pytest.approx(1 - 0.025**0.01))
    assert bounds(100, 100) == (pytest.approx(0.025**0.01), 1.0)
    low, high = bounds(7, 50)
    assert low < 7 / 50 < high


def test_sixty_of_a_hundred_copied_are_found_in_nine_of_ten_at_an_exams_level() -> None:
    rng = np.random.default_rng(3)
    exam = Exam.made(100, 5, rng)
    crowd = exam.answers(rng.normal(size=1500), rng)
    middling = exam.answers(rng.uniform(-0.5, 0.5, 200), rng)
    middling[:100] = copied(middling[100:], middling[:100], 0.6, rng)
    answers = as_answers(np.concatenate([crowd, middling]), 5)
    groups = np.concatenate([np.arange(1500) + 100, np.tile(np.arange(100), 2)])
    found = list_pairs([Form(answers, groups)])
    rare = found.pairs.filter(pl.col("chance") <= math.log10(LEVEL))
    assert rare.height >= 90
    assert found.compared == 100


def planted(seed: int = 4) -> tuple[Answers, np.ndarray]:
    """Twenty rooms of honest people, and a ring of three in the first."""
    rng = np.random.default_rng(seed)
    exam = Exam.made(80, 5, rng)
    chosen = exam.answers(rng.normal(size=600), rng)
    for copier in (1, 2):
        chosen[copier] = copied(chosen[:1], chosen[copier : copier + 1], 0.85, rng)[0]
    return as_answers(chosen, 5), np.arange(600) // 30


def test_a_ring_is_listed_and_honest_rooms_are_not() -> None:
    answers, rooms = planted()
    found = list_pairs([Form(answers, rooms)])
    flagged = found.pairs.filter(pl.col("flagged"))
    assert {tuple(sorted(pair)) for pair in flagged.select("one", "other").rows()} == {
        (0, 1),
        (0, 2),
        (1, 2),
    }
    assert found.compared == 20 * 435
    assert found.tallies.sum() == found.compared


def test_forms_are_compared_apart_and_adjusted_together() -> None:
    answers, rooms = planted()
    other = sitting(Exam.made(80, 5, np.random.default_rng(9)), 600, 0.0, np.random.default_rng(9))
    alone = list_pairs([Form(answers, rooms)]).pairs
    both = list_pairs([Form(other, rooms), Form(answers, rooms)])
    assert both.compared == 2 * 20 * 435
    assert both.pairs["form"].unique().to_list() == [1]
    grown = both.pairs["holm"].head(3) - alone["holm"].head(3)
    assert grown.to_list() == pytest.approx([math.log10(2)] * 3, abs=1e-3)


def test_nothing_is_judged_by_a_few() -> None:
    answers, rooms = planted()
    few = LEAST_PERSONS - 1
    small = Answers(answers.choice[:few], answers.right[:few], answers.options)
    found = list_pairs([Form(small, rooms[:few])])
    assert (found.compared, found.pairs.height) == (0, 0)


def test_a_direction_is_told_only_where_the_roles_differ() -> None:
    assert direction_of(9.0, 8.0) == ""
    assert direction_of(9.0, 6.0) == "one"
    assert direction_of(4.0, 6.5) == "other"
