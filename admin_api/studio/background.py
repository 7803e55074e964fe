"""The sheet behind the fields: the blank scan drawn upright in the design's mm, or a print."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2
import simplejpeg

from admin_api.studio.upright import PX_PER_MM, draw_stretched, draw_upright, size_px
from omr.batch import file_opener, list_files
from omr.design import Design
from omr.errors import OmrError
from omr.press import print_design
from omr.records import U8, ScannedPage

_TRACED = re.compile(r"^# Traced from (.+?)\. Positions")
_PRINTED = "shown is the sheet as the press prints it; --background BLANK shows a scan of it"


@dataclass(frozen=True, slots=True)
class Background:
    """The sides' pictures (JPEG) by their names, and what they are where they are no blank scan."""

    pictures: dict[str, bytes]
    note: str = ""


def blank_beside(path: Path, text: str) -> Path | None:
    """The blank sheet that the design says it was traced from, if it is still there."""
    match = _TRACED.match(text)
    if match:
        for folder in (path.parent, Path()):
            if (folder / match[1]).is_file():
                return folder / match[1]
    return None


def draw_background(design: Design, blank: Path | None) -> Background:
    """The blank sheet; a print of the design where there is none or it cannot be opened."""
    if blank is None:
        return Background(_printed(design), _PRINTED)
    try:
        return _scanned(design, blank)
    except OmrError as error:
        return Background(_printed(design), f"{blank.name}: {error}; {_PRINTED}")


def as_jpeg(rgb: U8) -> bytes:
    """A picture (h, w, 3) RGB as a file."""
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality=88, colorspace="RGB"))


def pages_in(path: Path, most: int) -> list[ScannedPage]:
    """The first pages of a picture, a TIFF, a PDF or a zip.

    Raises:
        OmrError: a page cannot be opened.
    """
    opener = file_opener()
    return [opener.open(ref) for ref in list_files([path])[:most]]


def _scanned(design: Design, blank: Path) -> Background:
    found: dict[str, bytes] = {}
    lost: list[ScannedPage] = []
    for page in pages_in(blank, len(design.sides)):
        drawn = draw_upright(page, design)
        if drawn is None or drawn.side.value in found:
            lost.append(page)
        else:
            found[drawn.side.value] = as_jpeg(drawn.picture)
    open_sides = [side.name.value for side in design.sides if side.name.value not in found]
    note = ""
    for side, page in zip(open_sides, lost, strict=False):
        found[side] = as_jpeg(draw_stretched(page, design))
        note = (
            f"the design's marks are not found on {blank.name}; its {side} is shown as it is, "
            "stretched to the page"
        )
    if len(found) < len(design.sides):
        return Background(_printed(design) | found, note or f"{blank.name} has one side only")
    return Background(found, note)


def _printed(design: Design) -> dict[str, bytes]:
    """The sides as the press prints them; blank paper where it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "blank.pdf"
        try:
            print_design(design, out)
            document = pypdfium2.PdfDocument(str(out))
            pages: dict[str, bytes] = {}
            for side, page in zip(design.sides, document, strict=True):
                picture = page.render(scale=PX_PER_MM * 25.4 / 72, rev_byteorder=True).to_numpy()
                pages[side.name.value] = as_jpeg(np.asarray(picture[:, :, :3], np.uint8))
            document.close()
            return pages
        except (OmrError, ValueError):
            width, height = size_px(design)
            white = as_jpeg(np.full((height, width, 3), 255, np.uint8))
            return {side.name.value: white for side in design.sides}
