"""Transcripts (成绩单): a page a candidate, with a QR code that verifies offline.

The code holds the candidate's record, the way from it to the release's signed root, and the two
signatures: whoever has the signers' public keys needs nothing else.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from admin_api.acts.canonical import canonical
from admin_api.errors import Tampered
from admin_api.release.merkle import root_of
from admin_api.release.records import Statement
from admin_api.release.verify import PEOPLE
from admin_api.staff.keys import is_signed

_PREFIX = "KW1:"
_MOST_BYTES = 100_000  # of a code, unpacked: it comes from outside


@dataclass(frozen=True, slots=True)
class Signature:
    """A person's signature of a release."""

    name: str
    signature: str


def code_of(
    record: Mapping[str, Any],
    proof: Sequence[tuple[bool, bytes]],
    statement: Statement,
    signatures: Iterable[Signature],
) -> str:
    """The text of a transcript's code."""
    content = [
        dict(record),
        [("L" if left else "R") + _packed(neighbour) for left, neighbour in proof],
        statement.content(),
        [[one.name, _packed(bytes.fromhex(one.signature))] for one in signatures],
    ]
    return _PREFIX + base64.b32encode(zlib.compress(canonical(content).encode(), 9)).decode()


def check_code(text: str, keys: Mapping[str, str]) -> dict[str, Any]:
    """The record of a transcript's code, as it was released.

    Raises:
        Tampered: it is no such code, was altered, or two of the keys' people did not sign it.
    """
    try:
        if not text.startswith(_PREFIX):
            raise ValueError("it does not begin as a transcript's code does")
        unpacked = zlib.decompressobj().decompress(
            base64.b32decode(text[len(_PREFIX) :]), _MOST_BYTES
        )
        record, proof, said, signatures = json.loads(unpacked)
        statement = Statement(**said)
        steps = [(step[0] == "L", _unpacked(step[1:])) for step in proof]
        if root_of(canonical(record).encode(), steps).hex() != statement.root:
            raise ValueError("its record is not of the release that it names")
        people = {
            keys[name]
            for name, signature in signatures
            if name in keys
            and is_signed(keys[name], statement.message(), _unpacked(signature).hex())
        }
    except binascii.Error as error:
        raise Tampered(
            "the code is not whole; scan it again, or print the transcript anew"
        ) from error
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise Tampered("the transcript does not hold", [str(error)]) from error
    if len(people) < PEOPLE:
        raise Tampered(f"the transcript is signed by {len(people)} of the {PEOPLE} people needed")
    return {**record, "release": statement.release, "year": statement.year, "exam": statement.exam}


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
