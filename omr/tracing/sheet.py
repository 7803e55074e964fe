"""From a decoded page to a `Sheet` of known scale; straightening it; what of it is print."""

from __future__ import annotations

import re
from dataclasses import replace

import cv2
import numpy as np

from omr.errors import TracingError
from omr.records import U8, Raster
from omr.tracing.records import PageSize, Sheet

_NAMED = {
    "a3": (297.0, 420.0),
    "a4": (210.0, 297.0),
    "a5": (148.0, 210.0),
    "a6": (105.0, 148.0),
    "b5": (176.0, 250.0),
    "letter": (215.9, 279.4),
    "legal": (215.9, 355.6),
}
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*[x×]\s*(\d+(?:\.\d+)?)$", re.IGNORECASE)
_LEAST_PX_PER_MM, _MOST_PX_PER_MM = 8.0, 12.5  # about 200 and 320 dpi
_PLAUSIBLE_MM = (60.0, 460.0)
_SAME_MM = 2.0  # so near a named size, the page is of that size
_UNEVEN = 0.03
_WINDOW_MM = 5.0


def page_size(words: str) -> PageSize:
    """A size such as "A4", "letter" or "210x297" (mm).

    Raises TracingError for anything else.
    """
    if words.lower() in _NAMED:
        return PageSize(*_NAMED[words.lower()])
    match = _SIZE.match(words.strip())
    if match:
        page = PageSize(float(match[1]), float(match[2]))
        if all(20 <= side <= 2000 for side in (page.width_mm, page.height_mm)):
            return page
    raise TracingError(
        f"{words!r} is no page size; say {', '.join(sorted(_NAMED))}, or WIDTHxHEIGHT in mm "
        "such as 210x297"
    )


def open_sheet(raster: Raster, dpi: float | None, page: PageSize | None) -> Sheet:
    """The page at a working scale; `page` settles its size where given, else the dpi.

    Raises TracingError where neither does, or where they lead to no possible sheet.
    """
    height, width = raster.pixels.shape[:2]
    if page is not None:
        px_per_mm = _scale_of(width, height, page)
    else:
        px_per_mm = _scale_by_dpi(width, height, dpi or raster.dpi)
    scale = min(max(px_per_mm, _LEAST_PX_PER_MM), _MOST_PX_PER_MM) / px_per_mm
    pixels = raster.pixels
    if scale != 1.0:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how))
    if pixels.ndim == 2:
        grey = np.ascontiguousarray(pixels)
        return Sheet(grey, grey, None, px_per_mm * scale)
    value, bright = pixels.min(axis=2), pixels.max(axis=2)
    green = pixels[:, :, 1:].max(axis=2)
    redness = np.asarray(cv2.subtract(np.ascontiguousarray(pixels[:, :, 0]), green), np.uint8)
    return Sheet(value, bright, redness, px_per_mm * scale)


def _scale_of(width: int, height: int, page: PageSize) -> float:
    across, down = width / page.width_mm, height / page.height_mm
    if abs(across - down) > _UNEVEN * across:
        raise TracingError(
            f"a picture of {width} × {height} pixels is no sheet of {page.width_mm:g} × "
            f"{page.height_mm:g} mm; give the size of what the whole picture shows, upright"
        )
    return (across + down) / 2


def _scale_by_dpi(width: int, height: int, dpi: float | None) -> float:
    if not dpi:
        raise TracingError(
            "the file does not say its dots an inch; say how large the sheet is with --page, "
            "such as --page A4, letter or 210x297"
        )
    px_per_mm = dpi / 25.4
    size = width / px_per_mm, height / px_per_mm
    if not _PLAUSIBLE_MM[0] <= min(size) <= max(size) <= _PLAUSIBLE_MM[1]:
        raise TracingError(
            f"the file says {dpi:g} dots an inch, which makes a sheet of {size[0]:.0f} × "
            f"{size[1]:.0f} mm; say how large it is with --page, such as --page A4 or 210x297"
        )
    return px_per_mm


def tidy_page(page: PageSize) -> PageSize:
    """The named size that a page is within a scan's margin of, or its own in tenths of a mm."""
    for width, height in _NAMED.values():
        for named in (PageSize(width, height), PageSize(height, width)):
            off = max(abs(page.width_mm - named.width_mm), abs(page.height_mm - named.height_mm))
            if off <= _SAME_MM:
                return named
    return PageSize(round(page.width_mm, 1), round(page.height_mm, 1))


def straightened(sheet: Sheet, skew_deg: float) -> Sheet:
    """The sheet turned back about its middle; `skew_deg` counts clockwise."""
    height, width = sheet.value.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), skew_deg, 1.0)

    def turned(plane: U8, edge: float) -> U8:
        out = cv2.warpAffine(
            plane, turn, (width, height), flags=cv2.INTER_CUBIC, borderValue=(edge,)
        )
        return np.asarray(out, np.uint8)

    value = turned(sheet.value, paper_of(sheet.value))
    if sheet.redness is None:
        return replace(sheet, value=value, bright=value)
    bright = turned(sheet.bright, paper_of(sheet.bright))
    return replace(sheet, value=value, bright=bright, redness=turned(sheet.redness, 0.0))


def paper_of(plane: U8) -> float:
    """The usual level of paper: most of a blank sheet is that."""
    return float(np.percentile(plane[::7, ::7], 75))


def middle_of(plane: U8) -> float:
    """Half way between paper and the darkest print."""
    return (paper_of(plane) + float(np.percentile(plane[::3, ::3], 0.3))) / 2


def printed(sheet: Sheet) -> U8:
    """255 where something is printed in any colour, else 0: thin lines by their surroundings."""
    paper = paper_of(sheet.value)
    ink = float(np.percentile(sheet.value[::3, ::3], 0.3))
    window = round(_WINDOW_MM * sheet.px_per_mm) | 1
    offset = max(8.0, 0.14 * (paper - ink))
    local = cv2.adaptiveThreshold(
        sheet.value, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, offset
    )
    solid = np.where(sheet.value < ink + 0.3 * (paper - ink), 255, 0)
    return np.asarray(np.maximum(local, solid.astype(np.uint8)), np.uint8)


def printed_black(sheet: Sheet, *, joined: bool = False) -> U8:
    """255 where black or grey is printed, else 0; `joined` closes the gaps of a grey's dots."""
    mask = np.where(sheet.bright < middle_of(sheet.bright), 255, 0).astype(np.uint8)
    if not joined:
        return mask
    reach = max(3, round(0.35 * sheet.px_per_mm) | 1)
    kernel = np.ones((reach, reach), np.uint8)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), np.uint8)
