"""Every page of every role can be seen, in both languages; nobody sees another role's."""

from __future__ import annotations

import pytest

from admin_api.acts.roles import Role
from admin_api.console.navigation import links_for
from tests.console.conftest import Room
from tests.office.people import STAFF

PAGE = {"accept": "text/html"}
PEOPLE = {role: name for name, (role, _, _) in reversed(STAFF.items())} | {Role.ADMINISTRATOR: "an"}


@pytest.mark.parametrize("role", [role for role in Role if role in PEOPLE])
def test_a_roles_pages_show(room: Room, role: Role) -> None:
    browser = room.enter(PEOPLE[role])
    browser.cookies.set("kaowu-language", "en")
    for link in [*links_for(role)]:
        said = browser.get(link.path, headers=PAGE)
        assert said.status_code == 200, f"{link.path}: {said.text}"
        assert "<h1" in said.text
        assert browser.get(link.path).json() is not None
        part = browser.get(link.path, headers={"hx-request": "true"})
        assert part.text.lstrip().startswith("<title>")
        assert part.headers["hx-push-url"] == link.path


def test_chain_day_and_lists(room: Room) -> None:
    shen, sun, lu = room.enter("shen"), room.enter("sun"), room.enter("lu37")
    assert shen.get("/audit/chain").json()["holds"]
    for browser, path in (
        (shen, "/audit/chain"),
        (shen, "/audit?kind=staff.add&who=an"),
        (sun, "/day"),
        (sun, "/intakes"),
        (lu, "/violations/list"),
        (sun, "/api"),
        (sun, "/second-factor"),
    ):
        assert browser.get(path, headers=PAGE).status_code == 200, path
