"""A watched folder: the software of a production scanner drops files, and they come as pages.

When a file counts as had. Its pages are delivered; when the consumer comes back for the next page,
or calls `kept()`, it says that they are stored; and only when all pages of a file are, the file is
moved away or noted in the journal. A kill before that delivers the file again at the next start: a
page may come twice after a kill, and is never lost.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from omr.errors import OmrError
from omr.records import ScannedPage
from scanner_drivers.errors import ScannerBusy, ScannerFailed, ScannerGone
from scanner_drivers.files import PageOpener, PageRef, list_pages
from scanner_drivers.folder_kept import JOURNAL, FileId, FolderLock, Journal, Seen, move_aside
from scanner_drivers.folder_news import Arrivals, Found, Pace


class After(StrEnum):
    """What becomes of a file whose pages were kept."""

    LEAVE = "leave"  # it stays; a journal says that it was had
    MOVE = "move"  # it goes to the folder `done`, what could not be read to `done/refused`


class FolderGone(ScannerGone):
    """The watched folder is not there any more, or another has come into its place."""

    def __init__(self, sheets_fed: int, detail: str = "") -> None:
        self.sheets_fed, self.detail = sheets_fed, detail
        OmrError.__init__(
            self,
            f"the watched folder is gone ({detail}) after {sheets_fed} pages; connect its disk or "
            "share again, and resume: files that were not delivered will be",
        )


class FolderStuck(ScannerFailed):
    """What was taken cannot be moved away or noted."""

    def __init__(self, sheets_fed: int, detail: str = "") -> None:
        self.sheets_fed, self.detail = sheets_fed, detail
        OmrError.__init__(
            self,
            f"a file whose pages are kept cannot be put aside ({detail}); make room on the disk or "
            "give the right to write there, and resume: nothing is lost, the file lies where it "
            "was",
        )


@dataclass(slots=True)
class _Pages:
    """Which pages of a file are out and not known to be kept."""

    out: set[int] = field(default_factory=set)
    finished: bool = False
    refused: bool = False


@dataclass(slots=True)
class _Taken:
    """A file that was offered by the folder and is not put aside yet."""

    path: str
    file: FileId
    pages: _Pages


@dataclass(slots=True)
class _Current:
    """The file whose pages are being delivered."""

    taken: _Taken
    refs: deque[PageRef]
    given_up: bool


class HotFolder:
    """The pages of files as they appear in a folder and its sub-folders, in order of arrival.

    Files that one look finds together come in the order of their last change, ties in natural
    order of name. Half-written files are not read: a file that is renamed into place, or closed by
    its writer, and whole by its own structure is taken at once; any other when neither length nor
    time has changed for `settled_s` and it is whole. One that stays unfinished without a change
    for `given_up_s`, a page that cannot be opened, and links and pipes stand in `refused` with the
    reason, and positions keep their gaps. Hidden files, names of unfinished files (.tmp, .part,
    ~) and files that are never scans (.csv, .xml) are passed over. A changed file is a new file.

    `poll_s` None: inotify on this machine's own file systems, looking every half second elsewhere;
    a number: looking that often. Looking never takes more than a tenth of the time. `idle_s` ends
    the feed when nothing came for so long. `done` defaults to `done` in the folder; it is not
    watched, and holds the moved files or the journal.

    Raises from `pages()`: ScannerBusy where another process watches the folder, FolderGone (a
    ScannerGone), FolderStuck (a ScannerFailed). Each page counts as a sheet in `sheets_fed`.
    `close()` may be called from another thread or a signal handler.
    """

    given_up_s: float = 60.0
    """May be set before `pages()`."""

    def __init__(
        self,
        folder: Path,
        *,
        after: After = After.LEAVE,
        done: Path | None = None,
        poll_s: float | None = None,
        settled_s: float = 1.0,
        idle_s: float | None = None,
    ) -> None:
        if settled_s <= 0 or (poll_s is not None and poll_s <= 0):
            raise ValueError("settled_s and poll_s must be above 0")
        self._root = os.path.abspath(folder)
        self._done = Path(os.path.abspath(folder / "done" if done is None else done))
        if Path(self._root).is_relative_to(self._done):
            raise ValueError(f"done ({self._done}) must not hold the watched folder")
        self._after, self._poll_s, self._settled_s, self._idle_s = after, poll_s, settled_s, idle_s
        self.refused: list[tuple[PageRef, OmrError]] = []
        self._opener = PageOpener()
        self._journal = Journal(self._done / JOURNAL)
        self._seen: Seen | None = None
        self._lock: FolderLock | None = None
        self._arrivals: Arrivals | None = None
        self._taken: list[_Taken] = []
        self._current: _Current | None = None
        self._position = 0
        self._delivered = 0
        self._closed = False
        self._at_work = threading.Lock()

    def pages(self) -> Iterator[ScannedPage]:
        """The pages as they come. Coming back for the next says that the last one is kept."""
        back: int | None = None
        while (page := self._next(back)) is not None:
            yield page
            back = page.position

    def kept(self) -> None:
        """Says that all pages delivered so far, and what stands in `refused`, are stored.

        Raises FolderStuck where their files cannot be put aside; calling again tries again.
        """
        with self._working():
            for taken in self._taken:
                taken.pages.out.clear()
            self._put_aside()

    def close(self) -> None:
        """Ends `pages()`, and gives back the folder. Pages not known to be kept come again at the
        next start."""
        self._closed = True
        arrivals = self._arrivals
        if arrivals is not None:
            arrivals.wake()
        self._give_back()

    # ── one step at a time ──────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        """Whoever closes meanwhile does not wait: the step gives back what it holds at its end."""
        try:
            with self._at_work:
                yield
        finally:
            if self._closed:
                self._give_back()

    def _give_back(self) -> None:
        if self._at_work.acquire(blocking=False):
            try:
                self._disconnect()
            finally:
                self._at_work.release()

    def _disconnect(self) -> None:
        self._opener.close()
        if self._arrivals is not None:
            self._arrivals.close()
            self._arrivals = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _next(self, back: int | None) -> ScannedPage | None:
        with self._working():
            if back is not None:
                for taken in self._taken:
                    taken.pages.out.discard(back)
            self._put_aside()
            if self._closed:
                return None
            try:
                return self._deliver(self._arrivals or self._connect())
            except OSError as error:
                self._disconnect()
                told = f"{self._root}: {error.strerror or error}"
                raise FolderGone(self._delivered, told) from error

    def _connect(self) -> Arrivals:
        if not os.path.isdir(self._root):
            raise FileNotFoundError(0, "it is not there")
        try:
            self._lock = FolderLock(self._root)
        except BlockingIOError:
            raise ScannerBusy(self._delivered, self._root) from None
        if self._seen is None:
            self._seen = Seen()
            if self._after is After.LEAVE:
                for file in self._journal.read():
                    self._seen.add(file)
        pace = Pace(self._poll_s, self._settled_s, self.given_up_s)
        self._arrivals = Arrivals(self._root, str(self._done), pace, self._is_known)
        return self._arrivals

    def _deliver(self, arrivals: Arrivals) -> ScannedPage | None:
        while True:
            if self._current is None:
                found = arrivals.next(self._idle_s, lambda: self._closed)
                if found is None:
                    return None
                self._begin(found)
            page = self._next_of_file(arrivals)
            if page is not None:
                self._delivered += 1
                return page

    # ── one file ────────────────────────────────────────────────────────────────────────────

    def _begin(self, found: Found) -> None:
        # The opener knows files by their path, and this may be another of the same name.
        self._opener.close()
        if found.error:
            refs = [PageRef(found.path, None, 0, 0, error=found.error)]
        else:
            refs = list(list_pages([Path(found.path)]))
        taken = _Taken(found.path, found.file, _Pages())
        self._taken.append(taken)
        self._remembered.add(found.file)
        self._current = _Current(taken, deque(refs), bool(found.error))

    def _next_of_file(self, arrivals: Arrivals) -> ScannedPage | None:
        """The next page; None at the end of the file, or where it is to be taken anew."""
        current = self._current
        assert current is not None
        pages = current.taken.pages
        while current.refs:
            ref = replace(current.refs[0], position=self._position)
            page, wrong = None, None
            try:
                page = self._opener.open(ref)
            except OmrError as error:
                wrong = error
            if not current.given_up and self._is_other_now(current.taken, read=page is not None):
                arrivals.check_root()
                self._drop(current, arrivals)
                return None
            current.refs.popleft()
            self._position += 1
            if wrong is not None:
                self.refused.append((ref, wrong))
                pages.refused = True
            if not current.refs:
                self._end_file(current)
            if page is not None:
                pages.out.add(page.position)
                return page
        self._end_file(current)
        return None

    def _end_file(self, current: _Current) -> None:
        current.taken.pages.finished = True
        self._current = None

    def _is_other_now(self, taken: _Taken, *, read: bool) -> bool:
        try:
            return not taken.file.same_state(os.lstat(taken.path))
        except OSError:
            return not read  # taken away after it was read: nothing wrong with what was read

    def _drop(self, current: _Current, arrivals: Arrivals) -> None:
        """The file changed while it was read: what comes of it now is another file."""
        self._opener.close()
        self._remembered.discard(current.taken.file)
        self._taken.remove(current.taken)
        self._current = None
        arrivals.again(current.taken.path)

    # ── what was had ────────────────────────────────────────────────────────────────────────

    @property
    def _remembered(self) -> Seen:
        assert self._seen is not None
        return self._seen

    def _is_known(self, file: FileId) -> bool:
        if self._remembered.by_name(file):
            return True
        if not self._remembered.by_inode(file):
            return False
        # Had under another name, and renamed since: put aside under this one, too.
        self._remembered.add(file)
        path = os.path.join(self._root, file.name)
        for taken in self._taken:
            if taken.file.by_inode == file.by_inode:
                self._taken.append(_Taken(path, file, taken.pages))
                return True
        self._taken.append(_Taken(path, file, _Pages(finished=True)))
        return True

    def _put_aside(self) -> None:
        """Moves or notes the files whose pages are all kept."""
        ready = [taken for taken in self._taken if taken.pages.finished and not taken.pages.out]
        try:
            if self._after is After.LEAVE:
                if ready:
                    self._journal.append([taken.file for taken in ready])
                for taken in ready:
                    self._taken.remove(taken)
            else:
                for taken in ready:
                    self._move(taken)
                    self._taken.remove(taken)
        except OSError as error:
            if not os.path.isdir(self._root):
                self._disconnect()
                raise FolderGone(self._delivered, self._root) from error
            told = f"{error.filename or self._done}: {error.strerror or error}"
            raise FolderStuck(self._delivered, told) from error

    def _move(self, taken: _Taken) -> None:
        try:
            status = os.lstat(taken.path)
        except FileNotFoundError:
            # Taken away by somebody else; or the share is gone, and will be back with the file.
            os.stat(self._root)
            return
        ordinary = os.path.isfile(taken.path) and not os.path.islink(taken.path)
        if ordinary and taken.file.same_state(status):
            below = self._done / "refused" if taken.pages.refused else self._done
            move_aside(taken.path, below / taken.file.name)
            if self._seen is not None:
                self._seen.discard(taken.file)
