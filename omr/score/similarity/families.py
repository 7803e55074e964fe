"""Many tests at once: chances adjusted for the number of pairs that were compared.

All of them count every comparison, also those past no bound. What is given are the logarithms of
the smallest chances; the others are known to lie above the bound.
"""

from __future__ import annotations

import numpy as np

from omr.records import F64


def holm(log_chances: F64, compared: int) -> F64:
    """ln adjusted chances by Holm (1979, Scandinavian Journal of Statistics 6, 65-70): the chance
    of one false pair or more among all, whatever depends on what.
    """
    order, ranks = _ranked(log_chances, compared)
    return _spread(order, np.maximum.accumulate(log_chances[order] + np.log(compared + 1 - ranks)))


def benjamini_hochberg(log_chances: F64, compared: int) -> F64:
    """ln false discovery rates by Benjamini & Hochberg (1995, JRSS B 57, 289-300)."""
    order, ranks = _ranked(log_chances, compared)
    rates = log_chances[order] + np.log(compared) - np.log(ranks)
    return _spread(order, np.minimum.accumulate(rates[::-1])[::-1])


def benjamini_yekutieli(log_chances: F64, compared: int) -> F64:
    """The same under any dependence (Benjamini & Yekutieli 2001, Annals of Statistics 29,
    1165-1188): times the harmonic sum of the number of tests.
    """
    harmonic = np.log(compared) + np.euler_gamma + 0.5 / compared if compared > 1000 else None
    total = harmonic if harmonic is not None else np.sum(1.0 / np.arange(1, max(compared, 1) + 1))
    order, ranks = _ranked(log_chances, compared)
    rates = log_chances[order] + np.log(compared) - np.log(ranks) + np.log(total)
    return _spread(order, np.minimum.accumulate(rates[::-1])[::-1])


def _ranked(log_chances: F64, compared: int) -> tuple[np.ndarray, F64]:
    if log_chances.size > compared:
        raise ValueError(f"{log_chances.size} chances of {compared} comparisons")
    return np.argsort(log_chances, kind="stable"), np.arange(1.0, log_chances.size + 1)


def _spread(order: np.ndarray, adjusted: F64) -> F64:
    out = np.empty(order.size)
    out[order] = np.minimum(adjusted, 0.0)
    return out
