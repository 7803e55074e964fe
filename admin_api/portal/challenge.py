"""A little work before each question: nobody tries out numbers by the million.

A form carries a token that is signed and says when it was made. With script, the browser looks for
a number that gives, hashed with the token, so many zero bits. Without script, the token must have
been looked at for some seconds. A token is good for a few questions: the caller counts them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import os
import struct
from dataclasses import dataclass

LASTS_S = 900
_BODY = struct.Struct("<QB12s")  # when, how many bits, something at random
_MAC_BYTES, _MOST_DIGITS = 16, 12


@dataclass(frozen=True, slots=True)
class Given:
    """A good token that came back. `name` is one, however the token was spelled."""

    text: str
    made_s: int
    bits: int
    name: str

    def is_worked(self, answer: str) -> bool:
        """Whether a number gives the zero bits that were asked for."""
        if not (answer.isascii() and answer.isdigit() and len(answer) <= _MOST_DIGITS):
            return False
        digest = hashlib.sha256(f"{self.text}:{answer}".encode()).digest()
        return int.from_bytes(digest, "big") >> (256 - self.bits) == 0


@dataclass(frozen=True, slots=True)
class Challenges:
    """Makes and opens tokens. `bits` of work; `wait_s` where there is no script."""

    secret: bytes
    bits: int
    wait_s: int

    def make(self, now_s: float) -> str:
        """A token for a form."""
        body = _BODY.pack(int(now_s), self.bits, os.urandom(12))
        return base64.urlsafe_b64encode(body + self._mac(body)).decode()

    def open(self, token: str, now_s: float) -> Given | None:
        """A token that is ours and not too old, else None."""
        try:
            content = base64.urlsafe_b64decode(token)
            body, mac = content[: _BODY.size], content[_BODY.size :]
            made_s, bits, chance = _BODY.unpack(body)
        except (ValueError, struct.error):
            return None
        if not hmac.compare_digest(mac, self._mac(body)) or not -5 <= now_s - made_s <= LASTS_S:
            return None
        return Given(token, made_s, bits, chance.hex())

    def wait(self, given: Given, answer: str, now_s: float) -> int:
        """How many seconds to wait yet before a question may be answered; 0 for none."""
        if given.is_worked(answer):
            return 0
        return max(0, math.ceil(given.made_s + self.wait_s - now_s))

    def _mac(self, body: bytes) -> bytes:
        made = hashlib.blake2b(body, digest_size=_MAC_BYTES, key=self.secret, person=b"challenge")
        return made.digest()
