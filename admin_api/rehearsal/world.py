"""A made-up sitting: who sits where, what everybody answers, and what goes wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

REGIONS = {"37": "山东", "54": "西藏", "66": "兵团"}
SUBJECTS = {"1": "基础知识", "2": "相关专业知识", "3": "专业知识", "4": "专业实践能力"}
YEAR, ITEMS, OPTIONS = 2026, 100, "ABCDE"
SEATS = 30  # of a room
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张"
_RARE = ("䶮", "㐂")  # in GB18030 and not in GBK


@dataclass
class Card:
    """What a card says, as filled in; `spoiled` is "", "torn" (the scan is cut off) or "extra"."""

    ticket: str
    subject: str
    form: str
    barcode: str
    answers: list[str]
    absent: str = ""
    spoiled: str = ""


@dataclass
class Sitting:
    """One candidate's subject: what truly happened."""

    subject: str
    paper: str
    form: str
    answers: list[str]
    present: bool = True
    listed: bool = True  # what the attendance list says
    void: bool = False
    cards: list[Card] = field(default_factory=list)


@dataclass
class Candidate:
    """A made-up candidate."""

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


@dataclass
class World:
    """A whole sitting. Rows of `corrections`, `late`, `violations` and `history` are as in their
    files; `refused` are corrections that come late and are never let in.
    """

    candidates: list[Candidate]
    keys: dict[tuple[str, str], list[str]]
    corrections: dict[str, list[tuple[str, ...]]]
    late: list[tuple[str, ...]]
    refused: list[tuple[str, ...]]
    violations: dict[str, list[tuple[str, str, str]]]
    history: list[tuple[str, ...]]
    names: dict[str, str]  # as corrected, by ticket
    troubles: dict[str, int]

    def cards(self) -> Iterator[tuple[Candidate, Sitting, Card]]:
        """Every card there is, room by room, subject by subject, in the order of seats."""
        for person in self.candidates:
            for sitting in person.sittings.values():
                for card in sitting.cards:
                    yield person, sitting, card


