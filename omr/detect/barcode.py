"""Barcodes: zxing-cpp in the zone, pyzbar as a second reader whose word alone is a doubt."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np
import zxingcpp

from omr.design import Side, Zone
from omr.detect.alignment import to_pixels
from omr.detect.plane import Plane
from omr.records import U8, Alignment, BarcodeRead

AROUND_MM = 2.0
_ZBAR_NAMES = {"Code128": "CODE128", "Code39": "CODE39", "QRCode": "QRCODE"}
_OUR_NAMES = {name.upper(): name for name in _ZBAR_NAMES}
CODE39 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"


def read_barcodes(plane: Plane, side: Side, alignment: Alignment) -> tuple[BarcodeRead, ...]:
    """What each barcode zone of the side holds, in the design's order; "" where nothing."""
    return tuple(
        _read_zone(zone_window(plane, zone, alignment, AROUND_MM), zone) for zone in _zones(side)
    )


def _zones(side: Side) -> tuple[Zone, ...]:
    return tuple(zone for zone in side.zones if zone.symbologies)


def zone_window(plane: Plane, zone: Zone, alignment: Alignment, around_mm: float = 0.0) -> U8:
    """The upright window of pixels that covers a zone and `around_mm` beyond it."""
    left, top = zone.x_mm - around_mm, zone.y_mm - around_mm
    right = zone.x_mm + zone.width_mm + around_mm
    bottom = zone.y_mm + zone.height_mm + around_mm
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
    px = to_pixels(corners, alignment.matrix, alignment.correction)
    low, high = px.min(axis=0), px.max(axis=0)
    return plane.window(low[0], low[1], high[0], high[1])


@functools.cache
def _formats(symbologies: tuple[str, ...]) -> Any:
    return zxingcpp.barcode_formats_from_str(",".join(symbologies))


def _first_pictures(window: U8) -> list[U8]:
    """Two cheap pictures of different bands of a linear code; they must agree.

    Both are stretched to twice the width: at two pixels a module zxing-cpp 3.1 misread about one
    plain 200 dpi code in 1,500, none of them stretched.
    """
    height = len(window)
    if height < 60:
        return [_stretched(window, height), _stretched(window[::2], height)]
    upper = window[int(0.38 * height) : int(0.48 * height)]
    lower = window[int(0.48 * height) : int(0.58 * height) : 3]
    return [_stretched(upper, len(upper) // 2), _stretched(lower, 8)]


def _stretched(picture: U8, height: int, how: int = cv2.INTER_LINEAR) -> U8:
    size = (2 * picture.shape[1], max(8, height))
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=how), np.uint8)


def _more_pictures(window: U8) -> list[U8]:
    """Whole pictures of the zone, as sharp and as smooth as can be."""
    height = len(window)
    window = np.ascontiguousarray(window)
    smooth = np.asarray(cv2.GaussianBlur(window, (0, 0), 0.8), np.uint8)
    return [_stretched(window, height, cv2.INTER_CUBIC), _stretched(smooth, height)]


def _zxing(picture: U8, zone: Zone, linear: bool, one: bool = False) -> dict[str, str]:
    """Texts in a picture and their symbologies; with `one` only the first, which is cheaper."""
    options: dict[str, Any] = {
        "formats": _formats(zone.symbologies),
        "try_rotate": not linear,
        "try_downscale": False,
        "try_invert": False,
        "text_mode": zxingcpp.TextMode.Plain,
    }
    if one:
        first = zxingcpp.read_barcode(picture, **options)
        found = [first] if first else []
    else:
        found = zxingcpp.read_barcodes(picture, **options)
    return _checked((f.text, f.format.name) for f in found if f.valid)


def _checked(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Texts by symbology; a Code39 only with its check character right, and without it.

    Code39 has no check of its own: the last character is the sum of the others modulo 43
    (ISO/IEC 16388, annex A), and neither reader takes it off.
    """
    texts: dict[str, str] = {}
    for text, name in found:
        if name.upper().startswith("CODE39"):
            values = [CODE39.find(c) for c in text]
            if len(text) > 1 and min(values) >= 0 and sum(values[:-1]) % 43 == values[-1]:
                texts[text[:-1]] = "Code39"
        elif text:
            texts[text] = _OUR_NAMES.get(name.upper(), name)
    return texts


def _read_zone(window: U8, zone: Zone) -> BarcodeRead:
    """Read one zone.

    A linear code's check character lets one wrong reading in a hundred pass, and two pictures of
    one code are seldom misread alike: so the first two must agree. If they do not, further
    pictures and the second reader vote, and whatever is not plain is a doubt.
    """
    if min(window.shape) < 8:
        return BarcodeRead(zone.name, "")
    linear = "QRCode" not in zone.symbologies
    first = _first_pictures(window) if linear else [np.ascontiguousarray(window)]
    votes: Counter[str] = Counter()
    names: dict[str, str] = {}

    def vote(found: dict[str, str]) -> None:
        votes.update(found.keys())
        names.update(found)

    # The last of them is searched to its end: a second code in the zone must not go unseen.
    for k, picture in enumerate(first):
        vote(_zxing(picture, zone, linear, one=k + 1 < len(first)))
    if len(votes) == 1 and votes.total() == len(first):
        text = next(iter(votes))
        return BarcodeRead(zone.name, text, names[text], "zxing")
    for picture in _more_pictures(window) if linear else []:
        vote(_zxing(picture, zone, linear))
    seen_by_first = bool(votes)
    vote(_checked(_zbar()(np.ascontiguousarray(window), zone.symbologies)))
    if not votes:
        # Something dark that nobody can read is not the same as nothing.
        middle = (int(window.max()) + int(window.min())) // 2
        dark = float((window < middle).mean()) if middle < 200 else 0.0
        return BarcodeRead(zone.name, "", reader="unread" if dark > 0.01 else "")
    text = votes.most_common(1)[0][0]
    if not seen_by_first and len(votes) == 1:
        return BarcodeRead(zone.name, text, names[text], "pyzbar")
    agreed = len(votes) == 1 and (votes.total() >= 2 or not linear)
    return BarcodeRead(zone.name, text, names[text], "zxing" if agreed else "split")


@functools.cache
def _zbar() -> Callable[[U8, tuple[str, ...]], list[tuple[str, str]]]:
    from pyzbar import pyzbar

    symbols = {name: getattr(pyzbar.ZBarSymbol, zbar) for name, zbar in _ZBAR_NAMES.items()}

    def decode(window: U8, symbologies: tuple[str, ...]) -> list[tuple[str, str]]:
        found = pyzbar.decode(window, symbols=[symbols[name] for name in symbologies])
        return [(code.data.decode("utf-8", "replace"), str(code.type)) for code in found]

    return decode
