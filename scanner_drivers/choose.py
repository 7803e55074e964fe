"""Drivers by name, as people give them: `sane:fujitsu:fi-7160:1234`, `escl:http://10.0.0.7`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from omr.errors import SourceError
from scanner_drivers.base import Driver
from scanner_drivers.escl import EsclDriver
from scanner_drivers.files import FileDriver
from scanner_drivers.folder import HotFolder
from scanner_drivers.profile import ScanProfile
from scanner_drivers.replay import Replay
from scanner_drivers.sane import SaneDriver

_KINDS: dict[str, Callable[[str, ScanProfile], Driver]] = {
    "files": lambda where, _profile: FileDriver([_there(where)]),
    "folder": lambda where, _profile: HotFolder(_there(where)),
    "sane": SaneDriver,
    "escl": EsclDriver,
    "replay": lambda where, _profile: Replay(_there(where)),
}
KINDS = tuple(_KINDS)
"""What may stand before the colon."""


def open_driver(name: str, profile: ScanProfile) -> Driver:
    """The driver of that name; nothing is asked of a device yet.

    Raises:
        SourceError: there is no such kind, or no such file or folder.
        ProfileRefused: the name's own options cannot be understood.
    """
    kind, colon, where = name.partition(":")
    if not colon or not where or kind not in _KINDS:
        known = ", ".join(f"{one}:…" for one in _KINDS)
        raise SourceError(f"{name!r} names no scanner; give one of {known}")
    return _KINDS[kind](where, profile)


def _there(where: str) -> Path:
    path = Path(where)
    if not path.exists():
        raise SourceError(f"{where} does not exist; check the path")
    return path
