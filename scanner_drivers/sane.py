"""Scanners that SANE knows, each held by a process of its own (scanner_drivers.sane_process)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import unquote

from omr.errors import OmrError
from omr.records import ScannedPage, SideName
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
from scanner_drivers.profile import ScanProfile
from scanner_drivers.sane_process import GRACE_S, LENGTH, Message, pack

_ROOT = Path(__file__).resolve().parents[1]
_STOPS = {kind.__name__: kind for kind in (CoverOpen, PaperJam, ScannerGone)}
_CHUNK = 1 << 20
_LAST_WORDS = 4096


class SaneMissing(NoScanner):
    """SANE is not installed here, or python-sane is not."""

    def __init__(self, detail: str) -> None:
        self.sheets_fed, self.detail = 0, detail
        OmrError.__init__(
            self,
            f"scanners cannot be asked through SANE ({detail}); install libsane (on Debian: "
            "apt-get install libsane-dev gcc) and then python-sane: pip install 'omr-reader[sane]'",
        )


def list_devices(config_dir: Path | None = None, silent_after_s: float = 60.0) -> tuple[str, ...]:
    """The names of the devices that SANE finds, which may take a while. Raises ScannerError."""
    child = _started(0)
    try:
        child.ask({"do": "list", "config_dir": _folder(config_dir)})
        said, _ = child.answer(silent_after_s, 0)
    finally:
        child.end()
        child.release()
    if said["said"] != "devices":
        raise _error(said, "", 0)
    return tuple(said["found"])


class SaneDriver:
    """The pages of a device that SANE knows.

    `device` is SANE's name for it, and after a `?` may come options of that device to be set, such
    as `test:0?test-picture=Grid&read-delay=yes` (`%26` for an `&`). `config_dir` stands in for
    SANE's own configuration folder. `silent_after_s` bounds the time in which not even a line of a
    page comes. The device is opened by `pages()` and given back where that ends.
    """

    def __init__(
        self,
        device: str,
        profile: ScanProfile,
        *,
        config_dir: Path | None = None,
        silent_after_s: float = 60.0,
    ) -> None:
        self._device, self._settings = _parted(device)
        self._profile = profile
        self._config_dir = config_dir
        self.silent_after_s = silent_after_s
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._closed = False
        self._waiting: deque[ScannedPage] = deque()
        self._sheets = 0
        self._position = 0

    @property
    def process_id(self) -> int | None:
        """The process that holds the device, while there is one."""
        child = self._child
        return None if child is None else child.process_id

    def pages(self) -> Iterator[ScannedPage]:
        """The pages until the feeder is empty; one page of a flatbed. Raises ScannerError.

        A sheet is drawn in when its page is asked for. A closed driver has no pages.
        """
        fed = bool(self._waiting)
        yield from self._deliver()
        child = self._begin()
        if child is None:
            return
        try:
            self._open(child)
            while (sheet := self._sheet(child, fed)) is not None:
                fed = True
                self._waiting.extend(sheet)
                yield from self._deliver()
        except ScannerError:
            if not self._closed:
                raise
        finally:
            child.end()
            child.release()
            with self._lock:
                if self._child is child:
                    self._child = None

    def close(self) -> None:
        """Gives the device back; ends `pages()` where that waits in another thread."""
        with self._lock:
            self._closed = True
            child = self._child
        if child is not None:
            child.end()

    def _begin(self) -> _Child | None:
        earlier = self._child
        if earlier is not None:  # pages that were neither taken to their end nor given up
            earlier.end()
        with self._lock:
            if self._closed:
                return None
            self._child = _started(self._sheets)
            return self._child

    def _open(self, child: _Child) -> None:
        child.ask(
            {
                "do": "open",
                "config_dir": _folder(self._config_dir),
                "device": self._device,
                "settings": self._settings,
                "profile": asdict(self._profile),
            }
        )
        told, _ = child.answer(self.silent_after_s, self._sheets)
        if told["said"] != "ready":
            raise _error(told, self._device, self._sheets)

    def _sheet(self, child: _Child, fed: bool) -> list[ScannedPage] | None:
        child.ask({"do": "sheet"})
        told, pictures = child.answer(self.silent_after_s, self._sheets)
        if told["said"] == "end":
            if not fed:
                raise OutOfPaper(self._sheets)
            return None
        if told["said"] != "sheet":
            raise _error(told, self._device, self._sheets)
        sides = tuple(SideName) if len(pictures) == 2 else (None,)
        source = f"sane:{self._device} sheet {self._sheets + 1}"
        return [
            ScannedPage(
                picture,
                ScannedPage.digest(picture),
                source,
                self._position + number,
                dpi=told["dpi"],
                side=side,
            )
            for number, (picture, side) in enumerate(zip(pictures, sides, strict=True))
        ]

    def _deliver(self) -> Iterator[ScannedPage]:
        """What was scanned and not yet had: the back too, where only the front was taken."""
        while self._waiting:
            page = self._waiting.popleft()
            self._position += 1
            self._sheets += not self._waiting
            yield page


class _Child:
    """A process that holds a device, and the pipes to it."""

    def __init__(self) -> None:
        # What backends print goes to a file without a name; a full pipe would block them.
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scanner_drivers.sane_process"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            bufsize=0,
            start_new_session=True,
        )
        self._came = bytearray()

    @property
    def process_id(self) -> int:
        """For whoever watches it."""
        return self._process.pid

    def ask(self, request: Message) -> None:
        """Sends a request; that the process is over shows when its answer is read."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(pack(request))

    def answer(self, silent_after_s: float, sheets: int) -> tuple[Message, list[bytes]]:
        """The answer. Raises ScannerFailed if the process is over, ScannerSilent if it hangs."""
        while True:
            told = self._message()
            if told is not None and told[0]["said"] != "alive":
                return told
            if told is None:
                self._read(silent_after_s, sheets)

    def end(self) -> None:
        """Has the process give the device back, and ends it if that takes long. For any thread."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def release(self) -> None:
        """Closes what was open here. From the thread that reads the answers."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._printed.close()

    def _read(self, silent_after_s: float, sheets: int) -> None:
        assert self._process.stdout is not None
        ready = select.poll()
        ready.register(self._process.stdout, select.POLLIN)
        if not ready.poll(silent_after_s * 1000):
            self._process.kill()
            raise ScannerSilent(sheets, f"for {silent_after_s:g} s")
        came = self._process.stdout.read(_CHUNK)
        if not came:
            raise ScannerFailed(sheets, self._last_words())
        self._came += came

    def _message(self) -> tuple[Message, list[bytes]] | None:
        start = LENGTH.size
        if len(self._came) < start:
            return None
        end = start + LENGTH.unpack_from(self._came)[0]
        if len(self._came) < end:
            return None
        told: Message = json.loads(self._came[start:end])
        if len(self._came) < end + sum(told["sizes"]):
            return None
        pictures: list[bytes] = []
        for size in told["sizes"]:
            pictures.append(bytes(self._came[end : end + size]))
            end += size
        del self._came[:end]
        return told, pictures

    def _last_words(self) -> str:
        self.end()
        code = self._process.returncode
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        self._printed.seek(max(0, self._printed.seek(0, os.SEEK_END) - _LAST_WORDS))
        lines = self._printed.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()][-1:]
        return ": ".join([f"its SANE backend ended with {how}", *said])


