"""Pages from files: images, multi-page TIFFs, PDFs, zips, and folders of all of these.

`list_pages` says what there is, in order, cheaply; `PageOpener` reads one page at a time, in
whatever process. A file that cannot be opened still has its line in the list.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from omr.errors import OmrError, SourceError, StoreAway
from omr.records import ScannedPage
from scanner_drivers.pdf import PdfPages
from scanner_drivers.places import is_url, place_of, store_of
from scanner_drivers.sources import (
    HEAD_BYTES,
    Kind,
    PageRef,
    SourceLimits,
    count_frames,
    kind_of,
    open_zip,
    read_member,
    told_simply,
    why_closed,
)

__all__ = [
    "FileDriver",
    "PageOpener",
    "PageRef",
    "SourceLimits",
    "is_no_scan",
    "list_pages",
    "natural",
]

# Never images, though they lie beside them. Everything else is opened, or says why not.
_NOT_IMAGES = {
    *(".cfg", ".csv", ".db", ".dbf", ".doc", ".docx", ".htm", ".html", ".ini", ".json", ".jsonl"),
    *(".lnk", ".log", ".md", ".ods", ".odt", ".parquet", ".ppt", ".pptx", ".py", ".rst"),
    *(".sha256", ".sqlite", ".tmp", ".toml", ".tsv", ".txt", ".url", ".xls", ".xlsm", ".xlsx"),
    *(".xml", ".yaml", ".yml"),
}


def list_pages(
    paths: Sequence[Path | str],
    *,
    skipped: Counter[str] | None = None,
    limits: SourceLimits = SourceLimits(),  # noqa: B008
) -> Iterator[PageRef]:
    """All pages of the given files and folders, in feed order; URLs name those of a store.

    Paths in the order given; inside folders and zips in natural order (card_2 before card_10),
    folders and files mixed by name. Hidden files and files of kinds that are never scans are left
    out and counted by suffix in `skipped`; a file named in `paths` itself is never left out. What
    cannot be opened gives one PageRef with `error`.

    Raises:
        StoreAway: a store does not answer.
    """
    lister = _Lister(skipped if skipped is not None else Counter(), limits)
    position = 0
    for path in paths:
        for ref in lister.walk(str(path), named=True, above=()):
            yield replace(ref, position=position)
            position += 1


class _Lister:
    """Expands one path after another; positions are given by the caller."""

    def __init__(self, skipped: Counter[str], limits: SourceLimits) -> None:
        self._skipped = skipped
        self._limits = limits

    def walk(
        self, path: str, *, named: bool, above: tuple[tuple[int, int], ...]
    ) -> Iterator[PageRef]:
        """The pages of one file or folder. `above` are the folders being walked, by inode."""
        if is_url(path):
            yield from self._stored(path)
            return
        try:
            with told_simply():
                status = os.stat(path)
                is_folder = stat.S_ISDIR(status.st_mode)
                names = sorted(os.listdir(path), key=natural) if is_folder else []
        except OmrError as error:
            yield _closed(path, str(error))
            return
        if not is_folder:
            if named or not self._skip(os.path.basename(path)):
                yield from self._file(path)
            return
        here = (status.st_dev, status.st_ino)
        if here in above:
            yield _closed(path, "is a link to a folder that holds it; remove the link")
            return
        for name in names:
            if name.startswith("."):
                self._skipped["hidden"] += 1
            else:
                yield from self.walk(os.path.join(path, name), named=False, above=(*above, here))

    def _stored(self, url: str) -> Iterator[PageRef]:
        """As folders are walked: by level, in natural order."""
        try:
            with told_simply():
                found = list(store_of(url).find(url))
        except StoreAway:
            raise
        except OmrError as error:
            yield _closed(url, str(error))
            return
        for one in sorted(found, key=lambda one: [natural(part) for part in one.path.split("/")]):
            below = one.path.removeprefix(url).strip("/").split("/")
            if any(part.startswith(".") for part in below):
                self._skipped["hidden"] += 1
            elif one.path == url or not self._skip(below[-1]):
                for ref in self._file(one.path):
                    yield replace(ref, stamp=one.stamp)

    def _skip(self, name: str) -> bool:
        if is_no_scan(name):
            self._skipped[os.path.splitext(name)[1].lower()] += 1
            return True
        return False

    def _file(self, path: str) -> Iterator[PageRef]:
        try:
            place = place_of(path)
            with told_simply():
                head = place.head(path)
            kind = kind_of(head)
            if kind is Kind.ZIP:
                yield from self._zip(path)
            elif kind is Kind.PDF:
                with told_simply():
                    whole = place.pdf(path)
                yield from _pdf_refs(PageRef(path, None, 0, 0), whole)
            elif kind is Kind.TIFF:
                with told_simply(), place.open(path) as file:
                    found = count_frames(file)
                yield from _tiff_refs(PageRef(path, None, 0, 0), *found)
            else:
                yield PageRef(path, None, 0, 0)
        except StoreAway:
            raise
        except OmrError as error:
            yield _closed(path, str(error))

    def _zip(self, path: str) -> Iterator[PageRef]:
        with told_simply():
            file = place_of(path).open(path)
        with file:
            with told_simply():
                archive = open_zip(file)
            order = sorted(enumerate(archive.infolist()), key=lambda at: natural(at[1].filename))
            empty = True
            for entry, info in order:
                # Not info.is_dir(), which stumbles over a member without a name.
                if info.filename.endswith("/"):
                    continue
                parts = PurePosixPath(info.filename).parts
                if any(part.startswith(".") or part == "__MACOSX" for part in parts):
                    self._skipped["hidden"] += 1
                elif not self._skip(info.filename):
                    empty = False
                    yield from self._member(archive, PageRef(path, info.filename, 0, 0, entry))
        if empty:
            yield _closed(path, "is a zip without a single scan in it; pack the scans again")

    def _member(self, archive: zipfile.ZipFile, ref: PageRef) -> Iterator[PageRef]:
        info = archive.infolist()[ref.entry]
        closed = why_closed(info)
        if closed is not None:
            yield replace(ref, error=closed)
            return
        try:
            with told_simply(), archive.open(info) as file:
                kind = kind_of(file.read(HEAD_BYTES))
            if kind is Kind.ZIP:
                yield replace(ref, error="is a zip inside a zip; unpack it and give the folder")
            elif kind is Kind.OTHER:
                yield ref
            else:
                with told_simply(), archive.open(info) as file:
                    data = read_member(file, self._limits)
                if kind is Kind.PDF:
                    yield from _pdf_refs(ref, data)
                else:
                    yield from _tiff_refs(ref, *count_frames(io.BytesIO(data)))
        except StoreAway:
            raise
        except OmrError as error:
            yield replace(ref, error=str(error))


def is_no_scan(name: str) -> bool:
    """Whether a file of that name is never a scan, though it lies among scans."""
    return os.path.splitext(name)[1].lower() in _NOT_IMAGES or name.lower() == "thumbs.db"


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key: digits by their value, letters without case; at last the name itself."""
    key: list[tuple[int, int, str]] = []
    for run in re.findall(r"[0-9]+|[^0-9]+", name):
        if run[0] in "0123456789":
            # Digits are compared as text of equal length: names may hold thousands of them.
            digits = run.lstrip("0")
            key.append((0, len(digits), digits))
        else:
            key.append((1, 0, run.casefold()))
    return [*key, (-1, 0, name)]


