"""The sheet behind the fields: a blank scan drawn upright in the design's mm, or a print."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pypdfium2

from omr.batch import file_opener, list_files
from omr.design import Design, Ink
from omr.detect.decode import decode
from omr.detect.faults import Fault
from omr.detect.locate import Located, channel_of, locate
from omr.detect.straighten import straighten
from omr.errors import OmrError, SourceError
from omr.press import print_design
from omr.records import U8, Raster, ScannedPage, SideName

PX_PER_MM = 6.0
_TRACED = re.compile(r"^# Traced from (.+)\.(?: Positions|$)")


def blank_beside(path: Path, text: str) -> Path | None:
    """The blank sheet that the design was traced from, if it lies beside it."""
    match = _TRACED.match(text)
    if match:
        for folder in (path.parent, Path()):
            if (folder / match[1]).is_file():
                return folder / match[1]
    return None


def backgrounds(design: Design, blank: Path | None) -> tuple[dict[str, bytes], str]:
    """A picture (JPEG) a side by its name, and a note in words where it is not what was asked for.

    Raises:
        SourceError: the blank sheet cannot be opened.
    """
    printed = _printed(design)
    if blank is None:
        return printed, "the sheet as the press prints it; give a scan with --background"
    opener = file_opener()
    found: dict[str, bytes] = {}
    for ref in list_files([blank]):
        drawn = _upright(opener.open(ref), design)
        if drawn is not None:
            found.setdefault(drawn[0].value, _jpeg(drawn[1]))
    if not found:
        return printed, f"the design's marks are not found on {blank.name}; shown is a print of it"
    return printed | found, ""


def _upright(page: ScannedPage, design: Design) -> tuple[SideName, U8] | None:
    """A page's side and its picture at `PX_PER_MM`, or None where the card is not found in it."""
    try:
        raster = decode(page, colour=design.ink is Ink.RED)
    except OmrError as error:
        raise SourceError(f"{page.source}: {error}") from error
    if design.finds:
        flat = straighten(raster, design, channel_of(design))
        if isinstance(flat, Fault):
            return None
        raster = flat.raster
    place = locate(raster, design)
    if not isinstance(place, Located):
        return None
    size = (round(design.width_mm * PX_PER_MM), round(design.height_mm * PX_PER_MM))
    upright = np.rot90(raster.pixels, k=int(place.alignment.turn) // 90)
    to_mm = np.diag([1 / PX_PER_MM, 1 / PX_PER_MM, 1.0])
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    drawn = cv2.warpPerspective(
        np.ascontiguousarray(_as_colour(raster, upright)),
        place.alignment.matrix @ to_mm,
        size,
        flags=flags,
        borderValue=(255, 255, 255),
    )
    return place.side.name, np.asarray(drawn, np.uint8)


def _as_colour(raster: Raster, pixels: U8) -> U8:
    if pixels.ndim == 3:
        return pixels
    return np.repeat(pixels[:, :, None], 3, axis=2)


def _printed(design: Design) -> dict[str, bytes]:
    """The sides as the press prints them; blank paper where it cannot."""
    size = (round(design.height_mm * PX_PER_MM), round(design.width_mm * PX_PER_MM), 3)
    pages: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "blank.pdf"
        try:
            print_design(design, out)
            document = pypdfium2.PdfDocument(str(out))
            for side, page in zip(design.sides, document, strict=True):
                picture = page.render(scale=PX_PER_MM * 25.4 / 72).to_pil().convert("RGB")
                pages[side.name.value] = _jpeg(np.asarray(picture, np.uint8))
            document.close()
        except (OmrError, ValueError):
            white = _jpeg(np.full(size, 255, np.uint8))
            pages = {side.name.value: white for side in design.sides}
    return pages


def _jpeg(rgb: U8) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
