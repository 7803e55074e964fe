"""The answers of one paper's form as a matrix, with what its key says of every option.

What statistics of items and the comparison of candidates are computed from. Who a row is, is told
elsewhere: here a person is a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omr.errors import ScoringError
from omr.score.key import Void
from omr.score.key_file import PaperKey
from omr.score.marking import MOST_OPTIONS, KeyTable, Masks, compile_key

U8 = NDArray[np.uint8]
Bools = NDArray[np.bool_]

OMITTED = 0
SEVERAL = 255
"""In `chosen`: more than one option marked. 1 is the first option, 2 the second, and so on."""


@dataclass(frozen=True, slots=True)
class AnswerMatrix:
    """Everybody's answers to one form. `masks` (persons, items), read-only: bit k is option k.

    Items stand in the key's order, so column j is `key.key.items[j]`.
    """

    masks: Masks = field(repr=False)
    key: PaperKey
    _table: KeyTable = field(init=False, repr=False)

    def __post_init__(self) -> None:
        items = len(self.key.key.items)
        if self.masks.ndim != 2 or self.masks.shape[1] != items:
            raise ScoringError(f"masks must be (persons, {items}); got {self.masks.shape}")
        if self.masks.size and int(self.masks.max()) >> len(self.key.options):
            raise ScoringError(f"a mask names an option beyond {self.key.options}")
        self.masks.setflags(write=False)
        object.__setattr__(self, "_table", compile_key(self.key.key, self.key.options))

    @property
    def persons(self) -> int:
        return int(self.masks.shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        """The items' names, as the key has them."""
        return tuple(item.name for item in self.key.key.items)

    @property
    def counts(self) -> Bools:
        """(items,): which items tell people apart; void ones (作废题) do not."""
        return np.array([item.void is Void.NO for item in self.key.key.items], np.bool_)

    def table(self) -> KeyTable:
        """Marks of every item by mask, in whole units."""
        return self._table

    def right_options(self) -> Bools:
        """(items, options): options that alone have the item's full marks.

        A row is all False where only several options together are right (多选题). A void item
        keeps the answers that it was faulty for.
        """
        options = self.key.options
        found = np.zeros((len(self.names), len(options)), np.bool_)
        for row, item in enumerate(self.key.key.items):
            most = max(accepted.marks for accepted in item.accepted)
            for accepted in item.accepted:
                if len(accepted.value) == 1 and accepted.marks == most:
                    found[row, options.index(accepted.value)] = True
        return found

    def right_masks(self) -> Bools:
        """(items, 2**options): which answers have full marks; none of a void item."""
        units = self.table().units
        full: Bools = units == units.max(axis=1, keepdims=True)
        return full & self.counts[:, None]

    def chosen(self) -> U8:
        """(persons, items): `OMITTED`, 1 for the first option and so on, or `SEVERAL`."""
        return np.take(choices(len(self.key.options)), self.masks)

    def right(self) -> U8:
        """(persons, items): 1 where the answer has full marks, else 0."""
        lookup = self.right_masks().astype(np.uint8)
        found: U8 = np.empty(self.masks.shape, np.uint8)
        for item in range(len(self.names)):
            found[:, item] = lookup[item][self.masks[:, item]]
        return found


def choices(options: int) -> U8:
    """(2**options,): what each mask chose, as in `AnswerMatrix.chosen`."""
    if not 1 <= options <= MOST_OPTIONS:
        raise ScoringError(f"options must be 1 to {MOST_OPTIONS}")
    found = np.full(1 << options, SEVERAL, np.uint8)
    found[0] = OMITTED
    found[1 << np.arange(options)] = np.arange(1, options + 1)
    return found
