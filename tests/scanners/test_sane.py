"""SANE's own test backends before our driver: whole feeds, every status, crashes and silence."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omr.design import load_design
from omr.detect.decode import decode
from omr.errors import SourceError
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.records import ScannedPage, SideName
from omr.simulate import load_mix, simulate
from scanner_drivers import sane
from scanner_drivers.errors import (
    CoverOpen,
    NoScanner,
    OutOfPaper,
    PaperJam,
    ProfileRefused,
    ScannerBusy,
    ScannerError,
    ScannerFailed,
    ScannerGone,
    ScannerSilent,
)
from scanner_drivers.profile import Colour, DropOut, Paper, ScanProfile
from scanner_drivers.sane import SaneDriver, list_devices
from tests.scanners.escl_sheets import stop_of

needs_sane = pytest.mark.skipif(
    importlib.util.find_spec("sane") is None or not Path("/etc/sane.d/test.conf").is_file(),
    reason="needs python-sane and SANE's test backend",
)
SMALL = ScanProfile(dpi=75, width_mm=50, height_mm=60)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A SANE that knows nothing but its test backends."""
    folder = tmp_path / "sane"
    folder.mkdir()
    (folder / "dll.conf").write_text("test\npnm\n")
    shutil.copy("/etc/sane.d/test.conf", folder)
    return folder


def driver_of(config: Path, options: str = "", profile: ScanProfile = SMALL, **more: Any):
    device = f"test:0?{options}" if options else "test:0"
    return SaneDriver(device, profile, config_dir=config, **more)


# ── SANE's test backend ──────────────────────────────────────────────────────────────────────


@needs_sane
@pytest.mark.parametrize("colour", Colour)
def test_the_feeder_runs_empty_and_is_filled_again(config: Path, colour: Colour) -> None:
    profile = ScanProfile(colour=colour, dpi=100, width_mm=60, height_mm=80)
    driver = driver_of(config, "test-picture=Grid", profile)
    pages = list(driver.pages())
    assert [page.position for page in pages] == list(range(10))
    assert [page.position for page in driver.pages()] == list(range(10, 20))
    driver.close()
    driver.close()
    assert list(driver.pages()) == []
    raster = decode(pages[0], colour=colour is Colour.COLOUR)
    assert raster.bitonal == (colour is Colour.BITONAL)
    height, width = raster.pixels.shape[:2]
    assert (abs(width - 236) <= 2, abs(height - 315) <= 2) == (True, True)
    assert pages[0].dpi == 100
    assert raster.dpi == pytest.approx(100, abs=0.1)
    assert pages[9].source == "sane:test:0 sheet 10"
    assert 20 < raster.pixels.mean() < 240, "the grid is on it"


@needs_sane
def test_the_glass_gives_one_page_a_time(config: Path) -> None:
    profile = ScanProfile(paper=Paper.FLATBED, dpi=75, width_mm=50, height_mm=60)
    driver = driver_of(config, "", profile)
    assert [page.position for page in driver.pages()] == [0]
    assert [page.position for page in driver.pages()] == [1]


@needs_sane
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("JAMMED", PaperJam),
        ("COVER_OPEN", CoverOpen),
        ("IO_ERROR", ScannerGone),
        ("DEVICE_BUSY", ScannerBusy),
        ("NO_DOCS", ScannerFailed),
        ("EOF", ScannerFailed),
        ("NO_MEM", ScannerFailed),
        ("ACCESS_DENIED", ScannerFailed),
        ("UNSUPPORTED", ScannerFailed),
    ],
)
def test_every_status_is_told_and_no_page_is(
    config: Path, status: str, kind: type[ScannerError]
) -> None:
    driver = driver_of(config, f"read-return-value=SANE_STATUS_{status}")
    with pytest.raises(kind) as caught:
        list(driver.pages())
    assert type(caught.value) is kind
    assert caught.value.sheets_fed == 0


