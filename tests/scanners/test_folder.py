"""The watched folder: no file half read, none lost, none twice once its pages are kept.

Most tests run twice, with inotify and with looking alone. Consumers that are killed and writers
are real processes.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omr.records import ScannedPage
from scanner_drivers import folder_kept, folder_news
from scanner_drivers.base import Driver
from scanner_drivers.errors import ScannerBusy, ScannerFailed, ScannerGone
from scanner_drivers.folder import After, FolderStuck, HotFolder
from scanner_drivers.folder_inotify import Say, Word, changes_are_told
from scanner_drivers.folder_kept import JOURNAL, LOCK, FileId, Journal, move_aside
from tests.faults.seeds import many_paged_tiff, zipped

ROOT = Path(__file__).parents[2]
LOOKING, TOLD = 0.02, None


def card(number: int, size: int = 200) -> bytes:
    """A file that is a whole JPEG as far as a driver cares, and no other card's."""
    return b"\xff\xd8" + str(number).encode() + random.Random(number).randbytes(size) + b"\xff\xd9"


@pytest.fixture(params=[TOLD, LOOKING], ids=["told", "looking"])
def poll_s(request: pytest.FixtureRequest) -> float | None:
    return request.param


@pytest.fixture
def hot(tmp_path: Path) -> Path:
    folder = tmp_path / "hot"
    folder.mkdir()
    return folder


class Opened:
    """Hot folders of one test, all closed at its end."""

    def __init__(self) -> None:
        self._open: list[HotFolder] = []

    def __call__(self, folder: Path, **options: Any) -> HotFolder:
        options = {"settled_s": 0.1, "idle_s": 0.6, **options}
        given_up_s = options.pop("given_up_s", 60.0)
        driver = HotFolder(folder, **options)
        driver.given_up_s = given_up_s
        self._open.append(driver)
        return driver

    def close(self) -> None:
        for driver in self._open:
            driver.close()


@pytest.fixture
def watch() -> Iterator[Opened]:
    opened = Opened()
    yield opened
    opened.close()


def names(pages: list[ScannedPage], hot: Path) -> list[str]:
    return [page.source.removeprefix(f"{hot}/") for page in pages]


