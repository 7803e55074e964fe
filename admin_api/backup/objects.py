"""A back-up's folder: objects under their SHA-256, and a manifest a back-up.

    objects/ab/abcd…        a part of a table, a file of the vault, a file of a release; each once
    2026-11-23T22-31-05-00000812.HASH.json      a back-up of that moment, when 812 acts were stored:
                            what it is made of; HASH is this file's SHA-256

A manifest comes last and by its rename, so there is none of a back-up that was cut short; what such
a one brought is there for the next.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from admin_api.errors import StoreError
from admin_api.vault import read_whole, write_whole


@dataclass(frozen=True, slots=True)
class Objects:
    """Contents by their SHA-256 in a folder; putting one twice is one file."""

    folder: Path

    def path_of(self, digest: str) -> Path:
        """Where a content lies, or would lie."""
        return self.folder / "objects" / digest[:2] / digest

    def put(self, content: bytes) -> tuple[str, bool]:
        """Keep a content; its SHA-256, and whether it is new. It is on the disk on return.

        Raises:
            StoreError: the folder cannot be written; nothing half-written is left under a name.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.path_of(digest)
        if path.is_file() and path.stat().st_size == len(content):
            return digest, False
        write_whole(path, content)
        return digest, True

    def copy(self, source: Path, digest: str) -> bool:
        """Keep a file that has to have this SHA-256; whether it is new.

        Raises:
            NotFound: it is not there.
            Tampered: it is not what it should be.
            StoreError: it cannot be read, or the folder cannot be written.
        """
        path = self.path_of(digest)
        try:
            if path.is_file() and path.stat().st_size == source.stat().st_size:
                return False
        except OSError:
            pass  # reading it says why
        lacking = f"{source} is missing; find it before you go on"
        write_whole(path, read_whole(source, digest, lacking))
        return True

    def get(self, digest: str) -> bytes:
        """A content.

        Raises:
            NotFound: it is not there.
            Tampered: it is not what its name says.
            StoreError: it cannot be read.
        """
        path = self.path_of(digest)
        lacking = f"{path} is missing: this back-up is of no use alone"
        return read_whole(path, digest, lacking)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else writes to the folder meanwhile.

    Raises:
        StoreError: somebody does, or it cannot be made.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"another back-up writes to {folder}; wait for it") from error
        yield
    finally:
        os.close(lock)
