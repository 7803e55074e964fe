"""What goes wrong in a rehearsed sitting: a few of everything, each with its settlement."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from admin_api.rehearsal.world import (
    ITEMS,
    SUBJECTS,
    YEAR,
    Candidate,
    Card,
    Fix,
    Mishap,
    SittingPlan,
    Trouble,
    World,
    answer,
    come,
    id_number,
    make_people,
    stay_away,
)

_FORMS = {"A": "B", "B": "A"}
_GOOD, _BAD = 0.9, 0.2  # shares of right answers that pass, or fail, for certain


@dataclass
class _Making:
    """A world that trouble is made in. Everybody that trouble is made for came to every subject."""

    world: World
    chance: random.Random
    shandong: Iterator[Candidate]
    xizang: Iterator[Candidate]

    def note(self, kind: str, person: Candidate, subject: str, settled_by: str) -> None:
        self.world.troubles.append(Trouble(kind, person.ticket, subject, settled_by))

    def fix(
        self, person: Candidate, subject: str, said: tuple[str, str, str, str], card: Card | None
    ) -> None:
        """Have the region report kind, old, new and reason."""
        kind, old, new, reason = said
        one = Fix(kind, person.ticket, subject, old, new, reason, card)
        self.world.corrections["37"].append(one)

    def score(self, person: Candidate, subject: str, skill: float) -> None:
        """Have somebody answer a subject anew."""
        sitting = person.sittings[subject]
        answer(sitting, self.world.keys[sitting.paper, sitting.form], skill, self.chance)


def make_world(plan: SittingPlan) -> World:
    """A sitting with everything that goes wrong in it; the same plan makes the same world."""
    chance = random.Random(plan.seed)
    world = make_people(plan, chance)
    civil = [one for one in world.candidates if not one.military]
    making = _Making(
        world,
        chance,
        _there(one for one in civil if one.region == "37"),
        _there(one for one in civil if one.region == "54"),
    )
    for make in (_attendance, _numbers, _headings, _cards, _violations, _late, _marks, _rolling):
        make(making)
    for person in world.candidates:
        for sitting in person.sittings.values():
            if not (sitting.present or sitting.listed or sitting.cards):
                making.note("absent", person, sitting.subject, "list")
    return world


def _there(people: Iterator[Candidate]) -> Iterator[Candidate]:
    for person in people:
        for sitting in person.sittings.values():
            come(person, sitting)
        yield person


def _attendance(making: _Making) -> None:
    one = next(making.shandong)
    card = one.card("2")
    card.answers, card.absent = [""] * ITEMS, "1"
    one.sittings["2"].present = one.sittings["2"].listed = False
    making.note("absent, card marked", one, "2", "list")

    one = next(making.shandong)
    one.sittings["1"].listed = False
    making.fix(one, "1", ("缺考", "缺", "到", "签到表误记"), None)
    making.note("listed absent though there", one, "1", "correction")

    one = next(making.shandong)
    stay_away(one.sittings["3"])
    one.sittings["3"].listed = True
    making.fix(one, "3", ("缺考", "到", "缺", "签到表误记"), None)
    making.note("listed there though absent", one, "3", "correction")

    one = next(making.shandong)
    one.card("4").absent = "1"
    making.fix(one, "4", ("缺考", "缺", "到", "监考员误涂"), None)
    making.note("marked absent with answers", one, "4", "correction")


def _numbers(making: _Making) -> None:
    one = next(making.shandong)
    one.card("1").ticket = "379999999998"
    making.fix(one, "1", ("准考证号", "379999999998", one.ticket, "涂错"), None)
    making.note("unregistered number", one, "1", "correction")

    one = next(making.shandong)
    unclear = one.ticket[:7] + "?" + one.ticket[8:]
    one.card("3").ticket = unclear
    making.fix(one, "3", ("准考证号", unclear, one.ticket, "漏涂一位"), None)
    making.note("number with a blank place", one, "3", "correction")

    one = next(making.shandong)
    elsewhere = next(
        other
        for other in making.world.candidates
        if other.region == "37" and other.room != one.room and other.sittings["2"].cards
    )
    one.card("2").ticket = elsewhere.ticket
    making.fix(one, "2", ("准考证号", elsewhere.ticket, one.ticket, "涂错"), one.card("2"))
    making.note("number of another room", one, "2", "correction")

    one, neighbour = next(making.shandong), next(making.shandong)
    one.card("2").ticket = neighbour.ticket
    making.fix(one, "2", ("准考证号", neighbour.ticket, one.ticket, "涂成邻座"), one.card("2"))
    making.note("duplicate number", one, "2", "correction")

    one, neighbour = next(making.shandong), next(making.shandong)
    one.card("4").ticket, neighbour.card("4").ticket = neighbour.ticket, one.ticket
    making.fix(one, "4", ("换座", "", neighbour.ticket, "两人坐错"), None)
    making.note("swapped seats", one, "4", "correction")


def _headings(making: _Making) -> None:
    """Subject, form, barcode, the proctor's mark, and what the roster says of a person."""
    one = next(making.shandong)
    one.card("3").subject = "4"
    making.fix(one, "3", ("科目", "4", "3", "科目涂错"), one.card("3"))
    making.note("wrong subject", one, "3", "correction")

    one = next(making.shandong)
    card, right = one.card("1"), one.card("1").form
    card.form = _FORMS[right]
    making.fix(one, "1", ("卷型", card.form, right, "卷型涂错"), None)
    making.note("wrong form", one, "1", "correction")

    one = next(making.shandong)
    code, one.card("1").barcode = one.card("1").barcode, ""
    making.fix(one, "1", ("条形码", "", code, "条形码脱落"), None)
    making.note("missing barcode", one, "1", "correction")

    one = next(making.shandong)
    one.card("3").violation = "1"
    making.fix(one, "3", ("违纪标识", "是", "否", "监考员误涂"), None)
    making.note("violation marked by mistake", one, "3", "correction")

    one = next(making.shandong)
    one.right["name"] = "考生改名"
    making.fix(one, "", ("姓名", one.name, "考生改名", "姓名录错"), None)
    making.note("wrong name", one, "", "correction")
    one.right["id_number"] = id_number(one.number + 500_000)
    making.fix(one, "", ("证件号", one.id_number, one.right["id_number"], "证件号录错"), None)
    making.note("wrong ID number", one, "", "correction")


