"""The journal beside an output: what was read so far, safe from a kill at any moment.

`OUT.journal` is append-only. It opens with eight bytes that name the format, then records, each

    size u32 | crc32 u32 | text size u32 | tag u8 | text | arrays        (little-endian)

where `text` is JSON and `arrays` are bytes, both zlib level 1; `size` counts what follows the tag
and the check covers everything after itself. The first record names the run; every further one is
a page in feed order. A kill can only leave a torn tail: it is cut off when the journal is next
opened, and those pages are read again.

A journal is locked (flock) while a run holds it, and removed once the outputs stand.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path

from omr.errors import OutputError
from omr.outputs import no_room
from omr.score.rows import Packed

MAGIC = b"OMRJRNL1"
_HEAD = struct.Struct("<IIIB")
_AFTER_CHECK = struct.Struct("<IB")
_LARGEST = 64 << 20  # no page's record comes near; a larger size is a torn or alien tail


@dataclass(frozen=True, slots=True)
class RunName:
    """What must agree for one run to continue another."""

    design_hash: str
    policy_hash: str
    engine: str
    pages: int
    inputs: str  # digest of the list of pages


_WHAT = {
    "design_hash": "another card design",
    "policy_hash": "another policy",
    "engine": "another version of the engine",
    "pages": "another number of pages",
    "inputs": "other input files",
}


def pack_record(packed: Packed) -> bytes:
    """A row as the journal stores it."""
    plain = json.dumps(packed.row, ensure_ascii=False, separators=(",", ":"))
    text = zlib.compress(plain.encode("utf-8", "replace"), 1)
    arrays = zlib.compress(packed.arrays, 1)
    after = _AFTER_CHECK.pack(len(text), packed.tag)
    check = zlib.crc32(arrays, zlib.crc32(text, zlib.crc32(after)))
    return _HEAD.pack(len(text) + len(arrays), check, len(text), packed.tag) + text + arrays


def unpack_record(record: bytes) -> Packed:
    """The row in a record of `pack_record`."""
    _, _, text_size, tag = _HEAD.unpack_from(record)
    view = memoryview(record)[_HEAD.size :]
    row = json.loads(zlib.decompress(view[:text_size]))
    return Packed(tag, row, zlib.decompress(view[text_size:]))


class Journal:
    """An open, locked journal. Use `open_journal`, and close it whatever happens."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self._file = file
        self._first = 0
        self._end = 0
        self.tags = bytearray()

    @property
    def pages(self) -> int:
        """Pages that are in the journal."""
        return len(self.tags)

    def append(self, records: Iterable[bytes]) -> None:
        """Add pages; they are on the disk when this returns.

        Raises:
            OutputError: the disk is full or broken; what was there before is kept.
        """
        listed = list(records)
        try:
            self._file.seek(self._end)
            rest = memoryview(b"".join(listed))
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fdatasync(self._file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)
            raise no_room(self.path, error) from error
        self._end += sum(map(len, listed))
        self.tags.extend(record[_HEAD.size - 1] for record in listed)

    def records(self) -> Iterator[Packed]:
        """Every page, in feed order. Uses a handle of its own, so runs may interleave."""
        with self.path.open("rb") as file:
            file.seek(self._first)
            for _ in range(self.pages):
                head = file.read(_HEAD.size)
                yield unpack_record(head + file.read(_HEAD.unpack(head)[0]))

    def close(self) -> None:
        """Let go of the lock; the journal stays."""
        self._file.close()

    def remove(self) -> None:
        """The outputs stand: the journal has done its work."""
        self.path.unlink(missing_ok=True)
        self.close()

    def start(self, name: RunName) -> None:
        """Make this an empty journal of that run."""
        self._end = 0
        self.tags.clear()
        self._file.truncate(0)
        self.append([MAGIC + pack_record(Packed(0, asdict(name), b""))])
        self.tags.clear()
        self._first = self._end

    def resume(self, name: RunName) -> bool:
        """Take up where an earlier run stopped; False where there is nothing to take up.

        Raises:
            OutputError: the journal belongs to another run, or is no journal.
        """
        head = self._file.read(len(MAGIC))
        if head != MAGIC[: len(head)]:
            raise OutputError(f"{self.path} is no journal of this program; move it away")
        self._end = len(MAGIC)
        first = self._next()
        if first is None:
            return False
        self._refuse_other(RunName(**unpack_record(first).row), name)
        self._first = self._end
        while self.pages < name.pages and (record := self._next()) is not None:
            self.tags.append(record[_HEAD.size - 1])
        self._file.truncate(self._end)
        return True

    def _next(self) -> bytes | None:
        """The next whole record; the end moves past it."""
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        size, check, text_size, _ = _HEAD.unpack(head)
        if size > _LARGEST or text_size > size:
            return None
        body = self._file.read(size)
        if len(body) < size or zlib.crc32(body, zlib.crc32(head[8:])) != check:
            return None
        self._end += _HEAD.size + size
        return head + body

    def _refuse_other(self, found: RunName, wanted: RunName) -> None:
        differ = [_WHAT[k] for k, v in asdict(wanted).items() if getattr(found, k) != v]
        if differ:
            raise OutputError(
                f"{self.path} is the journal of an unfinished run with {' and '.join(differ)}. "
                "Finish that run with its own command, or give --restart to discard it."
            )


def take_over(others: Iterable[Path], path: Path, name: RunName) -> None:
    """Give the first of other journals that is of this run the name `path`, if one is.

    One that another process holds, that is of another run or that cannot be read is left alone.
    """
    for other in others:
        with contextlib.suppress(OutputError, ValueError, TypeError, OSError, zlib.error):
            journal = Journal(other, _locked(other))
            try:
                if journal.resume(name):
                    os.rename(other, path)
                    return
            finally:
                journal.close()


def open_journal(path: Path, name: RunName, *, restart: bool = False) -> Journal:
    """The journal at `path`, locked, holding what an earlier run of that name left.

    Raises:
        OutputError: it cannot be written, another process holds it, or it belongs to another run
            and `restart` was not asked for.
    """
    journal = Journal(path, _locked(path))
    try:
        if restart or not journal.resume(name):
            journal.start(name)
    except BaseException:
        journal.close()
        raise
    return journal


def _locked(path: Path) -> FileIO:
    while True:
        try:
            file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+")
        except OSError as error:
            raise OutputError(
                f"{path} cannot be written ({error.strerror}); choose another --out"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BlockingIOError as error:
            file.close()
            raise OutputError(
                f"another run is writing {path.name.removesuffix('.journal')}; "
                "wait for it, or choose another --out"
            ) from error
        except FileNotFoundError:
            pass  # the other run finished and removed it between our two calls
        except OSError as error:
            file.close()
            raise OutputError(
                f"{path} cannot be locked ({error.strerror}); choose an --out on a local disk"
            ) from error
        file.close()
