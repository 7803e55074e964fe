"""The API as it describes itself: whatever is sent, no 5xx and no status that it does not name."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from admin_api.acts.roles import Role
from admin_api.settings import settings_in
from tests.console.conftest import EXAM, Room, make_room
from tests.console.test_matrix import ALLOWED
from tests.console.test_pages import PEOPLE
from tests.office.people import new_desk, with_cheap_keys

SKIPPED = ("/sign-out", "/intakes/live", "/sign-in", "/language")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    patch = pytest.MonkeyPatch()
    with_cheap_keys(patch.setattr)
    return make_room(new_desk(settings_in(tmp_path_factory.mktemp("api") / "home"), EXAM))


@pytest.fixture(scope="module")
def browsers(room: Room) -> dict[Role, TestClient]:
    """Somebody of every role, signed in."""
    return {role: room.enter(name) for role, name in PEOPLE.items()}


@pytest.fixture(scope="module")
def described(room: Room) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(room.browser().get("/openapi.json").json())


TRIED = [one for one in ALLOWED if one.split(" ")[1] not in SKIPPED]


@pytest.mark.parametrize("endpoint", TRIED)
def test_nothing_breaks_it(
    described: schemathesis.BaseSchema, browsers: dict[Role, TestClient], endpoint: str
) -> None:
    method, path = endpoint.split(" ")
    operation = described[path][method]
    browser = browsers[next(role for role in ALLOWED[endpoint] if role in browsers)]

    @given(case=operation.as_strategy())
    @settings(
        max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    def send(case: schemathesis.Case) -> None:
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
        sent.pop("cookies", None)
        headers = {k: v for k, v in (sent.pop("headers", {}) or {}).items() if k.isascii()}
        answer = browser.request(headers=headers | dict(browser.headers), **sent)
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        assert str(answer.status_code) in operation.definition.raw["responses"], answer.text

    send()


def test_every_endpoint_is_described(described: schemathesis.BaseSchema) -> None:
    told = {f"{one.ok().method.upper()} {one.ok().path}" for one in described.get_all_operations()}
    assert {*ALLOWED, "POST /sign-in", "POST /language"} <= told