def _cards(making: _Making) -> None:
    """Cards that were spoiled, torn, turned, misfiled or lost."""
    one = next(making.shandong)
    cards = one.sittings["1"].cards
    cards.insert(0, replace(cards[0], answers=[""] * ITEMS, mishap=Mishap.SPOILED))
    making.note("duplicate card", one, "1", "replacement")

    one = next(making.shandong)
    card = one.card("3")
    card.mishap, card.room = Mishap.MISFILED, "02" if one.room == "01" else "01"
    making.note("card in a wrong bag", one, "3", "two people")

    one = next(making.shandong)
    one.sittings["4"].lost = True
    one.sittings["4"].cards.clear()
    making.note("card lost", one, "4", "two people")

    for subject, mishap in (("1", Mishap.TORN), ("2", Mishap.FACE_DOWN)):
        one = next(making.xizang)
        one.card(subject).mishap = mishap
        making.note(f"rejected page: {mishap.value}", one, subject, "rescan")


def _violations(making: _Making) -> None:
    soldier = next(one for one in making.world.candidates if one.military)
    come(soldier, soldier.sittings["3"])
    for person, subject, code, void in (
        (next(making.shandong), "2", "103", ("2",)),
        (next(making.shandong), "1", "201", tuple(SUBJECTS)),
        (soldier, "3", "101", ("3",)),
    ):
        making.world.violations["37"].append((person.ticket, subject, code))
        person.card(subject).violation = "1"
        for each in void:
            person.sittings[each].void = True
        whole = "sitting" if len(void) > 1 else "subject"
        whose = "military: " if person.military else ""
        making.note(f"violation, {whose}{whole} void", person, subject, "violation")


def _late(making: _Making) -> None:
    one = next(making.xizang)
    one.card("1").ticket = "549999999997"
    fix = Fix("准考证号", one.ticket, "1", "549999999997", one.ticket, "漏报")
    making.world.late.append(fix)
    making.note("late correction, let in", one, "1", "override")

    one = next(making.xizang)
    fix = Fix("姓名", one.ticket, "", one.name, "考生不改", "迟报")
    making.world.refused.append(fix)
    making.note("late correction, refused", one, "", "refusal")


def _marks(making: _Making) -> None:
    """Two marks in a row, which are read as they are, and a mark too light to be sure of."""
    one = next(making.xizang)
    one.sittings["1"].answers[4] = "AB"
    making.note("two marks in a row", one, "1", "reading")

    one = next(making.xizang)
    one.sittings["2"].answers[9] = "C"
    one.card("2").faint = ("q10",)
    making.note("faint mark", one, "2", "decision")


def _rolling(making: _Making) -> None:
    """Who passes what in the years before: it rolls, or it does not, each for its own reason."""
    rolled, lower, old, failed, without, other = (next(making.xizang) for _ in range(6))
    for person in (rolled, lower, old, failed, without, other):
        person.file_number = f"F{person.number:08d}"
        for subject in SUBJECTS:
            making.score(person, subject, _GOOD)
        making.score(person, "1", _BAD)

    def before(person: Candidate, subject: str, year: int, specialty: str, passed: str) -> None:
        score = "71" if passed == "是" else "48"
        row = (str(year), person.file_number, specialty, subject, score, passed)
        making.world.history.append(row)

    for subject in ("1", "2"):  # sat only what was left
        stay_away(rolled.sittings[subject])
        before(rolled, subject, YEAR - 1, rolled.specialty, "是")
    making.note("rolls: passed two of four last year", rolled, "1", "rolling")
    before(lower, "1", YEAR - 1, lower.specialty, "是")
    making.note("rolls: a lower retake", lower, "1", "rolling")
    before(old, "1", YEAR - 2, old.specialty, "是")
    making.note("does not roll: too long ago", old, "1", "rolling")
    before(failed, "1", YEAR - 1, failed.specialty, "否")
    making.note("does not roll: failed last year", failed, "1", "rolling")
    before(without, "1", YEAR - 1, without.specialty, "是")
    without.file_number = ""
    making.note("does not roll: no file number", without, "1", "rolling")
    before(other, "1", YEAR - 1, "204" if other.specialty == "203" else "203", "是")
    making.note("does not roll: another specialty", other, "1", "rolling")

    merged = next(p for p in making.world.candidates if p.specialty == "109" and p.file_number)
    for subject in SUBJECTS:
        come(merged, merged.sittings[subject])
        making.score(merged, subject, _BAD if subject == "1" else _GOOD)
    before(merged, "1", YEAR - 1, "110", "是")
    making.note("rolls: specialties that merged", merged, "1", "rolling")
