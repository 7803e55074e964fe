"""Encoded bytes → `Raster`, or a refusal that says what to do.

A decoder that returns something for a damaged file is the worst that can happen to a card, so
each format has the strictest decoder found, and what that one overlooks is checked beside it:

| format | decoded by | what notices damage |
|---|---|---|
| JPEG | simplejpeg, strict | libjpeg's warnings, all of them refusals |
| PNG | imagecodecs (libpng) | the CRC of every chunk, checked here |
| TIFF | `omr.detect.tiff`, `omr.detect.fax` | each strip must give exactly its rows |
| BMP | `omr.detect.bmp` | lengths only |
| WebP | imagecodecs (libwebp) | lengths, and what libwebp refuses |

Damage that leaves a valid file (a changed bit in JPEG's coded data that decodes to the right
number of blocks, a changed pixel of a BMP) cannot be seen here: that is what the SHA-256 taken at
the scanner is for.
"""

from __future__ import annotations

from collections.abc import Callable

import imagecodecs
import numpy as np
import simplejpeg

from omr.detect.bmp import read_bmp
from omr.detect.headers import (
    Format,
    Limits,
    damaged,
    read_png_header,
    read_webp_size,
    sniff,
)
from omr.detect.jpeg_header import read_jpeg_header
from omr.detect.tiff import read_tiff
from omr.detect.tones import from_palette, grey_of, on_white, read_only
from omr.errors import DamagedImage, ImageError, ImageTooLarge
from omr.records import Raster, ScannedPage

__all__ = ["Limits", "decode"]

_PNG_PALETTE = 3
# Each pass over a progressive JPEG costs as much as decoding it; cameras use about ten.
_MAX_PASSES = 10


def decode(page: ScannedPage, *, colour: bool, limits: Limits = Limits()) -> Raster:  # noqa: B008
    """The page's pixels, read-only: RGB where `colour` and the file has colours, else grey.

    Raises UnsupportedImage, ImageTooLarge or DamagedImage, and nothing else, whatever the bytes.
    """
    data = page.image
    try:
        kind = sniff(data)
        if kind is Format.TIFF:
            # The file may hold many pages: the limit is set against this page's strips.
            return read_tiff(data, page.frame, colour=colour, limits=limits)
        limits.check_bytes(len(data))
        if page.frame:
            raise DamagedImage(
                f"page {page.frame + 1} was asked of a {kind} file, which has one; the file "
                "changed after it was listed, so list it again"
            )
        return _READERS[kind](data, colour, limits)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageTooLarge(
            "there is not enough memory to decode this page; scan at 200 to 300 dpi"
        ) from error
    except Exception as error:
        # Decoders raise whatever they like at hostile bytes; one page must not stop a batch.
        raise DamagedImage(
            f"the file cannot be decoded ({type(error).__name__}: {error}); copy it again from "
            "the scanner, or rescan the sheet"
        ) from error


def _read_jpeg(data: bytes, colour: bool, limits: Limits) -> Raster:
    header = read_jpeg_header(data)
    limits.check_size(header.width, header.height, header.components)
    if header.scans * header.width * header.height > _MAX_PASSES * limits.max_pixels:
        raise ImageTooLarge(
            f"the JPEG passes {header.scans} times over {header.width} × {header.height} pixels; "
            "save the scan as an ordinary (baseline) JPEG"
        )
    rgb = colour and header.components == 3
    try:
        pixels = simplejpeg.decode_jpeg(data, "RGB" if rgb else "GRAY", strict=True)
    except ValueError as error:
        raise damaged(Format.JPEG, str(error)) from error
    return Raster(read_only(pixels if rgb else pixels[:, :, 0]), False, header.dpi, header.turn)


def _read_png(data: bytes, colour: bool, limits: Limits) -> Raster:
    header = read_png_header(data)
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(header.colour_type, 4)
    limits.check_size(header.width, header.height, channels * (2 if header.bits == 16 else 1))
    try:
        pixels = imagecodecs.png_decode(data)
    except RuntimeError as error:
        raise damaged(Format.PNG, str(error)) from error
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    bitonal = header.bits == 1 and pixels.ndim == 2
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = on_white(pixels)
    elif header.colour_type == _PNG_PALETTE and pixels.ndim == 3:
        palette = np.frombuffer(header.palette, np.uint8, len(header.palette) // 3 * 3)
        palette = palette.reshape(-1, 3)
        if (palette == palette[:, :1]).all():
            grey = np.ascontiguousarray(pixels[:, :, 0])
            if header.bits == 1 and len(palette) == 2:
                pixels, bitonal = from_palette((grey != palette[0, 0]).astype(np.uint8), palette)
            else:
                pixels = grey
    if pixels.ndim == 3 and not colour:
        pixels = grey_of(pixels)
    return Raster(read_only(pixels), bitonal, header.dpi)


def _read_bmp(data: bytes, colour: bool, limits: Limits) -> Raster:
    return read_bmp(data, colour=colour, limits=limits)


def _read_webp(data: bytes, colour: bool, limits: Limits) -> Raster:
    limits.check_size(*read_webp_size(data), 4)
    try:
        pixels = imagecodecs.webp_decode(data)
    except RuntimeError as error:
        raise damaged(Format.WEBP, str(error)) from error
    if pixels.shape[2] == 4:
        pixels = on_white(pixels)
    return Raster(read_only(pixels if colour else grey_of(pixels)), False)


_READERS: dict[Format, Callable[[bytes, bool, Limits], Raster]] = {
    Format.JPEG: _read_jpeg,
    Format.PNG: _read_png,
    Format.BMP: _read_bmp,
    Format.WEBP: _read_webp,
}
