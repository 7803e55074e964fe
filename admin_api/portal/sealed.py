"""The sealed file of a published release: found and opened with a candidate's own two numbers.

MAGIC   8 bytes
length  4 bytes, of the header
header  JSON: the release, its statement and signatures, names, sizes, SHA-256 of the rest
tags    16 bytes a candidate, ascending
records so many bytes a candidate, in the order of tags: AES-256-GCM, all of one size

A tag and a record's key are keyed BLAKE2b (RFC 7693) under the portal's secret over the release and
both numbers. (OpenSSL's HMAC lets go of Python's lock each time, which costs more than its work.)
So a stolen file tells nothing but how many candidates there are, and even with the secret each
record needs its candidate's numbers. Keys differ from release to release: none is used twice.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from admin_api.release.records import Statement
from admin_api.release.verify import PEOPLE
from admin_api.staff.keys import is_signed
from omr.errors import OmrError

MAGIC = b"KWPORTAL"
FORMAT = 1
TAG_BYTES, SECRET_BYTES, LENGTH_BYTES = 16, 32, 4
NONCE = bytes(12)  # a key seals one record only
_MOST_HEADER = 1 << 20
_BLOCK = 1 << 22


class PortalError(OmrError):
    """The sealed file, its secret or its keys cannot be used; says what to do."""

    exit_code = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate's record, with its way to the signed root."""

    record: Mapping[str, Any]
    steps: bytes
    header: Mapping[str, Any]  # of the file that it is from

    @property
    def proof(self) -> tuple[tuple[bool, bytes], ...]:
        """Neighbours on the way from the record to the signed root; True for one on the left."""
        return tuple(
            (self.steps[n] == 1, self.steps[n + 1 : n + 33]) for n in range(0, len(self.steps), 33)
        )


def spelled(number: str) -> str:
    """A number as it is sealed and counted: width, blanks and a small x make no difference."""
    plain = number if number.isascii() else unicodedata.normalize("NFKC", number)
    return "".join(plain.replace("\0", "").split()).upper()


def numbers_of(ticket: str, id_number: str) -> bytes:
    """Both numbers as they are sealed."""
    return f"{spelled(ticket)}\0{spelled(id_number)}".encode()


def tag_of(secret: bytes, release: str, numbers: bytes) -> bytes:
    """What a record is found by."""
    return _keyed(secret, b"tag", release, numbers)[:TAG_BYTES]


def key_of(secret: bytes, release: str, numbers: bytes) -> bytes:
    """What a record is sealed with."""
    return _keyed(secret, b"key", release, numbers)


def packed(record: Mapping[str, Any], proof: tuple[tuple[bool, bytes], ...]) -> bytes:
    """A record and its proof as they are sealed, before they are made one size."""
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    steps = b"".join(bytes([left]) + neighbour for left, neighbour in proof)
    return len(steps).to_bytes(2, "little") + steps + zlib.compress(text, 9)


def unpacked(content: bytes, header: Mapping[str, Any]) -> Found:
    """What was packed, with its file's header; zeros behind it are left alone."""
    size = int.from_bytes(content[:2], "little")
    text = zlib.decompressobj().decompress(content[2 + size :])
    return Found(json.loads(text), content[2 : 2 + size], header)


class SealedFile:
    """A sealed file that was checked and stays mapped. Safe to use from many threads."""

    def __init__(self, path: Path, secret: bytes, keys: Mapping[str, str]) -> None:
        """Map a file and check it: two signatures, and every byte.

        Raises:
            PortalError: it is damaged, half-written, or not signed by two of the keys' people.
        """
        try:
            with open(path, "rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.header = _header(self._map)
            self._check(keys)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PortalError(
                f"{path} is no whole sealed file ({error}); copy it anew from the office"
            ) from error
        self._secret = secret

    @property
    def release(self) -> str:
        """The release's hash."""
        return str(self.header["statement"]["release"])

    @property
    def candidates(self) -> int:
        """How many records it holds."""
        return int(self.header["candidates"])

    def find(self, ticket: str, id_number: str) -> Found | None:
        """A candidate's record, None where there is none.

        The work is the same either way: one search through the tags, one record opened.
        """
        numbers = numbers_of(ticket, id_number)
        tag = tag_of(self._secret, self.release, numbers)
        key = AESGCM(key_of(self._secret, self.release, numbers))
        if not self.candidates:
            return None
        low, high = 0, self.candidates
        tags, view = self._tags, self._map
        while low < high:
            middle = (low + high) // 2
            at = tags + middle * TAG_BYTES
            if view[at : at + TAG_BYTES] < tag:
                low = middle + 1
            else:
                high = middle
        start = self._records + min(low, self.candidates - 1) * self._size
        try:
            content = key.decrypt(NONCE, view[start : start + self._size], tag)
        except InvalidTag:
            return None
        return unpacked(content, self.header)

    def _check(self, keys: Mapping[str, str]) -> None:
        header, whole = self.header, len(self._map)
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']}, this program knows {FORMAT}")
        self._size = int(header["record_bytes"])
        self._tags = int(header["begins"])
        self._records = self._tags + self.candidates * TAG_BYTES
        if whole != self._records + self.candidates * self._size:
            raise ValueError("it is cut short, or longer than it says")
        digest = hashlib.sha256()
        for start in range(self._tags, whole, _BLOCK):
            digest.update(self._map[start : start + _BLOCK])
        if digest.hexdigest() != header["sha256"]:
            raise ValueError("its records are not as they were sealed")
        message = Statement(**header["statement"]).message()
        signed = {
            keys[name]
            for name, signature in header["signatures"]
            if name in keys and is_signed(keys[name], message, signature)
        }
        if len(signed) < PEOPLE:
            raise ValueError(f"{len(signed)} of {PEOPLE} signatures hold")


def _header(content: mmap.mmap) -> dict[str, Any]:
    if content[: len(MAGIC)] != MAGIC:
        raise ValueError("it does not begin as one")
    begin = len(MAGIC) + LENGTH_BYTES
    size = int.from_bytes(content[len(MAGIC) : begin], "little")
    if size > _MOST_HEADER:
        raise ValueError("its header is too long")
    found = json.loads(content[begin : begin + size])
    if not isinstance(found, dict):
        raise ValueError("its header is none")
    return found | {"begins": begin + size}


def _keyed(secret: bytes, purpose: bytes, release: str, numbers: bytes) -> bytes:
    message = b"\0".join((purpose, release.encode(), numbers))
    return hashlib.blake2b(message, digest_size=32, key=secret, person=b"kaowu-portal").digest()
