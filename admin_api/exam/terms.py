"""What an exam is made of. Every date, count, code and pass line is data: admin_api/README.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from omr.score.pass_lines import PassLines
from omr.score.rolling import RollingRules
from omr.score.scaling import Rounding


class Medium(StrEnum):
    """What answers are given on."""

    CARD = "card"  # 纸笔
    COMPUTER = "computer"  # 机考


class Penalty(StrEnum):
    """What a violation costs."""

    SUBJECT = "subject"  # that subject's score is void
    SITTING = "sitting"  # all subjects of this sitting are void


class BarcodeNames(StrEnum):
    """What the card's barcode identifies."""

    PAPER = "paper"
    CANDIDATE = "candidate"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days last until 23:59:59 China Standard Time."""

    corrections_until: date
    violations_from: date
    violations_until: date


@dataclass(frozen=True, slots=True)
class Specialty:
    """专业. `papers` maps subject to paper; several specialties may share a paper."""

    code: str
    name: str
    level: str
    medium: Medium
    papers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Paper:
    """试卷. `forms` is ("",) where there is one form only."""

    code: str
    items: int
    options: int
    forms: tuple[str, ...]
    scale: Fraction
    rounding: Rounding


@dataclass(frozen=True, slots=True)
class CardUse:
    """Which card is used, and what its fields mean; a field's name is "" where it has none."""

    design: str
    policy: str
    ticket: str
    subject: str
    form: str
    absent: str
    violation: str
    items: str
    barcode: str
    barcode_names: BarcodeNames
    barcode_pattern: re.Pattern[str]

    def item(self, number: int) -> str:
        """The name of an item's field; numbers count from 1."""
        return self.items.replace("{n}", str(number))


@dataclass(frozen=True, slots=True)
class ViolationCode:
    """A line of the code table. `archive` is "", a number of years, or "long"."""

    code: str
    article: int
    item: int
    penalty: Penalty
    archive: str
    title: str


@dataclass(frozen=True, slots=True)
class Exam:
    """One sitting (考试)."""

    year: int
    name: str
    calendar: Calendar
    ticket: re.Pattern[str]
    regions: Mapping[str, str]
    subjects: Mapping[str, str]
    specialties: Mapping[str, Specialty]
    papers: Mapping[str, Paper]
    card: CardUse
    review_people: int
    lines: PassLines
    rolling: RollingRules
    violations: Mapping[str, ViolationCode]
    sha256: str

    @property
    def keys_needed(self) -> Iterator[tuple[str, str]]:
        """Every paper and form that needs an answer key."""
        for paper in self.papers.values():
            for form in paper.forms:
                yield paper.code, form
