"""The watched folder: what comes, in which order, and nothing half-written.

Most tests run twice, with inotify and with looking alone. Writers are real processes.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from omr.records import ScannedPage
from scanner_drivers import folder_news
from scanner_drivers.base import Driver
from scanner_drivers.folder import After
from scanner_drivers.folder_inotify import Say, Word, changes_are_told
from scanner_drivers.folder_kept import FileId
from tests.faults.seeds import many_paged_tiff, zipped
from tests.scanners.hot_folders import (
    Opened,
    card,
    drop,
    in_thread,
    names,
)

# ── what comes, and in which order ───────────────────────────────────────────────────────────


def test_what_lies_there_comes_in_order(hot: Path, watch: Opened, poll_s: float | None) -> None:
    for at, name in enumerate(["z.jpg", "card_10.jpg", "card_9.jpg", "box/card_1.jpg"]):
        (hot / name).parent.mkdir(exist_ok=True)
        (hot / name).write_bytes(card(at))
        # The last change decides, ties the natural order of names.
        os.utime(hot / name, ns=(0, 0 if name == "z.jpg" else 10**9))
    driver: Driver = watch(hot, poll_s=poll_s)
    pages = list(driver.pages())
    assert names(pages, hot) == ["z.jpg", "box/card_1.jpg", "card_9.jpg", "card_10.jpg"]
    assert [page.position for page in pages] == [0, 1, 2, 3]
    assert pages[0].image == card(0)
    assert pages[0].sha256 == ScannedPage.digest(card(0))


def test_files_that_come_one_after_another(hot: Path, watch: Opened, poll_s: float | None) -> None:
    driver = watch(hot, poll_s=poll_s)

    def scan() -> None:
        for at in (3, 1, 2):
            drop(hot, f"{at}.jpg", card(at))
            time.sleep(0.05)

    thread = in_thread(scan)
    assert names(list(driver.pages()), hot) == ["3.jpg", "1.jpg", "2.jpg"]
    thread.join()
    drop(hot, "4.jpg", card(4))
    assert [page.position for page in driver.pages()] == [3]


def test_new_folders_and_folders_moved_in(hot: Path, watch: Opened, poll_s: float | None) -> None:
    driver = watch(hot, poll_s=poll_s)

    def scan() -> None:
        (hot / "a/b").mkdir(parents=True)
        for at in range(20):
            (hot / f"a/b/{at}.jpg").write_bytes(card(at))
        box = hot.parent / "box"
        box.mkdir()
        (box / "20.jpg").write_bytes(card(20))
        time.sleep(0.4)
        box.rename(hot / "box")

    thread = in_thread(scan)
    came = names(list(driver.pages()), hot)
    thread.join()
    assert came == [*(f"a/b/{at}.jpg" for at in range(20)), "box/20.jpg"]
    (hot / "a").rename(hot / "c")
    (hot / "c/b/21.jpg").write_bytes(card(21))
    assert names(list(driver.pages()), hot) == ["c/b/21.jpg"]


def test_paged_files_give_their_pages(hot: Path, watch: Opened, poll_s: float | None) -> None:
    drop(hot, "1.tif", many_paged_tiff(3))
    pages = list(watch(hot, poll_s=poll_s).pages())
    assert [page.frame for page in pages] == [0, 1, 2]
    drop(hot, "1.tif", zipped(("a.jpg", card(1)), ("b.txt", b"?"), ("c.jpg", card(2))))


def test_one_name_used_again_and_again(hot: Path, watch: Opened, poll_s: float | None) -> None:
    driver = watch(hot, poll_s=poll_s)
    feed = driver.pages()
    for at in range(5):
        drop(hot, "scan.jpg", card(at, size=at))
        assert next(feed).image == card(at, size=at)


def test_overwritten_in_place_is_a_new_file(hot: Path, watch: Opened, poll_s: float | None) -> None:
    feed = watch(hot, poll_s=poll_s).pages()
    for at in range(3):
        time.sleep(0.02)  # the file system's clock must tick
        (hot / "scan.jpg").write_bytes(card(at))
        assert next(feed).image == card(at)


def test_what_is_passed_over(hot: Path, watch: Opened, poll_s: float | None) -> None:
    for name in (".hidden.jpg", "a.jpg.part", "b.TMP", "~c.jpg", "d.jpg~", "index.xml", "e.csv"):
        (hot / name).write_bytes(card(1))
    (hot / ".box").mkdir()
    (hot / ".box/1.jpg").write_bytes(card(1))
    driver = watch(hot, poll_s=poll_s)
    assert list(driver.pages()) == []
    (hot / "a.jpg.part").rename(hot / "a.jpg")
    assert names(list(driver.pages()), hot) == ["a.jpg"]
    assert driver.refused == []


def test_links_and_pipes_are_refused_and_not_read(
    hot: Path, watch: Opened, poll_s: float | None
) -> None:
    outside = hot.parent / "secret"
    outside.mkdir()
    (outside / "1.jpg").write_bytes(card(1))
    (hot / "link.jpg").symlink_to(outside / "1.jpg")
    (hot / "box").symlink_to(outside, target_is_directory=True)
    os.mkfifo(hot / "pipe")
    driver = watch(hot, poll_s=poll_s, after=After.MOVE)
    assert list(driver.pages()) == []
    drop(hot, "2.jpg", card(2))
    assert [page.position for page in driver.pages()] == [3]
    said = {Path(ref.path).name: str(error) for ref, error in driver.refused}
    assert sorted(said) == ["box", "link.jpg", "pipe"]
    assert "is a link" in said["box"]
    assert "is a link" in said["link.jpg"]
    assert "no ordinary file" in said["pipe"]
    assert (outside / "1.jpg").exists()


def test_a_burst_keeps_its_order(hot: Path, watch: Opened, poll_s: float | None) -> None:
    count = 2000
    driver = watch(hot, poll_s=poll_s, idle_s=1.0, settled_s=0.2)
    write = (
        "import sys, pathlib\n"
        "for k in range(int(sys.argv[2])):\n"
        "    (pathlib.Path(sys.argv[1]) / f'{k}.jpg').write_bytes(b'\\xff\\xd8%d\\xff\\xd9' % k)\n"
    )
    with subprocess.Popen([sys.executable, "-c", write, str(hot), str(count)]) as writer:
        came = names(list(driver.pages()), hot)
        assert writer.wait() == 0
    assert came == [f"{at}.jpg" for at in range(count)]


def test_events_that_the_kernel_dropped(
    hot: Path, watch: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = watch(hot)
    assert list(driver.pages()) == []
    assert driver._arrivals is not None
    assert driver._arrivals.told
    assert driver._arrivals._inotify is not None
    with monkeypatch.context() as deaf:
        deaf.setattr(driver._arrivals._inotify, "on_event", lambda event: None)
        drop(hot, "1.jpg", card(1))
        time.sleep(0.05)
    driver._arrivals._said.put(Say(Word.LOST))
    assert names(list(driver.pages()), hot) == ["1.jpg"]


def test_without_inotify_it_looks(
    hot: Path, watch: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> int:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr("watchdog.observers.inotify_c.InotifyFD._create_inotify_fd", none_left)
    driver = watch(hot, idle_s=1.5)
    feed = driver.pages()
    drop(hot, "1.jpg", card(1))
    assert next(feed).image == card(1)
    assert driver._arrivals is not None
    assert not driver._arrivals.told


def test_shares_are_looked_at(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    lines = "21 1 0:1 / / rw - ext4 /dev/vda rw\n"
    mounts.write_text(lines)
    assert changes_are_told(str(tmp_path), mounts)
    place = str(tmp_path).replace(" ", "\\040")
    for kind in ("nfs4", "cifs", "fuse.sshfs", "9p", "something"):
        mounts.write_text(f"{lines}22 21 0:2 / {place} rw shared:1 - {kind} host:/x rw\n")
        assert not changes_are_told(str(tmp_path), mounts)
    mounts.write_text("")
    assert not changes_are_told(str(tmp_path), mounts)
    assert not changes_are_told(str(tmp_path), tmp_path / "gone")


def test_looking_asks_known_files_only_in_turn(hot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_news, "_STATS_A_LOOK", 10)
    for at in range(100):
        (hot / f"{at}.jpg").write_bytes(card(at))
    asked: list[str] = []

    def known(file: FileId) -> bool:
        asked.append(file.name)
        return True

    arrivals = folder_news.Arrivals(str(hot), "", folder_news.Pace(9.0, 0.1, 60.0), known)
    assert len(asked) == 100
    asked.clear()
    arrivals._look()
    assert len(asked) <= 11
    for _ in range(10):
        arrivals._look()
    assert {*asked} == {f"{at}.jpg" for at in range(100)}
    arrivals.close()


# ── half-written files ───────────────────────────────────────────────────────────────────────


def test_a_slow_writer_is_waited_for(hot: Path, watch: Opened, poll_s: float | None) -> None:
    whole = card(1, 40_000)
    driver = watch(hot, poll_s=poll_s)

    def write() -> None:
        with (hot / "1.jpg").open("wb", buffering=0) as file:
            for at in range(0, len(whole), 4000):
                file.write(whole[at : at + 4000])
                time.sleep(0.03)

    thread = in_thread(write)
    (page,) = driver.pages()
    thread.join()
    assert page.image == whole


def test_a_writer_that_pauses_and_opens_again(
    hot: Path, watch: Opened, poll_s: float | None
) -> None:
    whole = many_paged_tiff(2)
    driver = watch(hot, poll_s=poll_s)

    def write() -> None:
        for at in range(0, len(whole), len(whole) // 3):
            with (hot / "1.tif").open("ab") as file:
                file.write(whole[at : at + len(whole) // 3])
            time.sleep(0.25)  # longer than settled_s

    thread = in_thread(write)
    pages = list(driver.pages())
    thread.join()
    assert [page.image for page in pages] == [whole, whole]
    assert driver.refused == []


def test_a_file_given_its_full_length_first(hot: Path, watch: Opened, poll_s: float | None) -> None:
    whole = card(1, 300_000)
    driver = watch(hot, poll_s=poll_s)

    def copy() -> None:
        with (hot / "1.jpg").open("wb", buffering=0) as file:
            file.truncate(len(whole))
            for at in range(0, len(whole), 100_000):
                file.write(whole[at : at + 100_000])
                time.sleep(0.2)

    thread = in_thread(copy)
    (page,) = driver.pages()
    thread.join()
    assert page.image == whole


def test_a_large_copy_by_another_process(hot: Path, watch: Opened, poll_s: float | None) -> None:
    large = card(1, 20_000_000)
    (hot.parent / "large.jpg").write_bytes(large)
    driver = watch(hot, poll_s=poll_s)
    with subprocess.Popen(["cp", hot.parent / "large.jpg", hot / "1.jpg"]) as copying:
        (page,) = driver.pages()
        assert copying.wait() == 0
    assert page.image == large


def test_a_writer_that_dies_is_given_up_and_the_rest_goes_on(
    hot: Path, watch: Opened, poll_s: float | None
) -> None:
    die = (
        "import os, sys, signal\n"
        "file = open(sys.argv[1], 'wb', buffering=0)\n"
        "file.write(b'\\xff\\xd8 half a card')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = hot.parent / "done"
    driver = watch(hot, poll_s=poll_s, given_up_s=0.5, after=After.MOVE, done=done)
    feed = driver.pages()
    dead = subprocess.run([sys.executable, "-c", die, str(hot / "1.jpg")], check=False)
    assert dead.returncode == -signal.SIGKILL
    drop(hot, "2.jpg", card(2))
    assert next(feed).image == card(2)
    assert driver.refused == []
    assert list(feed) == []
    ((ref, error),) = driver.refused
    assert (ref.path, ref.position) == (str(hot / "1.jpg"), 1)
    assert "is not whole (the JPEG has no end mark)" in str(error)
    driver.kept()
    assert (done / "refused/1.jpg").exists()
    # Scanned again, it is another file.
    drop(hot, "1.jpg", card(1))
    assert [page.position for page in driver.pages()] == [2]


def test_an_empty_file_is_no_page_until_it_is_filled(
    hot: Path, watch: Opened, poll_s: float | None
) -> None:
    (hot / "1.jpg").touch()
    feed = watch(hot, poll_s=poll_s).pages()
    drop(hot, "2.jpg", card(2))
    assert next(feed).image == card(2)
    (hot / "1.jpg").write_bytes(card(1))
    assert next(feed).image == card(1)


def test_a_file_changed_while_it_is_read_comes_as_it_is_then(
    hot: Path, watch: Opened, poll_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = watch(hot, poll_s=poll_s)
    drop(hot, "1.jpg", card(1))
    read = driver._opener.open

    def overwritten(ref: Any) -> ScannedPage:
        page = read(ref)
        if page.image == card(1):
            time.sleep(0.02)
            (hot / "1.jpg").write_bytes(card(2))
        return page

    monkeypatch.setattr(driver._opener, "open", overwritten)
    (page,) = driver.pages()
    assert (page.image, page.position) == (card(2), 0)
