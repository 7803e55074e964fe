"""Counts in a small file that every process of a machine maps: who asked how often, of late.

No server is needed beside the portal, and a restart forgets nothing. Keys are keyed hashes, so the
file tells nobody's number or address. Two of one kind that fall on one slot are counted together,
which only ever limits more.

Each process counts in a part of its own and adds up all of them, so none waits for another: handing
a lock to and fro costs more than everything else that a question needs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import mmap
import os
import struct
from enum import IntEnum
from pathlib import Path

SLOTS = 1 << 16  # of each kind
_SLOT = struct.Struct("<II")  # the window that is counted, and the count


class Kind(IntEnum):
    """What is counted; each kind has slots of its own."""

    ADDRESS = 0
    NUMBER = 1
    TOKEN = 2


PARTS = 16  # processes of one machine
_PART = SLOTS * len(Kind) * _SLOT.size
SIZE = PARTS * _PART + PARTS  # and a byte for each part that was ever used


class Limits:
    """Counters by kind, key and window."""

    def __init__(self, path: Path, secret: bytes) -> None:
        """Map the file, making it if need be, and take a free part of it.

        Raises:
            OSError: it cannot be made, or so many processes use it already.
        """
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._handle).st_size != SIZE:
            os.ftruncate(self._handle, SIZE)  # holes until they are used
        self._map = mmap.mmap(self._handle, SIZE)
        self._secret = secret
        self._own = self._take()

    def count(self, *asked: tuple[Kind, str, int]) -> list[int]:
        """Count one more of each kind, key and window; how many there were of each with it."""
        counts = []
        used = [part for part in range(PARTS) if self._map[PARTS * _PART + part]]
        for kind, key, window in asked:
            place, window = self._place(kind, key), window & 0xFFFFFFFF
            own = self._own * _PART + place
            since, count = _SLOT.unpack_from(self._map, own)
            count = min(count + 1, 0xFFFFFFFF) if since == window else 1
            _SLOT.pack_into(self._map, own, window, count)
            for part in used:
                if part != self._own:
                    since, others = _SLOT.unpack_from(self._map, part * _PART + place)
                    count += others if since == window else 0
            counts.append(count)
        return counts

    def _place(self, kind: Kind, key: str) -> int:
        digest = hashlib.blake2b(key.encode(), digest_size=8, key=self._secret).digest()
        return (kind * SLOTS + int.from_bytes(digest, "little") % SLOTS) * _SLOT.size

    def _take(self) -> int:
        """A part that no living process has: the system lets go of a dead one's."""
        for part in range(PARTS):
            with contextlib.suppress(BlockingIOError):
                fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, part)
                self._map[PARTS * _PART + part] = 1
                return part
        raise OSError(f"{PARTS} processes count here already; give the others another PORTAL_STATE")

    def close(self) -> None:
        """Let the file go."""
        self._map.close()
        os.close(self._handle)