def _closed(path: str, error: str) -> PageRef:
    return PageRef(path, None, 0, 0, error=error)


def _pdf_refs(ref: PageRef, source: str | bytes) -> Iterator[PageRef]:
    pdf = PdfPages(source)
    pdf.close()
    if pdf.count == 0:
        raise SourceError("is a PDF without pages; save it again from the scanning program")
    for frame in range(pdf.count):
        yield replace(ref, frame=frame, paged=True)


def _tiff_refs(ref: PageRef, frames: list[int], wrong: str | None) -> Iterator[PageRef]:
    if wrong is None:
        for frame in frames:
            yield replace(ref, frame=frame, paged=len(frames) > 1)
        return
    for frame in frames:
        yield replace(ref, frame=frame, paged=True)
    missing = f"{wrong} after {len(frames)} pages, more may be missing; copy it again"
    yield replace(ref, frame=len(frames), paged=True, error=missing)


class PageOpener:
    """Reads the pages that refs name; keeps the last zip and the last paged file open.

    One for each worker process, and references in order, so that neighbours share what is open.
    Not for several threads at once.
    """

    def __init__(self, limits: SourceLimits = SourceLimits()) -> None:  # noqa: B008
        self._limits = limits
        self._zip_path = ""
        self._zip: zipfile.ZipFile | None = None
        self._zip_file: IO[bytes] | None = None
        self._held_key: tuple[str, int] | None = None
        self._held: PdfPages | bytes = b""
        self._held_digest: Any = None

    def open(self, ref: PageRef) -> ScannedPage:
        """The page's encoded bytes. Raises SourceError, an ImageError or StoreAway, nothing else.

        A page of a TIFF comes as the whole file with `frame`; a page of a PDF as its own image.
        """
        if ref.error is not None:
            raise SourceError(ref.error)
        key = (ref.path, ref.entry if ref.member is not None else -1)
        if key != self._held_key:
            self._let_go()
            self._held = self._read(ref)
            self._held_key = key
            if isinstance(self._held, bytes):
                self._held_digest = hashlib.sha256(self._held)
        if isinstance(self._held, PdfPages):
            page = self._held.page(ref.frame)
            digest = ScannedPage.digest(page.image)
            return ScannedPage(page.image, digest, ref.source, ref.position, dpi=page.dpi)
        # The file's digest is taken once and carried on for each of its pages.
        running = self._held_digest.copy()
        if ref.frame:
            running.update(f"#{ref.frame}".encode())
        return ScannedPage(self._held, running.hexdigest(), ref.source, ref.position, ref.frame)

    def close(self) -> None:
        """Gives back all files; the opener may be used again."""
        self._let_go()
        if self._zip is not None:
            self._zip.close()
            self._zip = None
        if self._zip_file is not None:
            self._zip_file.close()
            self._zip_file = None

    def _let_go(self) -> None:
        if isinstance(self._held, PdfPages):
            self._held.close()
        self._held, self._held_key = b"", None

    def _read(self, ref: PageRef) -> PdfPages | bytes:
        if ref.member is not None:
            data = self._read_member(ref)
            return PdfPages(data) if kind_of(data[:HEAD_BYTES]) is Kind.PDF else data
        place = place_of(ref.path)
        with told_simply():
            read = place.read(ref.path, self._limits)
        if read is None:
            return PdfPages(ref.path)
        return PdfPages(read) if kind_of(read[:HEAD_BYTES]) is Kind.PDF else read

    def _read_member(self, ref: PageRef) -> bytes:
        with told_simply():
            if self._zip is None or self._zip_path != ref.path:
                self.close()
                self._zip_file = place_of(ref.path).open(ref.path)
                self._zip, self._zip_path = open_zip(self._zip_file), ref.path
            members = self._zip.infolist()
        if ref.entry >= len(members) or members[ref.entry].filename != ref.member:
            raise SourceError("the zip has changed since it was listed; list it again")
        closed = why_closed(members[ref.entry])
        if closed is not None:
            raise SourceError(closed)
        with told_simply(), self._zip.open(members[ref.entry]) as file:
            return read_member(file, self._limits)


class FileDriver:
    """The pages of files and folders, one after another in this process.

    A page that cannot be opened is left out of `pages` and stands in `refused` with its reason;
    positions keep their gaps.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._opener = PageOpener()
        self.refused: list[tuple[PageRef, OmrError]] = []

    def pages(self) -> Iterator[ScannedPage]:
        """The pages in feed order."""
        for ref in list_pages(self._paths):
            try:
                page = self._opener.open(ref)
            except OmrError as error:
                self.refused.append((ref, error))
            else:
                yield page

    def close(self) -> None:
        """Gives back all files."""
        self._opener.close()
