"""Who chose what, by groups of like totals: how an option draws people as they know more."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from omr.score.items.forms import per_cent
from omr.score.items.tally import F64, Tally


@dataclass(frozen=True, slots=True)
class Traces:
    """`at` (groups,): mean total in per cent of full marks; `share` (groups, items, options + 2) of
    each group that chose: nothing, each option, several. `right` (groups, items).
    """

    at: F64
    people: F64
    share: F64 = field(repr=False)
    right: F64 = field(repr=False)


def traces(tally: Tally, groups: int = 10) -> Traces:
    """About equal groups; people with the same total stay together, so that they may be fewer."""
    people = tally.persons_at
    middle = np.cumsum(people) - people / 2
    group = np.minimum(middle * groups // max(people.sum(), 1.0), groups - 1).astype(np.int64)
    _, group = np.unique(group, return_inverse=True)
    count = int(group.max(initial=-1)) + 1

    def together(rows: F64) -> F64:
        found = np.zeros((count, *rows.shape[1:]))
        np.add.at(found, group, rows)
        return found

    of = together(people)
    return Traces(
        together(people * per_cent(tally)) / of,
        of,
        together(tally.by_level) / of[:, None, None],
        together(tally.rights_at) / of[:, None],
    )
