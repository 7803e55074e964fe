"""Answer keys (标准答案): which answers count, and for how many marks.

Marks are fractions throughout: a third of a mark taken off three times is one mark, and no
rounding ever decides between two candidates.

Answers are secret until the exam ends: no message, `repr` or log shows one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from omr.design import content_hash
from omr.errors import AnswerKeyError

MOST_MARKS = 1_000_000
_MARKS = re.compile(r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?:/[0-9]{1,9})?", re.ASCII)
MARKS_ALLOWED = 'a number or a fraction, such as 2, "-0.25" or "+1/3"'


def parse_marks(value: object) -> Fraction:
    """Marks as an exact fraction: 0.1 is a tenth, "1/3" a third.

    Raises:
        ValueError: neither a number nor a fraction, a denominator of 0, or over a million.
    """
    text = value.strip() if isinstance(value, str) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = repr(value) if abs(value) <= MOST_MARKS else ""
    if text is None or not _MARKS.fullmatch(text):
        raise ValueError(f"marks must be {MARKS_ALLOWED}")
    above, _, below = text.partition("/")
    if below and not int(below):
        raise ValueError(f"marks must be {MARKS_ALLOWED}, not divided by 0")
    marks = Fraction(above) / int(below or 1)
    if abs(marks) > MOST_MARKS:
        raise ValueError(f"marks must be at most {MOST_MARKS}")
    return marks


def written(marks: Fraction) -> str:
    """Marks as people write them: 3, -0.25, 212/3."""
    scaled = marks * 10**6
    if scaled.denominator > 1:
        return str(marks)
    whole, part = divmod(abs(scaled.numerator), 10**6)
    sign = "-" if marks < 0 else ""
    return f"{sign}{whole}.{part:06d}".rstrip("0").rstrip(".")


class Void(StrEnum):
    """What becomes of an item that turned out to be faulty (作废题)."""

    NO = "no"
    CREDITED = "credited"  # everybody has its full marks, blank or not
    LEFT_OUT = "left_out"  # nobody has marks for it, and full marks are counted without it


@dataclass(frozen=True, slots=True)
class Accepted:
    """An answer that counts, as it reads ("B", "AC", "08"), and its marks (得分)."""

    value: str = field(repr=False)
    marks: Fraction


@dataclass(frozen=True, slots=True)
class Scheme:
    """What an item (小题) earns by default: right, wrong (答错扣分 where negative) and blank."""

    right: Fraction
    wrong: Fraction = Fraction(0)
    blank: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Item:
    """One question's line of the key (题目).

    `name` is a field, or a label that several fields are joined to. Any of `accepted` counts, with
    its own marks, so that partial credit (部分得分) and several right answers are the same thing.
    A void item keeps its answers: they are what it was faulty for.
    """

    name: str
    accepted: tuple[Accepted, ...] = field(repr=False)
    wrong: Fraction
    blank: Fraction
    section: str
    void: Void = Void.NO

    @property
    def full(self) -> Fraction:
        """The most that can be had here (满分); nothing where the item is left out."""
        if self.void is Void.LEFT_OUT:
            return Fraction(0)
        return max([a.marks for a in self.accepted] + [self.wrong, self.blank])


@dataclass(frozen=True, slots=True)
class Key:
    """A whole key. Sections (大题) are named by their items and stand in `sections` in order.

    `hash` is over the content, items sorted by name: the same key in another order is the same.
    """

    items: tuple[Item, ...] = field(repr=False)
    sections: tuple[str, ...]
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        findings = list(_faults(self.items, self.sections))
        if findings:
            raise AnswerKeyError("the key", tuple(findings))
        content = {item.name: _content(item) for item in self.items}
        object.__setattr__(self, "hash", content_hash(content))

    @property
    def full(self) -> Fraction:
        """Full marks (总分), without what is left out."""
        return sum((item.full for item in self.items), Fraction(0))

    @classmethod
    def of(cls, items: Iterable[Item]) -> Key:
        """A key of these items, its sections in the order in which they come up."""
        listed = tuple(items)
        return cls(listed, tuple(dict.fromkeys(item.section for item in listed)))


def item_of(
    name: str, answers: Iterable[str | tuple[str, Fraction]], scheme: Scheme, section: str
) -> Item:
    """An item under a scheme; an answer without marks of its own earns the scheme's."""
    accepted = tuple(
        Accepted(a, scheme.right) if isinstance(a, str) else Accepted(*a) for a in answers
    )
    return Item(name, accepted, scheme.wrong, scheme.blank, section)


def _faults(items: tuple[Item, ...], sections: tuple[str, ...]) -> Iterable[str]:
    if not items:
        yield "has no items; name at least one question"
    for name, count in Counter(item.name for item in items).items():
        if count > 1:
            yield f"{name} stands in it {count} times; keep one"
    for item in items:
        values = [a.value for a in item.accepted]
        if not values:
            yield f"{item.name} accepts no answer; name at least one"
        if "" in values:
            yield f"{item.name} accepts an empty answer; marks for a blank are set apart"
        if len(set(values)) < len(values):
            yield f"{item.name} accepts an answer twice; keep one"
        if item.section not in sections:
            yield f"{item.name} is of the section {item.section!r}, which is not listed"


def _content(item: Item) -> dict[str, object]:
    content: dict[str, object] = {
        "accepted": sorted([a.value, str(a.marks)] for a in item.accepted),
        "wrong": str(item.wrong),
        "blank": str(item.blank),
        "section": item.section,
    }
    # Only where it says something, so that keys without void items keep the hash they had.
    return content if item.void is Void.NO else content | {"void": item.void.value}
