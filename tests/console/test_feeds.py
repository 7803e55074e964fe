"""Scanners started from the console: trays into bags, jams and kills, nothing lost or twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from admin_api.console import feeds, intakes
from admin_api.console.desks import bags
from admin_api.console.desks.bags import Feeds
from admin_api.errors import Refused, StoreError
from admin_api.settings import read_settings
from omr.records import ScannedPage
from scanner_drivers.errors import DoubleFeed, OutOfPaper, PaperJam, ScannerError
from scanner_drivers.replay import Recorder
from tests.console.conftest import Room
from tests.console.doubts import draw_cards

BAG = "/bags/37/1/7"
SCANNER = {"scanner": "left"}


class Tray:
    """A scanner whose tray holds pages and stops, in the order of a script."""

    def __init__(self, *script: bytes | ScannerError | threading.Event) -> None:
        self.script = list(script)
        self.closed = threading.Event()

    def pages(self) -> Iterator[ScannedPage]:
        position = 0
        while self.script and not self.closed.is_set():
            now = self.script.pop(0)
            if isinstance(now, ScannerError):
                raise now
            if isinstance(now, threading.Event):
                while not now.wait(0.01) and not self.closed.is_set():
                    pass
                continue
            yield ScannedPage(now, ScannedPage.digest(now), "left", position)
            position += 1

    def close(self) -> None:
        self.closed.set()


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return [path.read_bytes() for path in draw_cards(tmp_path_factory.mktemp("cards"), 4)]


@pytest.fixture
def scanners(room: Room, monkeypatch: pytest.MonkeyPatch):
    """Sets what lies in the trays, one driver a start."""
    office, trays = room.desk.office, []
    settings = replace(
        office.settings, workers=1, scanners={"left": "sane:left", "right": "sane:right"}
    )
    object.__setattr__(office, "settings", settings)
    monkeypatch.setattr(bags, "open_driver", lambda _name, _profile: trays.pop(0))
    return trays


def start(browser: TestClient, bag: str = BAG):
    return browser.post(f"{bag}/feed", data=SCANNER)


def ended(room: Room, browser: TestClient) -> dict:
    """The newest feed, once it and its intake are over."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        states = browser.get("/intakes").json()
        feed = states["feeds"][0]
        busy = {one["state"] for one in states["intakes"]} & {"waiting", "reading"}
        if feed["state"] != "scanning" and not busy and not running(room):
            return feed
        time.sleep(0.02)
    raise AssertionError(states)


def running(room: Room) -> bool:
    feeds = room.console.desks[Feeds]
    assert isinstance(feeds, Feeds)
    return bool(feeds._running)


def cards_in(browser: TestClient) -> list[tuple[int, str]]:
    said = browser.get(BAG).json()
    return [(one["position"], one["status"]) for one in said.get("pages", [])]


def kept(room: Room) -> list[Path]:
    return list((room.desk.office.settings.home / "scanned").rglob("*.jsonl"))


def test_a_tray_goes_into_its_bag(room: Room, scanners, faces: list[bytes]) -> None:
    ou = room.enter("ou")
    scanners.append(Tray(*faces))
    assert start(ou).json()["state"] == "scanning"
    feed = ended(room, ou)
    assert (feed["state"], feed["pages"], feed["words"]) == ("tray empty", 4, "")
    assert cards_in(ou) == [(n, "read") for n in range(1, 5)]
    assert kept(room) == []


@pytest.mark.parametrize("before", [0, 1, 3])
def test_after_a_jam_the_same_goes_on(
    room: Room, scanners, faces: list[bytes], before: int
) -> None:
    ou = room.enter("ou")
    scanners.append(Tray(*faces[:before], PaperJam(before)))
    start(ou)
    feed = ended(room, ou)
    assert (feed["state"], feed["kind"], feed["pages"]) == ("stopped", "PaperJam", before)
    assert f"after {before} sheet" in feed["words"]
    assert len(cards_in(ou)) == before, "what came before the jam is stored already"
    page = ou.get(BAG, headers={"accept": "text/html"}).text
    assert "平整取出" in page
    scanners.append(Tray(*faces[before:]))
    start(ou)
    assert ended(room, ou)["state"] == "tray empty"
    assert [position for position, _ in cards_in(ou)] == [1, 2, 3, 4]


def test_a_sheet_that_was_fed_twice_is_one_page(room: Room, scanners, faces: list[bytes]) -> None:
    ou = room.enter("ou")
    scanners.append(Tray(*faces[:2], DoubleFeed(2)))
    start(ou)
    ended(room, ou)
    scanners.append(Tray(*faces[1:]))
    start(ou)
    ended(room, ou)
    assert [position for position, _ in cards_in(ou)] == [1, 2, 3, 4]


