"""Kills the office at random moments and sees that the next run completes to the same release.

python -m tests.faults.office_kill --kills 50
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from admin_api.acts.verify import verify_chain
from admin_api.rehearsal import run
from admin_api.settings import settings_in
from admin_api.staff import keys
from omr.pool import Limits
from omr.progress import Silent

PEOPLE = 60
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


def whole(home: Path, files: Path) -> str:
    """The sitting from wherever an earlier run was stopped; the public release's hash."""
    now = run.resume(settings_in(home), files, PEOPLE, lambda _: None)
    run.register(now)
    run.report(now)
    run.read(now, Limits(0), Silent())
    run.review_doubts(now)
    return run.finish(now)[0].hash


def prepare(folder: Path) -> tuple[Path, Path]:
    """The files, and an office with nothing in it, to be copied for every trial."""
    run.begin(settings_in(folder / "first"), folder / "files", PEOPLE, 2, lambda _: None)
    return folder / "first", folder / "files"


def trial(folder: Path, kills: int, chance: random.Random) -> int:
    """Kill runs on one office until it was killed so often, then let it end; returns how many
    kills struck a run that was not over yet.
    """
    first, files = prepare(folder)
    calm, struck = folder / "calm", folder / "struck"
    shutil.copytree(first, calm)
    shutil.copytree(first, struck)
    begun = time.monotonic()
    expected = child(calm, files).communicate()[0]
    duration = time.monotonic() - begun
    hits = 0
    for number in range(kills):
        process = child(struck, files)
        # The first kill strikes for certain; later runs are shorter by what is done already.
        time.sleep(duration * (chance.uniform(0.1, 0.7) if number else 0.3))
        hits += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    found = child(struck, files).communicate()[0]
    assert found == expected, f"{found!r} is not {expected!r}"
    with run.open_office(settings_in(struck)).ledger.moment() as connection:
        state = verify_chain(connection)
    assert state.holds, state.broken
    return hits


def child(home: Path, files: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.office_kill", "--run", str(home), str(files)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--run", nargs=2, type=Path)
    parser.add_argument("--folder", type=Path, default=Path("build/office-kill"))
    asked = parser.parse_args()
    keys._COST = CHEAP  # many keys are opened
    if asked.run:
        print(whole(*asked.run))
        return
    shutil.rmtree(asked.folder, ignore_errors=True)
    hits = trial(asked.folder, asked.kills, random.Random(1))
    print(f"{asked.kills} kills, {hits} of them before the end: the same release")


if __name__ == "__main__":
    main()
