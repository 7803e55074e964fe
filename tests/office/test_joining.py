"""Cards to people: every state by a small case, and against a slow, plain twin."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin_api.exam.parse import load_exam
from admin_api.frames import BAGS, CARDS, ENROLMENTS, ROOMS
from admin_api.joining.join import join
from admin_api.joining.reconcile import Counts, matters_of, reconcile
from admin_api.joining.states import EnrolmentState, Joined, PageState
from tests.office.papers import EXAM

SITTING, _ = load_exam(EXAM)
A, B, C = "370000000001", "370000000002", "370000000003"
Row = dict[str, Any]


def card(page: int, ticket: str = A, **more: Any) -> Row:
    row: Row = {
        "page": page,
        "reading": 1000 + page,
        "region": "37",
        "box": "1",
        "bag": "7",
        "position": page,
        "sha256": f"sha{page}",
        "status": "read",
        "replaced": False,
        "ticket": ticket,
        "subject": "1",
        "form": "A",
        "absent": False,
        "violation": False,
        "barcode": "2031A000001",
        "barcode_paper": "2031",
        "barcode_form": "A",
        "barcode_ticket": "",
        "answers": b"\1\2",
        "open": [],
        "decisions": [],
        "corrections": [],
    }
    return row | more


def enrolment(number: int, ticket: str, **more: Any) -> Row:
    row: Row = {
        "enrolment": number,
        "candidate": number,
        "ticket": ticket,
        "subject": "1",
        "paper": "2031",
        "room": 1,
        "seat": str(number),
        "region": "37",
        "specialty": "203",
        "medium": "card",
        "present": True,
        "corrections": [],
        "computer_answers": None,
        "computer_form": None,
        "computer_masks": None,
    }
    return row | more


BAG = {"region": "37", "box": "1", "bag": "7", "room": 1, "subject": "1", "cards": 2}


HALLS = pl.DataFrame([(1, "37/01/一中/101"), (2, "37/01/一中/102")], schema=ROOMS, orient="row")


def joined(cards: list[Row], people: list[Row], bags: list[Row] | None = None) -> Joined:
    return join(
        pl.DataFrame(cards, schema=CARDS, orient="row"),
        pl.DataFrame(people, schema=ENROLMENTS, orient="row"),
        pl.DataFrame([BAG] if bags is None else bags, schema=BAGS, orient="row"),
        HALLS,
        SITTING,
    )


def states(found: Joined) -> tuple[list[str], list[str]]:
    return found.pages["state"].to_list(), found.enrolments["state"].to_list()


@pytest.mark.parametrize(
    ("more", "state", "enrolled"),
    [
        ({}, "matched", "answered"),
        ({"subject": "", "form": ""}, "matched", "answered"),
        ({"barcode": "", "barcode_paper": "", "barcode_form": ""}, "matched", "answered"),
        ({"open": ["q7"]}, "in_review", "card_in_question"),
        ({"status": "rejected"}, "rejected", "candidate_without_card"),
        ({"replaced": True}, "replaced", "candidate_without_card"),
        ({"ticket": ""}, "card_without_candidate", "candidate_without_card"),
        ({"ticket": "37000000000?"}, "card_without_candidate", "candidate_without_card"),
        ({"ticket": "379999999999"}, "unregistered_number", "candidate_without_card"),
        ({"subject": "2"}, "wrong_subject", "candidate_without_card"),
        ({"barcode_paper": "2032"}, "wrong_subject", "card_in_question"),
        ({"form": "B"}, "wrong_form", "card_in_question"),
        ({"form": "", "barcode_form": ""}, "wrong_form", "card_in_question"),
        ({"form": "C", "barcode_form": ""}, "wrong_form", "card_in_question"),
        ({"absent": True}, "absent_with_answers", "card_in_question"),
        ({"bag": "8"}, "matched", "answered"),
    ],
)
def test_one_card_and_its_candidate(more: Row, state: str, enrolled: str) -> None:
    assert states(joined([card(1, **more)], [enrolment(1, A)])) == ([state], [enrolled])


@pytest.mark.parametrize(
    ("more", "cards", "page", "enrolled"),
    [
        ({"present": False}, [], None, "absent"),
        ({"present": None}, [], None, "candidate_without_card"),
        ({"present": False}, [card(1)], "absent_with_answers", "card_in_question"),
        ({"present": False}, [card(1, answers=b"\0\0")], "matched", "absent"),
        ({"present": False}, [card(1, absent=True, answers=b"\0\0")], "matched", "absent"),
        ({"present": None}, [card(1, absent=True, answers=b"\0\0")], "matched", "absent"),
        (
            {"present": True},
            [card(1, absent=True, answers=b"\0\0")],
            "absent_with_answers",
            "card_in_question",
        ),
        ({"present": True}, [card(1, answers=b"\0\0")], "matched", "answered"),
        ({"room": 2}, [card(1)], "wrong_room", "card_in_question"),
        ({"medium": "computer"}, [card(1)], "card_without_candidate", "card_in_question"),
        ({"medium": "computer"}, [], None, "candidate_without_card"),
        ({"medium": "computer", "present": False}, [], None, "absent"),
    ],
)
def test_lists_and_rooms(more: Row, cards: list[Row], page: str | None, enrolled: str) -> None:
    found = states(joined(cards, [enrolment(1, A, **more)]))
    assert found == ([page] if page else [], [enrolled])


def test_computer_answers() -> None:
    computer = {"medium": "computer", "computer_answers": 5, "computer_form": ""}
    person = enrolment(1, A, **computer, computer_masks=b"\4")
    found = joined([], [person]).enrolments.row(0, named=True)
    assert (found["state"], found["answers"]) == ("answered", b"\4")
    absent = joined([], [person | {"present": False}])
    assert states(absent)[1] == ["card_in_question"]


def test_two_cards_of_one_number() -> None:
    people = [enrolment(1, A), enrolment(2, B)]
    assert states(joined([card(1), card(2), card(3, B)], people)) == (
        ["duplicate_card", "duplicate_card", "matched"],
        ["card_in_question", "answered"],
    )
    found = joined([card(1), card(2)], people)
    assert states(found) == (
        ["duplicate_number", "duplicate_number"],
        ["card_in_question", "candidate_without_card"],
    )
    cards = f"{A} stands on 37/1/7 card 1, 37/1/7 card 2"
    assert found.pages["evidence"][0] == f"{cards}; without a card in this room: {B}"
    in_question = "37/1/7 card 1 duplicate_number, 37/1/7 card 2 duplicate_number"
    assert found.enrolments["evidence"][0] == in_question
    people[1]["present"] = False
    assert states(joined([card(1), card(2)], people))[0] == ["duplicate_card"] * 2


def test_the_same_picture_twice() -> None:
    cards = [card(1, sha256="x"), card(2, B, sha256="x", bag="8")]
    found = joined(cards, [enrolment(1, A), enrolment(2, B)])
    assert states(found)[0] == ["duplicate_card", "duplicate_card"]
    assert found.pages["evidence"][0] == "the same picture: 37/1/7 card 1, 37/1/8 card 2"


def test_rooms_are_called_as_people_call_them() -> None:
    """What is printed names no id: neither 12 nor 77 means anything to anybody."""
    halls = pl.DataFrame([(12, "37/01/一中/102"), (77, "37/02/二中/5")], schema=ROOMS, orient="row")
    bags = pl.DataFrame([BAG | {"room": 77, "cards": 1}], schema=BAGS, orient="row")
    cards = pl.DataFrame([card(901, position=3)], schema=CARDS, orient="row")
    people = pl.DataFrame([enrolment(500, A, room=12)], schema=ENROLMENTS, orient="row")
    found = join(cards, people, bags, halls, SITTING)
    told = f"{A} sits in room 37/01/一中/102, this bag is of room 37/02/二中/5"
    assert found.pages["evidence"].to_list() == [told]
    counts = Counts(bags, bags.clear(), bags.clear(), halls)
    differing = reconcile(found, cards, people, counts)
    assert differing["place"].to_list() == ["room 37/01/一中/102 subject 1"]
    words = {one.key: one.words for one in matters_of(found, cards, people, differing)}
    assert words["page 901 wrong_room"] == f"37/1/7 card 3, {told}"
    assert "count room 37/01/一中/102 subject 1 cards + absent = seats" in words


def test_a_card_in_review_keeps_its_rival_back() -> None:
    found = joined([card(1), card(2, open=["q1"])], [enrolment(1, A)])
    assert states(found) == (["duplicate_card", "in_review"], ["card_in_question"])


# ── against a plain twin ─────────────────────────────────────────────────────────────────────


def plain(cards: list[Row], people: list[Row], bags: list[Row]) -> tuple[Row, Row]:
    """States by page and by enrolment, one at a time."""
    bag_of = {(b["region"], b["box"], b["bag"]): b for b in bags}
    by_name = {(e["ticket"], e["subject"]): e for e in people}
    registered = {e["ticket"] for e in people}
    subject_of = {p: s for sp in SITTING.specialties.values() for s, p in sp.papers.items()}

    def facts(c: Row) -> Row:
        bag = bag_of.get((c["region"], c["box"], c["bag"]))
        number = c["ticket"] if c["ticket"] and "?" not in c["ticket"] else None
        told = [c["subject"], bag["subject"] if bag else "", subject_of.get(c["barcode_paper"], "")]
        said = [one for one in told if one]
        forms = [one for one in (c["form"], c["barcode_form"]) if one]
        person = by_name.get((number, said[0])) if number and said else None
        return {"bag": bag, "number": number, "said": said, "forms": forms, "person": person}

    known = {c["page"]: facts(c) for c in cards}
    live = [c for c in cards if not c["replaced"]]
    claims: dict[int, list[int]] = {}
    for c in live:
        if c["status"] != "rejected" and known[c["page"]]["person"]:
            claims.setdefault(known[c["page"]]["person"]["enrolment"], []).append(c["page"])

    def state(c: Row) -> str:
        f, p = known[c["page"]], known[c["page"]]["person"]
        if c["replaced"]:
            return "replaced"
        if c["status"] == "rejected":
            return "rejected"
        if c["open"]:
            return "in_review"
        if sum(d["sha256"] == c["sha256"] for d in live) > 1:
            return "duplicate_card"
        if f["number"] is None:
            return "card_without_candidate"
        if f["number"] not in registered:
            return "unregistered_number"
        if len(set(f["said"])) > 1:
            return "wrong_subject"
        if p is None or p["medium"] != "card":
            return "card_without_candidate"
        if c["barcode_paper"] and c["barcode_paper"] != p["paper"]:
            return "wrong_subject"
        allowed = SITTING.papers[p["paper"]].forms
        if allowed != ("",) and (len(set(f["forms"])) != 1 or f["forms"][0] not in allowed):
            return "wrong_form"
        if f["bag"] and f["bag"]["room"] != p["room"]:
            return "wrong_room"
        if len(claims[p["enrolment"]]) > 1:
            neighbours = [
                e
                for e in people
                if (e["room"], e["subject"]) == (p["room"], p["subject"])
                and e["medium"] == "card"
                and e["present"] is not False
                and e["enrolment"] not in claims
            ]
            return "duplicate_number" if neighbours else "duplicate_card"
        answered = any(c["answers"])
        if c["absent"] and (answered or p["present"]):
            return "absent_with_answers"
        if not c["absent"] and answered and p["present"] is False:
            return "absent_with_answers"
        return "matched"

    pages = {c["page"]: state(c) for c in cards}
    by_page = {c["page"]: c for c in cards}

    def stands(e: Row) -> str:
        mine = claims.get(e["enrolment"], [])
        if any(pages[page] != "matched" for page in mine):
            return "card_in_question"
        computer = e["medium"] != "card" and e["computer_answers"] is not None
        if computer:
            return "card_in_question" if e["present"] is False else "answered"
        if mine:
            c = by_page[mine[0]]
            came_not = not any(c["answers"]) and (c["absent"] or e["present"] is False)
            return "absent" if came_not else "answered"
        return "absent" if e["present"] is False else "candidate_without_card"

    return pages, {e["enrolment"]: stands(e) for e in people}


TICKETS = st.sampled_from([A, B, C, "379999999999", "", "37000000000?"])
CARD = st.fixed_dictionaries(
    {
        "ticket": TICKETS,
        "subject": st.sampled_from(["1", "1", "2", ""]),
        "form": st.sampled_from(["A", "A", "B", ""]),
        "barcode_form": st.sampled_from(["A", "A", "B", ""]),
        "barcode_paper": st.sampled_from(["2031", "2031", "2032", "1091", ""]),
        "bag": st.sampled_from(["7", "7", "8", "9"]),
        "status": st.sampled_from(["read", "read", "read", "rejected"]),
        "replaced": st.sampled_from([False, False, False, True]),
        "absent": st.sampled_from([False, False, True]),
        "answers": st.sampled_from([b"\1\2", b"\0\0", b"\x10\0"]),
        "open": st.sampled_from([[], [], [], ["q1"]]),
        "sha256": st.sampled_from(["x", "y", *map(str, range(40))]),
    }
)
PERSON = st.fixed_dictionaries(
    {
        "ticket": st.sampled_from([A, B, C]),
        "subject": st.sampled_from(["1", "2"]),
        "room": st.sampled_from([1, 1, 2]),
        "present": st.sampled_from([True, True, None, False]),
        "computer": st.sampled_from([None, None, "with", "without"]),
    }
)


def person_row(number: int, drawn: Row) -> Row:
    row = enrolment(
        number, drawn["ticket"], **{k: drawn[k] for k in ("subject", "room", "present")}
    )
    row["paper"] = f"203{drawn['subject']}"
    if drawn["computer"]:
        row |= {"medium": "computer", "paper": f"109{drawn['subject']}"}
    if drawn["computer"] == "with":
        row |= {"computer_answers": number, "computer_form": "", "computer_masks": b"\1"}
    return row


@settings(max_examples=300, deadline=None)
@given(
    st.lists(CARD, max_size=8),
    st.lists(PERSON, max_size=6, unique_by=lambda p: (p["ticket"], p["subject"])),
    st.randoms(use_true_random=False),
)
def test_the_same_as_the_plain_twin(
    drawn: list[Row], people: list[Row], chance: random.Random
) -> None:
    cards = [card(n, **one) for n, one in enumerate(drawn, 1)]
    rows = [person_row(n, one) for n, one in enumerate(people, 1)]
    bags = [BAG, BAG | {"bag": "8", "room": 2}]
    pages, enrolled = plain(cards, rows, bags)
    chance.shuffle(cards)
    chance.shuffle(rows)
    found = joined(cards, rows, bags)
    assert found.pages["page"].is_unique().all()
    assert found.enrolments["enrolment"].is_unique().all()
    assert dict(found.pages.select("page", "state").iter_rows()) == pages
    assert dict(found.enrolments.select("enrolment", "state").iter_rows()) == enrolled
    assert set(found.pages["state"]) <= set(PageState)
    assert set(found.enrolments["state"]) <= set(EnrolmentState)
    scored = found.enrolments.filter(pl.col("state") == "answered")
    assert scored["answers"].null_count() == 0
    rest = found.enrolments.filter(pl.col("state") != "answered")
    assert rest["answers"].null_count() == rest.height


# ── counts ───────────────────────────────────────────────────────────────────────────────────


def differences(cards: list[Row], people: list[Row], boxes: int = 1) -> set[tuple[str, int, int]]:
    bags = pl.DataFrame([BAG], schema=BAGS, orient="row")
    counts = Counts(
        bags,
        pl.DataFrame({"region": ["37"], "box": ["1"], "bags": [1]}),
        pl.DataFrame({"region": ["37"], "boxes": [boxes]}),
        HALLS,
    )
    rows = pl.DataFrame(cards, schema=CARDS, orient="row")
    seats = pl.DataFrame(people, schema=ENROLMENTS, orient="row")
    together = join(rows, seats, bags, HALLS, SITTING)
    found = reconcile(together, rows, seats, counts)
    assert matters_of(together, rows, seats, found) or not found.height
    return {(r["what"], r["expected"], r["found"]) for r in found.iter_rows(named=True)}


def test_counts_that_agree() -> None:
    assert differences([card(1), card(2, B)], [enrolment(1, A), enrolment(2, B)]) == set()


def test_counts_that_differ() -> None:
    people = [enrolment(1, A), enrolment(2, B, present=False)]
    assert differences([card(1)], people) == {("cards of a bag", 2, 1)}
    assert differences([card(1), card(2, B)], people[:1]) == {("cards + absent = seats", 1, 2)}
    assert ("boxes of a region", 2, 1) in differences([card(1), card(2, B)], people, boxes=2)
    stray = [card(1), card(2, B), card(3, C, bag="9")]
    assert ("bags on no list", 0, 1) in differences(stray, people)
