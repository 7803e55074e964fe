"""Intake of a watched folder: a page is stored as its file comes, once, whatever happens."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from admin_api import tables
from admin_api.cli import intake as cli
from admin_api.errors import NotAllowed, StoreError
from admin_api.intake import watch as module
from admin_api.intake.watch import Watched, bag_under, watch
from omr.records import ScannedPage
from scanner_drivers.folder import HotFolder
from tests.console.doubts import draw_cards
from tests.office.people import Desk
from tests.office.walk import Line
from tests.office.walk import found as found_office


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return [path.read_bytes() for path in draw_cards(tmp_path_factory.mktemp("cards"), 3)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    return folder


def drop(root: Path, name: str, content: bytes) -> None:
    """As production software does: elsewhere, then renamed into place."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.rename(path)


def watched(desk: Desk, root: Path) -> tuple[Watched, list[tuple[str, str]]]:
    """What a watch of the folder takes until nothing came for a while."""
    told: list[tuple[str, str]] = []
    driver = HotFolder(root, idle_s=0.5)
    try:
        found = watch(
            desk.office,
            desk["ou"],
            driver,
            bag_under(root, desk.office),
            lambda page, status: told.append((str(getattr(page, "bag", page)), status)),
        )
    finally:
        driver.close()
    return found, told


def stored(desk: Desk) -> list[tuple[str, int, str]]:
    page, reading = tables.page.c, tables.reading.c
    query = (
        select(page.bag, page.position, reading.status)
        .join_from(tables.page, tables.reading, reading.page == page.id)
        .order_by(page.bag, page.position)
    )
    return [tuple(row) for row in desk.ledger.read(query).iter_rows()]


def test_files_go_into_the_bag_of_their_folder(desk: Desk, root: Path, faces: list[bytes]) -> None:
    drop(root, "37/1/a/1.jpg", faces[0])
    drop(root, "37/1/a/2.jpg", faces[1])
    drop(root, "37/1/b/1.jpg", faces[2])
    found, told = watched(desk, root)
    assert stored(desk) == [("a", 1, "read"), ("a", 2, "read"), ("b", 1, "read")]
    assert told == [("37/1/a", "read"), ("37/1/a", "read"), ("37/1/b", "read")]
    again, _ = watched(desk, root)
    assert (again.taken.pages, len(stored(desk))) == (0, 3)
    drop(root, "37/1/a/3.jpg", faces[2])
    drop(root, "37/1/a/4.jpg", faces[0])  # the same picture once more
    third, _ = watched(desk, root)
    assert (third.taken.pages, third.taken.known) == (1, 1)
    assert stored(desk)[2] == ("a", 3, "read")
    assert found.unplaced == []


def test_a_file_that_cannot_be_opened_is_a_rejected_page(
    desk: Desk, root: Path, faces: list[bytes]
) -> None:
    drop(root, "37/1/a/1.pdf", b"%PDF-1.4 and no more\n%%EOF\n")
    drop(root, "37/1/a/2.jpg", faces[0])
    watched(desk, root)
    assert sorted(status for _, _, status in stored(desk)) == ["read", "rejected"]


def test_a_file_in_no_bags_folder_is_told_and_not_stored(
    desk: Desk, root: Path, faces: list[bytes]
) -> None:
    drop(root, "loose.jpg", faces[0])
    drop(root, "99/1/a/1.jpg", faces[1])
    found, told = watched(desk, root)
    assert len(found.unplaced) == 2
    assert {status for _, status in told} == {"unplaced"}
    assert stored(desk) == []


def test_what_could_not_be_stored_comes_again(
    desk: Desk, root: Path, faces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, face in enumerate(faces):
        drop(root, f"37/1/a/{n}.jpg", face)
    real, calls = module.store_pages, 0

    def fails_once(*given: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StoreError("no space left; make room")
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "store_pages", fails_once)
    with pytest.raises(StoreError):
        watched(desk, root)
    assert len(stored(desk)) == 1
    watched(desk, root)
    assert [position for _, position, _ in stored(desk)] == [1, 2, 3]


def test_closing_the_driver_ends_the_watch(desk: Desk, root: Path, faces: list[bytes]) -> None:
    driver, seen = HotFolder(root), threading.Event()
    found: list[Watched] = []
    place = bag_under(root, desk.office)
    signer = desk["ou"]
    thread = threading.Thread(
        target=lambda: found.append(
            watch(desk.office, signer, driver, place, lambda *_: seen.set())
        )
    )
    thread.start()
    until = time.monotonic() + 30
    while driver._arrivals is None and time.monotonic() < until:
        time.sleep(0.01)
    drop(root, "37/1/a/1.jpg", faces[0])
    assert seen.wait(30)
    driver.close()
    thread.join(30)
    assert found[0].taken.pages == 1


def test_only_an_operator_takes_cards_in(desk: Desk, root: Path) -> None:
    class Never:
        def pages(self) -> Iterator[ScannedPage]:
            raise AssertionError("nothing is asked of the driver")

        def close(self) -> None: ...

    with pytest.raises(NotAllowed):
        watch(desk.office, desk["ren"], Never(), lambda _: None, lambda *_: None)


def test_a_folder_is_its_bag_however_its_path_is_written(
    desk: Desk, root: Path, faces: list[bytes]
) -> None:
    drop(root, "37/1/a/1.jpg", faces[0])
    found, _ = watched(desk, root / ".." / root.name)
    assert (found.taken.pages, found.unplaced) == (1, [])


def test_the_command_takes_in_until_it_is_ended(
    tmp_path: Path, faces: list[bytes], monkeypatch: pytest.MonkeyPatch, cheap_keys: None
) -> None:
    line, root = Line(tmp_path), tmp_path / "scans"
    found_office(line)
    drop(root, "37/1/a/1.jpg", faces[0])
    drop(root, "loose.jpg", faces[1])
    # Ends by itself, where a person would press Ctrl-C.
    monkeypatch.setattr(cli, "HotFolder", lambda folder: HotFolder(folder, idle_s=0.5))
    before = signal.getsignal(signal.SIGINT)
    said = line("intake", root, "--tree", "--watch", "--as", "ou", code=3)
    assert "37/1/a card 1: read" in said.out
    assert "loose.jpg is in no folder region/box/bag" in said.err
    assert signal.getsignal(signal.SIGINT) is before
    line("intake", root, "--watch", "--as", "ou", code=2)
    line("intake", root / "37", root, "--tree", "--watch", "--as", "ou", code=2)
    again = line("intake", root, "--tree", "--watch", "--as", "ou")
    assert "nothing new" in again.out
