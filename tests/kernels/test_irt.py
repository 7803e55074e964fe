"""Where a pattern puts a person on the ability scale: compiled, and one exponential at a time."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.score.items.irt.kernels import posterior

FIGURES = st.floats(-30, 30, allow_nan=False)


@settings(max_examples=50, deadline=None)
@given(st.lists(FIGURES, min_size=1, max_size=6), st.lists(FIGURES, min_size=1, max_size=5))
def test_chances_of_nodes(slopes: list[float], offsets: list[float]) -> None:
    nodes = np.linspace(-3, 3, len(offsets))
    chances, likelihood = np.empty((len(slopes), len(nodes))), np.empty(len(slopes))
    posterior(np.array(slopes), nodes, np.array(offsets), chances, likelihood)
    for n, slope in enumerate(slopes):
        terms = [node * slope + offset for node, offset in zip(nodes, offsets, strict=True)]
        total = math.fsum(math.exp(one) for one in terms)
        assert math.isclose(likelihood[n], math.log(total), abs_tol=1e-9)
        expected = [math.exp(one) / total for one in terms]
        np.testing.assert_allclose(chances[n], expected, atol=1e-12)
