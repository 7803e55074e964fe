"""The portal under fire: another release taken up, and a process killed, while people ask."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.benchmarks.portal import serving, token_of
from tests.portal.conftest import Sealed, record

PEOPLE = 50


class Asking(threading.Thread):
    """Asks one question after the other until stopped; `answers` are statuses, 0 for none."""

    def __init__(self, address: str, token: str, first: int) -> None:
        super().__init__(daemon=True)
        self._address, self._token, self._number = address, token, first
        self.answers: list[int] = []
        self.names: set[str] = set()
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set() and len(self.answers) < 5000:
            self._number = self._number % PEOPLE + 1
            one = record(self._number)
            said = {"ticket": one["ticket"], "id_number": one["id_number"], "work": "0"}
            body = urllib.parse.urlencode(said | {"token": self._token}).encode()
            try:
                with urllib.request.urlopen(f"{self._address}/result", body, timeout=20) as answer:
                    page = answer.read().decode()
                    self.answers.append(answer.status)
                    self.names.add("new" if "新名" in page else "old")
            except urllib.error.HTTPError as error:
                self.answers.append(error.code)
            except (OSError, http.client.HTTPException):  # refused, or broken off in the middle
                self.answers.append(0)


@pytest.fixture
def sealed(tmp_path: Path) -> Sealed:
    made = Sealed(tmp_path)
    made.seal([record(n) for n in range(1, PEOPLE + 1)])
    return made


def asked(enough: int, people: list[Asking]) -> None:
    """Wait until everybody has had so many answers more."""
    wanted = [len(one.answers) + enough for one in people]
    for one, count in zip(people, wanted, strict=True):
        for _ in range(2000):
            if len(one.answers) >= count or not one.is_alive():
                break
            threading.Event().wait(0.02)
        assert len(one.answers) >= count


def test_another_release_is_taken_up_and_nobody_notices(sealed: Sealed) -> None:
    with serving(sealed, 2) as (address, _):
        token = token_of(address)
        people = [Asking(address, token, n) for n in (0, 20)]
        for one in people:
            one.start()
        asked(50, people)
        sealed.seal([record(n, name=f"新名{n}") for n in range(1, PEOPLE + 1)])
        for _ in range(500):
            if all("new" in one.names for one in people):
                break
            threading.Event().wait(0.02)
        asked(50, people)
        sealed.folder.joinpath("shown.portal").write_bytes(b"half a file")  # and a damaged one
        asked(200, people)
        for one in people:
            one.stopping.set()
            one.join(30)
    for one in people:
        assert one.names == {"old", "new"}
        assert set(one.answers) == {200}


def test_one_process_killed_and_the_others_serve_on(sealed: Sealed) -> None:
    with serving(sealed, 2) as (address, pid):
        token = token_of(address)
        people = [Asking(address, token, n) for n in (0, 20)]
        for one in people:
            one.start()
        asked(50, people)
        workers = [child.pid for child in psutil.Process(pid).children(recursive=True)]
        os.kill(workers[-1], signal.SIGKILL)
        asked(150, people)
        for one in people:
            one.stopping.set()
            one.join(30)
    for one in people:
        # Only what the dead process held in its hands may be lost.
        assert one.answers.count(0) <= 2
        assert set(one.answers) <= {0, 200}
        assert one.answers[-100:] == [200] * 100


def test_several_processes_do_not_start_for_ever_on_a_file_that_is_none(sealed: Sealed) -> None:
    shown = sealed.folder / "shown.portal"
    shown.write_bytes(shown.read_bytes()[:-100])
    with pytest.raises(AssertionError, match="did not start"), serving(sealed, 2):
        pass
