"""Counts in a small file that every process of a machine maps: who asked how often, of late.

No server is needed beside the portal, and a restart forgets nothing. Keys are keyed hashes, so the
file tells nobody's number or address. Two of one kind that fall on one slot are counted together,
which only ever limits more.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import mmap
import os
import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

SLOTS = 1 << 16  # of each kind
_SLOT = struct.Struct("<II")  # the window that is counted, and the count


class Kind(IntEnum):
    """What is counted; each kind has slots of its own."""

    ADDRESS = 0
    NUMBER = 1
    TOKEN = 2


SIZE = SLOTS * len(Kind) * _SLOT.size


class Limits:
    """Counters by kind, key and window."""

    def __init__(self, path: Path, secret: bytes) -> None:
        """Map the file, making it if need be.

        Raises:
            OSError: it cannot be made.
        """
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._handle).st_size != SIZE:
            os.ftruncate(self._handle, SIZE)
        self._map = mmap.mmap(self._handle, SIZE)
        self._secret = secret

    def count(self, kind: Kind, key: str, window: int) -> int:
        """Count one more, and say how many there were in this window with it."""
        digest = hmac.digest(self._secret, f"{kind}\0{key}".encode(), "sha256")
        slot = kind * SLOTS + int.from_bytes(digest[:8], "little") % SLOTS
        at, window = slot * _SLOT.size, window & 0xFFFFFFFF
        with self._alone():
            since, count = _SLOT.unpack_from(self._map, at)
            count = min(count + 1, 0xFFFFFFFF) if since == window else 1
            _SLOT.pack_into(self._map, at, window, count)
        return int(count)

    def close(self) -> None:
        """Let the file go."""
        self._map.close()
        os.close(self._handle)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.lockf(self._handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._handle, fcntl.LOCK_UN)
