"""The lines of a recorded scan session, written and read.

{"recording":"scan session","version":1}
{"page":{"position":0,"frame":0,"side":"front","dpi":200.0,"imprint":"","source":"…",
         "sha256":"…","file":"000001.jpg"},"pause_ms":12.5}
{"stop":{"error":"PaperJam","sheets_fed":7,"detail":"…","told":"…"},"pause_ms":400.0}
{"end":"tray empty","pause_ms":3.0}
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import Any

from omr.errors import OmrError
from omr.records import ScannedPage, SideName
from scanner_drivers import errors
from scanner_drivers.errors import ScannerError

SESSION = "session.jsonl"
HEADER = b'{"recording":"scan session","version":1}'
FILE_NAME = re.compile(r"[0-9]{6,18}\.(?:jpg|png|tif|bmp|webp|bin)")
LONGEST_PAUSE_MS = 1e9  # twelve days
_HASH = re.compile(r"[0-9a-f]{64}")
_STOPS: dict[str, type[ScannerError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, ScannerError)
}
_SUFFIXES = {
    b"\xff\xd8": "jpg", b"\x89PNG": "png", b"II*\0": "tif", b"MM\0*": "tif", b"II+\0": "tif",
    b"MM\0+": "tif", b"BM": "bmp", b"RIFF": "webp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PageLine:
    """A page; `file` lies beside the session."""

    position: int
    frame: int
    side: str | None
    dpi: float | None
    imprint: str
    source: str
    sha256: str
    file: str
    pause_ms: float

    def __post_init__(self) -> None:
        for name in ("position", "frame"):
            _need(type(getattr(self, name)) is int and getattr(self, name) >= 0, name)
        _need(self.side is None or self.side in set(SideName), "side")
        _need(self.dpi is None or _is_number(self.dpi), "dpi")
        _need(isinstance(self.imprint, str), "imprint")
        _need(isinstance(self.source, str), "source")
        _need(isinstance(self.sha256, str) and _HASH.fullmatch(self.sha256) is not None, "sha256")
        # Nothing but a plain name: a recording that came from elsewhere must not read about.
        _need(isinstance(self.file, str) and FILE_NAME.fullmatch(self.file) is not None, "file")
        _need_pause(self.pause_ms)

    @staticmethod
    def of(page: ScannedPage, file: str, pause_ms: float) -> PageLine:
        side = None if page.side is None else page.side.value
        return PageLine(
            page.position, page.frame, side, page.dpi, page.imprint, page.source, page.sha256,
            file, pause_ms,
        )  # fmt: skip

    def page(self, image: bytes) -> ScannedPage:
        """The page with its bytes, which were checked."""
        side = None if self.side is None else SideName(self.side)
        return ScannedPage(
            image, self.sha256, self.source, self.position, self.frame, self.dpi, side,
            self.imprint,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StopLine:
    """An error that the driver raised. `told` is its message, word for word."""

    error_name: str
    sheets_fed: int
    detail: str
    told: str
    pause_ms: float

    def __post_init__(self) -> None:
        if self.error_name not in _STOPS:
            raise ValueError(f"there is no error {self.error_name!r}")
        _need(type(self.sheets_fed) is int and self.sheets_fed >= 0, "sheets_fed")
        _need(isinstance(self.detail, str), "detail")
        _need(isinstance(self.told, str), "told")
        _need_pause(self.pause_ms)

    @staticmethod
    def of(error: ScannerError, pause_ms: float) -> StopLine:
        """A driver's own kind of an error is recorded as the kind that all drivers share."""
        name = next(kind.__name__ for kind in type(error).__mro__ if kind in _STOPS.values())
        return StopLine(name, error.sheets_fed, error.detail, str(error), pause_ms)

    def error(self) -> ScannerError:
        """The same error once more, whatever its kind was made from."""
        kind = _STOPS[self.error_name]
        again = kind.__new__(kind)
        OmrError.__init__(again, self.told)
        again.sheets_fed, again.detail = self.sheets_fed, self.detail
        return again


@dataclass(frozen=True, slots=True)
class TrayEmpty:
    """`pages()` came to its end."""

    pause_ms: float

    def __post_init__(self) -> None:
        _need_pause(self.pause_ms)


def line_of(entry: PageLine | StopLine | TrayEmpty) -> bytes:
    """One line without its end. Plain ASCII, whatever a device put into a text."""
    said: dict[str, Any] = asdict(entry)
    pause = said.pop("pause_ms")
    whole: dict[str, Any]
    if isinstance(entry, PageLine):
        whole = {"page": said}
    elif isinstance(entry, StopLine):
        whole = {"stop": {"error": said.pop("error_name"), **said}}
    else:
        whole = {"end": "tray empty"}
    return json.dumps({**whole, "pause_ms": pause}, separators=(",", ":")).encode("ascii")


def parsed(line: bytes) -> PageLine | StopLine | TrayEmpty:
    """What a line says. Raises ValueError."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
    if not isinstance(said, dict) or len(said) != 2 or "pause_ms" not in said:
        raise ValueError("it is none of page, stop and end")
    pause = said["pause_ms"]
    try:
        if isinstance(said.get("page"), dict):
            return PageLine(**said["page"], pause_ms=pause)
        if isinstance(said.get("stop"), dict):
            stop = dict(said["stop"])
            return StopLine(stop.pop("error", None), **stop, pause_ms=pause)
    except (TypeError, OverflowError) as error:
        raise ValueError("something in it is missing, or too much") from error
    if said.get("end") == "tray empty":
        return TrayEmpty(pause)
    raise ValueError("it is none of page, stop and end")


def suffix_of(image: bytes) -> str:
    """For people who look into the folder."""
    return next((name for head, name in _SUFFIXES.items() if image.startswith(head)), "bin")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _need(right: bool, what: str) -> None:
    if not right:
        raise ValueError(f"its {what} cannot be")


def _need_pause(value: object) -> None:
    _need(_is_number(value) and 0 <= value <= LONGEST_PAUSE_MS, "pause_ms")  # type: ignore[operator]
