"""Many pages: worker processes, feed order, and no page that stops the rest.

Every page comes out, as a reading or as a `RejectedPage`: a file that cannot be opened, an
exception in the reader, a page that kills its process or never ends are all rejections of that
one page. Workers open the files themselves, so only references and small rows travel.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from omr.design import Design
from omr.errors import ImageError, OutputError, SourceError, StoreAway
from omr.journal import pack_record, unpack_record
from omr.policy import Policy
from omr.pool import Crew, Lost, Work
from omr.records import RejectedPage, RejectReason, ScannedPage, SideName
from omr.score.rows import BACK, FRONT, KeptPage, Outcome, pack, unpack

if TYPE_CHECKING:  # the parent process has no need of the engine
    from omr.pipeline import ReadPage


class PageRef(Protocol):
    """Where a page is, before it is opened: light, and it pickles."""

    @property
    def source(self) -> str: ...
    @property
    def frame(self) -> int: ...
    @property
    def position(self) -> int: ...


class Opener(Protocol):
    """Opens pages; may keep the last file open for its next page.

    `open` raises SourceError or ImageError.
    """

    def open(self, ref: Any, /) -> ScannedPage: ...


PageReader = Callable[[ScannedPage, Design, Policy, Path | None], "ReadPage | RejectedPage"]
"""Reads a page; the last argument is the folder for its trace, if one is wanted."""


def engine(
    page: ScannedPage, design: Design, policy: Policy, trace: Path | None
) -> ReadPage | RejectedPage:
    """The engine itself as a `PageReader`."""
    from omr.pipeline import read_page

    if trace is None:
        return read_page(page, design, policy)
    import omr.trace

    return read_page(page, design, policy, omr.trace.open_trace(trace, design))


def file_opener() -> Opener:
    """Opens what `scanner_drivers.files.list_pages` lists."""
    from scanner_drivers.files import PageOpener

    return PageOpener()


def list_files(
    paths: Sequence[Path | str], own: Sequence[Path] = (), skipped: Counter[str] | None = None
) -> list[PageRef]:
    """The pages of files and folders, in feed order, without the run's `own` files and folders.

    A journal beside its input must not become a page when the run is taken up again.
    """
    from scanner_drivers.files import list_pages

    mine = {os.path.abspath(path) for path in own}
    folders = tuple(path + os.sep for path in mine)
    refs: list[PageRef] = []
    for ref in list_pages(paths, skipped=skipped):
        path = os.path.abspath(ref.path) if mine else ref.path
        if path not in mine and not path.startswith(folders):
            refs.append(ref if ref.position == len(refs) else replace(ref, position=len(refs)))
    return refs


def on_disk(paths: Sequence[Path | str]) -> list[Path]:
    """Those of the paths that are no URL of a store."""
    from scanner_drivers.places import is_url

    return [Path(path) for path in paths if not is_url(str(path))]


def not_there(paths: Sequence[Path | str]) -> list[str]:
    """Those of the paths, and URLs of a store, where nothing is."""
    from scanner_drivers.places import is_there

    return [str(path) for path in paths if not is_there(str(path))]


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is given once. Everything in it pickles.

    `overlays` and `traces` are folders for one picture, or one folder of pictures, a page. `folder`
    is where relative paths begin and `sees` are files and folders that must be there, for a worker
    on another machine.
    """

    design: Design
    policy: Policy
    reader: PageReader = engine
    opener: Callable[[], Opener] = file_opener
    overlays: Path | None = None
    traces: Path | None = None
    folder: Path | None = None
    sees: tuple[Path, ...] = ()

    def __call__(self) -> Work:
        """Runs in the worker: load what reading needs, and return the work on one page."""
        import cv2

        cv2.setNumThreads(1)  # pages are what runs in parallel
        self._need_folders()
        opener = self.opener()
        return lambda ref: pack_record(pack(self._read(ref, opener)))

    def _need_folders(self) -> None:
        """A share that is not mounted must stop a run, not make rejected pages."""
        wanted = self.sees if self.folder is None else (self.folder, *self.sees)
        if self.folder is not None and self.folder.is_dir():
            os.chdir(self.folder)
        if missing := [str(path) for path in wanted if not path.exists()]:
            raise StoreAway(f"does not see {', '.join(missing)}; mount it there at the same path")

    def _read(self, ref: PageRef, opener: Opener) -> Outcome:
        page: ScannedPage | None = None
        try:
            page = opener.open(ref)
            trace = self.traces / _name(ref) if self.traces else None
            outcome = self.reader(page, self.design, self.policy, trace)
        except (OutputError, StoreAway):
            raise  # a trace that cannot be written, or a store's silence, is no fault of the page
        except Exception as error:
            return self.rejected(ref, *_fault(error), page.sha256 if page else "")
        if self.overlays and page:
            self._overlay(page, outcome, self.overlays / f"{_name(ref)}.jpg")
        if isinstance(outcome, RejectedPage):
            return outcome
        return KeptPage(outcome.reading, outcome.scores)

    def rejected(
        self, ref: PageRef, reason: RejectReason, evidence: str, sha256: str = ""
    ) -> RejectedPage:
        """The outcome of a page that never came to be looked at."""
        from omr.detect.faults import ADVICE  # late: the parent process seldom needs detection

        return RejectedPage(
            position=ref.position,
            source=ref.source,
            frame=ref.frame,
            sha256=sha256,
            reason=reason,
            evidence=evidence,
            advice=ADVICE[reason],
            design_hash=self.design.hash,
            policy_hash=self.policy.hash,
        )

    def _overlay(self, page: ScannedPage, outcome: ReadPage | RejectedPage, path: Path) -> None:
        import omr.trace

        try:
            omr.trace.write_overlay(page, outcome, self.design, path)
        except OSError as error:
            raise OutputError(f"the overlay {path} cannot be written: {error}") from error
        except Exception as error:  # a picture is never worth a reading
            print(f"omr: no overlay of {page.source}: {_told(error)}", file=sys.stderr)


