"""What a hot folder remembers: which files were taken, and where they went."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from scanner_drivers.durable import sync_folder

JOURNAL = "taken.jsonl"
LOCK = ".hotfolder.lock"
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_LINKS = {
    errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK, errno.EACCES,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileId:
    """Which file, in which state. `name` is its path below the hot folder.

    A changed file is another one. Where a file system's clock ticks in seconds, a file overwritten
    within one tick by one of the same length is not told apart.
    """

    name: str
    device: int
    inode: int
    size: int
    mtime_ns: int

    @staticmethod
    def of(name: str, status: os.stat_result) -> FileId:
        """From what `os.lstat` said."""
        return FileId(name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def same_state(self, status: os.stat_result) -> bool:
        """Whether that is still this file, unchanged. A share mounted anew has another device."""
        now = (status.st_ino, status.st_size, status.st_mtime_ns)
        return now == (self.inode, self.size, self.mtime_ns)

    @property
    def by_name(self) -> tuple[str, int, int]:
        """Holds when a share is mounted anew, which changes devices and perhaps inodes."""
        return self.name, self.size, self.mtime_ns

    @property
    def by_inode(self) -> tuple[int, int, int, int]:
        """Holds when the file is renamed."""
        return self.device, self.inode, self.size, self.mtime_ns


class Seen:
    """Files that need not be taken again."""

    def __init__(self) -> None:
        self._names: set[tuple[str, int, int]] = set()
        self._inodes: set[tuple[int, int, int, int]] = set()

    def add(self, file: FileId) -> None:
        self._names.add(file.by_name)
        self._inodes.add(file.by_inode)

    def discard(self, file: FileId) -> None:
        self._names.discard(file.by_name)
        self._inodes.discard(file.by_inode)

    def by_name(self, file: FileId) -> bool:
        return file.by_name in self._names

    def by_inode(self, file: FileId) -> bool:
        return file.by_inode in self._inodes


class Journal:
    """The files taken from a folder, one JSON line each, on the disk when `append` returns.

    A line torn by a kill or a full disk is passed over: its file is taken once more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[FileId]:
        """All files that were taken. Raises OSError."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [file for file in map(_parsed, lines) if file is not None]

    def append(self, files: list[FileId]) -> None:
        """Raises OSError; then some of the files may not have been noted."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(asdict(file), separators=(",", ":")) + "\n" for file in files)
        with self._path.open("ab+", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":
                    text = "\n" + text
            rest = memoryview(text.encode())
            while rest:
                rest = rest[file.write(rest) :]
            os.fdatasync(file.fileno())


def _parsed(line: bytes) -> FileId | None:
    try:
        said = json.loads(line)
        file = FileId(**said)
    except (ValueError, TypeError):
        return None
    numbers = [getattr(file, field.name) for field in fields(file)][1:]
    right = isinstance(file.name, str) and all(type(number) is int for number in numbers)
    return file if right else None


class FolderLock:
    """Keeps a second process off a folder, by a lock file in it.

    Where the folder may only be read, the folder itself is locked; on a file server that knows no
    locks nothing is.
    """

    def __init__(self, folder: str) -> None:
        """Raises BlockingIOError where another has it, OSError where the folder is not there."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._handle = os.open(os.path.join(folder, LOCK), flags, 0o666)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            self._handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise
        except OSError:
            pass  # the file server knows no locks

    def release(self) -> None:
        """Lets the next one have the folder. Releasing twice does no harm."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def move_aside(source: str, target: Path) -> Path:
    """Moves a file without ever overwriting; returns where it lies now.

    Where the name is taken it becomes card_2.jpg, card_3.jpg and so on. To another file system it
    is copied, and its first copy removed only when the second is on the disk. Raises OSError; then
    the file still lies where it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    before = os.lstat(source)
    if before.st_dev == os.stat(target.parent).st_dev:
        try:
            return _renamed(source, target)
        except OSError as error:  # one device may be mounted twice
            if error.errno != errno.EXDEV:
                raise
    partial = target.with_name(f".{target.name[-100:]}.{os.getpid()}.part")
    try:
        with open(source, "rb") as old, partial.open("xb") as new:
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            os.fsync(new.fileno())
        if not FileId.of("", before).same_state(os.lstat(source)):
            raise OSError(errno.EBUSY, "the file changed while it was copied")
        with contextlib.suppress(OSError):
            shutil.copystat(source, partial)
        moved = _renamed(str(partial), target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    sync_folder(target.parent)
    os.unlink(source)
    return moved


def _renamed(source: str, target: Path) -> Path:
    for number in range(1, 1_000_000):
        name = target.name if number == 1 else f"{target.stem}_{number}{target.suffix}"
        there = target.with_name(name)
        with contextlib.suppress(FileExistsError):
            _rename_to_new(source, there)
            return there
    raise FileExistsError(errno.EEXIST, "a million files of this name are there", str(target))


def _rename_to_new(source: str, target: Path) -> None:
    """Raises FileExistsError where the name is taken."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # The file system has no hard links: an empty file of our own holds the name until then.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
        try:
            os.replace(source, target)
        except OSError:
            os.unlink(target)
            raise
        return
    try:
        os.unlink(source)
    except OSError:
        os.unlink(target)
        raise
