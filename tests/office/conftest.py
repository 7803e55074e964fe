"""Fixtures: an office on SQLite and on PostgreSQL, with its people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from admin_api.settings import Settings, settings_in
from tests.office.papers import EXAM as EXAM
from tests.office.people import Desk, new_desk, with_cheap_keys
from tests.office.postgres import Server, running
from tests.office.walk import Walk, walked


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cheap_keys(monkeypatch.setattr)


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """An office that went the whole way by its command line; tests only look at it, or copy it."""
    with pytest.MonkeyPatch.context() as patch:
        with_cheap_keys(patch.setattr)
        return walked(tmp_path_factory.mktemp("office"))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A home of its own, once with each database."""
    home = settings_in(tmp_path / "home")
    if request.param == "sqlite":
        return home
    server: Server = request.getfixturevalue("postgres")
    return Settings(home.home, server.database())


@pytest.fixture
def desk(settings: Settings, cheap_keys: None) -> Desk:
    """An office on either database, with everybody on its staff."""
    return new_desk(settings, EXAM)
