"""The one pass over everybody's answers: what there is to count, counted."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def total_up(masks, units, right, totals, numbers):  # type: ignore[no-untyped-def]
    """totals[n] = marks in units, numbers[n] = items with full marks, of each person."""
    for n in range(masks.shape[0]):
        total, number = 0, 0
        for j in range(masks.shape[1]):
            total += units[j, masks[n, j]]
            number += right[j, masks[n, j]]
        totals[n], numbers[n] = total, number


@njit(cache=True, nogil=True)
def count_answers(masks, persons, lookups, out):  # type: ignore[no-untyped-def]
    """Count what people of each group chose, and what their totals come to.

    `persons` are (totals, groups, levels) by person; `lookups` (units, right, choices, several):
    marks and whether right by (item, mask), the choice by mask, and which items take several
    options. `out` receives (chosen, rests, moments, by level, rights at): (groups, items, choices)
    of people and of their totals without the item; (groups, items, 5) of marks, marks², marks ×
    total, rights and rights × total; (levels, items, choices) and (levels, items).
    """
    totals, groups, levels = persons
    units, right, choices, several = lookups
    chosen, rests, moments, by_level, rights_at = out
    last = chosen.shape[2] - 1
    for n in range(masks.shape[0]):
        total, g, level = float(totals[n]), groups[n], levels[n]
        for j in range(masks.shape[1]):
            mask = masks[n, j]
            marks = float(units[j, mask])
            if marks != 0.0:
                moments[g, j, 0] += marks
                moments[g, j, 1] += marks * marks
                moments[g, j, 2] += marks * total
            if right[j, mask]:
                moments[g, j, 3] += 1.0
                moments[g, j, 4] += total
                rights_at[level, j] += 1.0
            if several[j] and mask != 0:
                for k in range(1, last):
                    if mask >> (k - 1) & 1:
                        chosen[g, j, k] += 1
                        rests[g, j, k] += total - marks
                        by_level[level, j, k] += 1
            else:
                k = min(choices[mask], np.uint8(last))
                chosen[g, j, k] += 1
                rests[g, j, k] += total - marks
                by_level[level, j, k] += 1
