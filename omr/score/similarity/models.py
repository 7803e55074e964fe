"""Right or wrong alone: chances of one-, two- and three-parameter logistic models."""

from __future__ import annotations

import numpy as np

from omr.records import F64


def chance_right(ability: float, parameters: F64) -> F64:
    """(items,) chance of a right answer; `parameters` (items, 3): a, b, c of the logistic metric
    (D = 1). A 1PL or 2PL has c = 0, a 1PL one a for all.
    """
    a, b, c = parameters.T
    return np.asarray(c + (1 - c) / (1 + np.exp(-a * (ability - b))), np.float64)


def dichotomous_alike(right_one: F64, right_other: F64) -> tuple[F64, F64]:
    """(items,) chances that both are right, and that both are wrong; two wrong ones are alike."""
    return right_one * right_other, (1 - right_one) * (1 - right_other)


def chances_of_source(right_copier: F64, source_right: np.ndarray) -> F64:
    """(items,) chance that the copier answers as the source did."""
    return np.where(source_right, right_copier, 1 - right_copier)
