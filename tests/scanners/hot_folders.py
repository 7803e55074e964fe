"""What tests of the watched folder put into it, and how they watch."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omr.records import ScannedPage
from scanner_drivers.folder import HotFolder

ROOT = Path(__file__).parents[2]
LOOKING, TOLD = 0.02, None


def card(number: int, size: int = 200) -> bytes:
    """A file that is a whole JPEG as far as a driver cares, and no other card's."""
    return b"\xff\xd8" + str(number).encode() + random.Random(number).randbytes(size) + b"\xff\xd9"


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
