"""The office killed at a few random moments, on both databases; `tests.faults.office_kill` does it
at fifty.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from admin_api.settings import Settings, settings_in
from admin_api.staff import keys
from tests.faults.office_kill import CHEAP, copied_database, copied_folder, trial
from tests.office.postgres import running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the sitting's files are; the scans in it are drawn once."""
    return tmp_path_factory.mktemp("sitting")


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_COST", CHEAP)


def test_a_killed_office_completes_to_the_same_release(tmp_path: Path, files: Path) -> None:
    assert trial(settings_in(tmp_path / "first"), files, copied_folder, 2, random.Random(5)) >= 1


def test_a_killed_office_on_postgresql_completes_to_the_same_release(
    tmp_path: Path, files: Path
) -> None:
    with running() as server:
        first = Settings(tmp_path / "first", server.database())
        assert trial(first, files, copied_database(server), 1, random.Random(6)) >= 1
