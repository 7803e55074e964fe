"""Scanners by SANE, in a process of their own: a backend that crashes or hangs is an error only."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from omr.errors import SourceError
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
from scanner_drivers.profile import Paper, ScanProfile

_MOST_LINE, _MOST_PAGE = 1 << 20, 1 << 30
_PARTING_S = 5.0
_PROCESS = "scanner_drivers.sane_process"
_SAYS: dict[str, type[ScannerError]] = {
    "Document feeder jammed": PaperJam,
    "Scanner cover is open": CoverOpen,
    "Device busy": ScannerBusy,
    "Error during device I/O": ScannerGone,
}
"""What SANE's words mean for paper; anything else is ScannerFailed, with the words."""


class _Ended(Exception):
    """The process ended without a word."""


class _Silent(Exception):
    """The process says nothing for too long."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A message of the process, and the bytes behind it."""

    kind: str
    words: Mapping[str, Any]
    payload: bytes = b""


class SaneDriver:
    """The sheets in a scanner's feeder, or on its glass.

    `device` is a SANE name such as `fujitsu:fi-7160:123`; options of the device may follow, as in
    `fujitsu:fi-7160:123?brightness=10&prepick=On`, by SANE's names and with yes and no for
    switches. `config_dir` is SANE's SANE_CONFIG_DIR.

    The device is opened by `pages()`. An iteration that is left early can be taken up again by
    `pages()`. `close()` ends `pages()` in whatever thread, as if the tray were empty.
    """

    def __init__(
        self,
        device: str,
        profile: ScanProfile,
        *,
        config_dir: Path | None = None,
        silent_after_s: float = 60.0,
    ) -> None:
        self._name, _, options = device.partition("?")
        self._options = dict(parse_qsl(options, keep_blank_values=True))
        self._profile, self._config_dir = profile, config_dir
        self._silent_after_s = silent_after_s
        self._child: _Child | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._stopped = False  # whether the last feed ended in an error
        self._position = 0
        self._sheets_fed = 0

    def pages(self) -> Iterator[ScannedPage]:
        """The pages in feed order until the tray is empty; of a glass the one that lies on it."""
        sides = 2 if self._profile.duplex else 1
        came, sheet = False, []
        while (said := self._hear()) is not None:
            came = True
            sheet.append(said)
            if len(sheet) < sides:
                continue
            for n, one in enumerate(sheet):
                page = self._page(one, (SideName.FRONT, SideName.BACK)[n] if sides == 2 else None)
                if n == sides - 1:
                    self._sheets_fed += 1
                    self._stopped = False
                yield page
            sheet = []
        if self._closed:
            return
        if sheet:
            raise self._stop(ScannerFailed(self._sheets_fed, "a front came without its back"))
        if not came and (self._stopped or not self._sheets_fed):
            raise OutOfPaper(self._sheets_fed)

    def close(self) -> None:
        """Cancels the scan and gives the device back. Closing twice does no harm."""
        self._closed = True
        self._let_go()

    def _page(self, said: _Said, side: SideName | None) -> ScannedPage:
        image, dpi = said.payload, said.words.get("dpi")
        source = f"sane:{self._name} sheet {self._sheets_fed + 1}"
        source += f" {side.value}" if side else ""
        digest = ScannedPage.digest(image)
        page = ScannedPage(
            image, digest, source, self._position, dpi=float(dpi) if dpi else None, side=side
        )
        self._position += 1
        return page

    def _hear(self) -> _Said | None:
        """The next page; None at the end."""
        try:
            child = self._running()
            while child is not None:
                said = child.hear(self._silent_after_s)
                if said.kind == "page":
                    return said
                if said.kind == "end":
                    self._let_go()
                    return None
                if said.kind != "alive" and not self._closed:
                    raise self._stop(self._error(said))
        except _Silent:
            seconds = f"nothing for {self._silent_after_s:g} s"
            raise self._stop(ScannerSilent(self._sheets_fed, seconds)) from None
        except _Ended as ended:
            if not self._closed:
                raise self._stop(ScannerFailed(self._sheets_fed, str(ended))) from None
        return None

    def _error(self, said: _Said) -> ScannerError:
        words, fed = said.words, self._sheets_fed
        text = str(words.get("text", ""))
        if said.kind == "missing":
            return NoScanner(self._name, [f"no SANE ({text}); install the extra 'sane'"])
        if said.kind == "refused":
            return ProfileRefused(str(words["asked"]), [str(one) for one in words["possible"]])
        known = _SAYS.get(text, ScannerFailed)
        if said.kind == "unopened":
            if known is ScannerBusy:
                return ScannerBusy(fed, self._name)
            if self._stopped or fed:
                return ScannerGone(fed, text)  # it was there before
            return NoScanner(self._name, [str(one) for one in words["names"]])
        return known(fed, text)

    def _stop(self, error: ScannerError) -> ScannerError:
        self._stopped = True
        self._let_go()
        return error

    def _running(self) -> _Child | None:
        with self._lock:
            if self._closed:
                return None
            if self._child is None:
                self._child = _Child(
                    _job(self._profile, self._name, self._options), self._config_dir
                )
            return self._child

    def _let_go(self) -> None:
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.end()


