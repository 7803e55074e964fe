"""Sessions, second factors, lock-out, tokens: who gets in, and who does not."""

from __future__ import annotations

import re

import pyotp
import pytest

from admin_api.console.lockout import MOST_BY_NAME, WINDOW_S
from admin_api.console.visits import IDLE_S, WHOLE_S
from admin_api.staff.service import revoke
from tests.console.conftest import Room
from tests.office.people import PASSPHRASE

PAGE = {"accept": "text/html"}


def attempt(room: Room, name: str, passphrase: str = PASSPHRASE, code: str = ""):
    said = {"name": name, "passphrase": passphrase, "code": code}
    return room.browser().post("/sign-in", data=said)


def test_a_session_begins_and_ends(room: Room) -> None:
    sun = room.enter("sun")
    assert sun.get("/account").json()["role"] == "supervisor"
    assert sun.post("/sign-out").status_code == 200
    assert sun.get("/account").status_code == 401


def test_wrong_words_are_all_the_same(room: Room) -> None:
    answers = {
        attempt(room, name, phrase).text
        for name, phrase in (("sun", "not the passphrase"), ("nobody", PASSPHRASE), ("?", "?"))
    }
    assert len(answers) == 1
    assert "wrong" in answers.pop()


def test_a_name_is_locked_after_some_wrong_attempts_whether_it_exists_or_not(room: Room) -> None:
    for name in ("sun", "nobody"):
        for _ in range(MOST_BY_NAME):
            assert "wrong" in attempt(room, name, "a guess that is wrong").text
        assert "too many" in attempt(room, name).text
    assert attempt(room, "song").status_code == 200
    room.ticks.now_s += WINDOW_S + 1
    assert attempt(room, "sun").status_code == 200


def test_a_session_idles_out_and_has_an_end(room: Room) -> None:
    sun = room.enter("sun")
    room.ticks.now_s += IDLE_S - 1
    assert sun.get("/account").status_code == 200
    room.ticks.now_s += IDLE_S + 1
    assert sun.get("/account").status_code == 401
    sun = room.enter("sun")
    began = room.ticks.now_s
    while room.ticks.now_s - began <= WHOLE_S:
        assert sun.get("/account").status_code == 200
        room.ticks.now_s += IDLE_S - 1
    assert sun.get("/account").status_code == 401


def test_a_new_session_ends_the_older_one_and_takes_no_token_from_outside(room: Room) -> None:
    first = room.enter("sun")
    fixed = room.browser()
    fixed.cookies.set("kaowu", "a-token-that-somebody-planted")
    said = fixed.post("/sign-in", data={"name": "sun", "passphrase": PASSPHRASE})
    assert "a-token" not in said.headers["set-cookie"]
    assert re.search("HttpOnly.*SameSite=strict", said.headers["set-cookie"], re.IGNORECASE)
    assert first.get("/account").status_code == 401


def test_who_is_revoked_is_out_at_once(room: Room) -> None:
    ou = room.enter("ou")
    revoke(room.desk.ledger, room.desk["an"], "ou", "left the office")
    assert ou.get("/account").status_code == 401
    assert attempt(room, "ou").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "somebody else's"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_nothing_changes_without_the_pages_own_token(room: Room, headers: dict[str, str]) -> None:
    an = room.enter("an")
    said = an.post("/people/ou/revoke", data={"why": "because"}, headers=headers)
    assert said.status_code == 403
    assert room.enter("ou").get("/account").status_code == 200


def test_a_foreign_host_is_not_served(room: Room) -> None:
    assert room.browser().get("/sign-in", headers={"Host": "evil.example"}).status_code == 421


def test_the_second_factor_comes_first_and_each_code_counts_once(room: Room) -> None:
    room.console.second_factor = True
    browser = room.browser()
    said = browser.post("/sign-in", data={"name": "sun", "passphrase": PASSPHRASE}).json()
    assert said["due"] == "second-factor"
    browser.headers["X-CSRF-Token"] = said["csrf"]
    assert browser.get("/account").status_code == 401
    secret = browser.get("/second-factor").json()["secret"]
    now = pyotp.TOTP(secret).at(room.wall[0])
    wrong = {"secret": secret, "code": f"{(int(now) + 1) % 1_000_000:06d}"}
    assert browser.post("/second-factor", data=wrong).status_code == 422
    right = {"secret": secret, "code": now}
    assert browser.post("/second-factor", data=right).status_code == 200
    assert browser.get("/account").status_code == 200

    assert attempt(room, "sun", code="").status_code == 403
    assert attempt(room, "sun", code=now).status_code == 403  # it was used for setting up
    later = pyotp.TOTP(secret).at(int(room.wall[0].timestamp()) + 30)
    assert attempt(room, "sun", code=later).status_code == 200
    assert attempt(room, "sun", code=later).status_code == 403


def test_an_administrator_takes_a_lost_second_factor_away(room: Room) -> None:
    room.console.second_factor = True
    test_the_second_factor_comes_first_and_each_code_counts_once(room)
    room.console.second_factor = False
    an = room.enter("an")
    said = an.post("/people/sun/second-factor/reset", data={"why": "lost telephone"})
    assert said.status_code == 200
    room.console.second_factor = True
    assert attempt(room, "sun").json()["due"] == "second-factor"


def test_the_passphrase_changes(room: Room) -> None:
    sun, then = room.enter("sun"), "another long phrase"
    asked = {"now": PASSPHRASE, "then": then, "again": then}
    assert sun.post("/passphrase", data=asked | {"now": "wrong"}).status_code == 403
    assert sun.post("/passphrase", data=asked | {"again": "no"}).status_code == 422
    assert sun.post("/passphrase", data=asked).status_code == 200
    assert attempt(room, "sun").status_code == 403
    assert attempt(room, "sun", then).status_code == 200


def test_pages_are_chinese_and_english_by_a_switch(room: Room) -> None:
    browser = room.browser()
    assert "登录" in browser.get("/sign-in", headers=PAGE).text
    browser.post("/language", data={"language": "en"})
    assert "Sign in" in browser.get("/sign-in", headers=PAGE).text


def test_every_answer_has_the_strict_headers(room: Room) -> None:
    for path in ("/sign-in", "/account", "/static/console.css", "/nothing", "/healthz"):
        headers = room.browser().get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
