"""The watched folder: none lost, none twice once its pages are kept, and what befalls the folder.

Consumers that are killed are real processes.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omr.records import ScannedPage
from scanner_drivers import folder_kept
from scanner_drivers.errors import ScannerBusy, ScannerFailed, ScannerGone
from scanner_drivers.folder import After, FolderStuck
from scanner_drivers.folder_kept import JOURNAL, LOCK, FileId, Journal, move_aside
from tests.faults.seeds import many_paged_tiff
from tests.scanners.hot_folders import (
    LOOKING,
    ROOT,
    Opened,
    card,
    drop,
    in_thread,
    wait_for,
)

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
