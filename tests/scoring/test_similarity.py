"""Identical answers: published figures, far tails in fractions, planted pairs and honest rooms."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom, poisson

from omr.score.responses import OMITTED, SEVERAL
from omr.score.similarity.answers import Answers
from omr.score.similarity.curves import option_curves
from omr.score.similarity.families import benjamini_hochberg, benjamini_yekutieli, holm
from omr.score.similarity.given_scores import given_scores, weight_of
from omr.score.similarity.indices import HarppHogan, gbt, m4, omega, pair_indices, wrong_matches
from omr.score.similarity.models import chance_right, chances_of_source, dichotomous_alike
from omr.score.similarity.rings import rings
from omr.score.similarity.tails import (
    log_binomial_tail,
    log_match_tail,
    log_normal_tail,
    log_pairs_of_matches,
    log_poisson_tail,
)
from tests.oracle import similarity as twin

TOY = np.column_stack(
    [[0.8, 1, 1.2, 0.9, 1.1, 1, 0.7, 1.3, 1, 0.9], np.arange(10) * 0.4 - 1.8, np.full(10, 0.2)]
)
COPIER, SOURCE = (np.array([int(c) for c in s]) == 1 for s in ("1111010010", "1110010010"))


def test_the_published_toy_in_both_roles():
    copier, source = chance_right(0.5, TOY), chance_right(-0.3, TOY)
    matches = int((COPIER == SOURCE).sum())
    found = omega(matches, chances_of_source(copier, SOURCE))
    assert found.expected == pytest.approx(5.783617362, abs=1e-9)
    assert found.deviation == pytest.approx(1.360096705, abs=1e-9)
    assert found.value == pytest.approx(2.364819080, abs=1e-9)
    assert math.exp(found.log_chance) == pytest.approx(0.009019440, abs=1e-9)
    swapped = omega(matches, chances_of_source(source, COPIER))
    assert swapped.value == pytest.approx(1.948313383, abs=1e-9)
    right, wrong = dichotomous_alike(copier, source)
    assert math.exp(gbt(matches, right + wrong)) == pytest.approx(0.0368730203, abs=1e-10)
    alike = int((COPIER & SOURCE).sum()), int((~COPIER & ~SOURCE).sum())
    assert math.exp(m4(alike, right, wrong)) == pytest.approx(0.0243181826, abs=1e-10)


def log_of(chance: Fraction) -> float:
    """ln of a fraction far below the least float."""
    shift = chance.denominator.bit_length() - chance.numerator.bit_length()
    return math.log(float(chance * 2**shift)) - shift * math.log(2)


def test_far_tails_keep_their_digits_where_floats_have_none():
    chances = np.linspace(0.0005, 0.02, 100)
    exact = twin.matches([Fraction(float(p)) for p in chances[:40]], [Fraction(0)] * 40)
    for least in (1, 20, 40):
        tail = sum((chance for (r, _), chance in exact.items() if r >= least), Fraction(0))
        assert log_match_tail(least, chances[:40]) == pytest.approx(log_of(tail), rel=1e-12)
    whole = math.prod(Fraction(float(p)) for p in chances)
    assert log_match_tail(100, chances) == pytest.approx(log_of(whole), rel=1e-12)  # 1e-213
    p = Fraction(1, 1000)
    tail = sum(math.comb(120, k) * p**k * (1 - p) ** (120 - k) for k in range(110, 121))
    assert log_binomial_tail(110, 120, 0.001) == pytest.approx(log_of(tail), rel=1e-12)  # 1e-316
    assert log_normal_tail(40.0) == pytest.approx(-804.608442, abs=1e-6)  # 3.66e-350
    assert log_poisson_tail(3, 10, 2.5) == pytest.approx(
        math.log(poisson.cdf(10, 2.5) - poisson.cdf(2, 2.5)), rel=1e-12
    )


def test_right_and_wrong_matches_are_those_of_fractions():
    chance = np.random.default_rng(1)
    right, wrong = chance.uniform(0, 0.01, 12), chance.uniform(0, 0.01, 12)
    exact = twin.matches([Fraction(p) for p in right], [Fraction(p) for p in wrong])
    found = log_pairs_of_matches(right, wrong)
    for at in [(0, 0), (12, 0), (0, 12), (5, 7), (3, 2)]:
        assert found[at] == pytest.approx(log_of(exact[at]), rel=1e-12)


def sitting(people: int = 400, items: int = 60, seed: int = 5):
    """Answers of honest people, and the key as masks."""
    chance = np.random.default_rng(seed)
    ability, hard = chance.normal(size=people), chance.normal(-0.3, 1, items)
    knows = chance.random((people, items)) < 0.15 + 0.85 / (
        1 + np.exp(hard[None] - ability[:, None])
    )
    other = 2 + (chance.random((people, items)) ** 1.5 * 4).astype(np.uint8)
    return np.where(knows, 1, other).astype(np.uint8), np.full(items, 1, np.uint8)


def test_k_and_its_kin_are_what_they_are_for_one_pair():
    chosen, rights = sitting()
    answers = Answers.of(chosen, rights, 5)
    found = wrong_matches(answers, 3, 9)
    wrong = chosen != 1
    same = (chosen == chosen[9]) & wrong[9]
    level = [n for n in range(400) if wrong[n].sum() == wrong[3].sum() and n != 9]
    share = np.mean([same[n].sum() for n in level]) / wrong[9].sum()
    tail = binom.sf(same[3].sum() - 1, wrong[9].sum(), share)
    assert math.exp(found.k) == pytest.approx(tail, rel=1e-9)
    for other in (found.k1, found.k2, found.s1):  # the same question to smoother numbers
        assert abs(other - found.k) < 2.0
    assert math.isfinite(found.s2)


def test_the_source_without_a_wrong_answer_says_nothing_by_k():
    chosen, rights = sitting()
    chosen[9] = 1
    assert math.isnan(wrong_matches(Answers.of(chosen, rights, 5), 3, 9).k)


def test_harpp_hogan_needs_six_errors_beside_the_ratio():
    assert not HarppHogan(5, 1).flags
    assert HarppHogan(6, 6).flags
    assert not HarppHogan(6, 7).flags
    assert HarppHogan(6, 0).flags


def test_copied_answers_stand_out_by_every_index_and_honest_ones_do_not():
    chosen, rights = sitting()
    low = int(np.argsort((chosen == 1).sum(axis=1))[120])
    chosen[0] = chosen[low]
    chosen[0, :6] = chosen[0, :6] % 5 + 1
    answers = Answers.of(chosen, rights, 5)
    curves = option_curves(answers)
    copied, honest = (pair_indices(answers, curves, 0, other) for other in (low, 7))
    for one, limit in ((copied, -12.0), (honest, -6.0)):
        logs = [one.gbt, one.m4, one.omega[0].log_chance, one.wrong[0].k, one.wrong[0].s2]
        assert all(x < limit for x in logs) if one is copied else all(x > limit for x in logs)
    assert copied.harpp_hogan.flags
    assert not honest.harpp_hogan.flags


def test_no_choice_matches_nothing():
    chosen = np.array([[1, OMITTED, SEVERAL, 2]] * 2, np.uint8)
    answers = Answers.of(chosen, np.array([1, 1, 1, 1], np.uint8), 5)
    found = pair_indices(answers, option_curves(answers), 0, 1)
    assert (found.right_alike, found.wrong_alike, found.both_wrong) == (1, 1, 1)


@pytest.mark.parametrize("options", [1, 8])
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(ValueError, match="options"):
        Answers.of(np.ones((1, 1), np.uint8), np.ones(1, np.uint8), options)
    with pytest.raises(ValueError, match="option 4 of 3"):
        Answers.of(np.full((1, 1), 4, np.uint8), np.ones(1, np.uint8), 3)


def test_given_both_scores_the_chances_add_up_whoever_comes_first():
    chosen, rights = sitting(60, 12)
    answers = Answers.of(chosen, rights, 5)
    scores = np.unique(answers.scores)
    found = given_scores(option_curves(answers), scores)
    one, other = int(scores[1]), int(scores[-2])
    chances = np.exp(found.log_chances(one, other))
    assert chances.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(chances, np.exp(found.log_chances(other, one)))
    heavy = sum(
        chances[r, w] for r, w in np.ndindex(chances.shape) if weight_of(r, w) >= weight_of(3, 2)
    )
    assert math.exp(found.log_tail((one, other), (3, 2))) == pytest.approx(heavy)


def test_chances_are_adjusted_for_every_comparison_that_was_made():
    logs = np.log([1e-4, 1e-6, 2e-4, 1e-3])
    np.testing.assert_allclose(np.exp(holm(logs, 1000)), [0.0999, 0.001, 0.1996, 0.997])
    np.testing.assert_allclose(
        np.exp(benjamini_hochberg(logs, 1000)), [0.05, 0.001, 2e-4 * 1000 / 3, 0.25]
    )
    harmonic = sum(1 / n for n in range(1, 1001))
    assert math.exp(benjamini_yekutieli(logs, 1000)[1]) == pytest.approx(0.001 * harmonic)
    many = sum(1 / n for n in range(1, 5001))
    assert math.exp(benjamini_yekutieli(logs, 5000)[1]) == pytest.approx(0.005 * many, rel=1e-7)
    with pytest.raises(ValueError, match="4 chances of 3"):
        holm(logs, 3)


def test_rings_are_people_tied_by_pairs():
    assert rings([(1, 2), (5, 6), (2, 3), (7, 1), (8, 9), (9, 6)]) == [[1, 2, 3, 7], [5, 6, 8, 9]]
    assert rings([]) == []
