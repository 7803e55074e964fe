"""Groups (rings) of people who are tied by flagged pairs: connected sets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def rings(pairs: Iterable[tuple[T, T]]) -> list[list[T]]:
    """The connected sets of the people in `pairs`, in the order of their first pair."""
    parent: dict[T, T] = {}

    def head(one: T) -> T:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for one, other in pairs:
        parent.setdefault(one, one)
        parent.setdefault(other, other)
        parent[head(other)] = head(one)
    out: dict[T, list[T]] = {}
    for one in parent:
        out.setdefault(head(one), []).append(one)
    return list(out.values())
