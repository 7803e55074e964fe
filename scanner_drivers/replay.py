"""A scan session recorded page by page, and played again.

A recording is a folder: `session.jsonl`, one line for each page, stop and end of the tray in the
order in which they came, and beside it a file for each page as it was scanned. A page is on the
disk, first its file and then its line, before it is passed on. So a recording is also where scans
are kept.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from omr.errors import OutputError, SourceError
from omr.records import ScannedPage
from scanner_drivers.base import Driver
from scanner_drivers.durable import sync_folder
from scanner_drivers.errors import ScannerError
from scanner_drivers.session import (
    FILE_NAME,
    HEADER,
    LONGEST_PAUSE_MS,
    SESSION,
    PageLine,
    StopLine,
    TrayEmpty,
    line_of,
    parsed,
    suffix_of,
)
from scanner_drivers.sources import PageRef, SourceLimits


class Recorder:
    """A driver that keeps what another driver delivers, and passes it on.

    In a folder that holds a recording already it goes on after the last whole line, and positions
    go on, too, where the driver starts again at 0. `tick` gives seconds from any moment on.

    `pages()` raises what the driver raises, and OutputError where the folder is not empty and
    holds no recording, is being recorded into, or cannot be written: the page that could not be
    stored is kept in memory, and comes first when `pages()` is called again.
    """

    def __init__(self, driver: Driver, folder: Path, *, tick: Callable[[], float]) -> None:
        self._driver, self._folder, self._tick = driver, folder, tick
        self._session: int = -1
        self._end = 0
        self._number = 0
        self._last_position = -1
        self._shift: int | None = None
        self._last_image: tuple[bytes, str] | None = None
        self._unstored: ScannedPage | None = None
        self._since = 0.0
        self._closed = False
        self._at_work = threading.Lock()

    def pages(self) -> Iterator[ScannedPage]:
        """The driver's pages, each stored before it comes."""
        if self._closed and self._unstored is None:
            return
        self._open()
        self._since = self._tick()
        feed = iter(self._driver.pages())
        while (page := self._step(feed)) is not None:
            yield page

    def close(self) -> None:
        """Closes the driver and lets go of the folder; a page that is being stored still is."""
        self._closed = True
        self._driver.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._at_work.acquire(blocking=False):
            try:
                self._shut()
            finally:
                self._at_work.release()

    def _shut(self) -> None:
        if self._session >= 0:
            os.close(self._session)
            self._session = -1

    def _step(self, feed: Iterator[ScannedPage]) -> ScannedPage | None:
        try:
            with self._at_work:
                if self._unstored is not None:
                    return self._stored(self._unstored)
                page = next(feed, None)
                if page is not None:
                    return self._stored(self._shifted(page))
                if not self._closed:  # else it is no empty tray that ended the feed
                    self._write(TrayEmpty(self._pause_ms()))
                return None
        except ScannerError as error:
            self._write(StopLine.of(error, self._pause_ms()))
            raise
        finally:
            if self._closed:
                self._let_go()

    # ── storing ─────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        if self._session >= 0:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / SESSION
            if not path.exists() and any(self._folder.iterdir()):
                raise OutputError(
                    f"{self._folder} is not empty and holds no recording; record into a new folder"
                )
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._session = os.open(path, flags, 0o644)
            fcntl.flock(self._session, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._go_on()
        except BlockingIOError:
            self._shut()
            raise OutputError(
                f"another program records into {self._folder}; end it, or record into a new folder"
            ) from None
        except OSError as error:
            self._shut()
            raise self._no_room(error) from error
        except OutputError:
            self._shut()
            raise

    def _go_on(self) -> None:
        """Finds the end of the recording; what a kill tore off behind it was passed to nobody."""
        whole, rest = _whole_lines(self._folder / SESSION)
        self._end = sum(len(line) + 1 for line in whole)
        # A kill may have torn off the very first line.
        ours = whole[0] == HEADER if whole else HEADER.startswith(rest)
        if not ours:
            raise OutputError(f"{self._folder / SESSION} is no recording; record into a new folder")
        os.ftruncate(self._session, self._end)
        if not whole:
            self._append(HEADER)
        for line in whole[1:]:
            with contextlib.suppress(ValueError):  # replaying says what is wrong with it
                entry = parsed(line)
                if isinstance(entry, PageLine):
                    self._last_position = max(self._last_position, entry.position)
        # Also files without a line are kept: a kill came between the two, and a card is a card.
        names = [name for name in os.listdir(self._folder) if FILE_NAME.fullmatch(name)]
        self._number = 1 + max((int(name.split(".")[0]) for name in names), default=0)

    def _shifted(self, page: ScannedPage) -> ScannedPage:
        if self._shift is None:
            restarted = page.position <= self._last_position
            self._shift = self._last_position + 1 - page.position if restarted else 0
        if not self._shift:
            return page
        return ScannedPage(
            page.image, page.sha256, page.source, page.position + self._shift, page.frame,
            page.dpi, page.side, page.imprint,
        )  # fmt: skip

    def _stored(self, page: ScannedPage) -> ScannedPage:
        self._unstored = page
        self._write(PageLine.of(page, self._file_of(page), self._pause_ms()))
        self._unstored = None
        self._last_position = page.position
        return page

    def _file_of(self, page: ScannedPage) -> str:
        """Stores the image; the pages of one TIFF share a file."""
        if self._last_image is not None and self._last_image[0] is page.image:
            return self._last_image[1]
        name = f"{self._number:06d}.{suffix_of(page.image)}"
        partial = self._folder / f".{name}.part"
        try:
            with partial.open("wb") as file:
                file.write(page.image)
                file.flush()
                os.fsync(file.fileno())
            os.rename(partial, self._folder / name)
            sync_folder(self._folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise self._no_room(error) from error
        self._number += 1
        self._last_image = (page.image, name)
        return name

    def _pause_ms(self) -> float:
        before, self._since = self._since, self._tick()
        return min(round(max(0.0, self._since - before) * 1000, 3), LONGEST_PAUSE_MS)

    def _write(self, entry: PageLine | StopLine | TrayEmpty) -> None:
        try:
            self._append(line_of(entry))
        except OSError as error:
            raise self._no_room(error) from error

    def _append(self, line: bytes) -> None:
        self._open()  # it may have been closed meanwhile
        rest = memoryview(line + b"\n")
        try:
            os.lseek(self._session, self._end, os.SEEK_SET)
            while rest:
                rest = rest[os.write(self._session, rest) :]
            os.fdatasync(self._session)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._session, self._end)
            raise
        self._end += len(line) + 1

    def _no_room(self, error: OSError) -> OutputError:
        why = error.strerror or str(error)
        return OutputError(
            f"the recording in {self._folder} cannot be written ({why}); make room or mend the "
            "disk, and go on: the page is kept until then"
        )


def recorded(folder: Path) -> list[PageRef]:
    """Where the pages of a recording lie, in the order of the feed; no image is opened.

    Raises:
        SourceError: a whole line of it cannot be understood.
    """
    try:
        whole, _ = _whole_lines(folder / SESSION)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SourceError(f"{folder / SESSION} cannot be opened ({error.strerror})") from error
    refs = []
    for number, line in enumerate(whole[1:], 2):
        try:
            entry = parsed(line)
        except ValueError as error:
            raise SourceError(
                f"line {number} of {folder / SESSION} is damaged ({error}); bring the folder back "
                "from a copy, or scan these cards again"
            ) from error
        if isinstance(entry, PageLine):
            path, frame = str(folder / entry.file), entry.frame
            refs.append(PageRef(path, None, frame, entry.position, paged=frame > 0))
    return refs


class Replay:
    """A recording as a driver: the same pages, stops and ends of the tray in the same order.

    `speed` 0 leaves the pauses out; 1 keeps them as they were, 2 halves them. What was recorded is
    checked as it is reached: `pages()` raises SourceError at the first thing that is missing or
    damaged, and there again when called again; nothing is passed over.
    """

    def __init__(self, folder: Path, *, speed: float = 0.0) -> None:
        if not 0.0 <= speed < float("inf"):
            raise ValueError(f"speed must be 0 or above, not {speed}")
        self._folder, self._speed = folder, speed
        self._lines: list[bytes] | None = None
        self._torn = False
        self._at = 0
        self._closed = threading.Event()

    def pages(self) -> Iterator[ScannedPage]:
        """The pages until the next stop or empty tray."""
        if self._lines is None:
            self._lines = self._read()
        while self._at < len(self._lines):
            entry = self._entry(self._lines[self._at])
            page = self._page(entry) if isinstance(entry, PageLine) else None
            if self._speed:
                self._closed.wait(entry.pause_ms / 1000 / self._speed)
            if self._closed.is_set():
                return
            self._at += 1
            if page is not None:
                yield page
            elif isinstance(entry, StopLine):
                raise entry.error()
            else:
                return
        if self._torn and not self._closed.is_set():
            raise SourceError(
                f"the last line of {self._folder / SESSION} is torn off: the recording was killed; "
                "record into the folder again, which goes on before that line, or delete the line"
            )

    def close(self) -> None:
        """Ends a pause and the feed."""
        self._closed.set()

    def _read(self) -> list[bytes]:
        path = self._folder / SESSION
        try:
            whole, rest = _whole_lines(path)
        except OSError as error:
            raise SourceError(
                f"{path} cannot be opened ({error.strerror}); give the folder of a recording"
            ) from error
        self._torn = bool(rest)
        if whole[:1] != [HEADER]:
            raise SourceError(f"{path} is no recording; give the folder of a recording")
        return whole[1:]

    def _entry(self, line: bytes) -> PageLine | StopLine | TrayEmpty:
        try:
            return parsed(line)
        except ValueError as error:
            raise self._damaged(str(error)) from error

    def _page(self, line: PageLine) -> ScannedPage:
        try:
            image = _read_image(self._folder / line.file)
        except OSError as error:
            raise self._damaged(f"{line.file} cannot be read: {error.strerror}") from error
        if ScannedPage.digest(image, line.frame) != line.sha256:
            raise self._damaged(f"{line.file} is not what was recorded: its SHA-256 differs")
        return line.page(image)

    def _damaged(self, what: str) -> SourceError:
        # Line 1 is the header, and people count from 1.
        return SourceError(
            f"line {self._at + 2} of {self._folder / SESSION} cannot be replayed ({what}); bring "
            "the folder back from a copy, or scan these cards again"
        )


def _whole_lines(path: Path) -> tuple[list[bytes], bytes]:
    """The lines that end, and what is behind the last of them. Raises OSError."""
    *whole, rest = path.read_bytes().split(b"\n")
    return whole, rest


def _read_image(path: Path) -> bytes:
    most = SourceLimits().paged_bytes
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise OSError(errno.EINVAL, "it is no ordinary file of a page's size")
        return file.read()
