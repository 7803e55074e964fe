"""A card's answers held against a key (评分)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from omr.errors import AnswerKeyError
from omr.score.key import Item, Key, Void


class Verdict(StrEnum):
    """What became of one item."""

    RIGHT = "right"  # an accepted answer, whatever it earns
    WRONG = "wrong"
    BLANK = "blank"
    CREDITED = "credited"  # a void item, whatever was answered
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class ItemMarks:
    """One item of a graded card (小题得分)."""

    name: str
    section: str
    answer: str
    verdict: Verdict
    marks: Fraction


@dataclass(frozen=True, slots=True)
class Graded:
    """A graded card: every item in the key's order. `key_hash` says by which key."""

    items: tuple[ItemMarks, ...]
    key_hash: str

    @property
    def total(self) -> Fraction:
        """The card's marks (总分)."""
        return sum((item.marks for item in self.items), Fraction(0))

    @property
    def by_section(self) -> dict[str, Fraction]:
        """Marks by section (大题得分), in the order in which sections come up."""
        sums: dict[str, Fraction] = {}
        for item in self.items:
            sums[item.section] = sums.get(item.section, Fraction(0)) + item.marks
        return sums


def grade(key: Key, answers: Mapping[str, str]) -> Graded:
    """Mark every item of the key; "" is a blank. Answers that the key does not name are left alone.

    Raises:
        AnswerKeyError: an item of the key is not among the answers; a missing field is not a blank
            one.
    """
    missing = [item.name for item in key.items if item.name not in answers]
    if missing:
        raise AnswerKeyError(
            "the key", tuple(f"{name} is not among what was read" for name in missing)
        )
    return Graded(tuple(_marked(item, answers[item.name]) for item in key.items), key.hash)


def _marked(item: Item, answer: str) -> ItemMarks:
    return ItemMarks(item.name, item.section, answer, *_verdict(item, answer))


def _verdict(item: Item, answer: str) -> tuple[Verdict, Fraction]:
    if item.void is not Void.NO:
        verdict = Verdict.CREDITED if item.void is Void.CREDITED else Verdict.LEFT_OUT
        return verdict, item.full
    for accepted in item.accepted:
        if accepted.value == answer:
            return Verdict.RIGHT, accepted.marks
    return (Verdict.WRONG, item.wrong) if answer else (Verdict.BLANK, item.blank)
