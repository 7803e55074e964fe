"""Network scanners that speak eSCL (AirScan, Mopria): a job a stack, fetched page by page.

A page can be fetched once only. Where that fails its sheet has gone through the scanner and counts
as not delivered; and a job is over only when the scanner's own figures say nothing else.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from omr.records import ScannedPage, SideName
from scanner_drivers.errors import (
    DoubleFeed,
    NoScanner,
    OutOfPaper,
    PaperJam,
    ScannerBusy,
    ScannerError,
    ScannerFailed,
    ScannerGone,
    ScannerSilent,
)
from scanner_drivers.escl_http import Answer, Broken, Closed, Link
from scanner_drivers.escl_pages import pages_in
from scanner_drivers.escl_request import Request, scan_request
from scanner_drivers.escl_words import (
    JobInfo,
    NotUnderstood,
    ScannerStatus,
    read_capabilities,
    read_status,
)
from scanner_drivers.profile import Paper, ScanProfile

_BUSY_TRIES = 5
_BUSY_WAIT_S = 2.0
_NEXT_WAIT_S = 0.5
_STATUS_TRIES = 3
_PARTING_S = 5.0
_GONE = (404, 410)


@dataclass(slots=True)
class _Job:
    """A job at the scanner: how many images came, and how many of them lie in whole sheets.

    `loaded` is what the scanner said of its tray before it.
    """

    path: str
    loaded: bool
    images: int = 0
    handed: int = 0
    half: list[ScannedPage] = field(default_factory=list)
    listed: bool | None = None


class EsclDriver:
    """The sheets in the tray, or on the glass, of one scanner.

    `address` is like `http://192.168.1.20/eSCL`. An iteration that is left early can be taken up
    again by `pages()`: what the scanner holds ready is then fetched from the same job. `close()`
    ends `pages()` in whatever thread, as if the tray were empty.
    """

    def __init__(self, address: str, profile: ScanProfile, *, silent_after_s: float = 60.0) -> None:
        """Connects to nothing yet. SourceError where the address is none."""
        self._link = Link(address, silent_after_s)
        self._profile = profile
        self._silent_after_s = silent_after_s
        self._sides = 2 if profile.duplex else 1
        self._asked: Request | None = None
        self._lock = threading.Lock()
        self._job: _Job | None = None
        self._ready: deque[ScannedPage] = deque()
        self._position = 0
        self._sheets_fed = 0
        self._stopped = False  # whether an error ended the last feed, so that a sheet went back

    def pages(self) -> Iterator[ScannedPage]:
        """The pages in feed order until the tray is empty; of a glass the one that lies on it."""
        glass_done = False
        while not self._link.closed:
            if not self._ready:
                if glass_done or not self._fetch_sheet():
                    return
                glass_done = self._profile.paper is Paper.FLATBED
            page = self._ready.popleft()
            # A sheet counts with its last page; a document may hold several sheets.
            if len(self._ready) % self._sides == 0:
                self._sheets_fed += 1
                self._stopped = False
            yield page

    def close(self) -> None:
        """Ends what waits and cancels the job. Closing twice does no harm."""
        self._link.shut()
        self._cancel()

    # ── one sheet ────────────────────────────────────────────────────────────────────────────

    def _fetch_sheet(self) -> bool:
        """Puts the next sheet's pages, or those of several, into `_ready`; False at the end."""
        try:
            return self._fetched()
        except Closed:
            self._cancel()
            return False
        except Broken as broken:
            left = self._left_behind(broken.kind)
            self._stopped = True
            self._cancel()
            detail = "; ".join(part for part in (broken.detail, left) if part)
            raise broken.kind(self._sheets_fed, detail) from broken
        except ScannerError as error:
            self._stopped = self._stopped or not isinstance(error, OutOfPaper)
            self._cancel()
            raise

    def _fetched(self) -> bool:
        another = False  # whether a job just before ended well, with sheets left in the tray
        while not self._ready:
            job = self._job or self._start()
            if job is None:
                return False
            answer = self._next_document(job)
            if answer is not None:
                self._take(job, answer)
            elif self._is_over(job, after_another=another):
                return False
            else:
                another = True
        return True

    def _take(self, job: _Job, answer: Answer) -> None:
        asked = self._request()
        pages = pages_in(answer, asked.format, self._profile.dpi)
        job.images += len(pages)
        job.half += pages
        whole = len(job.half) - len(job.half) % self._sides
        if not whole:
            return
        sheets, job.half = job.half[:whole], job.half[whole:]
        counted = self._counts(job)
        for k, page in enumerate(sheets):
            side = (SideName.FRONT, SideName.BACK)[k % 2] if self._sides == 2 else None
            number = str(job.handed + k + 1) if counted else ""
            source, position = self._link.address, self._position + k
            self._ready.append(
                replace(page, source=source, position=position, side=side, imprint=number)
            )
        self._position += whole
        job.handed += whole
        if self._profile.paper is Paper.FLATBED:
            self._cancel()

    def _counts(self, job: _Job) -> bool:
        """Whether the scanner's own count of images is that of the pages that came.

        It is not where the scanner runs ahead: then its count is that of another sheet. A scanner
        that does not list the job, or has no time to say so, is not asked again.
        """
        if job.listed is False or self._profile.paper is Paper.FLATBED:
            return False
        status = None
        with contextlib.suppress(Broken):
            # The sheet is here: nothing that happens now may keep it from being delivered.
            status = self._status(self._link.again(_PARTING_S), tries=1)
        known = status.job(job.path) if status else None
        job.listed = known is not None or bool(job.listed)
        return known is not None and known.images == job.images

    # ── the job ──────────────────────────────────────────────────────────────────────────────

    def _request(self) -> Request:
        """What the profile asks of this scanner, whose capabilities are fetched once."""
        if self._asked is None:
            try:
                answer = self._link.ask("GET", self._link.path("ScannerCapabilities"))
            except Broken as broken:
                if broken.reached:
                    raise
                raise NoScanner(self._link.address, ()) from broken
            if answer.code in _GONE:
                raise NoScanner(self._link.address, ())
            if answer.code == 503:
                raise ScannerBusy(self._sheets_fed, self._link.address)
            self._check_allowed(answer)
            try:
                can = read_capabilities(answer.body)
            except NotUnderstood as error:
                raise Broken(ScannerFailed, str(error)) from error
            self._asked = scan_request(can, self._profile)
        return self._asked

    def _start(self) -> _Job | None:
        """A new job; None where the tray is empty."""
        asked = self._request()
        before = None
        with contextlib.suppress(Broken):
            # Nothing hangs on it yet; whether the scanner is there, the next question tells.
            before = self._status(self._link.again(_PARTING_S))
        loaded = before is not None and before.feeder == "ScannerAdfLoaded"
        until = time.monotonic() + self._silent_after_s
        for _ in range(_BUSY_TRIES):
            try:
                answer = self._link.ask("POST", self._link.path("ScanJobs"), asked.body)
            except Broken as broken:
                if not broken.reached:
                    raise
                told = "the job may have begun: lay back whatever came out"
                raise Broken(broken.kind, f"{broken.detail}; {told}") from broken
            if answer.code in (200, 201, 202):
                path = self._link.located(answer.headers.get("Location") or "")
                if path is None:
                    raise Broken(ScannerFailed, "it does not say where the job is")
                self._job = _Job(path, loaded)
                return self._job
            status = self._status()
            if self._is_empty(status):
                self._nothing_fed()
                return None
            _refuse_trouble(status)
            if answer.code not in (409, 503):
                self._check_allowed(answer)
            if time.monotonic() >= until:
                break
            wait_s = answer.wait_s(_BUSY_WAIT_S)
            self._link.wait(min(wait_s, until - time.monotonic()))
        raise ScannerBusy(self._sheets_fed, self._link.address)

    def _next_document(self, job: _Job) -> Answer | None:
        """The next document; None where the scanner says that there is none."""
        until = time.monotonic() + self._silent_after_s
        while True:
            answer = self._link.ask("GET", f"{job.path}/NextDocument", document=True)
            if answer.code == 200:
                return answer
            status = self._status()
            known = status.job(job.path) if status else None
            if answer.code in _GONE:
                # Some say so while the next sheet is still on its way.
                on_its_way = known is not None and known.runs and status and status.state != "Idle"
                if not on_its_way or (status and status.trouble()):
                    return None
            else:
                _refuse_trouble(status)
                if answer.code != 503:
                    self._check_allowed(answer)
            if time.monotonic() >= until:
                told = f"the next page is not ready after {self._silent_after_s:g} s"
                raise Broken(ScannerSilent, told)
            wait_s = answer.wait_s(_NEXT_WAIT_S)
            self._link.wait(min(wait_s, until - time.monotonic()))

    def _is_over(self, job: _Job, *, after_another: bool) -> bool:
        """Whether the tray is empty; False where sheets lie in it that need another job.

        Broken unless everything that the scanner says is in favour of it.
        """
        status = self._status()
        if status is None:
            raise Broken(ScannerFailed, "the job ended and the scanner does not say why")
        _refuse_trouble(status)
        known = status.job(job.path)
        scanned = (known.images or 0) if known is not None else 0
        if job.half:
            raise Broken(ScannerFailed, "the back of the last sheet did not come")
        if scanned > job.images:
            told = f"it scanned {scanned} pages and sent {job.images}"
            raise Broken(ScannerFailed, told)
        if job.images == 0 and self._is_empty(status):
            if job.loaded:
                told = "the tray became empty and no page came"
                raise Broken(ScannerFailed, _why(known) if known is not None else told)
            self._nothing_fed()
            self._job = None
            return True
        if known is not None and known.state in ("Aborted", "Canceled"):
            raise Broken(ScannerFailed, _why(known))
        if known is None and job.listed:
            raise Broken(ScannerGone, "it has forgotten the job; it may have been switched off")
        if status.feeder == "ScannerAdfLoaded":
            # Some take only so many sheets in a job; some say so whatever lies there.
            if known is None or known.state != "Completed":
                raise Broken(ScannerFailed, "it ended the job while sheets lie in the tray")
            if not (job.images or after_another):
                raise Broken(ScannerFailed, "it feeds nothing though sheets lie in the tray")
            self._job = None
            return not job.images
        if not job.images:
            self._nothing_fed()
        self._job = None
        return True

    def _nothing_fed(self) -> None:
        """The end where sheets were fed before; OutOfPaper where none was, or one has to be."""
        if self._stopped or not self._sheets_fed:
            raise OutOfPaper(self._sheets_fed)

    def _left_behind(self, kind: type[ScannerError]) -> str:
        """In words, where more sheets than the one that failed went through unread."""
        job = self._job
        if job is None:
            return ""
        status = None
        with contextlib.suppress(Broken, Closed):
            status = self._status(self._link.again(_PARTING_S))
        known = status.job(job.path) if status else None
        scanned = (known.images or 0) if known is not None else 0
        sheets = -(-max(scanned, job.images) // self._sides) - job.handed // self._sides
        # A stuck sheet is none that the scanner has counted.
        if sheets > (0 if kind in (PaperJam, DoubleFeed) else 1):
            return f"of the sheets that went through the last {sheets} were not read: lay back all"
        return ""

    def _cancel(self) -> None:
        """Deletes the job, if there is one."""
        with self._lock:
            job, self._job = self._job, None
        if job is not None:
            with contextlib.suppress(Broken, Closed):
                self._link.again(_PARTING_S).ask("DELETE", job.path)

    # ── what the scanner says ────────────────────────────────────────────────────────────────

    def _status(self, link: Link | None = None, tries: int = _STATUS_TRIES) -> ScannerStatus | None:
        """What the scanner says of itself; None where it says nothing that can be used."""
        link = link or self._link
        for tried in range(tries):
            if tried:
                self._link.wait(_NEXT_WAIT_S)
            answer = link.ask("GET", link.path("ScannerStatus"))
            if answer.code == 200:
                with contextlib.suppress(NotUnderstood):
                    return read_status(answer.body)
            if answer.code != 503:
                return None
        return None

    def _is_empty(self, status: ScannerStatus | None) -> bool:
        fed = self._profile.paper is Paper.FEEDER
        return fed and status is not None and status.feeder == "ScannerAdfEmpty"

    def _check_allowed(self, answer: Answer) -> None:
        """Broken for every answer that is no success."""
        if answer.code in (401, 403):
            raise Broken(ScannerFailed, "it asks for a password; allow scanning without one")
        if answer.code != 200:
            raise Broken(ScannerFailed, f"it answers with code {answer.code}")


def _refuse_trouble(status: ScannerStatus | None) -> None:
    trouble = status.trouble() if status is not None else None
    if trouble is not None:
        raise Broken(*trouble)


def _why(job: JobInfo) -> str:
    reasons = ", ".join(job.reasons)[:120]
    return f"the job was {job.state.lower()}" + (f": {reasons}" if reasons else "")
