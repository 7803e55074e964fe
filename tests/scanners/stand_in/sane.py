"""Stands in for python-sane: a device that can do what SANE's own test devices cannot.

The device's name is a JSON file that says what lies on its tray and what goes wrong:

    {"tray": [["1", "2"], ["3", "4"]], "troubles": [[3, 0, "start", "Document feeder jammed"]]}

A sheet is a list of its sides, a side is named for the grey (0 to 255) that it is full of. A
trouble is a sheet (from 1, over all), a side (0, 1), the moment and what libsane says there; or
"crash", "hang", "die". It happens once. A sheet whose sides were not all read is back on the tray
when the device is opened again.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

WIDTH, LINES = 120, 110


class error(Exception):  # noqa: N801
    """As python-sane's own."""


class Option:
    """What python-sane tells of an option."""

    def __init__(self, name: str, value: Any, limits: Any = None, unit: int = 0) -> None:
        self.name, self.py_name = name, name.replace("-", "_")
        self.value, self.constraint, self.unit, self.size = value, limits, unit, 4
        self.type = {bool: 0, int: 1, float: 2, str: 3, type(None): 4}[type(value)]
        self.active = True

    def is_active(self) -> bool:
        return self.active

    def is_settable(self) -> bool:
        return True


class Board:
    """Options that can be had and set as attributes, as python-sane has it."""

    def __init__(self, *options: Option) -> None:
        self.__dict__["opt"] = {option.py_name: option for option in options}

    def __getattr__(self, name: str) -> Any:
        if name not in self.opt:
            raise AttributeError(name)
        return self.opt[name].value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.opt:
            self.opt[name].value = value
        else:
            self.__dict__[name] = value


class Device(Board):
    """A feeder for both sides."""

    def __init__(self, play: Path) -> None:
        super().__init__(
            Option("source", "ADF Front", ["Flatbed", "ADF Front", "ADF Back", "ADF Duplex"]),
            Option("mode", "Gray", ["Lineart", "Halftone", "Gray", "Color"]),
            Option("resolution", 75, [100, 200, 300]),
        )
        self.dev = self
        self.play, self.side = play, 0
        self.stopped = threading.Event()

    def start(self) -> None:
        self.stopped.clear()
        self._trouble("start", self._told())
        if not self._told()["tray"]:
            raise error("Document feeder out of documents")

    def get_parameters(self) -> tuple[Any, ...]:
        return ("gray", 1, (WIDTH, LINES), 8, WIDTH)

    def snap(self, _: int, __: int, line: Callable[[int, int], None]) -> tuple[Any, ...]:
        told = self._told()
        line(1, LINES)
        self._trouble("read", told)
        sheet = told["tray"][0]
        grey = int(sheet[self.side])
        self.side += 1
        if self.side == (2 if self.source == "ADF Duplex" else 1):
            self.side = 0
            told["tray"].pop(0)
            told["fed"] = told.get("fed", 0) + 1
            self.play.write_text(json.dumps(told), "utf-8")
        return (bytearray([grey]) * (WIDTH * LINES), WIDTH, LINES, 1, 1)

    def cancel(self) -> None:
        self.stopped.set()

    def close(self) -> None:
        with (self.play.parent / "closed").open("a") as file:
            file.write("closed\n")

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.play.read_text("utf-8"))
        return told

    def _trouble(self, moment: str, told: dict[str, Any]) -> None:
        for trouble in told.get("troubles", []):
            if trouble[:3] != [told.get("fed", 0) + 1, self.side, moment]:
                continue
            told["troubles"].remove(trouble)
            self.play.write_text(json.dumps(told), "utf-8")
            what = trouble[3]
            if what == "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            if what == "die":
                os.write(2, b"backend: assertion failed\n")
                os._exit(3)
            if what == "hang":
                self.play.with_name("hanging").touch()
                self.stopped.wait()
                what = "Operation was canceled"
            raise error(what)


def init() -> None:
    """Nothing to begin."""


def get_devices() -> list[tuple[str, str, str, str]]:
    """One that does not open."""
    return [("shy", "", "", "")]


def open(name: str) -> Device:
    """The device that the file tells of."""
    if not Path(name).is_file():
        raise error("Invalid argument")
    return Device(Path(name))
