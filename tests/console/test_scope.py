"""What regions and sites see and do by the console: their own, in time, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from admin_api import tables
from admin_api.acts.roles import Role
from admin_api.clock import CST
from admin_api.registration import service as registration
from admin_api.staff.service import Newcomer, add
from tests.console.conftest import Room
from tests.office.papers import HEADER
from tests.office.people import PASSPHRASE

EVIDENCE = ("letter.pdf", b"%PDF-1.4 a letter", "application/pdf")
OURS, BESIDE, THEIRS = "370000000001", "370000000002", "540000000001"
"""Candidates of region 37 site 01, of its site 02, and of region 54."""
LAST = datetime(2026, 6, 12, 23, 59, 59, tzinfo=CST)
SECOND = timedelta(seconds=1)
NEW = "甲乙丙"  # a name that only the reports hold


@pytest.fixture
def sitting(room: Room, tmp_path: Path) -> Room:
    people = [
        f"{OURS},王一,军官证,军字第00000001号,F1,203,师,37,01,一中,01,01,1234",
        f"{BESIDE},李二,军官证,军字第00000002号,F2,203,师,37,02,二中,01,01,1234",
        f"{THEIRS},张三,军官证,军字第00000003号,F3,203,师,54,01,一中,01,01,1234",
    ]
    roster = tmp_path / "roster.csv"
    roster.write_text("\n".join([HEADER, *people]), encoding="utf-8")
    registration.import_roster(room.desk.office, room.desk["sun"], roster, military=False)
    office = room.desk.office
    for name, region, site in (("zhan02", "37", "02"), ("zeng54", "54", "01")):
        newcomer = Newcomer(name, Role.SITE, PASSPHRASE, region, site)
        add(office.ledger, room.desk["an"], newcomer, office.exam)
    return room


def correct(browser: TestClient, ticket: str = OURS):
    form = {"kind": "name", "ticket": ticket, "old": _NAMES[ticket], "new": NEW}
    form |= {"reason": "录错", "document": "文1号"}
    return browser.post("/corrections/one", data=form, files={"evidence": EVIDENCE})


def report(browser: TestClient, ticket: str = OURS):
    form = {"ticket": ticket, "subject": "1", "code": "101", "reminded": "是", "facts": "手机响"}
    form |= {"recorder1": "甲", "recorder2": "乙", "signature": "签", "site_head": "丙"}
    return browser.post("/violations/one", data=form, files={"evidence": EVIDENCE})


_NAMES = {OURS: "王一", BESIDE: "李二", THEIRS: "张三"}


def kept(room: Room) -> tuple[int, int]:
    read = room.desk.ledger.read
    return (
        read(select(tables.correction.c.id)).height,
        read(select(tables.violation.c.id)).height,
    )


# ── what is not one's own is not there ───────────────────────────────────────────────────────


def test_a_region_sees_its_own_corrections_however_it_asks(sitting: Room) -> None:
    (number,) = correct(sitting.enter("lu37")).json()["new"]
    other = sitting.enter("zang54")
    for query in ("", "?region=37", "?region=", "?region=37&region=54", "?standing=proposed"):
        said = other.get(f"/corrections{query}")
        assert (said.status_code, said.json()["corrections"]) == (200, []), query
        assert NEW not in other.get(f"/corrections{query}", headers={"accept": "text/html"}).text
    assert other.get(f"/corrections/{number}/evidence").status_code == 404
    assert sitting.enter("lv37").get(f"/corrections/{number}/evidence").status_code == 200
    assert [one["id"] for one in sitting.enter("sun").get("/corrections").json()["corrections"]]


def test_what_is_not_there_and_what_is_anothers_are_told_alike(sitting: Room) -> None:
    (number,) = correct(sitting.enter("lu37")).json()["new"]
    (entered,) = report(sitting.enter("zhan01")).json()["new"]
    other = sitting.enter("zang54")
    for path, theirs in (
        ("/corrections/{}/evidence", number),
        ("/violations/{}/confirm", entered),
        ("/violations/{}/reject", entered),
    ):
        method = "GET" if path.endswith("evidence") else "POST"
        form = {"why": "not theirs"} if method == "POST" else None
        there, nowhere = (
            other.request(method, path.format(one), data=form) for one in (theirs, 4_000_000)
        )
        assert there.status_code == nowhere.status_code == 404, path
        told = there.json()["error"].replace(str(theirs), "4000000")
        assert told == nowhere.json()["error"]


def test_a_region_cannot_report_of_anothers_candidate(sitting: Room) -> None:
    before = kept(sitting)
    lu = sitting.enter("lu37")
    for said in (correct(lu, THEIRS), report(lu, THEIRS)):
        assert said.status_code in (404, 422)
        assert "张三" not in said.text, "nothing is told of a candidate of another region"
    assert kept(sitting) == before


def test_a_site_sees_and_enters_its_own_violations_alone(sitting: Room) -> None:
    mine, beside, far = (sitting.enter(name) for name in ("zhan01", "zhan02", "zeng54"))
    assert report(mine).status_code == 200
    refused = report(mine, BESIDE)
    assert refused.status_code in (404, 422)
    assert "李二" not in refused.text
    assert report(beside, BESIDE).status_code == 200
    tickets = {}
    for name, browser in (("mine", mine), ("beside", beside), ("far", far)):
        for query in ("", "?region=37", "?region=54"):
            rows = browser.get(f"/violations{query}").json()["violations"]
            tickets.setdefault(name, set()).update(row["ticket"] for row in rows)
    assert tickets == {"mine": {OURS}, "beside": {BESIDE}, "far": set()}
    of_region = sitting.enter("lu37").get("/violations?region=54").json()["violations"]
    assert {row["ticket"] for row in of_region} == {OURS, BESIDE}


def test_a_region_compares_and_prints_its_own_list_alone(sitting: Room) -> None:
    (number,) = report(sitting.enter("zhan01")).json()["new"]
    assert sitting.enter("lu37").post(f"/violations/{number}/confirm").status_code == 200
    other = sitting.enter("zang54")
    for path in ("/violations/list", "/violations/list.csv"):
        for query in ("", "?region=37"):
            assert OURS not in other.get(path + query).text
            assert OURS in sitting.enter("lu37").get(path + query.replace("37", "54")).text
    listed = f"公文号,准考证号,科目,代码\n卫考违1号,{OURS},1,101\n".encode()
    file = {"file": ("list.csv", listed, "text/csv")}
    said = other.post("/violations/compare", files=file, data={"region": "37"})
    assert said.status_code in (404, 422) or not said.json()["closed"]
    open_still = sitting.enter("sun").get("/matters").text
    assert "violations of 37" in open_still, "another region's comparison closes nothing of ours"


# ── the deadline, to the second ──────────────────────────────────────────────────────────────


def test_the_last_second_is_in_time_and_the_next_is_not(sitting: Room) -> None:
    lu, clock = sitting.enter("lu37"), sitting.desk.clock
    clock.moment = LAST
    assert lu.get("/corrections").json()["over"] is False
    assert lu.get("/violations").json()["open"] is True
    assert correct(lu).status_code == report(lu).status_code == 200
    before = kept(sitting)
    clock.moment = LAST + SECOND
    assert lu.get("/corrections").json()["over"] is True
    assert lu.get("/violations").json()["open"] is False
    for said in (correct(lu, BESIDE), report(lu, BESIDE)):
        assert (said.status_code, said.json()["kind"]) == (409, "TooLate")
        assert "2026-06-12 23:59:59" in said.json()["error"]
    assert kept(sitting) == before


def test_a_browsers_own_clock_and_zone_change_nothing(sitting: Room) -> None:
    lu = sitting.enter("lu37")
    sitting.desk.clock.moment = LAST + SECOND
    headers = {"date": "Fri, 12 Jun 2026 10:00:00 GMT", "x-timezone": "America/New_York"}
    lu.headers.update(headers)
    assert correct(lu).status_code == 409


def test_before_the_window_violations_wait(sitting: Room) -> None:
    sitting.desk.clock.moment = datetime(2026, 5, 31, 23, 59, 59, tzinfo=CST)
    lu = sitting.enter("lu37")
    said = report(lu)
    assert said.status_code in (409, 422)
    assert "2026-06-01" in said.json()["error"]
    sitting.desk.clock.moment += SECOND
    assert report(lu).status_code == 200
