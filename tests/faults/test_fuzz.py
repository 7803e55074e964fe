"""Damaged files are refused or read, never more; and the watcher sees what it is there to see."""

from __future__ import annotations

import os
import time

import pytest

from tests.faults import fuzz
from tests.faults.cards import card_files
from tests.faults.fuzz import READINGS, damaged_file, open_and_read, run_fuzz, valid_files

# Each target below misbehaves on the fifth file.
_SEED = 3
_FIFTH = 4


def _is_fifth(data: bytes) -> bool:
    return data == damaged_file(_SEED, _FIFTH)[0]


def die(data: bytes, name: str) -> str:
    """A target that crashes."""
    if _is_fifth(data):
        os.abort()
    return "read"


def hang(data: bytes, name: str) -> str:
    """A target that never returns."""
    if _is_fifth(data):
        time.sleep(3600)
    return "read"


def devour(data: bytes, name: str) -> str:
    """A target that takes memory and gives it back before anyone looks."""
    if _is_fifth(data):
        taken = bytearray(400_000_000)
        taken[::4096] = b"x" * len(taken[::4096])
    return "read"


def blunder(data: bytes, name: str) -> str:
    """A target that raises what it should not."""
    if _is_fifth(data):
        raise KeyError("lost")
    return "read"


@pytest.mark.parametrize(
    ("target", "kind"),
    [(die, "crash"), (hang, "hang"), (devour, "hunger"), (blunder, "escaped exception")],
)
def test_the_watcher_sees_and_goes_on(
    target: fuzz.Target, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "SECONDS_A_FILE", 2.0)
    if target is devour:
        quiet = run_fuzz(3, _SEED, die)
        monkeypatch.setattr(fuzz, "MAX_RSS", quiet.peak_rss + 200_000_000)
    report = run_fuzz(8, _SEED, target)
    (failure,) = report.failures
    assert (failure.kind, failure.index, failure.seed) == (kind, _FIFTH, _SEED)
    assert f"--seed {_SEED} --only {_FIFTH}" in str(failure)
    assert report.outcomes["read"] == 7


def test_damage_can_be_made_again() -> None:
    files = [damaged_file(9, index) for index in range(300)]
    assert files == [damaged_file(9, index) for index in range(300)]
    changed = [data != valid_files()[name] for data, name in files]
    assert sum(changed) > 270


def test_three_hundred_damaged_files() -> None:
    report = run_fuzz(300, seed=20261122)
    assert not report.failures, str(report)
    assert sum(report.outcomes.values()) == 300
    assert sum(report.outcomes[outcome] for outcome in READINGS) > 10
    assert report.outcomes["damaged_file"] > 100


def test_every_whole_card_among_the_valid_files_is_read() -> None:
    outcomes = {name: open_and_read(data, name) for name, data in card_files().items()}
    assert outcomes == dict.fromkeys(outcomes, "read")
