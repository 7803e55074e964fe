"""What is open in the studio: the document, the sheet behind it, and a scan that is tried out."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from admin_api.errors import Refused
from admin_api.studio.background import Background, draw_background
from admin_api.studio.boxes import state_of
from admin_api.studio.document import Document
from admin_api.studio.edits import Edit, apply
from admin_api.studio.scan import Tried, pages_of, try_pages
from omr.design import Design
from omr.records import ScannedPage

State = dict[str, Any]  # as JSON


@dataclass
class Studio:
    """One document and what is shown with it. Requests come in threads; edits one by one.

    The token stands in every address, and in a header of whatever changes something.
    """

    document: Document
    blank: Path | None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _editing: threading.RLock = field(default_factory=threading.RLock)
    _drawing: threading.Lock = field(default_factory=threading.Lock)
    _background: tuple[str, Background] | None = None
    _scan: list[ScannedPage] = field(default_factory=list)
    _scan_name: str = ""
    _tried: Tried | None = None

    def state(self) -> State:
        """What the page shows."""
        with self._editing:
            design = self.document.design
            key = _background_key(design, self.blank) if design else ""
            return {**state_of(self.document), "background": key, "scan": self._scan_name}

    def edit(self, asked: Edit) -> State:
        """Do something; the state after it.

        Raises:
            KaowuError: it cannot be done.
        """
        with self._editing:
            apply(self.document, asked)
            return self.state()

    def background(self) -> Background | None:
        """The sheet behind the fields, drawn anew only where it would look different."""
        with self._drawing:
            design = self.document.design
            if design is None:
                return None
            key = _background_key(design, self.blank)
            if self._background is None or self._background[0] != key:
                self._background = (key, draw_background(design, self.blank))
            return self._background[1]

    def take_scan(self, content: bytes, name: str) -> State:
        """Read a filled scan, and keep it to be read again after each edit.

        Raises:
            Refused: it cannot be opened, or there is no usable design to read it with.
        """
        pages = pages_of(content, name)
        with self._drawing:
            self._scan, self._scan_name = pages, name
        return self.reading()

    def reading(self) -> State:
        """What the scan says under the design as it is now.

        Raises:
            Refused: there is no scan, or no usable design to read it with.
        """
        with self._drawing:
            design = self.document.design
            if not self._scan:
                raise Refused("hand in a filled scan first")
            if design is None or not self.document.usable:
                raise Refused("this is no design yet; mend the findings, then try a scan")
            self._tried = try_pages(self._scan, design)
            return {**self._tried.reading, "scan": self._scan_name, "hash": design.hash}

    def scan_picture(self, face: str) -> bytes | None:
        """A side of the scan, drawn upright."""
        return self._tried.pictures.get(face) if self._tried else None


def _background_key(design: Design, blank: Path | None) -> str:
    """What the background's look depends on: a scan on its marks, a print on everything."""
    if blank is None:
        return design.hash
    marks = [side.marks_mm().tolist() for side in design.sides]
    finds = [find.kind.value for find in design.finds]
    return f"{design.width_mm} {design.height_mm} {marks} {finds} {design.ink.value}"
