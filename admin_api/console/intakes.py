"""Intakes that run beside the console: one at a time, in the order in which they were asked for."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from admin_api.acts.ledger import Signer, need_role
from admin_api.acts.roles import ActKind
from admin_api.intake.crew import crew_of
from admin_api.intake.scans import Lot
from admin_api.intake.service import Taken, take_in
from admin_api.office import Office
from omr.errors import OmrError

_KEPT = 50


@dataclass
class Intake:
    """One intake as it stands; `Progress` for what reads, and a record for who looks."""

    number: int
    bags: tuple[str, ...]
    who: str
    total: int = 0
    done: int = 0
    began_s: float = 0.0
    ended_s: float = 0.0
    taken: Taken | None = None
    fault: str = ""
    changed: int = 0

    @property
    def state(self) -> str:
        """waiting, reading, finished or failed."""
        if self.fault:
            return "failed"
        if self.taken is not None:
            return "finished"
        return "reading" if self.began_s else "waiting"

    @property
    def rate(self) -> float:
        """Pages a second so far."""
        until = self.ended_s or time.monotonic()
        return self.done / max(until - self.began_s, 0.001) if self.began_s else 0.0

    @property
    def counts(self) -> Counter[str]:
        """Pages by status, once it has ended."""
        return self.taken.statuses if self.taken else Counter()

    def begin(self, total: int, done: int) -> None:
        """There are so many files."""
        self.total, self.changed = total, self.changed + 1

    def advance(self, pages: int) -> None:
        """So many more are stored."""
        self.done, self.changed = self.done + pages, self.changed + 1

    def stage(self, what: str) -> None:
        """Nothing to tell."""

    def end(self) -> None:
        """Nothing to tell."""


@dataclass
class Intakes:
    """The queue of intakes and the latest of them, newest last."""

    latest: list[Intake] = field(default_factory=list)
    _asked: queue.Queue[tuple[Intake, Callable[[], Taken], Callable[[], None]]] = field(
        default_factory=queue.Queue
    )
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(
        self, office: Office, signer: Signer, lots: list[Lot], after: Callable[[], None]
    ) -> Intake:
        """Have bags read; `after` is called when that has ended, however.

        Raises:
            NotAllowed: the signer is no operator.
        """
        need_role(signer, ActKind.INTAKE)
        crew = crew_of(office.settings)
        with self._lock:
            number = self.latest[-1].number + 1 if self.latest else 1
            made = Intake(number, tuple(str(lot.bag) for lot in lots), signer.name)
            self.latest = [*self.latest[-_KEPT:], made]
            self._asked.put((made, lambda: take_in(office, signer, lots, crew, made), after))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="intakes", daemon=True)
                self._thread.start()
        return made

    @property
    def version(self) -> tuple[int, ...]:
        """Changes whenever anything about an intake does."""
        return tuple(one.changed for one in self.latest)

    def _work(self) -> None:
        while True:
            made, read, after = self._asked.get()
            made.began_s = time.monotonic()
            made.changed += 1
            try:
                made.taken = read()
            except OmrError as error:
                made.fault = str(error)
            except Exception as error:  # a fault of ours must not stop the intakes behind it
                made.fault = f"{type(error).__name__}: {error}; tell the administrator"
            finally:
                made.ended_s = time.monotonic()
                made.changed += 1
                after()


def scan_folder(root: Path, named: str) -> Path | None:
    """A folder within the scans' root; None where the name leads out of it or nowhere."""
    if not named or "\0" in named:
        return None
    found = (root / named).resolve()
    return found if found.is_dir() and found.is_relative_to(root.resolve()) else None
