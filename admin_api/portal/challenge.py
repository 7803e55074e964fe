"""A little work before each question: nobody tries out numbers by the million.

A form carries a token that is signed and says when it was made. With script, the browser looks for
a number that gives, hashed with the token, so many zero bits. Without script, the token must have
been looked at for some seconds. A token is good for a few questions: the caller counts them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass

LASTS_S = 900
_BODY = struct.Struct("<QB12s")  # when, how many bits, something at random
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Challenges:
    """Makes and checks tokens. `bits` of work; `wait_s` where there is no script."""

    secret: bytes
    bits: int
    wait_s: int

    def make(self, now_s: float) -> str:
        """A token for a form."""
        body = _BODY.pack(int(now_s), self.bits, os.urandom(12))
        return base64.urlsafe_b64encode(body + self._mac(body)).decode()

    def wait(self, token: str, answer: str, now_s: float) -> int | None:
        """0 where a question may be answered, else how many seconds to wait; None for no token."""
        try:
            content = base64.urlsafe_b64decode(token)
            body, mac = content[: _BODY.size], content[_BODY.size :]
            when, bits, _ = _BODY.unpack(body)
        except (ValueError, struct.error):
            return None
        age = now_s - when
        if not hmac.compare_digest(mac, self._mac(body)) or not -5 <= age <= LASTS_S:
            return None
        if answer.isascii() and answer.isdigit() and len(answer) <= 12:
            digest = hashlib.sha256(f"{token}:{answer}".encode()).digest()
            if int.from_bytes(digest, "big") >> (256 - bits) == 0:
                return 0
        return max(0, int(self.wait_s - age))

    def made_s(self, token: str) -> int:
        """When a token says that it was made, 0 where it is none."""
        try:
            return int(_BODY.unpack(base64.urlsafe_b64decode(token)[: _BODY.size])[0])
        except (ValueError, struct.error):
            return 0

    def _mac(self, body: bytes) -> bytes:
        made = hashlib.blake2b(body, digest_size=_MAC_BYTES, key=self.secret, person=b"challenge")
        return made.digest()
