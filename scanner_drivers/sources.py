"""References to pages in files and archives, and the careful opening of both.

Sizes are enforced while reading, never taken from a header.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import IO

from omr.errors import DamagedImage, ImageTooLarge, OmrError, SourceError

HEAD_BYTES = 1024
_ENCRYPTED = 0x1
_MAX_FRAMES = 65_536
_NEW_SUBFILE_TYPE = 254
_THUMBNAIL_OR_MASK = 0b101
_PICTURES = (b"\xff\xd8", b"\x89PNG", b"BM", b"RIFF")


@dataclass(frozen=True, slots=True)
class PageRef:
    """Where one page lies: light enough to travel to a worker process, which opens it.

    `path` is the file; `member` the name inside it where the file is a zip, and `entry` its place
    in the zip's directory (names may occur twice). `frame` is the page in a PDF or TIFF, 0-based;
    `paged` says that there are such pages. `position` counts from 0 in feed order. `error` is set
    where listing already found that the page cannot be opened: opening it raises just that, so
    that the page still becomes a rejected row and is never lost. `stamp` tells a store's file from
    a later one of the same name; a disk's is asked for when needed.
    """

    path: str
    member: str | None
    frame: int
    position: int
    entry: int = 0
    paged: bool = False
    error: str | None = None
    stamp: str = ""

    @property
    def source(self) -> str:
        """For people: `box3.zip!card_0001.tif#2`. Always valid UTF-8."""
        text = self.path if self.member is None else f"{self.path}!{self.member}"
        if self.paged:
            text += f"#{self.frame + 1}"
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


class Kind(Enum):
    """What a file's first bytes say that it is, as far as drivers care."""

    ZIP = auto()
    PDF = auto()
    TIFF = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """`image_bytes` bounds a file of one picture, `paged_bytes` a TIFF (and a PDF in a zip)."""

    image_bytes: int = 64 * 1024 * 1024
    paged_bytes: int = 512 * 1024 * 1024

    def for_kind(self, kind: Kind) -> int:
        """The most bytes of a file of this kind."""
        return self.paged_bytes if kind in (Kind.PDF, Kind.TIFF) else self.image_bytes


def kind_of(head: bytes) -> Kind:
    """By the first `HEAD_BYTES` bytes. A PDF may have a little before its header."""
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Kind.ZIP
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return Kind.TIFF
    if head.startswith(_PICTURES):
        return Kind.OTHER
    return Kind.PDF if b"%PDF-" in head else Kind.OTHER


def read_member(file: IO[bytes], limits: SourceLimits) -> bytes:
    """All bytes of an open zip member, or ImageTooLarge as soon as there are too many."""
    head = file.read(HEAD_BYTES)
    most = limits.for_kind(kind_of(head))
    data = head + file.read(max(0, most + 1 - len(head)))
    return not_above(most, data)


def read_file(path: str, limits: SourceLimits) -> bytes | None:
    """All bytes of a file in one go, within the limits; None for a PDF, which is not read whole."""
    _refuse_pipes(path)
    with open(path, "rb") as file:
        kind = kind_of(file.read(HEAD_BYTES))
        if kind is Kind.PDF:
            return None
        most = limits.for_kind(kind)
        size = os.fstat(file.fileno()).st_size
        file.seek(0)
        data = file.read(min(size, most) + 1)
    if size <= most and len(data) != size:
        raise SourceError("is still being written; wait until the copy is complete")
    return not_above(most, data)


def not_above(most: int, data: bytes) -> bytes:
    """The data, or ImageTooLarge where they are more than `most` bytes."""
    if len(data) > most:
        raise ImageTooLarge(
            f"the file unpacks to more than {most:,} bytes; scan at 200 to 300 dpi and store "
            "fewer pages in one file"
        )
    return data


def _refuse_pipes(path: str) -> None:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise SourceError("is no ordinary file; give image files, PDFs, zips or folders of them")


@contextlib.contextmanager
def told_simply() -> Iterator[None]:
    """Turns what files and archives raise into SourceError or DamagedImage with the next step."""
    try:
        yield
    except OmrError:
        raise
    except OSError as error:
        raise SourceError(
            f"cannot be opened ({error.strerror or error}); check that it exists, may be read, "
            "and that its disk or share is connected"
        ) from error
    except (zipfile.BadZipFile, EOFError, struct.error) as error:
        raise DamagedImage(f"the zip is damaged here ({error}); copy it again") from error
    except (RuntimeError, ValueError, NotImplementedError, OverflowError) as error:
        raise DamagedImage(f"cannot be unpacked ({error}); pack it again as a plain zip") from error
    except Exception as error:
        # zlib.error and whatever else a hostile archive provokes.
        raise DamagedImage(f"cannot be unpacked ({error!r}); copy it again") from error


def open_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """The archive; names without the UTF-8 mark are taken for GB18030, else for code page 437."""
    try:
        return zipfile.ZipFile(file, metadata_encoding="gb18030")
    except UnicodeDecodeError:
        return zipfile.ZipFile(file)


def why_closed(info: zipfile.ZipInfo) -> str | None:
    """Why a member cannot be read, if so.

    bzip2 and LZMA members are refused because Python unpacks them without a bound.
    """
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted; unpack the zip with its password and give the folder"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed by an unusual method; pack it again as a plain (deflate) zip"
    return None


def count_frames(file: IO[bytes]) -> tuple[list[int], str | None]:
    """The pages of an open TIFF, without thumbnails and masks; and what is wrong, if anything.

    Reads only the directories. Where the chain breaks, the pages before the break are listed.
    """
    head = _at(file, 0, 16)
    order = "<" if head[:2] == b"II" else ">"
    if len(head) < 8:
        return [0], None
    big = head[2:4] in (b"+\0", b"\0+")
    number, count_letter, entry_size = ("Q", "Q", 20) if big else ("I", "H", 12)
    place, count_size = struct.calcsize(number), struct.calcsize(count_letter)
    try:
        (offset,) = struct.unpack_from(order + number, head, 8 if big else 4)
        frames: list[int] = []
        seen: set[int] = set()
        while offset:
            if offset in seen or len(seen) >= _MAX_FRAMES:
                return frames, "the pages of the TIFF run in a circle"
            (count,) = struct.unpack(order + count_letter, _at(file, offset, count_size))
            if count > 4096:
                return frames, "a directory of the TIFF is damaged"
            body = _at(file, offset + count_size, count * entry_size + place)
            (after,) = struct.unpack_from(order + number, body, count * entry_size)
            if not _is_thumbnail(body, order, count, entry_size) or (not after and not frames):
                frames.append(len(seen))
            seen.add(offset)
            offset = after
    except (struct.error, OverflowError, ValueError):
        return frames, "the TIFF is cut off"
    return frames, None if frames else "the TIFF holds no page"


def _at(file: IO[bytes], offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _is_thumbnail(body: bytes, order: str, count: int, entry_size: int) -> bool:
    value_at = entry_size - (8 if entry_size == 20 else 4)
    for k in range(count):
        tag, kind = struct.unpack_from(order + "HH", body, k * entry_size)
        if tag == _NEW_SUBFILE_TYPE:
            letter = "I" if kind == 4 else "H"
            (value,) = struct.unpack_from(order + letter, body, k * entry_size + value_at)
            return bool(value & _THUMBNAIL_OR_MASK)
    return False


def file_head(path: str) -> bytes:
    """The first bytes of an ordinary file; SourceError for pipes and devices, which would block."""
    _refuse_pipes(path)
    with open(path, "rb", buffering=0) as file:
        return file.read(HEAD_BYTES)