@needs_sane
@pytest.mark.parametrize(
    "options",
    [
        *("read-limit=yes&read-limit-size=7", "read-delay=yes&read-delay-duration=1000"),
        *("fuzzy-parameters=yes", "non-blocking=yes", "select-fd=yes"),
    ],
)
def test_slow_and_odd_devices_give_the_same_pages(config: Path, options: str) -> None:
    profile = ScanProfile(dpi=75, width_mm=40, height_mm=40)
    picture = "test-picture=Grid"
    plain = next(driver_of(config, picture, profile).pages())
    odd_driver = driver_of(config, f"{picture}&{options}", profile)
    odd = next(odd_driver.pages())
    odd_driver.close()
    known, seen = (decode(one, colour=False).pixels for one in (plain, odd))
    assert seen.shape[0] == known.shape[0]
    assert (seen[:, :100] == known[:, :100]).all()


@needs_sane
def test_what_the_device_cannot_do_is_refused_with_what_it_can(config: Path) -> None:
    for options, profile, words in (
        ("", ScanProfile(dpi=75, duplex=True), "Automatic Document Feeder"),
        ("", ScanProfile(drop_out=DropOut.RED), "dropping red out"),
        ("", ScanProfile(width_mm=900, height_mm=60), "0 to 200"),
        ("depth=16", SMALL, "16 bits a sample"),
        ("nope=1", SMALL, "test-picture"),
        ("read-limit=perhaps", SMALL, "yes, no"),
        ("test-picture=Cat", SMALL, "Grid"),
        ("bool-hard-select=yes", SMALL, "option bool-hard-select"),
    ):
        with pytest.raises(ProfileRefused, match=words):
            list(driver_of(config, options, profile).pages())


@needs_sane
def test_a_device_that_is_not_there_is_told_with_those_that_are(config: Path) -> None:
    assert "test:0" in list_devices(config)
    with pytest.raises(NoScanner, match=r"'test:7'; there are: .*test:0"):
        list(SaneDriver("test:7", SMALL, config_dir=config).pages())


def child_of(driver: SaneDriver) -> int:
    assert driver._child is not None
    return driver._child._process.pid


@needs_sane
def test_a_crash_in_the_middle_loses_no_sheet_and_doubles_none(config: Path) -> None:
    driver = driver_of(config, "read-delay=yes&read-delay-duration=20000")
    feed = driver.pages()
    pages = [next(feed) for _ in range(3)]
    os.kill(child_of(driver), signal.SIGSEGV)
    with pytest.raises(ScannerFailed, match=r"signal 11.*after \d+ sheets") as caught:
        pages.extend(feed)
    # Pages that the process had sent are whole, and are not lost with it.
    assert caught.value.sheets_fed == len(pages) >= 3
    pages.extend(driver.pages())
    assert [page.position for page in pages] == list(range(len(pages)))
    driver.close()


@needs_sane
def test_silence_is_an_error_and_the_feed_can_be_resumed(config: Path) -> None:
    driver = driver_of(config, silent_after_s=1.5)
    feed = driver.pages()
    next(feed)
    os.kill(child_of(driver), signal.SIGSTOP)
    with pytest.raises(ScannerSilent, match="switch it off and on"):
        list(feed)
    assert next(driver.pages()).position >= 1
    driver.close()


@needs_sane
def test_closing_ends_a_feed_that_waits(config: Path) -> None:
    driver = driver_of(config, "read-delay=yes&read-delay-duration=200000")
    got: list[ScannedPage] = []
    thread = threading.Thread(target=lambda: got.extend(driver.pages()))
    thread.start()
    until = time.monotonic() + 30
    while driver._child is None and time.monotonic() < until:
        time.sleep(0.01)
    driver.close()
    thread.join(30)
    assert not thread.is_alive()
    assert len(got) < 10


@needs_sane
def test_the_process_goes_when_its_reader_is_killed(config: Path) -> None:
    code = f"""
        from pathlib import Path
        from scanner_drivers.profile import ScanProfile
        from scanner_drivers.sane import SaneDriver
        driver = SaneDriver("test:0", ScanProfile(dpi=75), config_dir=Path({str(config)!r}))
        feed = driver.pages()
        next(feed)
        print(driver._child._process.pid, flush=True)
        import time
        time.sleep(60)
    """
    reader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    child = int(reader.stdout.readline())
    reader.kill()
    reader.wait()
    until = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < until:
        if "Z" in Path(f"/proc/{child}/stat").read_text().rpartition(")")[2][:3]:
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{child}").exists()


