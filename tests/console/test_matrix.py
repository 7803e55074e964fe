"""Who may use what: every endpoint against every role. A new endpoint must be entered here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, select

from admin_api import tables
from admin_api.acts.roles import Role
from admin_api.console.desks import DESKS
from tests.console.conftest import Room
from tests.console.test_pages import PEOPLE

ANY = tuple(Role)
CENTRE_EYES = (Role.SUPERVISOR, Role.RELEASE, Role.AUDITOR)
SCANNING = (Role.OPERATOR, Role.SUPERVISOR)
SCANNING_EYES = (*SCANNING, Role.AUDITOR)
CORRECTIONS = (Role.REGION, *CENTRE_EYES)
VIOLATIONS = (Role.SITE, *CORRECTIONS)

ALLOWED: dict[str, tuple[Role, ...]] = {
    "GET /": ANY,
    "GET /account": ANY,
    "GET /second-factor": ANY,
    "POST /second-factor": ANY,
    "POST /passphrase": ANY,
    "POST /sign-out": ANY,
    "GET /bags": SCANNING_EYES,
    "GET /bags/{region}/{box}/{bag}": SCANNING_EYES,
    "POST /bags/{region}/{box}/{bag}/scans": SCANNING,
    "POST /bags/{region}/{box}/{bag}/feed": SCANNING,
    "POST /scanners/{scanner}/halt": SCANNING,
    "POST /intakes": SCANNING,
    "GET /intakes": SCANNING_EYES,
    "GET /intakes/live": SCANNING_EYES,
    "POST /trial": SCANNING,
    "GET /day": SCANNING_EYES,
    "GET /pages/{page}": (*SCANNING_EYES, Role.REVIEWER, Role.RELEASE),
    "POST /pages/{page}/replace": SCANNING,
    "GET /pages/{page}/image.jpg": (*SCANNING_EYES, Role.REVIEWER, Role.RELEASE),
    "GET /grading": (Role.REVIEWER, Role.SUPERVISOR),
    "POST /grading": (Role.REVIEWER, Role.SUPERVISOR),
    "POST /grading/undo": (Role.REVIEWER, Role.SUPERVISOR),
    "GET /grading/{page}/{field}/crop.jpg": (Role.REVIEWER, Role.SUPERVISOR),
    "GET /grading/{page}/{field}/row.jpg": (Role.REVIEWER, Role.SUPERVISOR),
    "GET /graders": (Role.SUPERVISOR, Role.AUDITOR),
    "GET /corrections": CORRECTIONS,
    "POST /corrections": (Role.REGION,),
    "POST /corrections/one": (Role.REGION,),
    "POST /corrections/override": (Role.SUPERVISOR, Role.RELEASE),
    "POST /corrections/{number}/approve": (Role.SUPERVISOR,),
    "POST /corrections/{number}/reject": (Role.SUPERVISOR,),
    "GET /corrections/{number}/evidence": CORRECTIONS,
    "GET /violations": VIOLATIONS,
    "POST /violations": (Role.SITE, Role.REGION),
    "POST /violations/one": (Role.SITE, Role.REGION),
    "POST /violations/{number}/confirm": (Role.REGION,),
    "POST /violations/{number}/reject": (Role.REGION,),
    "GET /violations/list": (Role.REGION, Role.SUPERVISOR),
    "GET /violations/list.csv": (Role.REGION, Role.SUPERVISOR),
    "POST /violations/compare": (Role.REGION, Role.SUPERVISOR),
    "GET /imports": (Role.SUPERVISOR, Role.AUDITOR),
    "POST /imports": (Role.SUPERVISOR,),
    "GET /keys": (Role.KEYHOLDER, Role.SUPERVISOR, Role.AUDITOR),
    "POST /keys": (Role.KEYHOLDER,),
    "GET /matters": CENTRE_EYES,
    "POST /matters/settle": (Role.SUPERVISOR, Role.RELEASE),
    "POST /scores": (Role.SUPERVISOR, Role.RELEASE),
    "GET /results": CENTRE_EYES,
    "GET /results/changes": CENTRE_EYES,
    "GET /results/{ticket}": CENTRE_EYES,
    "GET /results/{ticket}/{subject}": CENTRE_EYES,
    "GET /statistics": CENTRE_EYES,
    "POST /statistics": CENTRE_EYES,
    "GET /statistics/statistics.xlsx": CENTRE_EYES,
    "GET /statistics/statistics.zip": CENTRE_EYES,
    "GET /statistics/{form}": CENTRE_EYES,
    "GET /statistics/{form}/{plot}.svg": CENTRE_EYES,
    "GET /releases": CENTRE_EYES,
    "POST /releases/freeze": (Role.RELEASE,),
    "POST /releases/{hash}/sign": (Role.RELEASE,),
    "POST /releases/{hash}/publish": (Role.RELEASE,),
    "POST /releases/{hash}/withdraw": (Role.RELEASE,),
    "POST /releases/{hash}/military": (Role.RELEASE,),
    "GET /similarity": CENTRE_EYES,
    "POST /similarity": (Role.SUPERVISOR, Role.RELEASE),
    "GET /similarity/{number}": CENTRE_EYES,
    "GET /similarity/{number}/{pair}": CENTRE_EYES,
    "GET /similarity/{number}/{pair}/{picture}": CENTRE_EYES,
    "GET /audit": (Role.AUDITOR,),
    "GET /audit/chain": (Role.AUDITOR,),
    "GET /people": (Role.ADMINISTRATOR, Role.AUDITOR),
    "POST /people": (Role.ADMINISTRATOR,),
    "POST /people/{name}/revoke": (Role.ADMINISTRATOR,),
    "POST /people/{name}/second-factor/reset": (Role.ADMINISTRATOR,),
}
OPEN = {"GET /sign-in", "POST /sign-in", "POST /language"}
"""What needs no session."""

PROPOSE_AND_DECIDE = (
    ("POST /corrections", "POST /corrections/{number}/approve"),
    ("POST /corrections/one", "POST /corrections/{number}/approve"),
    ("POST /violations", "POST /scores"),
    ("POST /grading", "POST /releases/{hash}/sign"),
    ("POST /keys", "POST /scores"),
    ("POST /imports", "POST /releases/{hash}/sign"),
)
"""Acts of which no role may do both; entering and confirming a violation is two people's."""


