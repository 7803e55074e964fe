"""Where on the ability scale a pattern of answers puts a person."""

from __future__ import annotations

import numpy as np
from numba import njit

_NOTHING = 46.0  # e^-46 is below 1e-19: beside the largest it adds nothing


@njit(cache=True, nogil=True)
def posterior(slopes, nodes, offsets, chances, likelihood):  # type: ignore[no-untyped-def]
    """chances[n, q]: of ability nodes[q] given a pattern's sum of the slopes of its right answers.

    `offsets` (nodes,) is what all patterns share at a node: the logarithm of its weight, and of
    everything wrong. likelihood[n] receives the logarithm of the sum, that is of the marginal
    likelihood without the pattern's own intercepts.
    """
    for n in range(slopes.shape[0]):
        most = -np.inf
        for q in range(nodes.shape[0]):
            chances[n, q] = nodes[q] * slopes[n] + offsets[q]
            most = max(most, chances[n, q])
        total = 0.0
        for q in range(nodes.shape[0]):
            below = most - chances[n, q]
            chances[n, q] = np.exp(-below) if below < _NOTHING else 0.0
            total += chances[n, q]
        for q in range(nodes.shape[0]):
            chances[n, q] /= total
        likelihood[n] = most + np.log(total)
