"""The process that holds a SANE device: `python -m scanner_drivers.sane_process`.

Both ways over its stdin and stdout, a message is four bytes of length (big-endian), a JSON object
of that length, and then as many bytes as its `sizes` say, one lot a picture.

| asked | answered |
|---|---|
| `list`: config_dir | `devices`: found |
| `open`: config_dir, device, settings, profile | `ready`, or why not |
| `sheet` | `sheet`: dpi, and its pictures; `end` where none is left; or why not |

Why not is `missing` (no python-sane: detail), `absent` (no such device: found), `refused` (asked,
possible) or `stopped` (error: a name in scanner_drivers.errors; detail). `alive` may come at any
time while a page is being scanned. A sheet is drawn in when it is asked for and not before: sheets
that were fed and that nobody had would be lost. Where stdin ends, the scan is cancelled, the
device given back and the process over.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, BinaryIO

from scanner_drivers.profile import Colour, DropOut, Paper, ScanProfile
from scanner_drivers.sane_options import Panel, Refused, set_up
from scanner_drivers.sane_pixels import Shape, png, rows_of, shape_of

LENGTH = struct.Struct(">I")
GRACE_S = 3.0
_ALIVE_EVERY_S = 1.0

# python-sane hands on no status, only libsane's sentence for it.
_EMPTY = "Document feeder out of documents"
_UNKNOWN = "Invalid argument"
_DENIED = "Access to resource has been denied"
_ERRORS = {
    "Document feeder jammed": "PaperJam",
    "Scanner cover is open": "CoverOpen",
    "Error during device I/O": "ScannerGone",
    "Device busy": "ScannerBusy",
}

Message = dict[str, Any]


class _Stopped(Exception):
    """The device stopped; `error` names one of scanner_drivers.errors."""

    def __init__(self, error: str, detail: str) -> None:
        self.error, self.detail = error, detail
        super().__init__(detail)


class _Absent(Exception):
    """There is no device of that name."""


def pack(told: Message, *pictures: bytes) -> bytes:
    """A message as it travels."""
    head = json.dumps({**told, "sizes": [len(picture) for picture in pictures]}).encode()
    return b"".join((LENGTH.pack(len(head)), head, *pictures))


def found(sane: Any) -> list[str]:
    """The names of all devices that SANE finds."""
    try:
        return [device[0] for device in sane.get_devices()]
    except Exception:
        return []


class _Feed:
    """An open device, set up for a profile. Raises _Stopped, _Absent or Refused."""

    def __init__(self, sane: Any, order: Message, alive: Callable[[], None]) -> None:
        self._profile = _profile(**order["profile"])
        self._alive, self._lines, self._said = alive, 0, 0.0
        self._over = False
        if not order["device"]:  # SANE would open whatever device comes first
            raise _Absent
        try:
            self._device = sane.open(order["device"])
        except Exception as error:
            if str(error) == _UNKNOWN and order["device"] not in found(sane):
                raise _Absent from error
            raise _stop(error) from error
        try:
            panel = Panel(self._device)
            if self._profile.paper is Paper.FEEDER and not panel.has("source"):
                self._check_draws_in()
            self.dpi = set_up(panel, self._profile, order["settings"])
        except Refused:
            self.close()
            raise

    def cancel(self) -> None:
        """Stops the device, whatever it does; may be called from another thread."""
        with contextlib.suppress(Exception):
            self._device.cancel()

    def close(self) -> None:
        """Gives the device back."""
        self.cancel()
        with contextlib.suppress(Exception):
            self._device.close()

    def sheet(self) -> list[bytes]:
        """The pictures of the next sheet; none where no sheet is left."""
        front = None if self._over else self._picture()
        if front is None:
            return []
        if self._profile.paper is Paper.FLATBED:
            self._over = True
            self.cancel()
        if not self._profile.duplex:
            return [front]
        back = self._picture()
        if back is None:
            raise _Stopped("ScannerFailed", "the front of a sheet came without its back")
        return [front, back]

    def _check_draws_in(self) -> None:
        """A flatbed without a choice of sources would scan its one sheet for ever."""
        try:
            kind = str(self._device.sane_signature[3])
        except Exception:
            kind = "device of unknown kind"
        if "sheet" not in kind and "feed" not in kind:
            raise Refused("the feeder", [f"one page at a time, being a {kind}"])

    def _picture(self) -> bytes | None:
        """The next page; None where the feeder is empty."""
        self._lines = 0
        try:
            self._device.start()
            parameters = self._device.get_parameters()
        except Exception as error:
            if str(error) == _EMPTY:
                return None
            raise _stop(error) from error
        shape = shape_of(parameters, self._profile.colour)
        try:
            # Without the leave to deliver 16 bits, it reads past its buffer to reduce them.
            data = self._device.dev.snap(1, 1, self._line)[0]
        except Exception as error:
            if str(error) == _EMPTY and not self._lines:
                return None
            raise _stop(error) from error
        return self._encoded(data, shape)

    def _encoded(self, data: bytes, shape: Shape) -> bytes:
        pixels = rows_of(data, shape)
        if len(pixels) < shape.least_lines:
            raise _Stopped(
                "ScannerFailed",
                f"a page ended after {len(pixels)} of {shape.lines} lines; if the device cuts "
                "pages to their length, switch that off",
            )
        return png(pixels, self.dpi, bitonal=shape.bits == 1)

    def _line(self, done: int, _: int) -> None:
        self._lines = done
        now = time.monotonic()
        if now - self._said >= _ALIVE_EVERY_S:
            self._said = now
            # python-sane does not survive an exception from here.
            with contextlib.suppress(Exception):
                self._alive()


def _profile(*, paper: str, colour: str, drop_out: str, **rest: Any) -> ScanProfile:
    return ScanProfile(
        paper=Paper(paper), colour=Colour(colour), drop_out=DropOut(drop_out), **rest
    )


def _stop(error: Exception) -> _Stopped:
    said = str(error) or type(error).__name__
    if said == _DENIED:
        said += ": give this user the right to open the device"
    return _Stopped(_ERRORS.get(said, "ScannerFailed"), said)


class _Server:
    """Answers one message after another until stdin ends."""

    def __init__(self, asked: BinaryIO, answered: BinaryIO) -> None:
        self._asked, self._answered = asked, answered
        self._requests: SimpleQueue[Message | None] = SimpleQueue()
        self._sane: Any = None
        self._feed: _Feed | None = None

    def run(self) -> None:
        """Returns when stdin has ended and the device is given back."""
        threading.Thread(target=self._listen, daemon=True).start()
        while (request := self._requests.get()) is not None:
            with contextlib.suppress(OSError):  # nobody reads any more: stdin ends too
                self._say(*self._answer(request))
        if self._feed is not None:
            self._feed.close()

    def _listen(self) -> None:
        """In a thread of its own, so that a scan can be cancelled."""
        while (request := self._read()) is not None:
            self._requests.put(request)
        # A device may block on being cancelled, too.
        last = threading.Timer(GRACE_S, os._exit, (1,))
        last.daemon = True
        last.start()
        if self._feed is not None:
            self._feed.cancel()
        self._requests.put(None)

    def _read(self) -> Message | None:
        head = self._asked.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return None
        (size,) = LENGTH.unpack(head)
        body = self._asked.read(size)
        return json.loads(body) if len(body) == size else None

    def _say(self, told: Message, *pictures: bytes) -> None:
        self._answered.write(pack(told, *pictures))
        self._answered.flush()

    def _answer(self, request: Message) -> tuple[Any, ...]:
        try:
            if request["do"] == "list":
                self._begin(request["config_dir"])
                return ({"said": "devices", "found": found(self._sane)},)
            if request["do"] == "open":
                self._begin(request["config_dir"])
                self._feed = _Feed(self._sane, request, lambda: self._say({"said": "alive"}))
                return ({"said": "ready"},)
            assert self._feed is not None
            pictures = self._feed.sheet()
            if not pictures:
                return ({"said": "end"},)
            return ({"said": "sheet", "dpi": self._feed.dpi}, *pictures)
        except ImportError as error:
            return ({"said": "missing", "detail": str(error)},)
        except _Absent:
            return ({"said": "absent", "found": found(self._sane)},)
        except Refused as error:
            return ({"said": "refused", "asked": error.asked, "possible": error.possible},)
        except _Stopped as error:
            return ({"said": "stopped", "error": error.error, "detail": error.detail},)

    def _begin(self, config_dir: str | None) -> None:
        if config_dir is not None:
            os.putenv("SANE_CONFIG_DIR", config_dir)  # libsane knows no other way
        # By name: it is no dependency of ours where no scanner is read through SANE.
        self._sane = importlib.import_module("sane")
        try:
            self._sane.init()
        except Exception as error:
            raise _stop(error) from error


def main() -> None:
    """Serves over stdin and stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that is for the program that began this one
    answered = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # backends may print
    _Server(sys.stdin.buffer, answered).run()
    os._exit(0)  # not through what backends do at the end


if __name__ == "__main__":
    main()
