"""Pages by what became of them, for whoever counts pages: runs, the corpus, accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from omr.records import Status


@dataclass(slots=True, kw_only=True)
class PageCounts:
    """How many pages had each status, each kind of doubt at least once, each reason of refusal."""

    statuses: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, status: str, kinds: Iterable[str], reason: str = "") -> None:
        """Count one page; `kinds` are those of its doubts."""
        self.statuses[status] += 1
        self.doubts.update(set(kinds))
        if reason:
            self.reasons[reason] += 1

    def add(self, other: Self) -> None:
        """Count the pages of `other` too."""
        self.statuses.update(other.statuses)
        self.doubts.update(other.doubts)
        self.reasons.update(other.reasons)

    @property
    def pages(self) -> int:
        """All of them."""
        return self.statuses.total()

    @property
    def read(self) -> int:
        """Those without a doubt."""
        return self.statuses[Status.READ]

    @property
    def review(self) -> int:
        """Those that a person should look at."""
        return self.statuses[Status.REVIEW]

    @property
    def rejected(self) -> int:
        """Those that were refused."""
        return self.statuses[Status.REJECTED]