def endpoints() -> Iterator[str]:
    for router in DESKS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods):
                yield f"{method} {route.path}"


def test_every_endpoint_is_in_the_matrix() -> None:
    assert sorted(endpoints()) == sorted({*ALLOWED, *OPEN})


def test_no_role_both_proposes_and_decides() -> None:
    for proposing, deciding in PROPOSE_AND_DECIDE:
        assert not set(ALLOWED[proposing]) & set(ALLOWED[deciding]), (proposing, deciding)


@pytest.mark.parametrize("role", [role for role in Role if role in PEOPLE])
def test_a_role_reaches_its_own_endpoints_and_no_others(room: Room, role: Role) -> None:
    """Whatever is wrong with what is sent: who may not is told so first, and changes nothing."""
    browser = room.enter(PEOPLE[role])
    acts = acts_in(room)
    for endpoint, roles in ALLOWED.items():
        if endpoint in ("POST /sign-out", "GET /intakes/live"):
            continue
        method, path = endpoint.split(" ")
        said = browser.request(method, re.sub(r"\{\w+\}", "1", path))
        if role in roles:
            assert said.status_code in (200, 404, 409, 422), f"{endpoint}: {said.text}"
        else:
            assert said.status_code == 403, f"{endpoint}: {said.status_code} {said.text}"
            assert "needs a" in said.json()["error"]
    # Scoring is the only act that needs no input.
    expected = role in (Role.SUPERVISOR, Role.RELEASE)
    assert acts_in(room) - acts == expected


def test_nobody_reaches_anything_without_a_session(room: Room) -> None:
    browser = room.browser()
    for endpoint in ALLOWED:
        method, path = endpoint.split(" ")
        filled = re.sub(r"\{\w+\}", "1", path)
        assert browser.request(method, filled).status_code == 401, endpoint
        page = browser.request(method, filled, headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in"), endpoint


def acts_in(room: Room) -> int:
    return room.desk.ledger.read(select(func.count().label("id")).select_from(tables.act)).item()
