"""The office killed at a few random moments; `tests.faults.office_kill` does it at fifty."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from admin_api.staff import keys
from tests.faults.office_kill import CHEAP, trial


def test_a_killed_office_completes_to_the_same_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_COST", CHEAP)
    assert trial(tmp_path, 4, random.Random(5)) >= 1