# ── cards through SANE's pnm backend ─────────────────────────────────────────────────────────


@needs_sane
def test_cards_are_read_through_sane_as_from_their_files(config: Path, tmp_path: Path) -> None:
    design, policy = load_design("cn-health-203"), default_policy()
    simulate(design, load_mix("clean"), 3, 4, tmp_path / "cards")
    files = [path for path in (tmp_path / "cards").rglob("*") if path.suffix in (".jpg", ".tif")]
    assert len(files) == 3
    for file in files:
        content = file.read_bytes()
        page = ScannedPage(content, ScannedPage.digest(content), file.name, 0)
        pixels = decode(page, colour=False).pixels
        pnm = tmp_path / f"{file.stem}.pgm"
        pnm.write_bytes(
            b"P5\n%d %d\n255\n" % pixels.shape[::-1] + np.ascontiguousarray(pixels).tobytes()
        )
        driver = SaneDriver(
            f"pnm:0?filename={pnm}",
            ScanProfile(paper=Paper.FLATBED, dpi=200),
            config_dir=config,
        )
        (scanned,) = driver.pages()
        assert (decode(scanned, colour=False).pixels == pixels).all()
        known, seen = (read_page(one, design, policy) for one in (page, scanned))
        assert isinstance(known, ReadPage)
        assert isinstance(seen, ReadPage)
        assert seen.reading.values == known.reading.values
        assert seen.reading.doubts == known.reading.doubts


# ── whatever a backend may do: a stand-in for python-sane ────────────────────────────────────

STAND_IN = '''
"""A scanner whose every start comes from a script: page, or SANE's words for what is wrong."""
import io, json, os
from PIL import Image

SCRIPT = os.path.join(os.path.dirname(__file__), "script.json")

class error(Exception):
    pass

class Opt:
    def __init__(self, name, type, constraint, unit=0):
        self.name, self.py_name, self.type, self.unit = name, name.replace("-", "_"), type, unit
        self.constraint = constraint
    def is_active(self): return True
    def is_settable(self): return True

class Device:
    def __init__(self):
        self.__dict__["values"] = {}
        self.__dict__["opt"] = {one.py_name: one for one in (
            Opt("source", 3, ["Flatbed", "ADF Front", "ADF Back", "ADF Duplex"]),
            Opt("mode", 3, ["Lineart", "Gray", "Color"]),
            Opt("resolution", 1, [100, 200, 300], 4),
            Opt("dropout-front", 3, ["None", "Red"]),
        )}
    def __setattr__(self, name, value): self.values[name] = value
    def __getattr__(self, name): return self.values[name]
    def start(self):
        with io.open(SCRIPT) as file:
            script = json.load(file)
        self.values["now"] = script.pop(0) if script else "Document feeder out of documents"
        with io.open(SCRIPT, "w") as file:
            json.dump(script, file)
        if isinstance(self.values["now"], str) and not self.values["now"].startswith("late:"):
            if self.values["now"] == "crash":
                os.abort()
            raise error(self.values["now"])
    def get_parameters(self):
        return ("gray", 1, (8, 8), 1 if self.values["mode"] == "Lineart" else 8, 8)
    def snap(self, no_cancel, progress):
        print("backends print", flush=True)
        if isinstance(self.values["now"], str):
            raise error(self.values["now"][5:])
        return Image.new("L", (120, 120), self.values["now"])
    def cancel(self): pass
    def close(self): pass

def init(): pass
def get_devices(): return [("stand-in:0", "", "", "")]
def open(name):
    if name != "stand-in:0":
        raise error("Invalid argument")
    return Device()
'''


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Sets what the starts bring, and gives a driver for them."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "sane.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def load(*starts: int | str) -> None:
        (folder / "script.json").write_text(str(list(starts)).replace("'", '"'))

    return load


def level(page: ScannedPage) -> int:
    """What the stand-in says of a page: its grey."""
    return int(decode(page, colour=False).pixels[0, 0])