def make_world(people: int, seed: int) -> World:
    """A sitting of about so many candidates (from 60); the same seed makes the same world."""
    chance = random.Random(seed)
    keys = _keys(chance)
    world = World(
        [], keys, {"37": [], "54": []}, [], [], {"37": []}, [], {}, {"candidates": people}
    )
    shares = {"37": people // 2, "54": people // 4, "66": people - people // 2 - people // 4}
    number = 0
    for region, count in shares.items():
        for seat in range(count):
            number += 1
            military = region == "37" and seat >= count - max(4, count // 10)
            computer = region == "66" and seat >= count - max(4, count // 6)
            world.candidates.append(
                _candidate(
                    chance, keys, number, (region, seat), military=military, computer=computer
                )
            )
    _trouble(world, chance)
    return world


def _keys(chance: random.Random) -> dict[tuple[str, str], list[str]]:
    papers = [(f"203{s}", form) for s in SUBJECTS for form in "AB"]
    papers += [(f"109{s}", "") for s in SUBJECTS]
    return {paper: chance.choices(OPTIONS, k=ITEMS) for paper in papers}


def _candidate(
    chance: random.Random,
    keys: dict[tuple[str, str], list[str]],
    number: int,
    place: tuple[str, int],
    *,
    military: bool,
    computer: bool,
) -> Candidate:
    region, seat = place
    ticket = f"{region}{number:010d}"
    name = chance.choice(_SURNAMES) + chance.choice("一二三四五六七八九十")
    if region == "66" and seat < len(_RARE):
        name += _RARE[seat]
    person = Candidate(
        ticket,
        f"考生{name}",
        _id_number(chance, number),
        f"F{number:08d}" if number % 29 else "",
        "109" if computer else "203",
        region,
        f"{seat // SEATS + 1:02d}",
        seat % SEATS + 1,
        military,
        {},
    )
    for subject in SUBJECTS:
        skill = min(0.97, max(0.3, chance.gauss(0.68, 0.13)))
        form = "" if computer else "AB"[(seat + int(subject)) % 2]
        paper = f"{person.specialty}{subject}"
        right = keys[paper, form]
        answers = [r if chance.random() < skill else chance.choice(OPTIONS) for r in right]
        for item in range(ITEMS):
            if chance.random() < 0.004:
                answers[item] = ""
        sitting = Sitting(subject, paper, form, answers, present=chance.random() > 0.04)
        sitting.listed = sitting.present
        if sitting.present and not computer:
            code = f"{paper}{form}{number:06d}"
            sitting.cards.append(Card(ticket, subject, form, code, answers))
        person.sittings[subject] = sitting
    return person


def _id_number(chance: random.Random, number: int) -> str:
    body = (
        f"370102{1980 + number % 20}{1 + number % 12:02d}{1 + number % 28:02d}{number % 1000:03d}"
    )
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def _trouble(world: World, chance: random.Random) -> None:
    """A few of everything that goes wrong, each put right in the way that the rules have."""
    mine = [c for c in world.candidates if c.region == "37" and not c.military]
    theirs = [c for c in world.candidates if c.region == "54"]
    for person in (*mine[:26], *theirs[:6]):  # those that trouble is made for are there
        for sitting in person.sittings.values():
            _let_come(person, sitting)
    fix = world.corrections["37"]

    marked = mine[0].sittings["2"]  # absent, and the proctor marked a card
    marked.present = marked.listed = False
    marked.cards[0].answers, marked.cards[0].absent = [""] * ITEMS, "1"

    mine[1].sittings["1"].listed = False  # there, but listed absent
    fix.append(("缺考", mine[1].ticket, "1", "缺", "到", "签到表误记"))

    mine[2].sittings["1"].cards[0].ticket = "379999999998"  # on no roster
    fix.append(("准考证号", mine[2].ticket, "1", "379999999998", mine[2].ticket, "涂错"))

    twin = mine[3].sittings["2"].cards[0]  # the neighbour's number
    twin.ticket = mine[4].ticket
    place = f"{twin.ticket}@2/{mine[3].room}/{_place(world, mine[3], '2')}"
    fix.append(("准考证号", mine[3].ticket, "2", place, mine[3].ticket, "涂成邻座"))

    mine[5].sittings["3"].cards[0].subject = "4"
    place = f"4@3/{mine[5].room}/{_place(world, mine[5], '3')}"
    fix.append(("科目", mine[5].ticket, "3", place, "3", "科目涂错"))

    wrong = mine[6].sittings["1"].cards[0]
    read, right = "BA"["AB".index(wrong.form)], wrong.form
    wrong.form = read
    fix.append(("卷型", mine[6].ticket, "1", read, right, "卷型涂错"))

    bare = mine[7].sittings["1"].cards[0]
    fix.append(("条形码", mine[7].ticket, "1", "", bare.barcode, "条形码脱落"))
    bare.barcode = ""

    first, second = mine[8].sittings["4"].cards[0], mine[9].sittings["4"].cards[0]
    first.ticket, second.ticket = second.ticket, first.ticket
    fix.append(("换座", mine[8].ticket, "4", "", mine[9].ticket, "两人坐错"))

    extra = mine[10].sittings["1"]
    spoiled = Card(mine[10].ticket, "1", extra.form, extra.cards[0].barcode, [""] * ITEMS)
    spoiled.spoiled = "extra"
    extra.cards.insert(0, spoiled)
    mine[11].sittings["1"].cards[0].spoiled = "torn"

    for person, subject, code in ((mine[12], "2", "103"), (mine[13], "1", "201")):
        world.violations["37"].append((person.ticket, subject, code))
        void = [subject] if code == "103" else list(SUBJECTS)
        for one in void:
            person.sittings[one].void = True
    soldier = next(c for c in world.candidates if c.military)
    world.violations["37"].append((soldier.ticket, "3", "101"))
    soldier.sittings["3"].void = True

    world.names[mine[14].ticket] = "考生改名"
    fix.append(("姓名", mine[14].ticket, "", mine[14].name, "考生改名", "姓名录错"))

    late, never = theirs[0].sittings["1"].cards[0], theirs[1]
    late.ticket = "549999999997"
    world.late.append(("准考证号", theirs[0].ticket, "1", late.ticket, theirs[0].ticket, "漏报"))
    world.refused.append(("姓名", never.ticket, "", never.name, "考生不改", "迟报"))

    double = mine[15].sittings["1"].cards[0].answers  # two marks in a row: a person looks
    double[4] = mine[15].sittings["1"].answers[4] = "AB"

    _roll(world, mine[16:20], theirs[2])
    kinds = {row[0] for row in (*fix, *world.late)}
    world.troubles |= {"kinds of corrections": len(kinds), "violations": 3, "double marks": 1}


def _let_come(person: Candidate, sitting: Sitting) -> None:
    if not sitting.present:
        sitting.present = sitting.listed = True
        code = f"{sitting.paper}{sitting.form}{int(person.ticket[2:]):06d}"
        sitting.cards.append(
            Card(person.ticket, sitting.subject, sitting.form, code, sitting.answers)
        )


def _place(world: World, person: Candidate, subject: str) -> int:
    """Where a candidate's card lies in its bag, from 1."""
    before = [
        other.sittings[subject]
        for other in world.candidates
        if (other.region, other.room) == (person.region, person.room) and other.seat < person.seat
    ]
    return sum(len(sitting.cards) for sitting in before) + 1


def _roll(world: World, mine: list[Candidate], other: Candidate) -> None:
    """Passes of last year, for those who fail a subject now; a pass two years ago is too old."""
    for n, person in enumerate((*mine, other)):
        for subject in ("1", "2"):
            sitting = person.sittings[subject]
            blank = [""] * ITEMS
            sitting.answers[:] = blank
            sitting.cards[0].answers = list(blank)
            year = YEAR - 2 if n == 1 else YEAR - 1
            if person.file_number:
                world.history.append((str(year), person.file_number, "203", subject, "71", "是"))
    computer = [c for c in world.candidates if c.specialty == "109" and c.file_number]
    if computer:  # 110 was merged into 109, and its scores roll
        row = (str(YEAR - 1), computer[0].file_number, "110", "1", "66", "是")
        world.history.append(row)
        computer[0].sittings["1"].answers[:] = ["A"] * ITEMS
