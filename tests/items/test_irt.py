"""1PL and 2PL: published figures, another package's, a numerical Hessian, and known items."""

from __future__ import annotations

import girth
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from omr.errors import ScoringError
from omr.score.items.irt.expect import Curves, Observed
from omr.score.items.irt.fit import Effort, LeftOut, Model, fit
from omr.score.items.irt.patterns import Patterns, Quadrature
from omr.score.responses import U8
from tests.items.lsat6 import rights
from tests.oracle import irt as plain


def drawn(persons: int, slopes: list[float], intercepts: list[float], seed: int = 3) -> U8:
    """People with standard normal abilities, answering items that are known."""
    chance = np.random.default_rng(seed)
    theta = chance.normal(size=(persons, 1))
    right = 1 / (1 + np.exp(-(theta * np.array(slopes) + np.array(intercepts))))
    return (chance.random(right.shape) < right).astype(np.uint8)


def test_lsat6_1pl_as_published() -> None:
    found = fit(rights(), Model.ONE)
    assert found.converged
    assert found.log_likelihood == pytest.approx(-2466.938, abs=5e-4)
    assert found.slope == pytest.approx([0.7551] * 5, abs=5e-5)
    expected = [-3.6153, -1.3224, -0.3176, -1.7301, -2.7802]
    np.testing.assert_allclose(found.difficulty, expected, atol=5.1e-5)


def test_lsat6_2pl_tells_more_than_1pl_and_as_much_as_girth() -> None:
    found = fit(rights(), Model.TWO)
    assert found.converged
    assert found.log_likelihood == pytest.approx(-2466.653, abs=5e-4)
    other = girth.twopl_mml(
        rights().T.astype(int), {"quadrature_n": 61, "quadrature_bounds": (-6, 6)}
    )
    np.testing.assert_allclose(found.slope, other["Discrimination"], atol=0.02)
    np.testing.assert_allclose(found.difficulty, other["Difficulty"], atol=0.06)


def test_girth_finds_the_same_items_among_many() -> None:
    chance = np.random.default_rng(8)
    slopes, intercepts = chance.uniform(0.6, 1.8, 12).tolist(), chance.normal(0, 1, 12).tolist()
    answers = drawn(1500, slopes, intercepts)
    found, other = fit(answers), girth.twopl_mml(answers.T.astype(int))
    np.testing.assert_allclose(found.slope, other["Discrimination"], rtol=0.02)
    np.testing.assert_allclose(found.difficulty, other["Difficulty"], atol=0.02)


@pytest.mark.parametrize("model", list(Model))
def test_standard_errors_are_those_of_a_numerical_hessian(model: Model) -> None:
    answers = rights()[:, :3]
    found = fit(answers, model)
    patterns, people = np.unique(answers, axis=0, return_counts=True)
    one_slope = model is Model.ONE

    def likelihood(free: list[float]) -> float:
        slopes = [free[0]] * 3 if one_slope else free[:3]
        return plain.log_likelihood(patterns.tolist(), people.tolist(), slopes, free[-3:])

    at = [*found.slope[: 1 if one_slope else 3], *found.intercept]
    assert likelihood(at) == pytest.approx(found.log_likelihood, abs=1e-6)
    errors = np.sqrt(np.diag(np.linalg.inv(-plain.second_derivatives(likelihood, at))))
    np.testing.assert_allclose(found.slope_se[: len(at) - 3], errors[:-3], rtol=1e-3)
    np.testing.assert_allclose(found.intercept_se, errors[-3:], rtol=1e-3)


def test_the_gradient_is_that_of_the_likelihood_away_from_its_top() -> None:
    patterns = Patterns.of(rights())
    observed = Observed(patterns, Quadrature.normal())
    slopes, intercepts = [0.5, 1.4, 0.9, 1.1, 0.2], [2.0, 1.1, -0.4, 0.8, 1.0]
    found = observed.differentiate(Curves(np.array(slopes), np.array(intercepts)))

    def likelihood(free: list[float]) -> float:
        rows, people = patterns.rights.tolist(), patterns.people.tolist()
        return plain.log_likelihood(rows, people, free[:5], free[5:])

    at = [*slopes, *intercepts]
    assert found.log_likelihood == pytest.approx(likelihood(at), abs=1e-6)
    np.testing.assert_allclose(found.gradient, plain.first_derivatives(likelihood, at), rtol=1e-4)


