"""Pairs: bit by bit as item by item; tables of codes as distributions worked out apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omr.score.responses import SEVERAL
from omr.score.similarity.answers import Answers, planes_of
from omr.score.similarity.curves import option_curves
from omr.score.similarity.given_scores import given_scores
from omr.score.similarity.kernels import count_pairs, fill_joint, fill_matches, fill_total
from omr.score.similarity.screening import STEPS, Method, match_codes, screen
from omr.score.similarity.tails import log_m4_tail, log_match_tail
from tests.kernels.examples import STRICT, fixed
from tests.oracle import similarity as twin

pytestmark = STRICT


@st.composite
def sittings(draw):
    """Answers with omitted items and several marks, keys with two right options and void items."""
    items = draw(st.sampled_from([1, 3, 64, 65, 70]))
    options = draw(st.sampled_from([2, 5, 7]))
    people = draw(st.integers(1, 7))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chosen = chance.integers(0, options + 1, (people, items)).astype(np.uint8)
    chosen[chance.random(chosen.shape) < 0.05] = SEVERAL
    if people > 2:  # some are alike, else a far outcome is hardly ever met
        chosen[0] = chosen[1]
    rights = chance.integers(0, 2**options, items).astype(np.uint8)
    rights[0] = 1
    groups = chance.integers(0, 2, people)
    return chosen, rights, options, groups


@fixed(20)
@given(sittings())
def test_pairs_are_counted_as_by_hand(made):
    chosen, rights, options, _groups = made
    answers = Answers.of(chosen, rights, options)
    pairs = np.array(twin.pairs_of([0] * len(chosen)), np.int64).reshape(-1, 2)
    out = np.zeros((len(pairs), 4), np.int32)
    count_pairs(pairs, planes_of(answers), out)
    plain = np.where(chosen == SEVERAL, 0, chosen)[:, rights > 0].tolist()
    sets = [{o for o in range(1, options + 1) if m >> (o - 1) & 1} for m in rights[rights > 0]]
    expected = [twin.counts(plain[i], plain[j], sets) for i, j in pairs]
    assert out.tolist() == [list(one) for one in expected]


@pytest.mark.parametrize("method", Method)
@fixed(20)
@given(sittings(), st.sampled_from([1.0, 1e-1, 1e-3]))
def test_the_bound_keeps_every_pair_that_is_rare_enough(method, made, bound):
    chosen, rights, options, groups = made
    answers = Answers.of(chosen[:, :8], rights[:8], options)
    curves = option_curves(answers)
    scores = np.unique(answers.scores)
    found = screen(answers, groups, match_codes(curves, scores, method), bound, threads=1)
    given_both = given_scores(curves, scores)
    expected = twin.pairs_of(groups.tolist())
    kept = {tuple(pair) for pair in found.pairs.tolist()}
    assert found.compared == len(expected) == found.tally.sum()
    assert kept <= set(expected)
    for i, j in expected:
        same = (answers.choice[i] == answers.choice[j]) & (answers.choice[i] > 0)
        right = int((same & answers.right[i]).sum())
        alike = right, int(same.sum()) - right
        both = int(answers.scores[i]), int(answers.scores[j])
        chances = curves.alike(*both)
        if method is Method.GBT:
            log_chance = log_match_tail(sum(alike), chances[0] + chances[1])
        elif method is Method.M4:
            log_chance = log_m4_tail(alike, *chances)
        else:
            log_chance = given_both.log_tail(both, alike)
        if log_chance <= math.log(bound) - 1e-9:
            assert (i, j) in kept
        if log_chance > math.log(bound) + math.log(10) / STEPS + 1e-9:
            assert (i, j) not in kept


@fixed(20)
@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), min_size=1, max_size=6))
def test_distributions_are_those_of_every_pattern(chances):
    right, wrong = (np.array(one) for one in zip(*chances, strict=True))
    out = np.full((len(chances) + 1,) * 2, np.nan)
    fill_matches(right, wrong, len(chances), out)
    tail = np.full(len(chances) + 1, np.nan)
    fill_total(right + wrong, tail)
    expected = twin.matches(right.tolist(), wrong.tolist())
    for (r, w), chance in expected.items():
        assert out[r, w] == pytest.approx(chance, abs=1e-15, rel=1e-12)
    for least in range(len(chances) + 1):
        own = sum(chance for (r, w), chance in expected.items() if r + w >= least)
        assert tail[least] == pytest.approx(own, abs=1e-15, rel=1e-12)


@fixed(20)
@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)), min_size=1, max_size=4))
def test_both_scores_and_what_is_right_alike(chances):
    one, other = (np.array(each) for each in zip(*chances, strict=True))
    n = len(chances)
    out = np.full((n + 1, n + 1, n + 1), np.nan)
    fill_joint((one, other), (n, n), out)
    expected = twin.joint_of(one.tolist(), other.tolist())
    for at in np.ndindex(out.shape):
        assert out[at] == pytest.approx(expected.get(at, 0.0), abs=1e-15, rel=1e-12)


def test_codes_are_rounded_down_to_steps_of_a_decade():
    chosen = np.random.default_rng(3).integers(0, 4, (40, 6)).astype(np.uint8)
    answers = Answers.of(chosen, np.full(6, 1, np.uint8), 3)
    curves = option_curves(answers)
    scores = np.unique(answers.scores)
    table = match_codes(curves, scores, Method.M4).table
    low, high = 0, scores.size - 1
    row = high * (high + 1) // 2 + low
    chances = curves.alike(int(scores[low]), int(scores[high]))
    for r, w in [(0, 0), (1, 1), (2, 3), (0, 6)]:
        exact = -log_m4_tail((r, w), *chances) / math.log(10)
        assert table[row, r, w] == max(0, math.floor(exact * STEPS + 1e-9))
