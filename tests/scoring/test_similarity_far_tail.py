"""The far tail by importance sampling: what it says where counting can say it too."""

from __future__ import annotations

import math

import numpy as np
import pytest

from omr.score.similarity.curves import option_curves
from omr.score.similarity.far_tail import FarTail, People, tilted_to
from omr.score.similarity.given_scores import GivenScores, given_scores
from omr.score.similarity.screening import STEPS, codes_given, screen
from omr.score.similarity.simulate import Exam, sitting

ITEMS = 40


@pytest.fixture(scope="module")
def sat() -> tuple[Exam, GivenScores, np.ndarray]:
    """An exam, what honest people look like, and the tally of all pairs of those who sat."""
    rng = np.random.default_rng(2)
    exam = Exam.made(ITEMS, 5, rng)
    answers = sitting(exam, 3000, 0.0, rng)
    given = given_scores(option_curves(answers), np.arange(ITEMS + 1))
    return exam, given, screen(answers, np.zeros(3000, int), codes_given(given), 1.0).tally


@pytest.mark.parametrize(("decade", "within"), [(2, 0.15), (4, 0.3)])
def test_it_agrees_with_what_is_counted(sat, decade, within):
    exam, given, tally = sat
    counted = tally[decade * STEPS :].sum() / tally.sum()
    found = FarTail(exam, given, -decade * math.log(10)).rate(
        People(0.0), 150, 200, np.random.default_rng(3)
    )
    assert found.rate == pytest.approx(counted, rel=within)
    assert found.low < found.rate < found.high < 1.5 * found.rate


def test_it_reaches_where_nothing_can_be_counted_and_sees_who_was_taught_alike(sat):
    exam, given, _tally = sat
    far = FarTail(exam, given, math.log(1e-9))
    apart, alike = (far.rate(People(b), 60, 200, np.random.default_rng(4)) for b in (0.0, 0.5))
    assert 1e-11 < apart.rate < 2e-9
    assert alike.rate > 5 * apart.high


def test_a_tilt_gives_the_means_that_were_asked_for(sat):
    chances = People(0.2, 1.0).outcomes(sat[0], np.random.default_rng(5))
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    assert np.abs(tilted_to(chances, usual(chances))).max() < 1e-9, "what is so anyway"
    asked = usual(chances) + np.array([15.0, -1.0, 0.5])
    weights = np.array([[2, 1, 1], [0, 1, 0], [0, 0, 1], [3, 0, 0], [0, 0, 0]])
    likelier = chances * np.exp(weights @ tilted_to(chances, asked))
    likelier /= likelier.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(usual(likelier), asked, atol=1e-5)


def usual(chances: np.ndarray) -> np.ndarray:
    """Mean weight of matches, and mean scores."""
    right, first, second, wrong, _apart = chances.sum(axis=0)
    return np.array([2 * right + 3 * wrong, right + first, right + second])