def drop(folder: Path, name: str, data: bytes) -> None:
    """Renames a file into its place."""
    side = folder.parent / f".{name.replace('/', '_')}.new"
    side.write_bytes(data)
    os.rename(side, folder / name)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_for(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until
        time.sleep(0.005)


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


# ── kept, and not twice ──────────────────────────────────────────────────────────────────────

CONSUMER = """
import sys
from pathlib import Path
from scanner_drivers.folder import After, HotFolder
hot, done, after, out = sys.argv[1:5]
driver = HotFolder(Path(hot), after=After(after), done=Path(done), settled_s=0.05, idle_s=3.0)
with open(out, "a", buffering=1) as told:
    for page in driver.pages():
        print("had", page.sha256, file=told)
        if sys.argv[5] == "kept":
            driver.kept()
            print("kept", page.sha256, file=told)
"""


@pytest.mark.parametrize("after", list(After))
@pytest.mark.parametrize("says", ["kept", "comes back"])
def test_kills_between_pages_lose_nothing(hot: Path, after: After, says: str) -> None:
    count, done, told = 60, hot.parent / "done", hot.parent / "told"
    told.touch()
    told_lines: Callable[[], list[str]] = lambda: told.read_text().splitlines()  # noqa: E731
    digests = {ScannedPage.digest(card(at)) for at in range(count)}
    randomly = random.Random(7)
    for at in range(count):
        drop(hot, f"{at}.jpg", card(at))
    command = [sys.executable, "-c", CONSUMER, hot, done, after, told, says]
    for _ in range(4):
        before = len(told_lines())
        with subprocess.Popen(command, cwd=ROOT) as consumer:
            some = randomly.randint(2, 25)
            wait_for(lambda: len(told_lines()) >= before + some or consumer.poll() is not None)  # noqa: B023
            consumer.kill()
        if {line.split()[1] for line in told_lines()} == digests:
            break
    subprocess.run(command, cwd=ROOT, check=True)
    had = [line.split()[1] for line in told_lines() if line.startswith("had")]
    assert set(had) == digests
    if says == "kept":
        for at, line in enumerate(told_lines()):
            if line.startswith("kept"):
                assert f"had {line.split()[1]}" not in told_lines()[at + 1 :]
    if after is After.MOVE:
        assert {path.name for path in hot.iterdir()} == {LOCK}
        assert {path.read_bytes() for path in done.iterdir()} == {card(at) for at in range(count)}


def test_only_what_was_kept_is_put_aside(hot: Path, watch: Opened, poll_s: float | None) -> None:
    for at in range(3):
        (hot / f"{at}.jpg").write_bytes(card(at))
        os.utime(hot / f"{at}.jpg", ns=(at, at))
    feed = watch(hot, poll_s=poll_s, after=After.MOVE).pages()
    next(feed)
    assert (hot / "0.jpg").exists()
    next(feed)
    assert not (hot / "0.jpg").exists()
    assert (hot / "done/0.jpg").read_bytes() == card(0)
    assert (hot / "1.jpg").exists()


def test_a_paged_file_is_kept_when_its_last_page_is(hot: Path, watch: Opened) -> None:
    drop(hot, "1.tif", many_paged_tiff(3))
    driver = watch(hot, after=After.MOVE)
    feed = driver.pages()
    for _ in range(2):
        next(feed)
        driver.kept()
        assert (hot / "1.tif").exists()
    del feed
    assert [page.frame for page in driver.pages()] == [2]  # another call goes on within the file
    assert (hot / "done/1.tif").exists()


def test_a_page_whose_consumer_went_away_comes_at_the_next_start(hot: Path, watch: Opened) -> None:
    drop(hot, "1.jpg", card(1))
    drop(hot, "2.jpg", card(2))
    driver = watch(hot)
    for page in driver.pages():
        assert page.image == card(1)
        break
    assert [page.image for page in driver.pages()] == [card(2)]
    driver.close()
    again = watch(hot)
    assert [page.image for page in again.pages()] == [card(1)]
    again.close()
    assert list(watch(hot).pages()) == []


def test_a_renamed_file_does_not_come_twice(hot: Path, watch: Opened, poll_s: float | None) -> None:
    drop(hot, "1.jpg", card(1))
    (hot / "sorted").mkdir()
    driver = watch(hot, poll_s=poll_s, after=After.MOVE)
    feed = driver.pages()
    next(feed)
    (hot / "1.jpg").rename(hot / "sorted/1.jpg")
    drop(hot, "2.jpg", card(2))
    assert next(feed).image == card(2)
    assert list(feed) == []
    driver.kept()
    assert not (hot / "sorted/1.jpg").exists()
    assert (hot / "done/sorted/1.jpg").exists()


def test_a_file_overwritten_before_it_was_kept_is_not_moved(hot: Path, watch: Opened) -> None:
    drop(hot, "1.jpg", card(1))
    feed = watch(hot, after=After.MOVE).pages()
    assert next(feed).image == card(1)
    drop(hot, "1.jpg", card(2))
    assert next(feed).image == card(2)
    assert list(feed) == []
    assert [path.read_bytes() for path in (hot / "done").iterdir()] == [card(2)]


def test_moving_never_overwrites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dropped(number: int) -> str:
        (tmp_path / "1.jpg").write_bytes(card(number))
        return str(tmp_path / "1.jpg")

    def refused(number: int) -> Callable[..., None]:
        def link(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        return link

    target = tmp_path / "done/box/1.jpg"
    assert move_aside(dropped(1), target).name == "1.jpg"
    assert move_aside(dropped(2), target).name == "1_2.jpg"
    with monkeypatch.context() as no_links:
        no_links.setattr(os, "link", refused(errno.EPERM))
        assert move_aside(dropped(3), target).name == "1_3.jpg"
    assert sorted(path.read_bytes() for path in target.parent.iterdir()) == sorted(
        card(at) for at in (1, 2, 3)
    )


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="there is no second file system")
def test_moving_to_another_file_system(hot: Path, watch: Opened) -> None:
    done = Path("/dev/shm") / f"done-{os.getpid()}"
    try:
        drop(hot, "1.jpg", card(1))
        assert len(list(watch(hot, after=After.MOVE, done=done).pages())) == 1
        assert [path.name for path in done.iterdir()] == ["1.jpg"]
        assert (done / "1.jpg").read_bytes() == card(1)
        assert not (hot / "1.jpg").exists()
    finally:
        shutil.rmtree(done, ignore_errors=True)


@pytest.mark.parametrize("after", list(After))
def test_a_full_disk_loses_nothing(
    hot: Path, watch: Opened, monkeypatch: pytest.MonkeyPatch, after: After
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    drop(hot, "1.jpg", card(1))
    driver = watch(hot, after=after)
    feed = driver.pages()
    next(feed)
    drop(hot, "2.jpg", card(2))
    with monkeypatch.context() as broken:
        broken.setattr(os, "link", full)
        broken.setattr(folder_kept.Journal, "append", full)
        with pytest.raises(FolderStuck, match="make room") as caught:
            next(feed)
        with pytest.raises(ScannerFailed):
            driver.kept()
    assert caught.value.sheets_fed == 1
    assert (hot / "1.jpg").read_bytes() == card(1)
    assert [page.image for page in driver.pages()] == [card(2)]
    driver.close()
    assert list(watch(hot, after=after).pages()) == []


def test_the_journal_bears_torn_and_alien_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state" / JOURNAL)
    files = [FileId(f"{at}\udcff.jpg", 1, at, 5, 6) for at in range(3)]
    assert journal.read() == []
    journal.append(files[:1])
    with (tmp_path / "state" / JOURNAL).open("ab") as file:
        file.write(b'[]\n{"name":7}\n\xff\n{"name":"x","device":1,"ino')
    journal.append(files[1:])
    assert journal.read() == files


# ── the folder itself ────────────────────────────────────────────────────────────────────────


def test_a_second_driver_is_told(hot: Path, watch: Opened) -> None:
    first, second = watch(hot), watch(hot)
    assert list(first.pages()) == []
    with pytest.raises(ScannerBusy, match="another program"):
        list(second.pages())
    first.close()
    assert list(second.pages()) == []


@pytest.mark.parametrize("after", list(After))
def test_a_folder_that_goes_and_comes_back(
    hot: Path, watch: Opened, poll_s: float | None, after: After
) -> None:
    done = hot.parent / "done"
    driver = watch(hot, poll_s=poll_s, idle_s=None, after=after, done=done)
    drop(hot, "1.jpg", card(1))
    feed = driver.pages()
    assert next(feed).image == card(1)
    away = hot.rename(hot.parent / "away")
    for feed in (feed, driver.pages()):  # noqa: B020
        with pytest.raises(ScannerGone, match="share again") as caught:
            next(feed)
        assert caught.value.sheets_fed == 1
    away.rename(hot)
    (hot / "2.jpg").write_bytes(card(2))
    page = next(driver.pages())
    assert (page.image, page.position) == (card(2), 1)


def test_a_mount_that_left_its_empty_folder_behind(hot: Path, watch: Opened) -> None:
    driver = watch(hot, poll_s=LOOKING, idle_s=None)
    drop(hot, "1.jpg", card(1))
    feed = driver.pages()
    next(feed)
    hot.rename(hot.parent / "away")
    hot.mkdir()
    with pytest.raises(ScannerGone, match="another folder"):
        next(feed)


def test_no_folder(tmp_path: Path, watch: Opened) -> None:
    with pytest.raises(ScannerGone, match="not there"):
        list(watch(tmp_path / "gone").pages())
    with pytest.raises(ValueError, match="must not hold"):
        watch(tmp_path / "hot", done=tmp_path)
    with pytest.raises(ValueError, match="settled_s"):
        watch(tmp_path, settled_s=0.0)


def test_closing_ends_the_wait(hot: Path, watch: Opened, poll_s: float | None) -> None:
    driver = watch(hot, poll_s=poll_s, idle_s=None)
    came: list[ScannedPage] = []
    thread = in_thread(lambda: came.extend(driver.pages()))
    drop(hot, "1.jpg", card(1))
    wait_for(lambda: len(came) == 1)
    driver.close()
    driver.close()
    thread.join(30)
    assert not thread.is_alive()
    assert list(driver.pages()) == []
    # It was come back for, so it was kept, and the folder is free.
    assert list(watch(hot).pages()) == []


def test_closing_from_a_signal_handler(hot: Path) -> None:
    program = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from scanner_drivers.folder import HotFolder\n"
        "driver = HotFolder(Path(sys.argv[1]))\n"
        "signal.signal(signal.SIGTERM, lambda *_: driver.close())\n"
        "for page in driver.pages():\n"
        "    print(page.position, flush=True)\n"
        "print('ended', flush=True)\n"
    )
    drop(hot, "1.jpg", card(1))
    command = [sys.executable, "-c", program, str(hot)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == "0\n"
        time.sleep(0.1)
        consumer.terminate()
        assert consumer.communicate(timeout=60)[0] == "ended\n"
        assert consumer.returncode == 0
