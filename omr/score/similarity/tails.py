"""Far tails: logarithms of upper tail probabilities, never one less a distribution function."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, log_ndtr, logsumexp, xlog1py, xlogy

from omr.records import F64


def log_normal_tail(z: float) -> float:
    """ln P(Z >= z) of a standard normal variable."""
    return float(log_ndtr(-z))


def log_binomial_tail(least: int, trials: int, chance: float) -> float:
    """ln P(X >= least); -inf where it cannot be."""
    if least <= 0:
        return 0.0
    k = np.arange(least, trials + 1)
    if not k.size:
        return -np.inf
    ways = gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1)
    return _at_most_0(float(logsumexp(ways + xlogy(k, chance) + xlog1py(trials - k, -chance))))


def log_poisson_tail(least: int, most: int, mean: float) -> float:
    """ln P(least <= X <= most)."""
    k = np.arange(max(least, 0), most + 1)
    if not k.size:
        return -np.inf
    return _at_most_0(float(logsumexp(xlogy(k, mean) - mean - gammaln(k + 1))))


def log_matches(chances: F64) -> F64:
    """(n + 1,) ln P(M = m) of matches over n items, each with its own chance (Poisson-binomial)."""
    out = np.full(chances.size + 1, -np.inf)
    out[0] = 0.0
    with np.errstate(divide="ignore"):
        yes, no = np.log(chances), np.log1p(-chances)
    for p, q in zip(yes, no, strict=True):
        out[1:] = np.logaddexp(out[1:] + q, out[:-1] + p)
        out[0] += q
    return out


def log_pairs_of_matches(right: F64, wrong: F64) -> F64:
    """(n + 1, n + 1) ln P(R = r, W = w): items match right, match wrong or not at all, each with
    its own chances (generalised trinomial).
    """
    n = right.size
    out = np.full((n + 1, n + 1), -np.inf)
    out[0, 0] = 0.0
    with np.errstate(divide="ignore"):
        steps = np.log(right), np.log(wrong), np.log1p(-(right + wrong))
    for p, q, neither in zip(*steps, strict=True):
        new = out + neither
        new[1:] = np.logaddexp(new[1:], out[:-1] + p)
        new[:, 1:] = np.logaddexp(new[:, 1:], out[:, :-1] + q)
        out = new
    return out


def log_upper(log_chances: F64, axis: int = 0) -> F64:
    """Tails of logarithms of chances: ln P(X >= x) along an axis."""
    turned = np.flip(log_chances, axis)
    return np.asarray(np.flip(np.logaddexp.accumulate(turned, axis=axis), axis), np.float64)


def log_match_tail(least: int, chances: F64) -> float:
    """ln P(M >= least) over items with these chances; -inf where it cannot be."""
    if least <= 0:
        return 0.0
    if least > chances.size:
        return -np.inf
    return _at_most_0(float(log_upper(log_matches(chances))[least]))


def log_m4_tail(alike: tuple[int, int], right: F64, wrong: F64) -> float:
    """ln of M4's tail at `alike` (right, wrong): all outcomes whose joint upper tail
    P(R >= r, W >= w) is at most that of the outcome seen.
    """
    chances = log_pairs_of_matches(right, wrong)
    upper = log_upper(log_upper(chances, 0), 1)
    if not np.isfinite(upper[alike]):
        return -np.inf
    rest = 1e-12 * abs(upper[alike])  # outcomes as rare must count whatever the rounding
    return _at_most_0(float(logsumexp(chances[upper <= upper[alike] + rest])))


def _at_most_0(log_chance: float) -> float:
    return min(log_chance, 0.0)
