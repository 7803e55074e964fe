"""Classical statistics: LSAT6's figures as published, and a plain computation beside."""

from __future__ import annotations

import numpy as np
import pytest

from omr.score.items.classical import form_figures, item_figures, upper_lower
from omr.score.items.tally import tally
from omr.score.key_file import load_key_file
from omr.score.responses import AnswerMatrix
from tests.items.lsat6 import rights, simple_matrix
from tests.oracle import items as plain

WEIGHTED = load_key_file(
    b'paper = "1"\nversion = 1\noptions = "ABC"\n'
    b'[[section]]\nname = "A1"\nanswers = "ABCAB"\nwrong = "-0.5"\nweights = { "2" = "3" }\n'
    b'void = { "5" = "credited" }\naccept = { "3" = ["C", "A"] }\n'
    b'[[section]]\nname = "X"\nkind = "multiple"\nanswers = ["AB", "AC"]\npartial = "0.5"\n'
)


def test_lsat6_as_published() -> None:
    found = tally(simple_matrix(rights()))
    items, form = item_figures(found), form_figures(found)
    assert items.p.tolist() == [0.924, 0.709, 0.553, 0.763, 0.870]
    np.testing.assert_allclose(
        items.point, [0.362010, 0.566772, 0.618440, 0.534418, 0.435366], atol=5e-7
    )
    np.testing.assert_allclose(
        items.corrected, [0.112833, 0.153178, 0.172779, 0.144428, 0.121596], atol=5e-7
    )
    assert (form.persons, form.items, form.mean) == (1000, 5, 3.819)
    assert form.sd == pytest.approx(1.035041, abs=5e-7)
    assert form.sem == pytest.approx(0.869067, abs=5e-7)
    assert form.kr20 == pytest.approx(0.2949972, abs=5e-8)
    assert form.alpha == pytest.approx(form.kr20, abs=1e-12), "without weights they are one"
    assert found.levels.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.persons_at.tolist() == [3, 20, 85, 237, 357, 298]


def some_answers(persons: int, seed: int = 5) -> AnswerMatrix:
    chance = np.random.default_rng(seed)
    return AnswerMatrix(chance.integers(0, 8, (persons, 7)).astype(np.uint8), WEIGHTED)


@pytest.mark.parametrize("threads", [1, 3])
def test_weights_penalties_and_parts_as_computed_plainly(threads: int) -> None:
    answers = some_answers(60)
    found = tally(answers, threads=threads)
    masks, marks = answers.masks.tolist(), answers.table().units.tolist()
    items, d = item_figures(found), upper_lower(found)
    for j in (0, 1, 2, 3, 5, 6):
        expected = plain.item(masks, marks, j)
        for name in ("p", "point", "corrected", "biserial"):
            assert getattr(items, name)[j] == pytest.approx(expected[name]), (j, name)
        assert d[j] == pytest.approx(expected["upper_lower"])
    for j in (0, 1, 2, 3):
        for place, mask in ((0, 0), (1, 1), (2, 2), (3, 4)):
            share, r = plain.option(masks, marks, j, mask)
            assert items.share[j, place] == pytest.approx(share)
            assert items.option_r[j, place] == pytest.approx(r)
    picked_a = [mask & 1 for mask in answers.masks[:, 5]]
    assert items.share[5, 1] == pytest.approx(np.mean(picked_a)), "with others or without"
    counted = [0, 1, 2, 3, 5, 6]
    form = form_figures(found)
    assert form.alpha == pytest.approx(plain.alpha(masks, marks, counted))
    rights_only = [[int(mark == max(row)) for mark in row] for row in marks]
    assert form.kr20 == pytest.approx(plain.alpha(masks, rights_only, counted))
    assert form.sd == pytest.approx(plain.spread(masks, marks) / answers.table().denominator)
    for j in counted:
        without = plain.alpha(masks, marks, [i for i in counted if i != j])
        assert form.alpha_without[j] == pytest.approx(without)


def test_a_void_item_has_options_only() -> None:
    found = tally(some_answers(60))
    items = item_figures(found)
    for figures in (items.p, items.facility, items.point, items.corrected, items.biserial):
        assert np.isnan(figures[4])
    assert np.isnan(upper_lower(found)[4])
    assert np.isnan(form_figures(found).alpha_without[4])
    assert items.share[4].sum() == pytest.approx(1)
    assert form_figures(found).items == 6


@pytest.mark.parametrize("persons", [0, 1])
def test_too_few_people_are_no_figures_and_no_infinite_ones(persons: int) -> None:
    found = tally(some_answers(persons))
    items, form = item_figures(found), form_figures(found)
    for figures in (items.point, items.corrected, items.biserial, items.option_r):
        assert np.isnan(figures).all()
    assert np.isnan([form.sd, form.alpha, form.kr20, form.sem]).all()
    assert form.persons == persons


def test_an_item_that_all_had_right() -> None:
    found = tally(simple_matrix(np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]], np.uint8)))
    items = item_figures(found)
    assert items.p[0] == 1
    assert np.isnan([items.point[0], items.corrected[0], items.biserial[0]]).all()
    assert upper_lower(found)[0] == pytest.approx(0)


def test_everybody_alike_at_the_edge_counts_in_part() -> None:
    found = tally(simple_matrix(np.array([[1, 0], [0, 1]] * 5, np.uint8)))
    assert upper_lower(found).tolist() == pytest.approx([0, 0]), "all have one total"


def test_groups_are_their_people_apart() -> None:
    answers = some_answers(90)
    groups = np.arange(90) % 3
    found = tally(answers, groups, threads=2)
    own = tally(AnswerMatrix(answers.masks[groups == 1].copy(), WEIGHTED))
    into = np.array([-1, 0, -1])
    for name in ("p", "corrected", "option_r"):
        np.testing.assert_allclose(
            getattr(item_figures(found, found.sums.together(into, 1)), name),
            getattr(item_figures(own), name),
        )
    assert form_figures(found).persons == 90
