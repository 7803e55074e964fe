"""Kills the office at random moments and sees that the next run completes to the same release.

python -m tests.faults.office_kill --kills 50
python -m tests.faults.office_kill --kills 20 --database postgresql
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from admin_api.acts.verify import verify_chain
from admin_api.office import open_office
from admin_api.rehearsal import run
from admin_api.settings import Settings, read_settings, settings_in
from admin_api.staff import keys
from omr.pool import Limits
from omr.progress import Silent
from tests.office.postgres import Server, running

PEOPLE = 60
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
Copy = Callable[[Settings, str], Settings]


def whole(settings: Settings, files: Path) -> str:
    """The sitting from wherever an earlier run was stopped; the public release's hash."""
    now = run.resume(settings, files, PEOPLE, lambda _: None)
    run.register(now)
    run.report(now)
    run.read(now, Limits(0), Silent())
    run.review_doubts(now)
    return run.finish(now)[0].hash


def copied_folder(first: Settings, name: str) -> Settings:
    """An office's copy, with its SQLite database in its home."""
    shutil.copytree(first.home, first.home.with_name(name))
    return settings_in(first.home.with_name(name))


def copied_database(server: Server) -> Copy:
    """How to copy an office whose database is on a PostgreSQL server."""

    def copied(first: Settings, name: str) -> Settings:
        shutil.copytree(first.home, first.home.with_name(name))
        return Settings(first.home.with_name(name), server.database(like=first.database))

    return copied


def trial(first: Settings, files: Path, copied: Copy, kills: int, chance: random.Random) -> int:
    """Found an office, kill runs on a copy of it until it was killed so often, then let it end;
    returns how many kills struck a run that was not over yet. The chain holds after each.
    """
    founded = run.begin(first, files, PEOPLE, 2, lambda _: None)
    founded.office.ledger.engine.dispose()  # PostgreSQL copies no database that is in use
    calm, struck = copied(first, "calm"), copied(first, "struck")
    begun = time.monotonic()
    expected = finished(calm, files)
    duration = time.monotonic() - begun
    hits = 0
    for number in range(kills):
        process = child(struck, files)
        # The first kill strikes for certain; later runs are shorter by what is done already.
        time.sleep(duration * (chance.uniform(0.1, 0.7) if number else 0.3))
        hits += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        check_chain(struck)
    found = finished(struck, files)
    assert found == expected, f"{found!r} is not {expected!r}"
    check_chain(struck)
    return hits


def check_chain(settings: Settings) -> None:
    """Every act that is stored is stored whole."""
    office = open_office(settings)
    with office.ledger.moment() as connection:
        state = verify_chain(connection)
    office.ledger.engine.dispose()
    assert state.holds, state.broken


def finished(settings: Settings, files: Path) -> str:
    """The release of a run that nobody stops."""
    process = child(settings, files)
    release = process.communicate()[0].strip()
    assert process.returncode == 0, f"the run ended with {process.returncode}"
    assert re.fullmatch("[0-9a-f]{64}", release), release
    return release


def child(settings: Settings, files: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.office_kill", "--run", str(files)]
    own = {"KAOWU_HOME": str(settings.home), "KAOWU_DATABASE": settings.database}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | own)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--folder", type=Path, default=Path("build/office-kill"))
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    keys._COST = CHEAP  # many keys are opened
    if asked.run:
        print(whole(read_settings(), asked.run))
        return
    shutil.rmtree(asked.folder, ignore_errors=True)
    first, files = settings_in(asked.folder.absolute() / "first"), asked.folder / "files"
    with contextlib.ExitStack() as stack:
        copied: Copy = copied_folder
        if asked.database == "postgresql":
            server = stack.enter_context(running())
            first, copied = Settings(first.home, server.database()), copied_database(server)
        hits = trial(first, files, copied, asked.kills, random.Random(1))
    print(f"{asked.kills} kills, {hits} of them before the end: the same release")


if __name__ == "__main__":
    main()
