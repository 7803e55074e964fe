"""A Merkle tree over records, so that one record can be checked against one signed root.

Leaves and nodes are hashed apart and odd ends are not doubled, as in RFC 6962, section 2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf(record: bytes) -> bytes:
    """The hash of a record."""
    return hashlib.sha256(b"\0" + record).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A tree over leaves in their order; an end without a partner moves up as it is."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(level := self._levels[-1]) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            above = [_node(left, right) for left, right in pairs]
            self._levels.append(above + level[len(level) - len(level) % 2 :])

    @property
    def root(self) -> bytes:
        """The one hash over everything."""
        return self._levels[-1][0] if self._levels[0] else EMPTY

    def proof(self, index: int) -> list[tuple[bool, bytes]]:
        """What leads from a leaf to the root: whether the neighbour stands left, and its hash."""
        steps = []
        for level in self._levels[:-1]:
            neighbour = index ^ 1
            if neighbour < len(level):
                steps.append((neighbour < index, level[neighbour]))
            index //= 2
        return steps


def root_of(record: bytes, proof: Sequence[tuple[bool, bytes]]) -> bytes:
    """The root that a record and its proof lead to."""
    found = leaf(record)
    for on_the_left, neighbour in proof:
        found = _node(neighbour, found) if on_the_left else _node(found, neighbour)
    return found
