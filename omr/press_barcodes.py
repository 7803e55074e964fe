"""Barcodes as bars in millimetres, fitted into a design's zone.

A module (the narrowest bar) is never under 10 mil, and whole dots of a 600 dpi printer, so that
every bar prints equally wide.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import zxingcpp
from reportlab.graphics.barcode.code39 import Standard39
from reportlab.graphics.barcode.code128 import Code128

from omr.design import Zone

DOT_MM = 25.4 / 600
LEAST_DOTS, MOST_DOTS, MOST_SQUARE_DOTS = 6, 12, 18  # 6 dots are 10 mil
QUIET = {"Code128": 10, "Code39": 10, "QRCode": 4}
CODE39_WIDE = 2.5
LEAST_HEIGHT_MM = 5.0
MOST_HEIGHT_MM = 15.0
TEXT_MM = 2.8  # the line under a code
ABOVE_MM = 0.8
TEXT_ROOM_MM = TEXT_MM + 3 * ABOVE_MM
Bar = tuple[float, float, float, float]  # left, top, width, height
_CODE39 = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%")


class BarcodeMisfit(ValueError):
    """A text that a zone's symbology cannot hold, or that needs a larger zone."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A barcode in modules without its quiet zone: bars are (left, top, width, height)."""

    bars: tuple[Bar, ...]
    width: float
    height: float | None  # None: as high as there is room


@functools.lru_cache(maxsize=256)
def encode(symbology: str, text: str) -> Symbol:
    """The bars of a text.

    Code 39 gets its modulo 43 check character; Code 128 and QR carry theirs in any case.

    Raises:
        BarcodeMisfit: the symbology has no such character, or the text is empty or far too long.
    """
    if not text:
        raise BarcodeMisfit("is empty")
    if symbology == "QRCode":
        return _qr(text)
    known = _CODE39 if symbology == "Code39" else frozenset(map(chr, range(32, 127)))
    for character in text:
        if character not in known:
            raise BarcodeMisfit(f"holds {character!r}, which {symbology} has no bars for")
    return _code39(text) if symbology == "Code39" else _code128(text)


def fit(zone: Zone, text: str) -> tuple[Bar, ...]:
    """The bars (left, top, width, height in mm) of a text, in the middle of its zone.

    A line of `TEXT_MM` finds room under them, its baseline `ABOVE_MM` over the zone's foot.

    Raises:
        BarcodeMisfit: as `encode`, and where the zone is too small for 10 mil modules.
    """
    symbology = zone.symbologies[0]
    symbol = encode(symbology, text)
    across = symbol.width + 2 * QUIET[symbology]
    tall = zone.height_mm - TEXT_ROOM_MM
    square = symbol.height is not None
    most = MOST_SQUARE_DOTS if square else MOST_DOTS
    room = min(zone.width_mm, tall) if square else zone.width_mm
    dots = min(most, math.floor(room / (across * DOT_MM) + 1e-9))
    least = across * LEAST_DOTS * DOT_MM
    if dots < LEAST_DOTS:
        raise BarcodeMisfit(f"needs {least:.1f} mm of width for {len(text)} characters at 10 mil")
    if not square and tall < LEAST_HEIGHT_MM:
        raise BarcodeMisfit(f"needs {LEAST_HEIGHT_MM + TEXT_ROOM_MM:.1f} mm of height")
    module = dots * DOT_MM
    high = symbol.height * module if symbol.height else min(MOST_HEIGHT_MM, tall)
    scale = module if square else high
    left = zone.x_mm + (zone.width_mm - symbol.width * module) / 2
    top = zone.y_mm + (tall - high) / 2 + ABOVE_MM
    return tuple(
        (left + x * module, top + y * scale, w * module, h * scale) for x, y, w, h in symbol.bars
    )


def _code128(text: str) -> Symbol:
    code = Code128(text)
    code.validate()
    code.encode()
    code.decompose()
    # reportlab writes bars as A–D (one to four modules), spaces as a–d.
    return _linear([ord(c.lower()) - 96.0 for c in code.decomposed])


def _code39(text: str) -> Symbol:
    code = Standard39(text, checksum=1, stop=1)
    code.validate()
    code.encode()
    code.decompose()
    # Narrow bar and space are b and s, wide ones B and S, the gap between characters i.
    return _linear([CODE39_WIDE if c in "BS" else 1.0 for c in code.decomposed])


def _linear(runs: list[float]) -> Symbol:
    ends = np.cumsum([0.0, *runs])
    bars = tuple((float(ends[i]), 0.0, runs[i], 1.0) for i in range(0, len(runs), 2))
    return Symbol(bars, float(ends[-1]), None)


def _qr(text: str) -> Symbol:
    try:
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    except (ValueError, RuntimeError) as error:
        raise BarcodeMisfit(f"is too long for a QR code ({error})") from error
    dark = np.array(code.to_image(scale=1, add_quiet_zones=False)) < 128
    bars: list[Bar] = []
    for y, row in enumerate(dark):
        x = 0
        for is_dark, run in groupby(row):
            width = len(list(run))
            if is_dark:
                bars.append((float(x), float(y), float(width), 1.0))
            x += width
    return Symbol(tuple(bars), float(len(dark)), float(len(dark)))
