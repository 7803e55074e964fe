"""Who is signed in (会话): a visit holds its person's opened key, in this process's memory only."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from admin_api.acts.ledger import Signer

IDLE_S = 30 * 60
WHOLE_S = 10 * 60 * 60
_TOKEN_BYTES = 32


@dataclass(slots=True)
class Visit:
    """One person's signed-in browser. `due` is what must be done before anything else, or ""."""

    signer: Signer = field(repr=False)
    csrf: str
    began_s: float
    seen_s: float
    certificate: str
    due: str = ""
    notices: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Whose visit it is."""
        return self.signer.name


class Visits:
    """Every visit, found by its token's hash. One person has one visit: a new one ends the older.

    `tick` gives seconds that never run backwards.
    """

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._visits: dict[bytes, Visit] = {}
        self._lock = threading.Lock()

    def begin(self, signer: Signer, certificate: str = "", due: str = "") -> tuple[str, Visit]:
        """A new visit and its token, which is never an earlier one."""
        now, token = self._tick(), secrets.token_urlsafe(_TOKEN_BYTES)
        csrf = secrets.token_urlsafe(_TOKEN_BYTES)
        visit = Visit(signer, csrf, now, now, certificate, due)
        with self._lock:
            self._drop(lambda one: one.name == signer.name or self._is_over(one, now))
            self._visits[_hashed(token)] = visit
        return token, visit

    def find(self, token: str) -> Visit | None:
        """The visit of a token, None where it ended. Finding it keeps it from idling out."""
        now = self._tick()
        with self._lock:
            visit = self._visits.get(_hashed(token))
            if visit is None:
                return None
            if self._is_over(visit, now):
                self._drop(lambda one: one is visit)
                return None
            visit.seen_s = now
            return visit

    def end(self, visit: Visit) -> None:
        """End a visit; its key is forgotten."""
        with self._lock:
            self._drop(lambda one: one is visit)

    def __len__(self) -> int:
        return len(self._visits)

    def _drop(self, whose: Callable[[Visit], bool]) -> None:
        self._visits = {token: one for token, one in self._visits.items() if not whose(one)}

    @staticmethod
    def _is_over(visit: Visit, now: float) -> bool:
        return now - visit.seen_s > IDLE_S or now - visit.began_s > WHOLE_S


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
