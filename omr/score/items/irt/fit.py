"""1PL and 2PL by marginal maximum likelihood, with standard errors.

Bock & Aitkin (1981), Psychometrika 46: EM over a quadrature of abilities. EM brings the curves
near; Newton's method with the observed information (Louis 1982, JRSS B 44) ends it, and the same
information gives the standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from omr.errors import ScoringError
from omr.score.items.irt.expect import Curves, Expected, Observed, Slopes
from omr.score.items.irt.patterns import Patterns, Quadrature
from omr.score.items.tally import F64
from omr.score.responses import U8, Bools

MOST_SLOPE = 10.0
_LEAST_SLOPE = 0.05  # below it an item has no difficulty to speak of
_EM_UNTIL, _EM_STEPS = 0.02, 60
_INNER_STEPS, _LONGEST_STEP = 3, 1.0
_ROUNDED = 1e-11


class Model(StrEnum):
    """Whether items share one slope."""

    ONE = "1PL"
    TWO = "2PL"


class LeftOut(StrEnum):
    """Why an item has no curve."""

    VOID = "void"
    ALL_RIGHT = "all right"
    NONE_RIGHT = "none right"
    NO_BOUND = "slope without bound"


@dataclass(frozen=True, slots=True)
class Effort:
    """How far to go: steps of Newton's method, and the change of a parameter that ends them."""

    steps: int = 100
    until: float = 1e-7
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model of the items; all arrays (items,), NaN where an item is left out.

    A difficulty is NaN too where the slope is next to nothing. Standard errors are NaN where it
    has not `converged`. `eap_sd` is how uncertain an ability is (the root of the mean variance of
    EAP), `reliability` the part of abilities' variance that the answers tell.
    """

    model: Model
    slope: F64
    intercept: F64
    difficulty: F64
    slope_se: F64
    intercept_se: F64
    difficulty_se: F64
    left_out: dict[int, LeftOut]
    log_likelihood: float
    persons: int
    steps: int
    converged: bool
    eap_sd: float
    reliability: float

    @property
    def used(self) -> Bools:
        """(items,): which have a curve."""
        return np.isfinite(self.slope)

    def curves(self) -> Curves:
        """The curves of the items that have one."""
        return Curves(self.slope[self.used], self.intercept[self.used])


def fit(
    rights: U8,
    model: Model = Model.TWO,
    *,
    counted: Bools | None = None,
    quadrature: Quadrature | None = None,
    effort: Effort | None = None,
) -> Fitted:
    """Estimate a model from everybody's rights, (persons, items) 0 or 1; `counted` items only.

    An item that nobody or everybody had right has no curve, nor one whose slope grows beyond all
    bounds: such are left out, told, and never infinite.

    Raises:
        ScoringError: fewer than two items tell people apart.
    """
    items = rights.shape[1]
    share = rights.mean(axis=0) if len(rights) else np.zeros(items)
    left = {}
    for item in range(items):
        if counted is not None and not counted[item]:
            left[item] = LeftOut.VOID
        elif share[item] in (0.0, 1.0):
            left[item] = LeftOut.ALL_RIGHT if share[item] else LeftOut.NONE_RIGHT
    points, how = quadrature or Quadrature.normal(), effort or Effort()
    with threadpool_limits(limits=1, user_api="blas"):  # our own threads share the work out
        while True:
            own = np.array([item for item in range(items) if item not in left], np.int64)
            if len(own) < 2:
                raise ScoringError("a model needs two items or more that tell people apart")
            patterns = Patterns.of(np.ascontiguousarray(rights[:, own]))
            search = _Search(Observed(patterns, points, how.threads), model)
            found = search.run(_start(share[own]), how)
            beyond = own[np.abs(found.curves.slope) >= MOST_SLOPE]
            if not len(beyond):
                return _fitted(search, found, own, items, left)
            left |= {int(item): LeftOut.NO_BOUND for item in beyond}


@dataclass(frozen=True, slots=True)
class _Found:
    curves: Curves
    derivatives: Slopes
    steps: int
    converged: bool


class _Search:
    """The search for the curves that make what was observed most likely."""

    def __init__(self, observed: Observed, model: Model) -> None:
        self.observed = observed
        items = observed.patterns.rights.shape[1]
        # The parameters that are free: all slopes, or one for all; and the intercepts.
        slopes = np.eye(items) if model is Model.TWO else np.ones((items, 1))
        below = np.zeros((items, slopes.shape[1]))
        self.free: F64 = np.block([[slopes, np.zeros((items, items))], [below, np.eye(items)]])
        self.shared = model is Model.ONE

    def run(self, curves: Curves, effort: Effort) -> _Found:
        curves, steps = self._near(curves)
        here = self.observed.differentiate(curves)
        for _ in range(effort.steps):
            steps += 1
            if np.abs(curves.slope).max() >= MOST_SLOPE:
                break
            change = self._newton(here)
            if change is None:
                change = _as_vector(self._em_step(curves)) - _as_vector(curves)
            elif np.abs(change).max() < effort.until:
                return _Found(_moved(curves, change), here, steps, converged=True)
            # Half the way where the whole one would lead down, as EM never does, by more than sums
            # are rounded by.
            least = here.log_likelihood - _ROUNDED * abs(here.log_likelihood)
            pace = min(1.0, _LONGEST_STEP / float(np.abs(change).max()))
            ahead = _moved(curves, pace * change)
            there = self.observed.differentiate(ahead)
            while there.log_likelihood < least and pace > 1e-4:
                pace *= 0.5
                ahead = _moved(curves, pace * change)
                there = self.observed.differentiate(ahead)
            curves, here = ahead, there
        return _Found(curves, here, steps, converged=False)

    def covariance(self, derivatives: Slopes) -> F64 | None:
        """Of slopes and intercepts; None where the information does not determine them."""
        own = self._information(derivatives)
        return None if own is None else np.asarray(self.free @ np.linalg.inv(own) @ self.free.T)

    def _near(self, curves: Curves) -> tuple[Curves, int]:
        steps, moved = 0, np.inf
        while moved >= _EM_UNTIL and steps < _EM_STEPS:
            after = self._em_step(curves)
            moved = np.abs(_as_vector(after) - _as_vector(curves)).max()
            curves, steps = after, steps + 1
        return curves, steps

    def _em_step(self, curves: Curves) -> Curves:
        expected = self.observed.expect(curves)
        for _ in range(_INNER_STEPS):
            curves = _improved(curves, expected, self.observed.quadrature.nodes, self.shared)
        return curves

    def _newton(self, here: Slopes) -> F64 | None:
        """The step to where the gradient would vanish, None where there is no top ahead."""
        own = self._information(here)
        if own is None:
            return None
        return np.asarray(self.free @ np.linalg.solve(own, self.free.T @ here.gradient))

    def _information(self, here: Slopes) -> F64 | None:
        """Of the parameters that are free; None where it is not positive definite."""
        own: F64 = self.free.T @ here.information @ self.free
        try:
            np.linalg.cholesky(own)
        except np.linalg.LinAlgError:
            return None
        return own


def _improved(curves: Curves, expected: Expected, theta: F64, shared: bool) -> Curves:
    """A step of Newton's method on each item's own logistic regression: the M step."""
    chance = curves.at(theta)
    off = expected.right - expected.people * chance
    weight = expected.people * chance * (1 - chance)
    by_slope, by_intercept = off @ theta, off.sum(axis=1)
    aa, ad, dd = weight @ (theta * theta), weight @ theta, weight.sum(axis=1) + 1e-12
    left, wanted = aa - ad * ad / dd, by_slope - ad * by_intercept / dd
    slope = np.full_like(left, wanted.sum() / left.sum()) if shared else wanted / (left + 1e-12)
    slope = np.clip(slope, -_LONGEST_STEP, _LONGEST_STEP)
    intercept = np.clip((by_intercept - ad * slope) / dd, -_LONGEST_STEP, _LONGEST_STEP)
    bounded = np.clip(curves.slope + slope, -MOST_SLOPE, MOST_SLOPE)
    return Curves(bounded, curves.intercept + intercept)


def _start(share: F64) -> Curves:
    """Slopes of 1; intercepts as they would be if all items were answered by an average person."""
    return Curves(np.ones(len(share)), np.log(share / (1 - share)))


def _fitted(
    search: _Search, found: _Found, own: NDArray[np.int64], items: int, left: dict[int, LeftOut]
) -> Fitted:
    curves, n = found.curves, len(own)
    covariance = search.covariance(found.derivatives) if found.converged else None
    if covariance is None:
        covariance = np.full((2 * n, 2 * n), np.nan)
    variance = np.diag(covariance)
    mixed = np.diag(covariance[:n, n:])
    clear = np.abs(curves.slope) >= _LEAST_SLOPE
    safe = np.where(clear, curves.slope, np.nan)
    b = -curves.intercept / safe
    of_b = (variance[n:] + b * b * variance[:n] + 2 * b * mixed) / (safe * safe)
    people = search.observed.patterns.people
    mean, sd = search.observed.abilities(curves)
    error = float(people @ (sd * sd) / people.sum())
    told = float(people @ (mean * mean) / people.sum() - (people @ mean / people.sum()) ** 2)

    def placed(values: F64) -> F64:
        found_at: F64 = np.full(items, np.nan)
        found_at[own] = values
        return found_at

    return Fitted(
        model=Model.ONE if search.shared else Model.TWO,
        slope=placed(curves.slope),
        intercept=placed(curves.intercept),
        difficulty=placed(b),
        slope_se=placed(np.sqrt(variance[:n])),
        intercept_se=placed(np.sqrt(variance[n:])),
        difficulty_se=placed(np.sqrt(of_b)),
        left_out=left,
        log_likelihood=found.derivatives.log_likelihood,
        persons=int(people.sum()),
        steps=found.steps,
        converged=found.converged,
        eap_sd=float(np.sqrt(error)),
        reliability=told / (told + error),
    )


def _as_vector(curves: Curves) -> F64:
    return np.concatenate([curves.slope, curves.intercept])


def _moved(curves: Curves, change: F64) -> Curves:
    items = len(curves.slope)
    return Curves(curves.slope + change[:items], curves.intercept + change[items:])
