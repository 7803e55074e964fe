"""inotify for a tree of folders, through watchdog's thread that reads it.

Only that thread is used: watchdog's observers pair up renames, for which they hold back whatever
comes after a file that was moved away, half a second each time, and tell nobody of lost events.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from queue import SimpleQueue

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

_MASK = Mask(
    InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_CREATE  # for folders
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
)
# Where every change is made by this machine's kernel, which therefore knows of it.
_LOCAL = {
    *("bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "ntfs3", "overlay"),
    *("ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs"),
}
_MOUNTS = Path("/proc/self/mountinfo")


class Word(Enum):
    """What inotify says."""

    RENAMED = auto()  # a file came into its place in one step
    CLOSED = auto()  # a writer closed a file
    FOLDER = auto()  # a folder came
    ROOT = auto()  # something happened to the watched folder itself
    LOST = auto()  # more happened than the kernel could keep


@dataclass(frozen=True, slots=True)
class Say:
    """One word, and what it is about."""

    word: Word
    path: str = ""


def changes_are_told(folder: str, mounts: Path = _MOUNTS) -> bool:
    """Whether the folder's file system tells of every change: local ones do, shares do not.

    An unknown file system is taken for a share: looking is slower, but misses nothing.
    """
    try:
        lines = os.fsdecode(mounts.read_bytes()).splitlines()
        device = os.stat(folder).st_dev
    except OSError:
        return False
    real = os.path.realpath(folder)
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        at = left.split()
        if len(at) < 5 or not right:
            continue
        place = at[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        below = real == place or real.startswith(place.rstrip("/") + "/")
        # Of mounts one over the other the last one counts. (btrfs gives other device numbers.)
        if below and len(place) >= len(best):
            best, kind = place, right.split()[0]
    return bool(device) and kind in _LOCAL


class Inotify:
    """Puts what happens in the watched folders into a queue. Raises nothing.

    It is itself what watchdog calls, in watchdog's thread; it only looks up and passes on there.
    """

    def __init__(self, said: SimpleQueue[Say | None], fd: InotifyFD) -> None:
        self._said, self._fd = said, fd
        self._paths: dict[WatchDescriptor, str] = {}
        self._watched: dict[tuple[int, int], WatchDescriptor] = {}
        self._root = WatchDescriptor(-1)
        self._lock = threading.Lock()  # no event before its folder's path is entered

    @classmethod
    def start(cls, said: SimpleQueue[Say | None]) -> Inotify | None:
        """None where the kernel gives no more of them."""
        try:
            fd = InotifyFD()
        except OSError:
            return None
        fd.daemon = True
        fd.start()
        return cls(said, fd)

    def watch(self, folder: str, root: str) -> bool:
        """Watches a folder, if it is not watched yet. False where the kernel has no more room."""
        try:
            with self._lock:
                self._watch(folder, is_root=folder == root)
        except FileNotFoundError:
            return True
        except OSError:
            return not os.path.isdir(folder)
        return True

    def _watch(self, folder: str, *, is_root: bool) -> None:
        status = os.stat(folder)
        place = (status.st_dev, status.st_ino)
        descriptor = self._watched.get(place)
        if descriptor is None or descriptor not in self._paths:
            name = CallbackId(id(self))
            descriptor = self._fd.add_callback(os.fsencode(folder), _MASK, self, name)
            self._watched[place] = descriptor
        self._paths[descriptor] = folder  # perhaps it was renamed
        if is_root:
            self._root = descriptor

    def close(self) -> None:
        """Ends watching."""
        self._fd.stop()
        self._fd.join()

    # ── called by watchdog ──────────────────────────────────────────────────────────────────

    def on_event(self, event: InotifyEvent) -> None:
        """Something happened in a folder."""
        with self._lock:
            folder = self._paths.get(event.wd)
        if folder is None:
            return
        if not event.name:
            if event.wd == self._root:
                self._said.put(Say(Word.ROOT))
            return
        path = os.path.join(folder, os.fsdecode(event.name))
        if event.is_directory:
            if event.is_create or event.is_moved_to:
                self._said.put(Say(Word.FOLDER, path))
        elif event.is_moved_to:
            self._said.put(Say(Word.RENAMED, path))
        elif event.is_close_write:
            self._said.put(Say(Word.CLOSED, path))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """A folder is not there any more, or its file system."""
        with self._lock:
            self._paths.pop(wd, None)
        if wd == self._root:
            self._said.put(Say(Word.ROOT))

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        self._said.put(Say(Word.LOST))
