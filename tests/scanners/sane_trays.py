"""SANE's test devices, and a tray that stands in for the troubles that these cannot have."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from omr.detect.decode import decode
from omr.records import U8, ScannedPage
from scanner_drivers.base import Driver
from scanner_drivers.errors import ScannerError
from scanner_drivers.profile import Paper, ScanProfile
from scanner_drivers.sane import SaneDriver

STAND_IN = Path(__file__).with_name("stand_in")
FEEDER = ScanProfile(dpi=100)
FLATBED = ScanProfile(paper=Paper.FLATBED, dpi=100)

Open = Callable[..., SaneDriver]
Taken = tuple[list[ScannedPage], ScannerError | None]


def configured(folder: Path) -> Path:
    """SANE's configuration with nothing but its own test devices."""
    config = folder / "sane.d"
    config.mkdir(exist_ok=True)
    (config / "dll.conf").write_text("test\npnm\n", "utf-8")
    return config


def scanner_in(folder: Path) -> Open:
    """Opens SANE's test devices, configured in the folder."""

    def open_one(device: str, profile: ScanProfile = FEEDER) -> SaneDriver:
        return SaneDriver(device, profile, config_dir=configured(folder))

    return open_one


class Tray:
    """What lies on the tray of the device that stands in, and what goes wrong there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
        self.path = folder / "tray.json"

    def lay(self, *sheets: list[str], troubles: tuple[tuple[int, int, str, str], ...] = ()) -> None:
        self.path.write_text(json.dumps({"tray": sheets, "troubles": troubles}), "utf-8")

    @property
    def closed(self) -> int:
        """How many times the device was given back."""
        path = self.path.with_name("closed")
        return len(path.read_text("utf-8").split()) if path.is_file() else 0

    def wait_for_hang(self) -> None:
        for _ in range(6000):
            if self.path.with_name("hanging").exists():
                return
            time.sleep(0.01)
        pytest.fail("the device did not come to where it hangs")


def pixels(page: ScannedPage) -> U8:
    return decode(page, colour=True).pixels


def greys(pages: list[ScannedPage]) -> list[int]:
    """The page's name on the tray: the grey that it is full of."""
    for page in pages:
        assert len(np.unique(pixels(page))) == 1
    return [int(pixels(page)[0, 0]) for page in pages]


def taken(driver: Driver) -> Taken:
    """The pages until the end or the error."""
    pages: list[ScannedPage] = []
    try:
        for page in driver.pages():
            pages.append(page)
    except ScannerError as error:
        return pages, error
    return pages, None


def in_thread(driver: Driver) -> Callable[[], Taken]:
    """Takes the pages in a thread; the result waits for their end."""
    result: list[Taken] = []
    thread = threading.Thread(target=lambda: result.append(taken(driver)))
    thread.start()

    def wait() -> Taken:
        thread.join(60)
        assert result, "the pages do not end"
        return result[0]

    return wait


def pnm(path: Path, picture: U8) -> Path:
    """The picture as a PNM file: one bit where there is black and white only."""
    height, width = picture.shape[:2]
    if set(np.unique(picture)) <= {0, 255}:
        head, body = f"P4\n{width} {height}\n", np.packbits(picture == 0, axis=1)
    else:
        head, body = f"P{5 if picture.ndim == 2 else 6}\n{width} {height}\n255\n", picture
    path.write_bytes(head.encode() + body.tobytes())
    return path
