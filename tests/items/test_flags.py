"""Flags, forms against one another, and items against an earlier year."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from omr.score.items.analysis import TOO_ALIKE, TOO_FEW, Before, Wanted, analyse
from omr.score.items.drift import drift
from omr.score.items.flags import Reason
from omr.score.items.forms import compare, per_cent
from omr.score.items.irt.shown import ability_at, form_information, item_information
from omr.score.items.tally import tally
from omr.score.items.thresholds import Thresholds
from omr.score.responses import AnswerMatrix
from tests.items.lsat6 import rights, simple_matrix
from tests.items.sittings import KEYED, sitting

QUICK = Wanted(models=False)


def reasons(answers: AnswerMatrix, before: Before | None = None) -> dict[int, list[tuple]]:
    found: dict[int, list[tuple]] = {}
    for flag in analyse(answers, before=before, wanted=QUICK).flags:
        found.setdefault(flag.item, []).append((flag.reason, flag.option))
    return found


def test_good_items_have_no_flags() -> None:
    assert reasons(sitting(2000)) == {}


def test_a_wrong_key_is_found_with_the_option_that_it_should_be() -> None:
    found = reasons(sitting(2000, keyed=KEYED.replace("A", "B", 1)))
    assert found == {0: [(Reason.WRONG_KEY, "A"), (Reason.AGAINST, ""), (Reason.HARD, "")]}


def test_odd_items_are_flagged_for_what_they_are() -> None:
    masks = sitting(2000).masks.copy()
    chance = np.random.default_rng(2)
    masks[:, 1] = 1 << chance.integers(0, 5, 2000)  # answered by chance
    masks[:1960, 2] = 0b00100  # right: C
    masks[:1900, 3] = 0b00001  # right: D
    masks[:150, 4] = 0
    masks[150:200, 5] = 0b11
    masks[masks[:, 6] == 1 << 3, 6] = 1  # nobody takes D
    found = reasons(AnswerMatrix(masks, sitting(1).key))
    assert (Reason.WEAK, "") in found[1] or (Reason.AGAINST, "") in found[1]
    assert (Reason.EASY, "") in found[2]
    assert (Reason.HARD, "") in found[3]
    assert (Reason.OMITTED, "") in found[4]
    assert (Reason.SEVERAL, "") in found[5]
    assert found[6] == [(Reason.UNTAKEN, "D")]
    order = list(Reason)
    for one in found.values():
        assert all(order.index(a[0]) <= order.index(b[0]) for a, b in pairwise(one))


def test_of_a_few_people_nothing_is_flagged_and_nothing_estimated() -> None:
    found = analyse(sitting(29))
    assert (found.flags, found.modelled, found.why_not) == ((), None, TOO_FEW)
    one = AnswerMatrix(np.tile(sitting(1).masks, (300, 1)), sitting(1).key)
    assert analyse(one).why_not == TOO_ALIKE


def test_limits_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="least_p < most_p"):
        Thresholds(least_p=0.9, most_p=0.5)
    with pytest.raises(ValueError, match="begin at 2"):
        replace(Thresholds(), least_group=0)


def test_an_item_that_became_easier_is_off_the_line_and_the_others_are_not() -> None:
    now = analyse(sitting(4000), wanted=QUICK)
    # Everybody was less able a year before, and item 3 was harder still.
    earlier = analyse(sitting(3000, ability=-0.4, seed=9), wanted=QUICK).items.p
    earlier[2] -= 0.25
    earlier[7] = np.nan
    before = Before(earlier, np.full(len(earlier), 3000.0))
    assert {k: v for k, v in reasons(now.answers, before).items() if v} == {
        2: [(Reason.DRIFTED, "")]
    }
    found = drift(earlier, before.persons, now.items.p, 4000)
    assert found.off_line[2] < -1, "easier is below the line"
    assert np.isnan([found.off_line[7], found.change[7]]).all()
    others = [i for i in range(len(earlier)) if i not in (2, 7)]
    assert (found.change[others] > 0).all()
    assert (found.change_from < found.change)[others].all()
    assert (found.change < found.change_to)[others].all()


def test_the_interval_of_a_difference_is_newcombes() -> None:
    one = np.array([0.7])
    found = drift(np.array([48 / 80]), np.array([80.0]), 56 / 70 * one / 0.7, 70)
    # 56/70 against 48/80, in the paper's table: 0.0524 to 0.3339.
    assert float(found.change[0]) == pytest.approx(0.2)
    assert float(found.change_from[0]) == pytest.approx(0.0524, abs=5e-5)
    assert float(found.change_to[0]) == pytest.approx(0.3339, abs=5e-5)


def test_forms_are_compared_as_by_scipy() -> None:
    first, second = tally(sitting(400)), tally(sitting(300, ability=0.3, seed=11))
    found = compare(first, second)
    x, y = (np.repeat(per_cent(one), one.persons_at.astype(int)) for one in (first, second))
    assert found.difference == pytest.approx(y.mean() - x.mean())
    assert found.difference_from < found.difference < found.difference_to
    assert found.ks == pytest.approx(stats.ks_2samp(x, y).statistic)
    n = len(x) * len(y) / (len(x) + len(y))
    assert found.ks_p == pytest.approx(stats.kstwobign.sf(found.ks * n**0.5), rel=1e-9)
    pooled = np.sqrt((399 * x.var(ddof=1) + 299 * y.var(ddof=1)) / 698)
    assert found.effect == pytest.approx((y.mean() - x.mean()) / pooled)
    assert found.effect_from > 0


@pytest.mark.parametrize("persons", [0, 1])
def test_a_form_that_nobody_sat_is_not_compared(persons: int) -> None:
    found = compare(tally(sitting(50)), tally(sitting(persons)))
    assert np.isnan([found.difference, found.effect, found.effect_from]).all()


def test_information_and_observed_points() -> None:
    found = analyse(simple_matrix(rights()))
    assert found.modelled is not None
    theta = np.array([-1.0, 0.0, 2.0])
    each, two = item_information(found.modelled.two, theta), found.modelled.two
    chance = 1 / (1 + np.exp(-(two.slope[2] * theta + two.intercept[2])))
    np.testing.assert_allclose(each[2], two.slope[2] ** 2 * chance * (1 - chance))
    np.testing.assert_allclose(form_information(two, theta), each.sum(axis=0))
    points = found.modelled.points
    assert points.people.sum() == pytest.approx(1000)
    np.testing.assert_allclose(points.share @ points.people, rights().sum(axis=0))
    assert (np.diff(points.theta) > 0).all()
    near = np.abs(points.theta) < 2
    curves = found.modelled.two.curves().at(points.theta[near])
    np.testing.assert_allclose(points.share[:, near], curves, atol=0.03)
    middle = ability_at(two, 3.0)
    expected = two.curves().at(np.array([middle])).sum()
    assert expected == pytest.approx(3.0, abs=1e-4)
    assert np.isnan(ability_at(two, 5.0)), "only at infinity are all right"