def test_one_scanner_has_one_bag_and_one_bag_one_scanner(
    room: Room, scanners, faces: list[bytes]
) -> None:
    ou, gate = room.enter("ou"), threading.Event()
    scanners += [Tray(faces[0], gate, faces[1]), Tray(), Tray()]
    start(ou)
    busy = start(ou, "/bags/37/1/8")
    assert (busy.status_code, "is scanning" in busy.json()["error"]) == (422, True)
    other = ou.post(f"{BAG}/feed", data={"scanner": "right"})
    assert (other.status_code, "one bag, one scanner" in other.json()["error"]) == (422, True)
    gate.set()
    assert ended(room, ou)["pages"] == 2


def test_a_halted_scanner_keeps_what_it_scanned(room: Room, scanners, faces: list[bytes]) -> None:
    ou = room.enter("ou")
    scanners.append(Tray(*faces[:2], threading.Event(), *faces[2:]))
    start(ou)
    until = time.monotonic() + 30
    while ou.get("/intakes").json()["feeds"][0]["pages"] < 2 and time.monotonic() < until:
        time.sleep(0.02)
    assert ou.post("/scanners/left/halt").status_code == 200
    feed = ended(room, ou)
    assert (feed["state"], feed["pages"]) == ("halted", 2)
    assert len(cards_in(ou)) == 2
    assert ou.post("/scanners/left/halt").status_code == 404


def test_what_could_not_be_stored_stays_and_goes_in_with_the_next(
    room: Room, scanners, faces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    ou = room.enter("ou")

    def full(*_: object) -> None:
        raise StoreError("no space left; make room")

    with monkeypatch.context() as broken:
        broken.setattr(intakes, "take_in", full)
        scanners.append(Tray(*faces[:2]))
        start(ou)
        ended(room, ou)
    assert "no space left" in ou.get("/intakes").json()["intakes"][0]["fault"]
    assert len(kept(room)) == 1
    scanners.append(Tray(*faces[2:]))
    start(ou)
    ended(room, ou)
    assert [position for position, _ in cards_in(ou)] == [1, 2, 3, 4]
    assert kept(room) == []


def test_what_a_killed_console_had_scanned_goes_in_with_the_next(
    room: Room, scanners, faces: list[bytes]
) -> None:
    folder = room.desk.office.settings.home / "scanned" / "37" / "1" / "7"
    recorder = Recorder(Tray(*faces[:3]), folder, tick=time.monotonic)
    assert len(list(recorder.pages())) == 3
    recorder.close()
    ou = room.enter("ou")
    scanners.append(Tray(faces[3]))
    start(ou)
    ended(room, ou)
    assert [position for position, _ in cards_in(ou)] == [1, 2, 3, 4]


def test_a_tray_that_was_empty_leaves_nothing_behind(room: Room, scanners) -> None:
    ou = room.enter("ou")
    scanners.append(Tray(OutOfPaper()))
    start(ou)
    feed = ended(room, ou)
    assert (feed["state"], feed["kind"]) == ("stopped", "OutOfPaper")
    assert ou.get("/intakes").json()["intakes"] == [], "there was nothing to read"
    assert kept(room) == []


def test_a_bag_is_not_scanned_while_its_last_stack_is_put_away(
    room: Room, scanners, faces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what the next tray brings would be put away with it."""
    ou, reading, gate = room.enter("ou"), threading.Event(), threading.Event()
    real = feeds.shutil.rmtree

    def slowly(*given: object, **more: object) -> None:
        reading.set()
        assert gate.wait(30)
        real(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(feeds.shutil, "rmtree", slowly)
    scanners += [Tray(*faces[:2]), Tray(*faces[2:])]
    start(ou)
    assert reading.wait(60)
    answers: list[int] = []
    early = threading.Thread(target=lambda: answers.append(start(ou).status_code))
    early.start()
    early.join(1)
    gate.set()
    early.join(30)
    ended(room, ou)
    if answers == [422]:
        start(ou)
        ended(room, ou)
    assert [position for position, _ in cards_in(ou)] == [1, 2, 3, 4]


def test_names_that_are_none_are_refused(room: Room, scanners) -> None:
    ou = room.enter("ou")
    assert ou.post(f"{BAG}/feed", data={"scanner": "fax"}).status_code == 404
    assert start(ou, "/bags/99/1/7").status_code == 422
    assert start(ou, "/bags/37/..%2f..%2fetc/7").status_code in (404, 422)
    assert not (room.desk.office.settings.home / "scanned").exists()


def test_scanners_are_named_in_the_settings() -> None:
    text = " left = sane:fujitsu:fi-7160:1?ald=no ; right=escl:http://10.0.0.7;"
    found = read_settings({"KAOWU_SCANNERS": text}).scanners
    assert found == {"left": "sane:fujitsu:fi-7160:1?ald=no", "right": "escl:http://10.0.0.7"}
    for wrong in ("left", "=sane:x", "left=", "a b=sane:x", "a=sane:x;a=sane:y"):
        with pytest.raises(Refused, match="KAOWU_SCANNERS"):
            read_settings({"KAOWU_SCANNERS": wrong})
