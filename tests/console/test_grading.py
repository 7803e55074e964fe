"""The grading queue: who is shown what, when, and what nobody learns."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from admin_api import tables
from admin_api.acts.roles import Role
from admin_api.console.desks.grading import GradingRoom
from admin_api.review.decisions import Standing
from admin_api.review.queue import KNOWN_EVERY, LEASE_S, Queue
from admin_api.review.service import decided_cards, replace_page
from admin_api.staff.service import Newcomer, add
from tests.console.conftest import Room
from tests.console.doubts import Doubtful, draw_cards, store_doubted
from tests.office.people import PASSPHRASE, Desk

FIELDS = [Doubtful("q1", 0.2), Doubtful("q2", 0.4), Doubtful("q3", 0.1)]


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_cards(tmp_path_factory.mktemp("cards"), 2)


def doubted(desk: Desk, scans: list[Path], *fields: list[Doubtful]) -> list[int]:
    return store_doubted(desk.office, desk["ou"], list(zip(scans, fields, strict=False)), "1")


def open_queue(room: Room) -> Queue:
    """The console's queue, its leases by the test's clock."""
    room.enter("ren").get("/grading")
    found = room.console.desks[GradingRoom]
    assert isinstance(found, GradingRoom)
    found.queue.tick = room.ticks
    found.queue._leases.clear()
    return found.queue


def shown(browser: TestClient) -> str:
    """The field that is before somebody, "" where there is none."""
    now = browser.get("/grading").json()["now"]
    return now["field"] if now else ""


def say(browser: TestClient, value: str) -> dict:
    """Decide what is before somebody."""
    now = browser.get("/grading").json()["now"]
    said = browser.post(
        "/grading", data={"page": now["page"], "field": now["field"], "value": value}
    )
    assert said.status_code == 200, said.text
    return said.json()


def test_the_likeliest_to_be_wrong_comes_first(room: Room, scans: list[Path]) -> None:
    doubted(room.desk, scans, FIELDS, [Doubtful("q9", 0.3)])
    ren = room.enter("ren")
    seen = []
    while field := shown(ren):
        seen.append(field)
        say(ren, "A")
    assert seen == ["q2", "q9", "q1", "q3"]


def test_what_is_shown_tells_the_reason_and_the_figures(room: Room, scans: list[Path]) -> None:
    (page,) = doubted(room.desk, scans, [Doubtful("q2", 0.25, "faint", "darkest 0.31, next 0.28")])
    now = room.enter("ren").get("/grading").json()["now"]
    assert (now["page"], now["field"], now["error_probability"]) == (page, "q2", 0.25)
    assert now["doubts"] == [{"kind": "faint", "evidence": "darkest 0.31, next 0.28"}]
    assert now["options"] == list("ABCDE")
    assert now["place"] == "37/1/1 card 1"


def test_two_who_agree_settle_a_field(room: Room, scans: list[Path]) -> None:
    (page,) = doubted(room.desk, scans, [Doubtful("q2", 0.4)])
    ren, rao = room.enter("ren"), room.enter("rao")
    said = say(ren, "B")
    assert said["now"] is None  # no field twice for one person
    assert shown(rao) == "q2"
    say(rao, "B")
    with room.desk.ledger.moment() as connection:
        cards = decided_cards(connection, room.desk.office.exam)
    card = cards.row(by_predicate=pl.col("page") == page, named=True)
    assert card["answers"][1] == 0b10
    assert card["open"] == []
    for grader in (ren, rao, room.enter("sun")):
        assert shown(grader) == ""


def test_a_grader_learns_nothing_of_the_others_word(room: Room, scans: list[Path]) -> None:
    (page,) = doubted(room.desk, scans, [Doubtful("q2", 0.4)])
    ren, rao = room.enter("ren"), room.enter("rao")
    word = {"page": page, "field": "q2"}
    before = rao.get("/grading").json()
    first = ren.post("/grading", data=word | {"value": "B"}).json()
    assert rao.get("/grading").json() == before
    # Whether it settles, differs or waits, the answer is the same.
    second = rao.post("/grading", data=word | {"value": "C"}).json()
    assert first == second


def test_where_two_differ_a_third_settles(room: Room, scans: list[Path]) -> None:
    (page,) = doubted(room.desk, scans, [Doubtful("q2", 0.4), Doubtful("q3", 0.1)])
    ren, rao, sun = room.enter("ren"), room.enter("rao"), room.enter("sun")
    word = {"page": page, "field": "q2"}
    assert shown(sun) == ""
    early = sun.post("/grading", data=word | {"value": "D"})
    assert early.status_code == 403
    say(ren, "B")
    say(rao, "C")
    assert shown(sun) == "q2"
    assert say(sun, "D")["said"] == Standing.SETTLED.value
    with room.desk.ledger.moment() as connection:
        cards = decided_cards(connection, room.desk.office.exam)
    assert cards.row(by_predicate=pl.col("page") == page, named=True)["answers"][1] == 0b1000
    late = ren.post("/grading", data=word | {"value": "B"})
    assert (late.status_code, late.json()["kind"]) == (422, "Refused")


def test_no_more_people_look_at_a_field_than_are_needed(room: Room, scans: list[Path]) -> None:
    doubted(room.desk, scans, FIELDS)
    queue = open_queue(room)
    given = {name: queue.next_for(name) for name in ("a", "b", "c", "d")}
    assert [one.field for one in given.values() if one] == ["q2", "q2", "q1", "q1"]
    again = queue.next_for("a")
    assert again is not None
    assert again.field == "q2"
    room.ticks.now_s += LEASE_S + 1  # everybody went home without a word
    late = queue.next_for("e")
    assert late is not None
    assert late.field == "q2"


def test_a_field_stays_before_a_person_who_keeps_looking(room: Room, scans: list[Path]) -> None:
    doubted(room.desk, scans, FIELDS)
    queue = open_queue(room)
    queue.next_for("a")
    for _ in range(3):
        room.ticks.now_s += LEASE_S * 0.9
        assert queue.next_for("a") == queue.find(next(iter(queue._leases.values())).key)
    then = queue.after("a")
    assert then is not None
    assert then.field == "q1"


def test_undo_brings_the_field_back_and_the_later_word_counts(
    room: Room, scans: list[Path]
) -> None:
    (page,) = doubted(room.desk, scans, FIELDS)
    ren, rao = room.enter("ren"), room.enter("rao")
    assert say(ren, "A")["now"]["field"] == "q1"
    undone = ren.post("/grading/undo").json()
    assert undone["now"]["field"] == "q2"
    assert shown(ren) == "q2"  # and stays, however often the page is loaded
    say(ren, "B")
    rao.post("/grading", data={"page": page, "field": "q2", "value": "B"})
    with room.desk.ledger.moment() as connection:
        cards = decided_cards(connection, room.desk.office.exam)
    assert "q2" not in cards.row(by_predicate=pl.col("page") == page, named=True)["open"]
    settled = ren.post("/grading/undo")
    assert settled.status_code == 404
    assert "nothing to undo" in settled.json()["error"]
    assert shown(ren) == "q1"


def test_undo_twice_has_nothing_left(room: Room, scans: list[Path]) -> None:
    doubted(room.desk, scans, FIELDS)
    ren = room.enter("ren")
    assert ren.post("/grading/undo").status_code == 404
    say(ren, "A")
    assert ren.post("/grading/undo").status_code == 200
    assert ren.post("/grading/undo").status_code == 404


def test_a_rescan_takes_the_old_pages_fields_away(room: Room, scans: list[Path]) -> None:
    old, new = doubted(room.desk, scans, [Doubtful("q2", 0.4)], [Doubtful("q7", 0.1)])
    ren, rao = room.enter("ren"), room.enter("rao")
    assert shown(ren) == shown(rao) == "q2"
    say(rao, "A")
    replace_page(room.desk.office, room.desk["ou"], old, new, "folded")
    assert shown(ren) == "q7"
    assert rao.post("/grading/undo").status_code == 404
    assert shown(rao) == "q7"
    assert ren.get(f"/grading/{old}/q2/crop.jpg").status_code == 404


def test_known_fields_are_mixed_in_and_measure(room: Room, scans: list[Path]) -> None:
    fields = [Doubtful(f"q{n}", 0.4) for n in range(1, KNOWN_EVERY + 5)]
    doubted(room.desk, scans, [Doubtful("q50", 0.9), *fields])
    for name in ("ren", "rao"):
        say(room.enter(name), "A")
    newcomer = Newcomer("ruan", Role.REVIEWER, PASSPHRASE)
    add(room.desk.ledger, room.desk["an"], newcomer, room.desk.office.exam)
    ruan, seen = room.enter("ruan"), []
    for _ in range(KNOWN_EVERY + 2):
        seen.append(shown(ruan))
        assert say(ruan, "E")["said"] == Standing.WAITING.value
    assert seen.index("q50") == KNOWN_EVERY - 1
    assert len(set(seen)) == len(seen), "no field twice"
    said = room.desk.ledger.read(select(tables.known_field))
    assert said.select("field", "value", "settled", "who").rows() == [("q50", "E", "A", "ruan")]
    assert "q50" not in room.desk.ledger.read(
        select(tables.decision.c.field).where(tables.decision.c.who == "ruan")
    ).get_column("field")
    figures = {one["name"]: one for one in room.enter("sun").get("/graders").json()["graders"]}
    assert figures["ruan"] == {
        "name": "ruan",
        "decisions": KNOWN_EVERY + 1,
        "settled": 0,
        "overruled": 0,
        "known": 1,
        "known_wrong": 1,
    }


def test_figures_of_graders(room: Room, scans: list[Path]) -> None:
    doubted(room.desk, scans, FIELDS)
    ren, rao, sun = room.enter("ren"), room.enter("rao"), room.enter("sun")
    for mine, other in (("A", "A"), ("B", "C"), ("D", "D")):
        say(ren, mine)
        say(rao, other)
    before = sun.get("/graders").json()
    assert before["waiting"] == 1
    say(sun, "C")
    after = sun.get("/graders").json()
    told = {
        one["name"]: (one["decisions"], one["settled"], one["overruled"])
        for one in after["graders"]
    }
    assert told == {"ren": (3, 3, 1), "rao": (3, 3, 0)}
    assert after["waiting"] == 0


def test_crops_show_the_field_where_it_lies(room: Room, scans: list[Path]) -> None:
    (page,) = doubted(room.desk, scans, FIELDS)
    ren = room.enter("ren")
    now = ren.get("/grading").json()["now"]
    sizes = {}
    for part in ("crop", "row"):
        said = ren.get(now[part])
        assert said.headers["content-type"] == "image/jpeg"
        assert said.headers["cache-control"].startswith("private")
        picture = cv2.imdecode(np.frombuffer(said.content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        sizes[part] = picture.shape[:2]
        assert picture.std() > 10, "something is printed there"
    assert sizes["crop"][1] < sizes["row"][1]
    assert ren.get(f"/grading/{page}/q77/crop.jpg").status_code == 404
    assert ren.get("/grading/99/q1/crop.jpg").status_code == 404


@pytest.mark.parametrize("value", ["F", "AB?", "<b>", "A" * 101])
def test_what_the_field_cannot_say_is_refused(room: Room, scans: list[Path], value: str) -> None:
    (page,) = doubted(room.desk, scans, FIELDS)
    ren = room.enter("ren")
    said = ren.post("/grading", data={"page": page, "field": "q2", "value": value})
    assert said.status_code == 422
    assert shown(ren) == "q2"
    never = ren.post("/grading", data={"page": page, "field": "q88", "value": "A"})
    assert never.status_code == 422
