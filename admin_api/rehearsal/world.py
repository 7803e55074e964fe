"""A made-up sitting: who sits where, and what everybody answers; for trouble see troubles.py."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from admin_api.registration.identity import WEIGHTS

REGIONS = {"37": "山东", "54": "西藏", "66": "兵团"}
SUBJECTS = {"1": "基础知识", "2": "相关专业知识", "3": "专业知识", "4": "专业实践能力"}
YEAR, ITEMS, OPTIONS = 2026, 100, "ABCDE"
LINES = {"": "60", "54": "55"}  # pass lines by region; "" is the country's
ROLLING_YEARS, MERGED = 2, {"109": "109", "110": "109"}
SEATS = 15  # of a room: few, so that a small sitting has several rooms
LEAST = 60  # candidates, so that every trouble finds somebody of its own
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张"
_RARE = ("䶮", "㐂")  # in GB18030 and not in GBK


@dataclass(frozen=True, slots=True)
class Specialty:
    """A specialty (专业); `papers` by subject, and several specialties may share one."""

    name: str
    level: str
    on_card: bool
    papers: dict[str, str]


SPECIALTIES = {
    "203": Specialty("护理学", "师", True, {s: f"203{s}" for s in SUBJECTS}),
    "204": Specialty(
        "中医护理学", "师", True, {"1": "2031", "2": "2032", "3": "2043", "4": "2044"}
    ),
    "109": Specialty("口腔医学技术", "士", False, {s: f"109{s}" for s in SUBJECTS}),
}


@dataclass(frozen=True, slots=True)
class SittingPlan:
    """What sitting to make: the same plan makes the same files, byte for byte."""

    candidates: int = 300
    seed: int = 7

    def __post_init__(self) -> None:
        if self.candidates < LEAST:
            raise ValueError(
                f"{self.candidates} candidates are too few for every trouble; ask for {LEAST}"
            )


class Mishap(StrEnum):
    """What became of a card on its way to the scanner."""

    NONE = ""
    TORN = "torn"  # the scan is cut off; it was scanned again
    FACE_DOWN = "face_down"  # its back was scanned; it was scanned again
    SPOILED = "spoiled"  # crossed out; the candidate filled in the card after it
    MISFILED = "misfiled"  # lies in another room's bag


@dataclass
class Card:
    """What a card says, as filled in. `faint` are fields marked too lightly to be sure of.

    `room` is the bag's where that is not the candidate's own.
    """

    ticket: str
    subject: str
    form: str
    barcode: str
    answers: list[str]
    absent: str = ""
    violation: str = ""
    mishap: Mishap = Mishap.NONE
    faint: tuple[str, ...] = ()
    room: str = ""


@dataclass
class Sitting:
    """One candidate's subject: what truly happened. `lost`: there is a card, and nobody has it."""

    subject: str
    paper: str
    form: str
    answers: list[str]
    present: bool = True
    listed: bool = True  # what the attendance list says
    void: bool = False
    lost: bool = False
    cards: list[Card] = field(default_factory=list)


@dataclass
class Candidate:
    """A made-up candidate, as registered; `right` holds what a correction puts right."""

    number: int
    ticket: str
    name: str
    id_number: str
    file_number: str
    specialty: str
    region: str
    room: str
    seat: int
    military: bool
    sittings: dict[str, Sitting]
    right: dict[str, str] = field(default_factory=dict)

    def card(self, subject: str) -> Card:
        """The first card of a subject."""
        return self.sittings[subject].cards[0]


@dataclass(frozen=True, slots=True)
class Key:
    """A paper's right answers. `accept`: all that are right for an item; `void`: what it does."""

    answers: tuple[str, ...]
    accept: dict[int, tuple[str, ...]]
    void: dict[int, str]


@dataclass(frozen=True, slots=True)
class Fix:
    """A correction as a region reports it; `card`: the one meant, where several might be."""

    kind: str
    ticket: str
    subject: str
    old: str
    new: str
    reason: str
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong on purpose, whose it is, and by what the office settles it."""

    kind: str
    ticket: str
    subject: str
    settled_by: str


@dataclass
class World:
    """A whole sitting. Rows of `violations` (ticket, subject, code) and `history` are as in their
    files; `refused` are corrections that come late and are never let in.
    """

    candidates: list[Candidate]
    keys: dict[tuple[str, str], Key]
    corrections: dict[str, list[Fix]] = field(default_factory=lambda: {"37": []})
    late: list[Fix] = field(default_factory=list)
    refused: list[Fix] = field(default_factory=list)
    violations: dict[str, list[tuple[str, str, str]]] = field(default_factory=lambda: {"37": []})
    history: list[tuple[str, ...]] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def cards(self) -> Iterator[tuple[Candidate, Sitting, Card]]:
        """Every card there is, in the order of seats, a candidate's subjects together."""
        for person in self.candidates:
            for sitting in person.sittings.values():
                for card in sitting.cards:
                    yield person, sitting, card

    def trouble(self, kind: str) -> Trouble:
        """The first trouble of a kind."""
        return next(one for one in self.troubles if one.kind == kind)


