"""Scanners at work for the console: a tray into a bag, each page kept before anything else."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from admin_api.acts.ledger import Signer, need_role
from admin_api.acts.roles import ActKind
from admin_api.console.intakes import Intake, Intakes
from admin_api.errors import NotFound, Refused
from admin_api.intake.scans import BagName, Lot
from admin_api.office import Office
from omr.batch import list_files
from omr.errors import OmrError
from scanner_drivers.base import Driver
from scanner_drivers.errors import ScannerError
from scanner_drivers.replay import Recorder

_KEPT = 20


@dataclass
class Feed:
    """One tray as it stands. `kind` names the error that stopped it, `words` say what to do."""

    scanner: str
    bag: str
    who: str
    pages: int = 0
    state: str = "scanning"  # scanning, tray empty, halted, stopped
    kind: str = ""
    words: str = ""
    changed: int = 0


@dataclass
class Feeds:
    """The latest feeds, newest last; one at a time for each scanner, and for each bag.

    What was scanned lies in `home/scanned` until the intake has stored it. A feed that a kill cut
    short is taken in with the next of its bag.
    """

    intakes: Intakes
    latest: list[Feed] = field(default_factory=list)
    _running: dict[str, Driver] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)  # bags, until what was scanned is put away
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(
        self, office: Office, signer: Signer, bag: BagName, scanner: str, driver: Driver
    ) -> Feed:
        """Scan until the tray is empty; the pages are handed to the intakes then, or at a stop.

        Raises:
            Refused: the scanner or the bag is busy.
            NotAllowed: the signer is no operator.
        """
        need_role(signer, ActKind.INTAKE)
        name = str(bag)
        with self._lock:
            if scanner in self._running:
                raise Refused(f"{scanner} is scanning; wait for its tray, or halt it")
            if name in self._busy:
                raise Refused(f"{name} is being scanned or read; one bag, one scanner at a time")
            self._busy.add(name)
            made = Feed(scanner, name, signer.name)
            self.latest = [*self.latest[-_KEPT:], made]
            self._running[scanner] = driver
        folder = office.settings.home / "scanned" / bag.region / bag.box / bag.bag

        def hand_in() -> None:
            self._hand_in(office, signer, Lot(bag, (folder,)))

        thread = threading.Thread(
            target=self._scan, args=(made, driver, folder, hand_in), name="feed", daemon=True
        )
        thread.start()
        return made

    def halt(self, scanner: str) -> None:
        """Ends a feed as if the tray were empty.

        Raises:
            NotFound: that scanner is not scanning.
        """
        with self._lock:
            driver = self._running.get(scanner)
            for one in self.latest:
                if one.scanner == scanner and one.state == "scanning":
                    one.state, one.changed = "halted", one.changed + 1
        if driver is None:
            raise NotFound(f"{scanner} is not scanning")
        driver.close()

    @property
    def version(self) -> tuple[int, ...]:
        """Changes whenever anything about a feed does."""
        return tuple(one.changed for one in self.latest)

    def _scan(self, made: Feed, driver: Driver, folder: Path, hand_in: Callable[[], None]) -> None:
        recorder = Recorder(driver, folder, tick=time.monotonic)
        state, kind, words = "tray empty", "", ""
        try:
            for _ in recorder.pages():
                made.pages += 1
                made.changed += 1
        except ScannerError as error:
            state, kind, words = "stopped", _kind(error), str(error)
        except OmrError as error:
            state, words = "stopped", str(error)
        except Exception as error:  # a fault of ours must not look like an empty tray
            state, words = "stopped", f"{type(error).__name__}: {error}; tell the administrator"
        finally:
            recorder.close()
            try:
                hand_in()
            except OmrError as error:
                state, words = "stopped", f"{words} {error}".strip()
            with self._lock:
                self._running.pop(made.scanner, None)
                made.state = "halted" if made.state == "halted" and state != "stopped" else state
                made.kind, made.words = kind, words
                made.changed += 1

    def _hand_in(self, office: Office, signer: Signer, lot: Lot) -> None:
        """Have the bag's folder read; the bag is free again when its scans are put away."""
        folder, name = Path(lot.paths[0]), str(lot.bag)
        asked: list[Intake] = []

        def put_away() -> None:
            with self._lock:
                # What could not be stored stays, and goes in with the bag's next feed.
                if not asked or not asked[0].fault:
                    shutil.rmtree(folder, ignore_errors=True)
                self._busy.discard(name)

        if not (folder.is_dir() and list_files([folder])):
            put_away()
            return
        with self._lock:
            try:
                asked.append(self.intakes.ask(office, signer, [lot], put_away))
            except OmrError:
                self._busy.discard(name)
                raise


def _kind(error: ScannerError) -> str:
    """The name of the error among those that all drivers share."""
    kinds = [one.__name__ for one in type(error).__mro__ if one.__module__.endswith(".errors")]
    return kinds[0]
