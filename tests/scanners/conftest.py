"""Fixtures of the watched folder; most of its tests run told by inotify, and looking alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scanners.hot_folders import LOOKING, TOLD, Opened


@pytest.fixture(params=[TOLD, LOOKING], ids=["told", "looking"])
def poll_s(request: pytest.FixtureRequest) -> float | None:
    return request.param


@pytest.fixture
def hot(tmp_path: Path) -> Path:
    folder = tmp_path / "hot"
    folder.mkdir()
    return folder


@pytest.fixture
def watch() -> Iterator[Opened]:
    opened = Opened()
    yield opened
    opened.close()
