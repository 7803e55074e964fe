"""Which files of a folder have arrived and are all there: by inotify, and by looking.

Two ways lead to a file. inotify tells of a rename or of a writer's close at once. A look (scandir)
finds whatever else is there – at the start, on a network share, where the kernel dropped events –
and such a file is believed only when it has not changed for a while.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from queue import Empty, SimpleQueue

from scanner_drivers.files import is_no_scan, natural
from scanner_drivers.folder_inotify import Inotify, Say, Word, changes_are_told
from scanner_drivers.folder_kept import FileId
from scanner_drivers.whole import Ending, ending

_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", "~")
_POLL_S = 0.5  # where inotify says nothing
_BACKSTOP_S = 30.0  # where it does, and a look only finds what it missed
_LOOKING_SHARE = 0.1  # the most of the time that may go into looking
_MOST_HELD = 3
_STATS_A_LOOK = 500  # known files that one look asks whether they were overwritten


class Sign(Enum):
    """How it is known that a file is there."""

    RENAMED = auto()  # whole at once, by the nature of renaming
    CLOSED = auto()  # its writer is done, unless it opens it again
    SETTLED = auto()  # it has not changed for a while


@dataclass(frozen=True, slots=True)
class Pace:
    """All in seconds. `poll_s` None chooses inotify wherever the file system tells of changes."""

    poll_s: float | None
    settled_s: float
    given_up_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """A file to take; with `error` it is given up or is nothing that can be read."""

    path: str
    file: FileId
    error: str = ""


@dataclass(slots=True)
class _Waiting:
    size: int
    mtime_ns: int
    since: float  # when it was first seen in this state
    due: float
    held: int = 0  # how often it was kept back for an earlier one
    unfinished: bool = False  # by its own structure, when it was last tried


def is_passed_over(name: str) -> bool:
    """Hidden files, names that programs give to unfinished files, and files that are no scans."""
    return name.startswith((".", "~")) or name.lower().endswith(_UNFINISHED) or is_no_scan(name)


class Arrivals:
    """The files of one folder and its sub-folders, each when it is all there.

    `known` is asked whether a file was had before. Everything raises OSError where the folder
    itself is not there any more; then this object is of no more use. `wake` may be called from
    anywhere, everything else from one thread at a time.
    """

    def __init__(
        self, root: str, left_out: str, pace: Pace, known: Callable[[FileId], bool]
    ) -> None:
        self._root, self._left_out, self._pace, self._known = root, left_out, pace, known
        status = os.stat(root)
        self._place = (status.st_dev, status.st_ino)
        self._said: SimpleQueue[Say | None] = SimpleQueue()
        self._names: dict[str, dict[str, int]] = {}  # folder: name: inode
        self._waiting: dict[str, _Waiting] = {}
        self._due = float("inf")
        self._settled: deque[str] = deque()
        self._fresh: deque[tuple[str, Sign]] = deque()
        self._held_by: set[str] = set()
        self._held_until = 0.0
        self._look_at = 0.0
        self._look_began = 0.0
        self._turn = 0
        self._inotify: Inotify | None = None
        if pace.poll_s is None and changes_are_told(root):
            self._inotify = Inotify.start(self._said)
        try:
            self._look(first=True)
        except OSError:
            self.close()
            raise

    @property
    def told(self) -> bool:
        """Whether inotify is at work."""
        return self._inotify is not None

    def next(self, idle_s: float | None, ended: Callable[[], bool]) -> Found | None:
        """The next file, in order of arrival; None after `idle_s` without one, or when `ended`."""
        quiet_from = time.monotonic()
        while not ended():
            self._hear(0.0)
            found = self._first()
            if found is not None:
                return found
            now = time.monotonic()
            if now >= self._due:
                # What was found by the last look waits for the next one, which may find what
                # came before: see _settle.
                if not self.told and now >= self._look_began + self._pace.settled_s:
                    self._look()
                self._settle(now)
                continue
            if now >= self._look_at:
                self._look()
                continue
            until = min(self._due, self._look_at)
            if self._fresh:
                until = min(until, self._held_until)
            elif idle_s is not None and not self._waiting:
                if now >= quiet_from + idle_s:
                    self._look()
                    if not self._waiting and not self._fresh:
                        return None
                    continue
                until = min(until, quiet_from + idle_s)
            self._hear(max(0.0, until - now))
        return None

    def again(self, path: str) -> None:
        """A file changed while it was being read: it is waited for anew."""
        self._notice(path)

    def check_root(self) -> None:
        """Raises OSError where the folder is gone, or another has come into its place."""
        status = os.stat(self._root)
        if (status.st_dev, status.st_ino) != self._place:
            raise FileNotFoundError(0, "another folder is in its place")

    def wake(self) -> None:
        """Ends a wait. Safe in a signal handler."""
        self._said.put(None)

    def close(self) -> None:
        """Gives back inotify."""
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    # ── what is told ────────────────────────────────────────────────────────────────────────

    def _hear(self, timeout_s: float) -> None:
        """Everything that was said; waits for the first word."""
        try:
            say = self._said.get(timeout=timeout_s) if timeout_s else self._said.get_nowait()
            while True:
                if say is not None:
                    self._heed(say)
                say = self._said.get_nowait()
        except Empty:
            return

    def _heed(self, say: Say) -> None:
        if say.word is Word.LOST:
            self._look(first=True)
        elif say.word is Word.ROOT:
            raise FileNotFoundError(0, "it was removed or renamed")
        elif is_passed_over(os.path.basename(say.path)) or say.path == self._left_out:
            return
        elif say.word is Word.FOLDER:
            self._look_below(say.path, first=True)
        else:
            self._held_by.discard(say.path)
            renamed = say.word is Word.RENAMED
            self._fresh.append((say.path, Sign.RENAMED if renamed else Sign.CLOSED))

    # ── what is looked for ──────────────────────────────────────────────────────────────────

    def _look(self, *, first: bool = False) -> None:
        """Notices what is there and was not told. What a `first` look finds came before whatever
        is told from now on, and goes first."""
        self._look_began = time.monotonic()
        self.check_root()
        self._turn += 1
        self._look_below(self._root, first=first)
        now = time.monotonic()
        interval = _BACKSTOP_S if self._inotify is not None else self._pace.poll_s or _POLL_S
        self._look_at = now + max(interval, (now - self._look_began) / _LOOKING_SHARE)

    def _look_below(self, top: str, *, first: bool) -> None:
        todo, waited = [top], set(self._waiting)
        while todo:
            folder = todo.pop()
            # Watched before it is looked into, so that no file falls between the two.
            if self._inotify is not None and not self._inotify.watch(folder, self._root):
                self.close()  # the kernel's limit of watches: from now on by looking
            try:
                todo += self._look_into(folder)
            except OSError:
                self._names.pop(folder, None)
                if folder == self._root:
                    raise
        # What one look finds is asked again together, so that it can be put in order.
        now = time.monotonic()
        for path in self._waiting.keys() - waited:
            self._ask_at(self._waiting[path], now + self._pace.settled_s)
            if first:
                self._held_by.add(path)
                self._held_until = now + self._pace.settled_s + 0.25

    def _look_into(self, folder: str) -> list[str]:
        """Notices the files of one folder, and returns its folders.

        Known names are not asked for their state again, but for a few in turn: with 80,000 of them
        a look takes 75 ms here, and would take three times that; on a share, a request for each.
        """
        old, new, folders = self._names.get(folder, {}), {}, []
        slices = 1 + len(old) // _STATS_A_LOOK
        with os.scandir(folder) as entries:
            for at, entry in enumerate(entries):
                name, inode = entry.name, entry.inode()
                if old.get(name) == inode:
                    new[name] = inode
                    if (at + self._turn) % slices:
                        continue
                elif is_passed_over(name) or entry.path == self._left_out:
                    continue
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                else:
                    new[name] = inode
                if entry.path not in self._waiting:
                    self._notice(entry.path)
        self._names[folder] = new
        return folders

    def _notice(self, path: str) -> None:
        try:
            status = os.lstat(path)
        except OSError:
            return
        if self._known(self._file(path, status)):
            return
        if stat.S_ISREG(status.st_mode):
            self._wait(path, status)
        else:
            self._fresh.append((path, Sign.SETTLED))

    def _file(self, path: str, status: os.stat_result) -> FileId:
        return FileId.of(path[len(self._root) + 1 :], status)

    # ── what is waited for ──────────────────────────────────────────────────────────────────

    def _wait(self, path: str, status: os.stat_result, now: float | None = None) -> _Waiting:
        """Enters the file's state, and when to ask again."""
        now = time.monotonic() if now is None else now
        state = (status.st_size, status.st_mtime_ns)
        waiting = self._waiting.get(path)
        if waiting is None or (waiting.size, waiting.mtime_ns) != state:
            waiting = self._waiting[path] = _Waiting(*state, now, now)
        self._ask_at(waiting, now + self._pace.settled_s)
        return waiting

    def _ask_at(self, waiting: _Waiting, due: float) -> None:
        waiting.due = due
        self._due = min(self._due, due)

    def _settle(self, now: float) -> None:
        """Finds those that did not change, in order of their last change, ties by name."""
        same: list[tuple[str, _Waiting]] = []
        for path, waiting in list(self._waiting.items()):
            if waiting.due > now:
                continue
            try:
                status = os.lstat(path)
            except OSError:
                self._drop(path)
                continue
            if self._wait(path, status, now) is waiting:
                same.append((path, waiting))
        # A look at a folder that is being filled may see a file while it misses an earlier one, or
        # finds that one empty yet: a file waits for earlier ones, but not for ever.
        asked = {path for path, _ in same}
        young = [
            one for path, one in self._waiting.items() if path not in asked and not one.unfinished
        ]
        earliest = min(young, key=lambda one: one.mtime_ns, default=None)
        ready: list[tuple[int, str]] = []
        for path, waiting in same:
            later = earliest is not None and earliest.mtime_ns <= waiting.mtime_ns
            if earliest is not None and later and waiting.held < _MOST_HELD:
                waiting.held += 1
                waiting.due = earliest.due
            else:
                ready.append((waiting.mtime_ns, path))
                self._held_by.discard(path)
        ready.sort(key=lambda one: (one[0], natural(one[1])))
        self._settled.extend(path for _, path in ready)
        self._due = min((waiting.due for waiting in self._waiting.values()), default=float("inf"))

    def _drop(self, path: str) -> None:
        self._waiting.pop(path, None)
        self._held_by.discard(path)

    # ── what is taken ───────────────────────────────────────────────────────────────────────

    def _first(self) -> Found | None:
        while self._settled:
            found = self._tried(self._settled.popleft(), Sign.SETTLED)
            if found is not None:
                return found
        while self._fresh and (not self._held_by or time.monotonic() >= self._held_until):
            found = self._tried(*self._fresh.popleft())
            if found is not None:
                return found
        return None

    def _tried(self, path: str, sign: Sign) -> Found | None:
        """The file, if it can be taken now; else it is waited for, or known, or gone."""
        try:
            status = os.lstat(path)
        except OSError:
            self._drop(path)
            self.check_root()
            return None
        file = self._file(path, status)
        if self._known(file):
            self._drop(path)
            return None
        if not stat.S_ISREG(status.st_mode):
            if stat.S_ISDIR(status.st_mode):
                return None
            link = stat.S_ISLNK(status.st_mode)
            told = "is a link; put the file itself" if link else "is no ordinary file; put scans"
            return Found(path, file, f"{told} into the folder")
        try:
            end, missing = ending(path)
        except OSError as error:
            end, missing = Ending.CUT, f"it cannot be opened: {error.strerror}"
        waiting = self._waiting.get(path)
        if sign is Sign.SETTLED and (
            waiting is None or (waiting.size, waiting.mtime_ns) != file.by_name[1:]
        ):
            self._wait(path, status)
            return None
        if end is Ending.WHOLE or (end is Ending.UNKNOWN and sign is not Sign.CLOSED):
            self._drop(path)
            return Found(path, file)
        waiting = self._wait(path, status)
        waiting.unfinished = True
        quiet_s = time.monotonic() - waiting.since
        if end is Ending.CUT and quiet_s >= self._pace.given_up_s:
            self._drop(path)
            return Found(
                path,
                file,
                f"is not whole ({missing}) and has not changed for {quiet_s:.0f} s; copy or scan "
                "it again",
            )
        return None
