"""Answers of one paper's form, as similarity looks at them: what was chosen, and was it right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omr.records import U8
from omr.score.responses import OMITTED, SEVERAL, AnswerMatrix

MOST_OPTIONS = 7  # an option's number must fit three bits; 0 is no choice
_WORD = 64

B8 = NDArray[np.bool_]
U64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Answers:
    """`choice` (persons, items): an option's number 1..`options`, 0 where none was chosen;
    `right` (persons, items): the choice earns marks. `omitted` and `several` are no choices:
    they match nothing, not even one another.
    """

    choice: U8
    right: B8
    options: int

    @property
    def persons(self) -> int:
        """How many answered."""
        return int(self.choice.shape[0])

    @property
    def items(self) -> int:
        """How many items are compared."""
        return int(self.choice.shape[1])

    @property
    def wrong(self) -> B8:
        """(persons, items): a choice that earns nothing."""
        return (self.choice > 0) & ~self.right

    @property
    def scores(self) -> NDArray[np.int64]:
        """(persons,) right choices of each."""
        return np.asarray(self.right.sum(axis=1), np.int64)

    @classmethod
    def of(cls, chosen: U8, rights: NDArray[np.unsignedinteger[Any]], options: int) -> Answers:
        """From options chosen (persons, items), `OMITTED` and `SEVERAL` as there; `rights`
        (items,) has bit o−1 set where option o is right, 0 for an item that is left out.

        Raises:
            ValueError: too many options, or a choice that is none of them.
        """
        if not 2 <= options <= MOST_OPTIONS:
            raise ValueError(f"similarity compares 2 to {MOST_OPTIONS} options, not {options}")
        kept = np.asarray(rights) > 0
        choice = np.where(chosen == SEVERAL, OMITTED, chosen)[:, kept].astype(np.uint8)
        if choice.size and choice.max() > options:
            raise ValueError(f"option {choice.max()} of {options}")
        masks = np.asarray(rights)[kept].astype(np.int64) << 1
        right = (masks[None, :] >> choice) & 1 == 1
        return cls(choice, right & (choice > 0), options)

    @classmethod
    def of_matrix(cls, matrix: AnswerMatrix) -> Answers:
        """The items of a form that can be compared: void ones, and those where only several
        options together are right, are left out.

        Raises:
            ValueError: too many options.
        """
        rights = matrix.right_options() & matrix.counts[:, None]
        bits = (rights << np.arange(rights.shape[1])).sum(axis=1).astype(np.uint16)
        return cls.of(matrix.chosen(), bits, rights.shape[1])


def planes_of(answers: Answers) -> U64:
    """(words, 5, persons): an item a bit. Three planes hold the option's number, then right
    choices, then wrong ones.
    """
    choice = answers.choice
    bits = [choice & 1, choice >> 1 & 1, choice >> 2 & 1, answers.right, answers.wrong]
    words = max(1, -(-answers.items // _WORD))
    out = np.zeros((words, len(bits), answers.persons), np.uint64)
    for item in range(answers.items):
        for plane, bit in enumerate(bits):
            out[item // _WORD, plane] |= bit[:, item].astype(np.uint64) << np.uint64(item % _WORD)
    return out
