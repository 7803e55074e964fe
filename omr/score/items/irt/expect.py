"""What is expected of everybody, given the items: the E step, and the observed information.

With P(θ) logistic, the likelihood of a pattern depends on θ through one number only, the sum of
the slopes of what was right. So a pattern's chances cost a sum and one exponential a node, not one
an item and node.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from omr.score.items.irt.kernels import posterior
from omr.score.items.irt.patterns import Patterns, Quadrature
from omr.score.items.tally import F64

T = TypeVar("T")
_PART = 8192  # patterns that are looked at together


@dataclass(frozen=True, slots=True)
class Curves:
    """Slopes a and intercepts d, (items,)."""

    slope: F64
    intercept: F64

    def at(self, nodes: F64) -> F64:
        """(items, nodes): the chance to be right."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.logit(nodes))))

    def logit(self, nodes: F64) -> F64:
        return np.asarray(np.outer(self.slope, nodes) + self.intercept[:, None])


@dataclass(frozen=True, slots=True)
class Expected:
    """`people` (nodes,) and `right` (items, nodes): how many are expected there, and have what
    right; `log_likelihood` of all patterns.
    """

    people: F64 = field(repr=False)
    right: F64 = field(repr=False)
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class Slopes:
    """How the log-likelihood changes: `gradient` (2·items,), slopes before intercepts, and the
    observed `information` (2·items, 2·items), the negative of its second derivatives.
    """

    gradient: F64 = field(repr=False)
    information: F64 = field(repr=False)
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class Observed:
    """Patterns, the points of ability, and how many threads look at them."""

    patterns: Patterns
    quadrature: Quadrature
    threads: int = 2

    def expect(self, curves: Curves) -> Expected:
        """The E step of Bock & Aitkin (1981)."""

        def of(part: slice) -> tuple[F64, F64, float]:
            rights, people, chances, likelihood = self._look(curves, part)
            chances *= people[:, None]
            return chances.sum(axis=0), rights.T @ chances, float(people @ likelihood)

        found = self._parts(of)
        return Expected(
            np.sum([people for people, _, _ in found], axis=0),
            np.sum([right for _, right, _ in found], axis=0),
            sum(likelihood for _, _, likelihood in found),
        )

    def differentiate(self, curves: Curves) -> Slopes:
        """First and second derivatives by the formula of Louis (1982): the information is that of
        the complete data, less what is lost by not seeing θ, the variance of the complete score.
        """
        theta = self.quadrature.nodes
        chance = curves.at(theta)
        both = np.concatenate([chance * theta, chance])

        def of(part: slice) -> tuple[F64, ...]:
            rights, people, chances, likelihood = self._look(curves, part)
            mean, square = chances @ theta, chances @ (theta * theta)
            score = np.concatenate([rights * mean[:, None], rights], axis=1) - chances @ both.T
            weighted = rights * people[:, None]
            products = [rights.T @ (weighted * m[:, None]) for m in (square, mean)]
            chances *= people[:, None]
            return (
                score.T @ people,
                score.T @ (score * people[:, None]),
                np.stack([*products, rights.T @ weighted]),
                chances.sum(axis=0),
                rights.T @ chances,
                np.array(people @ likelihood),
            )

        found = self._parts(of)
        gradient, crossed, products, n, right, likelihood = (
            np.sum([one[k] for one in found], axis=0) for k in range(6)
        )
        complete = _complete(chance, theta, n)
        squared = _squared(chance, theta, n, right, products)
        return Slopes(gradient, complete - squared + crossed, float(likelihood))

    def abilities(self, curves: Curves) -> tuple[F64, F64]:
        """The expected ability of each pattern (EAP) and its standard deviation."""
        theta = self.quadrature.nodes

        def of(part: slice) -> tuple[F64, F64]:
            _, _, chances, _ = self._look(curves, part)
            mean = chances @ theta
            return mean, np.sqrt(np.maximum(chances @ (theta * theta) - mean * mean, 0.0))

        found = self._parts(of)
        return np.concatenate([mean for mean, _ in found]), np.concatenate([sd for _, sd in found])

    def _look(self, curves: Curves, part: slice) -> tuple[F64, F64, F64, F64]:
        """Of some patterns: rights as floats, people, the chances of each node, log-likelihood."""
        theta = self.quadrature.nodes
        rights = self.patterns.rights[part].astype(np.float64)
        wrong = -np.logaddexp(0.0, curves.logit(theta)).sum(axis=0)
        chances = np.empty((len(rights), len(theta)))
        likelihood = np.empty(len(rights))
        offsets = np.log(self.quadrature.weights) + wrong
        posterior(rights @ curves.slope, theta, offsets, chances, likelihood)
        likelihood += rights @ curves.intercept
        return rights, self.patterns.people[part], chances, likelihood

    def _parts(self, of: Callable[[slice], T]) -> list[T]:
        """What `of` finds in each part, in their order, so that sums come out alike each time."""
        count = len(self.patterns.people)
        parts = [slice(start, start + _PART) for start in range(0, count, _PART)]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(of, parts))


def _complete(chance: F64, theta: F64, n: F64) -> F64:
    """The information if everybody's ability were seen."""
    spread = chance * (1 - chance) * n
    return _blocks([np.diag(spread @ power) for power in (theta * theta, theta, theta**0)])


def _squared(chance: F64, theta: F64, n: F64, right: F64, products: F64) -> F64:
    """The expected square of the complete score."""
    blocks = []
    for power, product in zip((theta * theta, theta, theta**0), products, strict=True):
        mixed = (right * power) @ chance.T
        blocks.append(product - mixed - mixed.T + (chance * (n * power)) @ chance.T)
    return _blocks(blocks)


def _blocks(of: list[F64]) -> F64:
    slopes, mixed, intercepts = of
    return np.block([[slopes, mixed], [mixed.T, intercepts]])
