"""Recorded sessions: the same again, whatever came; damage is said and never passed over."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.errors import OutputError, SourceError
from omr.records import ScannedPage, SideName
from scanner_drivers import errors
from scanner_drivers.base import Driver
from scanner_drivers.errors import NoScanner, PaperJam, ProfileRefused, ScannerError, ScannerGone
from scanner_drivers.replay import Recorder, Replay
from scanner_drivers.session import SESSION

Script = Sequence[ScannedPage | ScannerError | None]
"""What a driver does, one after another; None is an empty tray."""


class Scripted:
    """A driver that follows a script."""

    def __init__(self, script: Script) -> None:
        self._script = list(script)
        self.closed = 0

    def pages(self) -> Iterator[ScannedPage]:
        while self._script:
            step = self._script.pop(0)
            if step is None:
                return
            if isinstance(step, ScannerError):
                raise step
            yield step

    def close(self) -> None:
        self.closed += 1


def page(
    position: int, image: bytes = b"\xff\xd8 card", frame: int = 0, **more: Any
) -> ScannedPage:
    digest = ScannedPage.digest(image, frame)
    return ScannedPage(image, digest, f"tray#{position}", position, frame, **more)


def clock() -> Callable[[], float]:
    ticks = iter(range(1_000_000))
    return lambda: next(ticks) / 100


def recorder(driver: Driver, folder: Path) -> Recorder:
    return Recorder(driver, folder, tick=clock())


def played(driver: Driver, calls: int) -> list[object]:
    """What so many calls of pages() give; errors as what they say."""
    came: list[object] = []
    for _ in range(calls):
        try:
            came.extend(driver.pages())
        except (ScannerError, SourceError) as error:
            facts = (getattr(error, "sheets_fed", None), getattr(error, "detail", None))
            came.append((type(error), str(error), *facts))
        else:
            came.append(None)
    return came


def record(script: Script, folder: Path) -> list[object]:
    driver = recorder(Scripted(script), folder)
    came = played(driver, len(script) + 1)
    driver.close()
    return came


SCRIPT: Script = (
    page(0, dpi=200.0, side=SideName.FRONT, imprint="000117"),
    page(1, b"\x89PNG back", dpi=200.0, side=SideName.BACK, imprint="000117"),
    PaperJam(1, "tray 2"),
    page(2, b"II*\0 two pages", 0),
    page(3, b"II*\0 two pages", 1),
    None,
    NoScanner("fi-8170", ["test:0"]),
    ProfileRefused("600 dpi", ["200 dpi", "300 dpi"]),
    page(4),
    ScannerGone(3),
)

# ── the same again ───────────────────────────────────────────────────────────────────────────

scanner_errors = st.one_of(
    st.builds(
        lambda kind, fed, detail: kind(fed, detail),
        st.sampled_from(
            [
                kind
                for kind in vars(errors).values()
                if isinstance(kind, type)
                and issubclass(kind, ScannerError)
                and kind not in (NoScanner, ProfileRefused)
            ]
        ),
        st.integers(0, 10**6),
        st.text(),
    ),
    st.builds(NoScanner, st.text(), st.lists(st.text(), max_size=2)),
    st.builds(ProfileRefused, st.text(), st.lists(st.text(), max_size=2)),
)
steps = st.one_of(
    st.none(),
    scanner_errors,
    st.fixed_dictionaries(
        {
            "image": st.binary(max_size=40),
            "frame": st.integers(0, 3),
            "dpi": st.none() | st.floats(1, 2400),
            "side": st.none() | st.sampled_from(SideName),
            "imprint": st.text(),
        }
    ),
)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    drawn = draw(st.lists(steps, max_size=8))
    return [page(at, **one) if isinstance(one, dict) else one for at, one in enumerate(drawn)]


@settings(max_examples=60, deadline=None)
@given(scripts())
def test_a_replay_is_what_was_recorded(script: Script) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live = played(Scripted(script), len(script) + 1)
        assert record(script, Path(folder)) == live
        assert played(Replay(Path(folder)), len(script) + 1) == live


@settings(max_examples=80, deadline=None)
@given(scripts(), st.data())
def test_a_recording_cut_anywhere_replays_a_beginning_or_says_so(
    script: Script, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        live = record(script, folder)
        file = data.draw(st.sampled_from(sorted(folder.iterdir())))
        kept = data.draw(st.integers(0, file.stat().st_size))
        file.write_bytes(file.read_bytes()[:kept])
        came = played(Replay(folder), len(script) + 1)
        said = [one for one in came if isinstance(one, tuple) and one[0] is SourceError]
        before = came[: came.index(said[0])] if said else came
        while not said and before and before[-1] is None:  # trays that are empty for ever
            before.pop()
        assert live[: len(before)] == before


def test_everything_comes_as_it_was(tmp_path: Path) -> None:
    live = record(SCRIPT, tmp_path)
    replay = Replay(tmp_path)
    assert played(replay, len(SCRIPT) + 1) == live
    assert [one for one in live if isinstance(one, ScannedPage)] == [
        step for step in SCRIPT if isinstance(step, ScannedPage)
    ]
    assert list(replay.pages()) == []


def test_what_lies_in_the_folder(tmp_path: Path) -> None:
    record(SCRIPT, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    # The two pages of one TIFF share a file.
    assert names == {SESSION, "000001.jpg", "000002.png", "000003.tif", "000004.jpg"}
    lines = [json.loads(line) for line in (tmp_path / SESSION).read_bytes().splitlines()]
    assert lines[1]["page"]["imprint"] == "000117"
    assert lines[1]["pause_ms"] == 10.0
    assert lines[3]["stop"]["error"] == "PaperJam"


def test_a_page_is_on_the_disk_before_it_comes(tmp_path: Path) -> None:
    driver = recorder(Scripted(SCRIPT), tmp_path)
    for come in driver.pages():
        again = list(zip(Replay(tmp_path).pages(), range(come.position + 1), strict=False))
        assert again[-1][0] == come
        if come.position == 1:
            break
    driver.close()


def test_a_drivers_own_error_is_played_as_its_kind(tmp_path: Path) -> None:
    class FolderLost(ScannerGone):
        pass

    record([FolderLost(2, "x")], tmp_path)
    with pytest.raises(ScannerGone) as caught:
        list(Replay(tmp_path).pages())
    assert caught.value.sheets_fed == 2


def test_pauses_are_kept_or_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record([page(0), page(1), PaperJam(2)], tmp_path)
    for speed, expected in ((0.0, []), (1.0, [0.01] * 3), (2.0, [0.005] * 3)):
        slept: list[float] = []
        replay = Replay(tmp_path, speed=speed)
        monkeypatch.setattr(replay._closed, "wait", slept.append)
        played(replay, 1)
        assert slept == pytest.approx(expected)
    with pytest.raises(ValueError, match="speed"):
        Replay(tmp_path, speed=-1.0)


def test_closing_ends_the_replay_and_the_recording(tmp_path: Path) -> None:
    driver = Scripted(SCRIPT)
    recording = recorder(driver, tmp_path)
    for _ in recording.pages():
        recording.close()
        recording.close()
        break
    assert driver.closed == 2
    replay = Replay(tmp_path)
    assert next(replay.pages()) == SCRIPT[0]
    replay.close()
    replay.close()
    assert list(replay.pages()) == []


# ── going on ─────────────────────────────────────────────────────────────────────────────────


def test_a_recording_goes_on_and_so_do_positions(tmp_path: Path) -> None:
    record([page(0), page(1)], tmp_path)
    came = record([page(0, b"other"), page(1)], tmp_path)
    assert [one.position for one in came if isinstance(one, ScannedPage)] == [2, 3]
    again = [one for one in played(Replay(tmp_path), 6) if isinstance(one, ScannedPage)]
    assert [one.position for one in again] == [0, 1, 2, 3]
    assert again[2].image == b"other"


def test_a_driver_that_counts_on_keeps_its_count(tmp_path: Path) -> None:
    record([page(0), page(1)], tmp_path)
    came = record([page(7)], tmp_path)
    assert [one.position for one in came if isinstance(one, ScannedPage)] == [7]


def test_a_torn_line_is_said_and_cut_off_when_recording_goes_on(tmp_path: Path) -> None:
    record([page(0), page(1, b"torn")], tmp_path)
    session = tmp_path / SESSION
    lines = session.read_bytes().splitlines(keepends=True)
    session.write_bytes(b"".join(lines[:2]) + lines[2][:-9])
    came = played(Replay(tmp_path), 1)
    assert came[0] == page(0)
    assert "torn off" in str(came[1])
    record([page(0, b"scanned again")], tmp_path)
    again = [one for one in played(Replay(tmp_path), 4) if isinstance(one, ScannedPage)]
    assert [one.image for one in again] == [page(0).image, b"scanned again"]
    # The card whose line was torn was passed to nobody; its scan is kept all the same.
    assert len([path for path in tmp_path.iterdir() if path.name != SESSION]) == 3


@pytest.mark.parametrize("name", ["holiday.jpg", SESSION])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(OutputError, match="no recording"):
        list(recorder(Scripted([page(0)]), tmp_path).pages())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, b"mine")]


def test_two_recorders_do_not_share_a_folder(tmp_path: Path) -> None:
    first, second = recorder(Scripted(SCRIPT), tmp_path), recorder(Scripted(SCRIPT), tmp_path)
    feed = first.pages()
    next(feed)
    with pytest.raises(OutputError, match="another program records"):
        list(second.pages())
    first.close()
    assert next(second.pages()).position == 1
    second.close()


@pytest.mark.parametrize("call", ["fsync", "fdatasync", "rename", "write"])
def test_a_full_disk_costs_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    driver = recorder(Scripted([page(0), page(1, b"second"), page(2)]), tmp_path)
    feed = driver.pages()
    assert next(feed) == page(0)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, full)
        with pytest.raises(OutputError, match="make room"):
            next(feed)
    assert list(driver.pages()) == [page(1, b"second"), page(2)]
    driver.close()
    assert list(Replay(tmp_path).pages()) == [page(0), page(1, b"second"), page(2)]


# ── damage ───────────────────────────────────────────────────────────────────────────────────


def damaged(folder: Path, change: Callable[[dict[str, Any]], object], line: int = 2) -> None:
    session = folder / SESSION
    lines = session.read_bytes().splitlines()
    said = json.loads(lines[line])
    change(said)
    lines[line] = json.dumps(said).encode()
    session.write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["page"].update(file="../000001.jpg"),
        lambda said: said["page"].update(file="/etc/passwd"),
        lambda said: said["page"].update(file="session.jsonl"),
        lambda said: said["page"].update(file=["000001.jpg"]),
        lambda said: said["page"].update(file="000009.jpg"),
        lambda said: said["page"].update(sha256="0" * 64),
        lambda said: said["page"].update(sha256=7),
        lambda said: said["page"].update(frame=1),
        lambda said: said["page"].update(position=-1),
        lambda said: said["page"].update(position=True),
        lambda said: said["page"].update(side="left"),
        lambda said: said["page"].update(side=[]),
        lambda said: said["page"].update(dpi=10**400),
        lambda said: said["page"].update(more=1),
        lambda said: said["page"].pop("imprint"),
        lambda said: said.update(pause_ms=-1),
        lambda said: said.update(pause_ms=1e300),
        lambda said: said.update(end="tray empty"),
        lambda said: said.pop("page"),
        lambda said: said.update(page=[]),
    ],
)
def test_damaged_lines_are_said(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record([page(0), page(1, b"two"), page(2, b"three")], tmp_path)
    damaged(tmp_path, change)
    replay = Replay(tmp_path)
    feed = replay.pages()
    assert next(feed) == page(0)
    for again in (feed, replay.pages()):  # it never goes on behind the damage
        with pytest.raises(SourceError, match=r"line 3 of .*bring the folder back"):
            next(again)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["stop"].update(error="Tornado"),
        lambda said: said["stop"].update(error="OmrError"),
        lambda said: said["stop"].update(error=[]),
        lambda said: said["stop"].pop("error"),
        lambda said: said["stop"].update(sheets_fed="7"),
        lambda said: said["stop"].update(told=None),
    ],
)
def test_unknown_errors_are_said(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    record([page(0), PaperJam(1)], tmp_path)
    damaged(tmp_path, change)
    came = played(Replay(tmp_path), 2)
    assert came[0] == page(0)
    assert "line 3" in str(came[1])
    assert came[1] == came[2]


def test_missing_changed_and_linked_files_are_said(tmp_path: Path) -> None:
    for number, spoil in enumerate(
        (
            Path.unlink,
            lambda path: path.write_bytes(b"\xff\xd8 cart"),
            lambda path: path.rename(path.with_suffix(".x")) and path.symlink_to("000001.x"),
            lambda path: path.unlink() or os.mkfifo(path),
        )
    ):
        folder = tmp_path / str(number)
        record([page(0)], folder)
        spoil(folder / "000001.jpg")
        with pytest.raises(SourceError, match="line 2"):
            list(Replay(folder).pages())


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="give the folder of a recording"):
        list(Replay(tmp_path).pages())
    for text in (b"", b"{}\n", b"\xff\xfe\n", b'{"recording":"scan session","version":2}\n'):
        (tmp_path / SESSION).write_bytes(text)
        with pytest.raises(SourceError, match="no recording"):
            list(Replay(tmp_path).pages())
