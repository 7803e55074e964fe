"""OMRChecker's field labels: plain ones, and ranges such as `q1..20`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from omr.importers.json_node import Node, shown

MOST_LABELS = 2000
ALLOWED = 'a label without a dot, or a range such as "q1..20"'
_RANGE = re.compile(r"([^.\d]+)(\d{1,9})\.{2,3}(\d{1,9})", re.ASCII)
_LONGEST = 100


@dataclass(slots=True)
class Labels:
    """Writes labels out until a file has named more than any sheet can have."""

    left: int = 4 * MOST_LABELS

    def of(self, node: Node, key: str, parts: Iterable[str]) -> list[str]:
        """The labels that a key's texts name; none, with a fault, where they cannot be used."""
        if self.left < 0:
            return []
        try:
            labels = labels_of(parts)
        except ValueError as error:
            node.fault(key, str(error))
            return []
        self.left -= len(labels)
        if self.left < 0:
            node.fault(
                key, f"and those before it name over {4 * MOST_LABELS} labels; no sheet has so many"
            )
        return labels


def labels_of(parts: Iterable[str]) -> list[str]:
    """The labels that these texts name, in order, ranges written out.

    Raises:
        ValueError: not a label, a range that runs backwards, too many, or one named twice; the
            message says what is allowed.
    """
    labels: list[str] = []
    for part in parts:
        labels += _of_one(part)
        if len(labels) > MOST_LABELS:
            raise ValueError(f"names over {MOST_LABELS} labels; no sheet has so many")
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            raise ValueError(f"the label {shown(label)} is named twice; give each field its own")
        seen.add(label)
    return labels


def _of_one(part: str) -> list[str]:
    if not part.strip() or len(part) > _LONGEST or not part.isprintable() or "{n}" in part:
        raise ValueError(f"must be {ALLOWED}, got {shown(part)}")
    if "." not in part:
        return [part]
    found = _RANGE.fullmatch(part)
    if not found:
        raise ValueError(f"must be {ALLOWED}, got {shown(part)}")
    first, last = int(found[2]), int(found[3])
    if first >= last:
        raise ValueError(f"the range {shown(part)} must run from a lower to a higher number")
    if last - first >= MOST_LABELS:
        raise ValueError(f"the range {shown(part)} names over {MOST_LABELS} labels")
    return [f"{found[1]}{number}" for number in range(first, last + 1)]
