"""Lock-out (锁定): wrong attempts to sign in, counted by name and by address."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

MOST_BY_NAME, MOST_BY_ADDRESS = 5, 30
WINDOW_S = 15 * 60
_MOST_KEPT = 100_000


@dataclass(slots=True)
class _Count:
    wrong: int
    until_s: float


class Lockout:
    """Counts wrong attempts; from so many on, a name or an address waits until its window ends.

    Names are counted whether anybody is called so or not, so that a lock tells nothing.
    """

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def wait_s(self, name: str, address: str) -> float:
        """How long this name or address has to wait yet, in seconds; 0 where it need not."""
        now = self._tick()
        with self._lock:
            return max(
                self._left(f"name {name}", MOST_BY_NAME, now),
                self._left(f"address {address}", MOST_BY_ADDRESS, now),
            )

    def wrong(self, name: str, address: str) -> None:
        """Count a wrong attempt, before it is known to be one: attempts at once all count."""
        now = self._tick()
        with self._lock:
            if len(self._counts) >= _MOST_KEPT:
                self._counts = {k: v for k, v in self._counts.items() if v.until_s > now}
            for key in (f"name {name}", f"address {address}"):
                count = self._counts.get(key)
                if count is None or count.until_s <= now:
                    count = self._counts[key] = _Count(0, now + WINDOW_S)
                count.wrong += 1
                if count.wrong in (MOST_BY_NAME, MOST_BY_ADDRESS):
                    count.until_s = now + WINDOW_S

    def right(self, name: str, address: str) -> None:
        """Take back the attempt that turned out right, and forget the name's earlier ones."""
        with self._lock:
            self._counts.pop(f"name {name}", None)
            if count := self._counts.get(f"address {address}"):
                count.wrong -= 1

    def _left(self, key: str, most: int, now: float) -> float:
        count = self._counts.get(key)
        if count is None or count.wrong < most:
            return 0.0
        return max(0.0, count.until_s - now)
