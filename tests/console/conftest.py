"""Fixtures: a console on an office with everybody on its staff, and browsers without a screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from admin_api.clock import CST
from admin_api.console.app import build_app
from admin_api.console.desk import Console
from admin_api.console.guard import Rules
from admin_api.console.lockout import Lockout
from admin_api.console.visits import Visits
from admin_api.settings import settings_in
from tests.office.people import PASSPHRASE, Desk, new_desk, with_cheap_keys

EXAM = Path(__file__).parents[1] / "office" / "EXAM.toml"
HOST = "http://127.0.0.1"


@dataclass
class Ticks:
    """Seconds that pass when the test says so."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Room:
    """A console, its office's people, and its clocks. `enter` signs somebody in."""

    desk: Desk
    console: Console
    ticks: Ticks
    wall: list[datetime]
    enter: Callable[[str], TestClient]

    def browser(self) -> TestClient:
        """A browser that is not signed in."""
        return TestClient(build_app(self.console), base_url=HOST, follow_redirects=False)


def make_room(desk: Desk) -> Room:
    ticks, wall = Ticks(), [datetime(2026, 6, 1, 9, 0, 5, tzinfo=CST)]
    console = Console(
        desk.office,
        Rules(("127.0.0.1",), secure=False),
        Visits(ticks),
        Lockout(ticks),
        lambda: wall[0],
        second_factor=False,
    )
    app = build_app(console)

    def enter(name: str) -> TestClient:
        browser = TestClient(app, base_url=HOST, follow_redirects=False)
        said = browser.post("/sign-in", data={"name": name, "passphrase": PASSPHRASE})
        assert said.status_code == 200, said.text
        browser.headers["X-CSRF-Token"] = said.json()["csrf"]
        return browser

    return Room(desk, console, ticks, wall, enter)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    with_cheap_keys(monkeypatch.setattr)
    return make_room(new_desk(settings_in(tmp_path / "home"), EXAM))