def read_records(refs: Iterable[PageRef], setup: WorkerSetup, crew: Crew) -> Iterator[bytes]:
    """A journal record a page, in feed order.

    Raises:
        OmrError: the workers cannot start, or an overlay cannot be written.
    """
    out: deque[PageRef] = deque()  # the pages whose results are due, oldest first

    def watched() -> Iterator[PageRef]:
        for ref in refs:
            out.append(ref)
            yield ref

    for result in crew.results(watched(), setup):
        ref = out.popleft()
        if isinstance(result, Lost):
            reason = RejectReason.READER_FAILED
            result = pack_record(pack(setup.rejected(ref, reason, result.why)))
        yield result


def read_batch(
    refs: Iterable[PageRef], setup: WorkerSetup, crew: Crew
) -> Generator[Outcome, None, None]:
    """An outcome a page, in feed order. Pages are read a little ahead of what is taken.

    Sheets are not paired here: see `omr.score.pairing`.

    Raises:
        OmrError: the workers cannot start, or an overlay cannot be written.
    """
    names = {FRONT: SideName.FRONT, BACK: SideName.BACK}
    for record in read_records(refs, setup, crew):
        packed = unpack_record(record)
        name = names.get(packed.tag)
        yield unpack(packed, setup.design.side(name) if name else None)


def _fault(error: Exception) -> tuple[RejectReason, str]:
    """Why a page could not be read at all, and the evidence."""
    from omr.detect.faults import of_image

    if isinstance(error, ImageError):
        fault = of_image(error)
        return fault.reason, fault.evidence
    if isinstance(error, SourceError):
        return RejectReason.DAMAGED_FILE, str(error)
    return RejectReason.READER_FAILED, _told(error)


def _told(error: Exception) -> str:
    """An error of ours that should not be, with the calls that led to it, on one line."""
    calls = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(c.filename).name}:{c.lineno} {c.name}" for c in reversed(calls))
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]} ({where})"


def _name(ref: PageRef) -> str:
    stem = Path(ref.source.replace("\\", "/")).stem
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem)[:60]
    return f"{ref.position:06d}-{safe}"