def _started(sheets: int) -> _Child:
    try:
        return _Child()
    except OSError as error:
        raise ScannerFailed(sheets, f"no process can be started for it: {error}") from error


def _parted(device: str) -> tuple[str, dict[str, str]]:
    name, _, told = device.partition("?")
    settings = {}
    for setting in filter(None, told.split("&")):
        option, equals, value = setting.partition("=")
        if not equals:
            raise ProfileRefused(f"the setting {setting!r}", ["name=value after the ?"])
        settings[unquote(option)] = unquote(value)
    return name, settings


def _folder(config_dir: Path | None) -> str | None:
    return None if config_dir is None else str(config_dir.resolve())


def _error(told: Message, device: str, sheets: int) -> ScannerError:
    """Why not, as the process says it."""
    error: ScannerError
    if told["said"] == "missing":
        error = SaneMissing(told["detail"])
    elif told["said"] == "absent":
        error = NoScanner(device, told["found"])
    elif told["said"] == "refused":
        error = ProfileRefused(told["asked"], told["possible"])
    elif told["error"] == ScannerBusy.__name__:
        error = ScannerBusy(sheets, device)
    else:
        error = _STOPS.get(told["error"], ScannerFailed)(sheets, told["detail"])
    error.sheets_fed = sheets
    return error