def list_devices(config_dir: Path | None = None, *, silent_after_s: float = 60.0) -> list[str]:
    """The names of the scanners that SANE finds now.

    Raises:
        SourceError: SANE is not there, or does not answer.
    """
    child = _Child({"do": "list"}, config_dir)
    try:
        said = child.hear(silent_after_s)
    except (_Ended, _Silent) as error:
        raise SourceError(f"SANE does not answer ({error}); is the extra 'sane' there?") from None
    finally:
        child.end()
    if said.kind != "devices":
        raise SourceError(f"there is no SANE ({said.words.get('text')}); install the extra 'sane'")
    return [str(name) for name in said.words["names"]]


def _job(profile: ScanProfile, device: str, options: Mapping[str, str]) -> dict[str, Any]:
    return {
        "do": "scan",
        "device": device,
        "options": dict(options),
        "paper": profile.paper.value,
        "duplex": profile.duplex and profile.paper is Paper.FEEDER,
        "dpi": profile.dpi,
        "colour": profile.colour.value,
        "drop_out": profile.drop_out.value,
        "width_mm": profile.width_mm,
        "height_mm": profile.height_mm,
    }


class _Child:
    """The process at work."""

    def __init__(self, job: dict[str, Any], config_dir: Path | None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", _PROCESS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[1],
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._out = self._process.stdout
        os.set_blocking(self._out.fileno(), False)
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._out, selectors.EVENT_READ)
        self._held = bytearray()
        config = {"config_dir": str(config_dir) if config_dir is not None else ""}
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(job | config).encode() + b"\n")

    def hear(self, silent_after_s: float) -> _Said:
        """The next message. Raises _Silent and _Ended."""
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > _MOST_LINE:
                raise _Ended("it talks nonsense")
            self._more(silent_after_s)
        try:
            words = json.loads(self._held[:end])
            kind, size = str(words["kind"]), int(words.get("size", 0))
        except (ValueError, KeyError, TypeError) as error:
            raise _Ended(f"it talks nonsense: {error}") from None
        del self._held[: end + 1]
        if not 0 <= size <= _MOST_PAGE:
            raise _Ended(f"a page of {size} bytes")
        while len(self._held) < size:
            self._more(silent_after_s)
        payload = bytes(self._held[:size])
        del self._held[:size]
        return _Said(kind, words, payload)

    def end(self) -> None:
        """Let it cancel, or end it."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        until = time.monotonic() + _PARTING_S
        # What it still wants to say must not keep it.
        while self._process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError, ValueError):
                self._out.read(1 << 20)
            time.sleep(0.01)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._ready.close()
        with contextlib.suppress(OSError):
            self._out.close()

    def _more(self, silent_after_s: float) -> None:
        try:
            if not self._ready.select(silent_after_s):
                raise _Silent
            content: bytes | None = self._out.read(1 << 20)
        except (OSError, ValueError, RuntimeError) as error:
            raise _Ended(f"it was closed: {error}") from None
        if content is None:
            return
        if not content:
            self._process.wait()
            code = self._process.returncode
            told = f"ended by signal {-code}" if code < 0 else "ended"
            raise _Ended(f"SANE's process {told}")
        self._held += content