def make_people(plan: SittingPlan, chance: random.Random) -> World:
    """The sitting as it would be if nothing went wrong but that some do not come."""
    world = World([], _keys(chance))
    many = plan.candidates
    shares = {"37": many // 2, "54": many // 4, "66": many - many // 2 - many // 4}
    number = 0
    for region, count in shares.items():
        for seat in range(count):
            number += 1
            computer = region == "66" and seat >= count - max(4, count // 6)
            specialty = "109" if computer else "204" if number % 5 == 0 else "203"
            person = _candidate(number, (region, seat), specialty, chance)
            person.military = region == "37" and seat >= count - max(4, count // 10)
            for subject in SUBJECTS:
                person.sittings[subject] = _sitting(world, person, subject, chance)
            world.candidates.append(person)
    return world


def answer(
    sitting: Sitting, key: Key, skill: float, chance: random.Random, omitted: float = 0.0
) -> None:
    """Answer a paper: so many of the answers are right, the others by chance."""
    for item, right in enumerate(key.answers):
        guess = right if chance.random() < skill else chance.choice(OPTIONS)
        sitting.answers[item] = "" if chance.random() < omitted else guess


def come(person: Candidate, sitting: Sitting) -> None:
    """Have a candidate be there, with a card."""
    sitting.present = sitting.listed = True
    if SPECIALTIES[person.specialty].on_card and not sitting.cards:
        code = f"{sitting.paper}{sitting.form}{person.number:06d}"
        one = Card(person.ticket, sitting.subject, sitting.form, code, sitting.answers)
        sitting.cards.append(one)


def stay_away(sitting: Sitting) -> None:
    """Have a candidate be absent, as the list says."""
    sitting.present = sitting.listed = False
    sitting.cards.clear()


def _keys(chance: random.Random) -> dict[tuple[str, str], Key]:
    """Item 7 has two right answers, 12 is credited to all, 31 of some papers is left out."""
    keys: dict[tuple[str, str], Key] = {}
    for one in SPECIALTIES.values():
        for subject, paper in one.papers.items():
            for form in "AB" if one.on_card else ("",):
                if (paper, form) in keys:
                    continue
                answers = tuple(chance.choices(OPTIONS, k=ITEMS))
                second = "A" if answers[6] != "A" else "B"
                void = {12: "credited"}
                if subject == "3" or not one.on_card:
                    void[31] = "left_out"
                keys[paper, form] = Key(answers, {7: (answers[6], second)}, void)
    return keys


def _candidate(
    number: int, place: tuple[str, int], specialty: str, chance: random.Random
) -> Candidate:
    region, seat = place
    name = "考生" + chance.choice(_SURNAMES) + chance.choice("一二三四五六七八九十")
    if region == "66" and seat < len(_RARE):
        name += _RARE[seat]
    return Candidate(
        number=number,
        ticket=f"{region}{number:010d}",
        name=name,
        id_number=id_number(number),
        file_number=f"F{number:08d}" if number % 29 else "",
        specialty=specialty,
        region=region,
        room=f"{seat // SEATS + 1:02d}",
        seat=seat % SEATS + 1,
        military=False,
        sittings={},
    )


def _sitting(world: World, person: Candidate, subject: str, chance: random.Random) -> Sitting:
    specialty = SPECIALTIES[person.specialty]
    form = "AB"[(person.seat + int(subject)) % 2] if specialty.on_card else ""
    sitting = Sitting(subject, specialty.papers[subject], form, [""] * ITEMS)
    skill = min(0.97, max(0.3, chance.gauss(0.68, 0.13)))
    answer(sitting, world.keys[sitting.paper, form], skill, chance, omitted=0.004)
    if chance.random() < 0.04:
        stay_away(sitting)
    else:
        come(person, sitting)
    return sitting


def id_number(number: int) -> str:
    """A made-up ID number with a right check digit, unlike those of other numbers."""
    born = f"{1980 + number % 20}{1 + number % 12:02d}{1 + number % 28:02d}"
    body = f"370102{born}{number % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]
