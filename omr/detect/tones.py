"""From what a file stores to tones on paper: palettes, transparency, bit depths, grey."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.records import U8


def read_only(pixels: NDArray[np.uint8]) -> U8:
    """The same pixels, C-contiguous and closed to writing; copied only where they must be."""
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return pixels


def grey_of(rgb: NDArray[np.uint8]) -> U8:
    """Luma (ITU-R BT.601) of (h, w, 3) RGB."""
    grey: U8 = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY).astype(
        np.uint8, copy=False
    )
    return grey


def on_white(tones: NDArray[np.uint8], *, multiplied: bool = False) -> U8:
    """(h, w, 2 or 4) with alpha last, laid on white paper; (h, w) or (h, w, 3).

    `multiplied` says that the tones have been multiplied with alpha already.
    """
    alpha = tones[:, :, -1:].astype(np.uint16)
    colours = tones[:, :, :-1].astype(np.uint16)
    if not multiplied:
        colours = (colours * alpha + 127) // 255
    laid: U8 = np.minimum(colours + (255 - alpha), 255).astype(np.uint8)
    return laid[:, :, 0] if laid.shape[2] == 1 else laid


def scale_to_bytes(stored: NDArray[np.uint8], bits: int) -> U8:
    """Samples of 1, 2, 4 (or 8 and more, already bytes) bits stretched over 0 to 255."""
    if bits >= 8:
        return stored
    return np.multiply(stored, 255 // ((1 << bits) - 1), dtype=np.uint8)


def from_palette(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> tuple[U8, bool]:
    """(h, w) indices through (n, 3) RGB: grey where the palette is; and whether it is bitonal.

    Two greys become black and white: one bit a pixel has no more to say. An index beyond the
    palette is black, as in the common decoders.
    """
    full = np.zeros((256, 3), np.uint8)
    full[: len(palette)] = palette
    if not (palette == palette[:, :1]).all():
        return full[indices], False
    greys = full[:, 0].copy()
    bitonal = len(palette) == 2 and greys[0] != greys[1]
    if bitonal:
        greys[:2] = (255, 0) if greys[0] > greys[1] else (0, 255)
    return greys[indices], bitonal