@pytest.mark.parametrize("words", ["Document feeder jammed", "late:Document feeder jammed"])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_jam_at_any_sheet_is_resumed_with_that_sheet(stand_in, words: str, before: int) -> None:
    sheets = [10, 20, 30, 40, 50]
    stand_in(*sheets[:before], words)
    driver = SaneDriver("stand-in:0", ScanProfile(dpi=200))
    pages: list[ScannedPage] = []
    stop = stop_of(driver, PaperJam, pages)
    assert stop.sheets_fed == before == len(pages)
    stand_in(*sheets[before:])
    pages.extend(driver.pages())
    assert [level(page) for page in pages] == sheets
    assert [page.position for page in pages] == list(range(5))


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_half_a_sheet_is_never_delivered(stand_in, before: int) -> None:
    """Both sides; the jam comes before the front or before the back."""
    faces = [10, 20, 30, 40]
    stand_in(*faces[:before], "Document feeder jammed")
    driver = SaneDriver("stand-in:0", ScanProfile(dpi=200, duplex=True))
    pages: list[ScannedPage] = []
    stop_of(driver, PaperJam, pages)
    assert len(pages) == before // 2 * 2
    stand_in(*faces[len(pages) :])
    pages.extend(driver.pages())
    assert [level(page) for page in pages] == faces
    assert [page.side for page in pages] == [SideName.FRONT, SideName.BACK] * 2


def test_a_front_without_its_back_is_no_end(stand_in) -> None:
    stand_in(10, 20, 30)
    driver = SaneDriver("stand-in:0", ScanProfile(dpi=200, duplex=True))
    pages: list[ScannedPage] = []
    assert "without its back" in str(stop_of(driver, ScannerFailed, pages))
    assert [level(page) for page in pages] == [10, 20]


def test_an_empty_tray_is_the_end_unless_a_sheet_must_be_there(stand_in) -> None:
    stand_in()
    driver = SaneDriver("stand-in:0", ScanProfile(dpi=200))
    with pytest.raises(OutOfPaper, match="the first on top"):
        list(driver.pages())
    stand_in(10, "Document feeder jammed")
    with pytest.raises(PaperJam):
        list(driver.pages())
    stand_in()
    with pytest.raises(OutOfPaper, match="back in"):
        list(driver.pages())
    stand_in(20)
    assert [page.position for page in driver.pages()] == [1]
    stand_in()
    assert list(driver.pages()) == []


def test_a_backend_that_aborts_is_an_error_and_no_end(stand_in) -> None:
    stand_in(10, "crash")
    driver = SaneDriver("stand-in:0", ScanProfile(dpi=200))
    feed = driver.pages()
    assert level(next(feed)) == 10
    with pytest.raises(ScannerFailed, match="signal 6"):
        next(feed)


def test_a_feed_that_is_left_early_is_taken_up_again(stand_in) -> None:
    stand_in(10, 20, 30)
    driver = SaneDriver("stand-in:0", ScanProfile(dpi=200))
    first = next(driver.pages())
    rest = list(driver.pages())
    assert [level(page) for page in (first, *rest)] == [10, 20, 30]


def test_options_differ_between_backends(stand_in) -> None:
    stand_in(10)
    driver = SaneDriver("stand-in:0", ScanProfile(dpi=300, drop_out=DropOut.RED))
    assert next(driver.pages()).dpi == 300
    for profile, words in (
        (ScanProfile(dpi=150), "100, 200, 300"),
        (ScanProfile(drop_out=DropOut.BLUE), "None, Red"),
        (ScanProfile(dpi=200, width_mm=50, height_mm=50), "size of paper"),
    ):
        with pytest.raises(ProfileRefused, match=words):
            list(SaneDriver("stand-in:0", profile).pages())


def test_without_sane_it_is_said_what_to_install(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "sane.py").write_text("raise ImportError('no libsane.so.1')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(NoScanner, match="install the extra 'sane'"):
        list(SaneDriver("test:0", SMALL).pages())
    with pytest.raises(SourceError, match="install the extra 'sane'"):
        list_devices()


def test_a_process_that_talks_nonsense_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sane, "_PROCESS", "this")  # prints a poem
    with pytest.raises(ScannerError):
        list(SaneDriver("test:0", SMALL).pages())