def test_known_items_are_recovered_within_their_standard_errors() -> None:
    chance = np.random.default_rng(4)
    slopes, intercepts = chance.uniform(0.5, 2.0, 30), chance.normal(0, 1.2, 30)
    found = fit(drawn(4000, slopes.tolist(), intercepts.tolist()))
    assert found.converged
    off = np.concatenate(
        [
            (found.slope - slopes) / found.slope_se,
            (found.intercept - intercepts) / found.intercept_se,
            (found.difficulty + intercepts / slopes) / found.difficulty_se,
        ]
    )
    assert np.abs(off).max() < 4
    assert 0.8 < off.std() < 1.25
    assert 0.8 < found.reliability < 0.95


def test_many_threads_and_many_parts_say_the_same() -> None:
    answers = drawn(20_000, [1.0, 1.5, 0.7] * 22, [0.0, 1.0, -1.0] * 22)
    observed = [Observed(Patterns.of(answers), Quadrature.normal(), n) for n in (1, 3)]
    curves = Curves(np.ones(66), np.zeros(66))
    one, three = (each.differentiate(curves) for each in observed)
    assert len(observed[0].patterns.people) == 20_000, "nobody is like another here"
    assert one.log_likelihood == three.log_likelihood
    np.testing.assert_array_equal(one.information, three.information)


def test_what_has_no_curve_is_told_and_left_out() -> None:
    answers = drawn(500, [1.0] * 6, [0.0, 0.5, -0.5, 1.0, 0.2, -1.0])
    answers[:, 0], answers[:, 2] = 1, 0
    counted = np.array([True, True, True, True, False, True])
    found = fit(answers, counted=counted)
    assert found.left_out == {0: LeftOut.ALL_RIGHT, 2: LeftOut.NONE_RIGHT, 4: LeftOut.VOID}
    assert found.used.tolist() == [False, True, False, True, False, True]
    for figures in (found.slope, found.difficulty, found.slope_se, found.difficulty_se):
        assert np.isnan(figures[[0, 2, 4]]).all()
        assert np.isfinite(figures[[1, 3, 5]]).all()


def test_a_slope_without_bound_is_left_out() -> None:
    answers = drawn(400, [2.0] * 8, [0.0] * 8)
    # Two items that repeat one another tell nothing but each other, ever more steeply.
    found = fit(np.concatenate([answers[:, :3], answers[:, :1], answers[:, :1]], axis=1))
    assert not np.isinf(found.slope).any()
    assert np.nanmax(np.abs(found.slope)) < 10
    assert set(found.left_out.values()) <= {LeftOut.NO_BOUND}


def test_an_item_against_the_scale_has_a_negative_slope() -> None:
    answers = drawn(3000, [1.2] * 7 + [-0.8], [0.0] * 8)
    found = fit(answers)
    assert found.slope[7] == pytest.approx(-0.8, abs=4 * found.slope_se[7])


@pytest.mark.parametrize("answers", [np.zeros((0, 3), np.uint8), np.ones((5, 3), np.uint8)])
def test_nothing_to_tell_people_apart_by(answers: U8) -> None:
    with pytest.raises(ScoringError, match="two items or more"):
        fit(answers)


def test_steps_that_do_not_suffice_are_told() -> None:
    found = fit(rights(), effort=Effort(steps=1))
    assert not found.converged
    assert np.isnan(found.slope_se).all()
    assert np.isfinite(found.slope).all()


def test_abilities_are_as_computed_plainly() -> None:
    found = fit(rights())
    patterns = Patterns.of(rights())
    mean, sd = Observed(patterns, Quadrature.normal()).abilities(found.curves())
    for n in (0, 7, len(mean) - 1):
        expected = plain.ability(
            patterns.rights[n].tolist(), found.slope.tolist(), found.intercept.tolist()
        )
        assert (mean[n], sd[n]) == pytest.approx(expected, abs=1e-9)
    assert mean.argmax() == patterns.rights.sum(axis=1).argmax()


def test_numpy_has_its_threads_back_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    def threads() -> list[int]:
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    before, within = threads(), []

    def fails(_: object) -> None:
        within.extend(threads())
        raise ZeroDivisionError

    monkeypatch.setattr(Patterns, "of", fails)
    with pytest.raises(ZeroDivisionError):
        fit(np.eye(3, dtype=np.uint8))
    assert set(within) == {1}
    assert threads() == before
