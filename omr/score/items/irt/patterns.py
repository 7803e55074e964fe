"""Who had what right, equal patterns told once; and the points that abilities are summed over."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from omr.score.items.tally import F64
from omr.score.responses import U8

_BITS = 62  # patterns of as many items are whole numbers


@dataclass(frozen=True, slots=True)
class Patterns:
    """`rights` (patterns, items) 0 or 1, and how many `people` have each."""

    rights: U8 = field(repr=False)
    people: F64 = field(repr=False)

    @classmethod
    def of(cls, rights: U8) -> Patterns:
        """Of everybody's rights, (persons, items). Among more items than 62 hardly two people are
        alike: then each is a pattern.
        """
        persons, items = rights.shape
        if items > _BITS:
            return cls(rights, np.ones(persons))
        codes = np.zeros(persons, np.int64)
        for item in range(items):
            codes |= rights[:, item].astype(np.int64) << item
        _, first, people = np.unique(codes, return_index=True, return_counts=True)
        return cls(rights[first], people.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Quadrature:
    """Abilities and their weights, which sum to 1.

    Evenly spaced points serve an integrand as smooth as this better than any other rule, as long
    as they lie closer than the spread of one person's ability: 0.2 is right for some 400 items.
    """

    nodes: F64 = field(repr=False)
    weights: F64 = field(repr=False)

    @classmethod
    def normal(cls, points: int = 61, reach: float = 6.0) -> Quadrature:
        """The standard normal distribution between −reach and reach."""
        nodes = np.linspace(-reach, reach, points)
        density = np.exp(-0.5 * nodes * nodes)
        return cls(nodes, density / density.sum())
