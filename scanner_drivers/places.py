"""Where files of pages lie: on a disk, or in a store that is reached by URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from scanner_drivers.sources import SourceLimits, file_head, read_file


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a store. `stamp` changes whenever its content does."""

    path: str
    stamp: str


class Place(Protocol):
    """What opening pages needs of a place. All raise OSError or an OmrError."""

    def head(self, path: str) -> bytes:
        """The first bytes; an ordinary file's."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """The file, to be read anywhere in it."""
        ...

    def read(self, path: str, limits: SourceLimits) -> bytes | None:
        """All of it, within the limits; None for a PDF that need not be read whole."""
        ...

    def pdf(self, path: str) -> str | bytes:
        """A PDF as `PdfPages` takes it."""
        ...


class Store(Place, Protocol):
    """A place of files by URL, which has no folders to walk."""

    def find(self, url: str) -> Iterator[Found]:
        """The files at and under a URL, in any order."""
        ...


class Disk:
    """Files of this machine, and of shares that it has mounted."""

    def head(self, path: str) -> bytes:
        """The first bytes; SourceError for pipes and devices."""
        return file_head(path)

    def open(self, path: str) -> IO[bytes]:
        """The file."""
        return open(path, "rb")

    def read(self, path: str, limits: SourceLimits) -> bytes | None:
        """All of it, in one go."""
        return read_file(path, limits)

    def pdf(self, path: str) -> str | bytes:
        """Its path: a PDF is read in parts."""
        return path


_DISK = Disk()


def is_url(path: str) -> bool:
    """Whether a path names a file of a store, such as `s3://box/1/card.jpg`."""
    return "://" in path


def place_of(path: str) -> Place:
    """Where a path leads.

    Raises:
        StoreAway: its store cannot be used from here.
    """
    return store_of(path) if is_url(path) else _DISK


def is_there(path: str) -> bool:
    """Whether a file or folder is there at all; of a store, whether it holds anything so named.

    Raises:
        StoreAway: its store does not answer.
    """
    if not is_url(path):
        return os.path.exists(path)
    try:
        return next(store_of(path).find(path), None) is not None
    except OSError:
        return False


def store_of(url: str) -> Store:
    """The store of a URL.

    Raises:
        StoreAway: its library is not installed, or there is no such kind.
    """
    from scanner_drivers.stored import open_store

    return open_store(url)
