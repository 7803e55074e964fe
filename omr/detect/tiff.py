"""TIFF pages, decoded strip by strip so that a missing or altered strip is noticed.

libtiff fills what is missing, shifts what is short and only warns; here each strip must give
exactly its rows. Decoded by: `omr.detect.fax` (compressions 2, 3, 4), simplejpeg (7), zlib
(8, 32946), imagecodecs (LZW 5, PackBits 32773).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from omr.detect import tiff_tags as tags
from omr.detect.fax import REVERSED_BITS, FaxCoding, decode_fax
from omr.detect.headers import Format, Limits, damaged
from omr.detect.jpeg_header import read_jpeg_header
from omr.detect.tiff_tags import Directory, read_directory
from omr.detect.tones import from_palette, grey_of, on_white, read_only, scale_to_bytes
from omr.errors import ImageTooLarge, UnsupportedImage
from omr.records import U8, Raster

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_JPEG = 7
_COMPRESSIONS = {
    1: "none", 2: "CCITT", 3: "G3", 4: "G4", 5: "LZW", 7: "JPEG", 8: "deflate",
    32946: "deflate", 32773: "PackBits",
}  # fmt: skip
# APP14 saying "no colour transform": a JPEG inside TIFF leaves that to the TIFF's own tags.
_ADOBE_PLAIN = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
_SAVE_PLAIN = "save the scan as grey, RGB or black-and-white TIFF, as PNG or as JPEG"


@dataclass(frozen=True, slots=True)
class _Segment:
    """One strip or tile: where its bytes lie, where its pixels go, how many rows it may hold."""

    offset: int
    size: int
    top: int
    left: int
    rows: int
    columns: int
    rows_at_most: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """The tags that say how pixels are stored, checked for being something that we read."""

    width: int
    height: int
    bits: int
    samples: int
    photometric: int
    compression: int
    predictor: int
    low_bit_first: bool
    separate: bool
    alpha: bool
    order: str

    def bytes_for(self, rows: int, columns: int) -> int:
        """Bytes of so many rows of one segment, uncompressed."""
        samples = 1 if self.separate else self.samples
        return rows * ((columns * self.bits * samples + 7) // 8)


def read_tiff(data: bytes, frame: int, *, colour: bool, limits: Limits) -> Raster:
    """Page `frame` of a TIFF file. Grey unless `colour` and the page is in colour."""
    directory = read_directory(data, frame)
    layout = _layout(directory)
    depth = layout.samples * (2 if layout.bits == 16 else 1)
    limits.check_size(layout.width, layout.height, depth)
    planes = _planes(directory, layout, limits)
    limits.check_bytes(sum(segment.size for plane in planes for segment in plane))
    one_bit = layout.bits == 1
    if layout.compression in (2, 3, 4):
        pixels, bitonal = _read_fax(data, directory, layout, planes[0]), True
    elif layout.compression == _JPEG:
        pixels, bitonal = _read_jpeg(data, directory, layout, planes, colour), False
    else:
        stored = np.dstack([_read_plane(data, layout, plane) for plane in planes])
        pixels, bitonal = _tones(stored, directory, layout)
    if pixels.ndim == 3 and not colour:
        pixels = grey_of(pixels)
    return Raster(read_only(pixels), bitonal and one_bit, directory.dpi(), directory.turn())


def _layout(directory: Directory) -> _Layout:
    width = directory.one(tags.IMAGE_WIDTH, 0)
    height = directory.one(tags.IMAGE_LENGTH, 0)
    samples = directory.one(tags.SAMPLES_PER_PIXEL, 1)
    bits = directory.many(tags.BITS_PER_SAMPLE, 16) or (1,)
    formats = directory.many(tags.SAMPLE_FORMAT, 16)
    photometric = directory.one(tags.PHOTOMETRIC, _MINISWHITE)
    compression = directory.one(tags.COMPRESSION, 1)
    predictor = directory.one(tags.PREDICTOR, 1)
    separate = directory.one(tags.PLANAR_CONFIGURATION, 1) == 2 and samples > 1
    if compression not in _COMPRESSIONS:
        raise UnsupportedImage(f"TIFF compression {compression} is not read; {_SAVE_PLAIN}")
    if len(set(bits)) != 1 or bits[0] not in (1, 2, 4, 8, 16) or set(formats) - {1, 4}:
        raise UnsupportedImage(f"TIFF samples of {bits} bits are not read; {_SAVE_PLAIN}")
    colours = {_MINISWHITE: 1, _MINISBLACK: 1, _PALETTE: 1, _RGB: 3, _YCBCR: 3}.get(photometric)
    if colours is None or (photometric == _YCBCR and compression != _JPEG):
        raise UnsupportedImage(f"TIFF colour model {photometric} is not read; {_SAVE_PLAIN}")
    one_channel_only = bits[0] < 8 or compression in (2, 3, 4, _JPEG) or photometric == _PALETTE
    most = colours if one_channel_only else colours + 1
    usual_bits = {2: (1,), 3: (1,), 4: (1,), _JPEG: (8,)}.get(compression, (1, 2, 4, 8, 16))
    if (
        not colours <= samples <= most
        or bits[0] not in usual_bits
        or (colours == 3 and bits[0] < 8)
        or (photometric == _PALETTE and bits[0] == 16)
        or (compression == _JPEG and photometric == _PALETTE)
        or predictor not in (1, 2)
        or (predictor == 2 and bits[0] < 8)
    ):
        raise UnsupportedImage(
            f"TIFF with {samples} samples of {bits[0]} bits, colour model {photometric}, "
            f"predictor {predictor} is not read; {_SAVE_PLAIN}"
        )
    return _Layout(
        width=width,
        height=height,
        bits=bits[0],
        samples=samples,
        photometric=photometric,
        compression=compression,
        predictor=predictor if compression in (5, 8, 32946) else 1,
        low_bit_first=directory.one(tags.FILL_ORDER, 1) == 2,
        separate=separate,
        alpha=samples > colours,
        order=directory.order,
    )


def _planes(directory: Directory, layout: _Layout, limits: Limits) -> list[list[_Segment]]:
    """The segments of each plane (one plane, unless colours are stored apart)."""
    tiled = tags.TILE_OFFSETS in directory.entries
    if tiled:
        rows = directory.one(tags.TILE_LENGTH, 0)
        columns = directory.one(tags.TILE_WIDTH, 0)
        offset_tag, size_tag = tags.TILE_OFFSETS, tags.TILE_BYTE_COUNTS
    else:
        rows = min(directory.one(tags.ROWS_PER_STRIP, layout.height), layout.height)
        columns = layout.width
        offset_tag, size_tag = tags.STRIP_OFFSETS, tags.STRIP_BYTE_COUNTS
    if rows < 1 or columns < 1:
        raise damaged(Format.TIFF, "its strips or tiles have no size")
    down, across = -(-layout.height // rows), -(-layout.width // columns)
    if down * rows * across * columns > 2 * limits.max_pixels:
        raise ImageTooLarge(f"the TIFF file pads its tiles beyond the limits; {_SAVE_PLAIN}")
    apart = layout.samples if layout.separate else 1
    count = apart * down * across
    offsets = directory.many(offset_tag, count)
    sizes = directory.many(size_tag, count)
    if not sizes and len(offsets) == 1:
        # Old writers leave the one strip's length out: it runs to the end of the file.
        sizes = (max(0, len(directory.data) - offsets[0]),)
    if len(offsets) != count or len(sizes) != count:
        raise damaged(Format.TIFF, f"it lists {len(offsets)} of {count} strips")
    if any(at + size > len(directory.data) for at, size in zip(offsets, sizes, strict=True)):
        raise damaged(Format.TIFF, "it ends before its last strip")
    if sum(sizes) > len(directory.data):
        raise damaged(Format.TIFF, "its strips lie over one another")
    segments = [
        _Segment(
            offset=offsets[k],
            size=sizes[k],
            top=(top := k % (down * across) // across * rows),
            left=k % across * columns,
            rows=rows if tiled else min(rows, layout.height - top),
            columns=columns,
            rows_at_most=rows,
        )
        for k in range(count)
    ]
    return [segments[k : k + down * across] for k in range(0, count, down * across)]


def _read_fax(data: bytes, directory: Directory, layout: _Layout, plane: list[_Segment]) -> U8:
    options = directory.one(tags.T4_OPTIONS, 0)
    if options & 2 or directory.one(tags.T6_OPTIONS, 0) & 2:
        raise UnsupportedImage(f"fax data in uncompressed mode are not read; {_SAVE_PLAIN}")
    if layout.photometric == _PALETTE:
        raise UnsupportedImage(f"fax data with a palette are not read; {_SAVE_PLAIN}")
    coding = FaxCoding(layout.compression)
    if coding is FaxCoding.GROUP_3 and options & 1:
        coding = FaxCoding.GROUP_3_2D
    paper = 255 if layout.photometric == _MINISWHITE else 0
    out = np.full((layout.height, layout.width), paper, np.uint8)
    if plane[0].columns == layout.width and plane[-1].top + plane[-1].rows == layout.height:
        strips = [(segment.offset, segment.size, segment.rows) for segment in plane]
        decode_fax(data, strips, out, coding, low_bit_first=layout.low_bit_first)
        return out
    for s in plane:
        tile = np.full((s.rows, s.columns), paper, np.uint8)
        whole = [(s.offset, s.size, s.rows)]
        decode_fax(data, whole, tile, coding, low_bit_first=layout.low_bit_first)
        _place(out, tile, s)
    return out


def _read_jpeg(
    data: bytes, directory: Directory, layout: _Layout, planes: list[list[_Segment]], colour: bool
) -> U8:
    if layout.separate:
        raise UnsupportedImage(f"JPEG planes stored apart are not read; {_SAVE_PLAIN}")
    rgb = colour and layout.samples == 3
    shape = (layout.height, layout.width, 3) if rgb else (layout.height, layout.width)
    out = np.empty(shape, np.uint8)
    tables = directory.raw(tags.JPEG_TABLES)
    for s in planes[0]:
        stream = data[s.offset : s.offset + s.size]
        if tables[:2] == b"\xff\xd8" and tables[-2:] == b"\xff\xd9":
            stream = tables[:-2] + stream[2:]
        header = read_jpeg_header(stream)
        if (
            header.width != s.columns
            or not s.rows <= header.height <= s.rows_at_most
            or header.components != layout.samples
        ):
            raise damaged(Format.TIFF, "a JPEG strip is not of the size that the TIFF says")
        if layout.photometric == _RGB and not header.adobe:
            stream = stream[:2] + _ADOBE_PLAIN + stream[2:]
        if header.scans > 4:
            raise UnsupportedImage(f"progressive JPEG inside TIFF is not read; {_SAVE_PLAIN}")
        try:
            part = simplejpeg.decode_jpeg(stream, "RGB" if rgb else "GRAY", strict=True)
        except ValueError as error:
            raise damaged(Format.TIFF, f"JPEG says: {error}") from error
        _place(out, part if rgb else part[:, :, 0], s)
    return np.invert(out, out=out) if layout.photometric == _MINISWHITE else out


def _read_plane(data: bytes, layout: _Layout, plane: list[_Segment]) -> NDArray[np.uint8]:
    """(height, width, samples in the plane): 16 bits reduced to 8, fewer bits not yet scaled."""
    parts = _inflated(data, layout, plane)
    if plane[0].columns == layout.width and plane[-1].top + plane[-1].rows == layout.height:
        # Strips follow one another: one array for all of them.
        return _samples(b"".join(parts), layout, layout.height, layout.width)
    apart = 1 if layout.separate else layout.samples
    out = np.empty((layout.height, layout.width, apart), np.uint8)
    for part, s in zip(parts, plane, strict=True):
        _place(out, _samples(part, layout, s.rows, s.columns), s)
    return out


def _inflated(data: bytes, layout: _Layout, plane: list[_Segment]) -> Iterator[bytes]:
    for s in plane:
        exact = layout.bytes_for(s.rows, s.columns)
        most = layout.bytes_for(s.rows_at_most, s.columns)
        raw = data[s.offset : s.offset + s.size]
        if layout.low_bit_first:
            raw = raw.translate(REVERSED_BITS)
        try:
            full = _inflate(raw, layout.compression, most)
        except (zlib.error, RuntimeError) as error:
            raise damaged(Format.TIFF, f"the strip at row {s.top} cannot be unpacked") from error
        if not exact <= len(full) <= most:
            raise damaged(
                Format.TIFF, f"the strip at row {s.top} gives {len(full):,} bytes of {exact:,}"
            )
        yield full[:exact]


def _inflate(raw: bytes, compression: int, most: int) -> bytes:
    """At most `most` + 1 bytes, so that more than there may be is noticed but never allocated."""
    if compression == 1:
        # Plain strips may be padded at will; there is nothing in them to go wrong.
        return raw[:most]
    if compression == 5:
        return bytes(imagecodecs.lzw_decode(raw, out=most + 1))
    if compression == 32773:
        return bytes(imagecodecs.packbits_decode(raw, out=most + 1))
    stream = zlib.decompressobj()
    full = stream.decompress(raw, most + 1)
    if not stream.eof:
        raise zlib.error("the stream has no end, so its checksum was never reached")
    return full


def _samples(raw: bytes, layout: _Layout, rows: int, columns: int) -> NDArray[np.uint8]:
    apart = 1 if layout.separate else layout.samples
    if layout.bits == 16:
        wide = np.frombuffer(raw, layout.order + "u2").reshape(rows, columns, apart)
        if layout.predictor == 2:
            return (np.cumsum(wide, axis=1, dtype=np.uint16) >> 8).astype(np.uint8)
        return (wide >> 8).astype(np.uint8)
    stored = np.frombuffer(raw, np.uint8).reshape(rows, -1)
    if layout.bits == 8:
        pixels = stored.reshape(rows, columns, apart)
        return np.cumsum(pixels, axis=1, dtype=np.uint8) if layout.predictor == 2 else pixels
    if layout.bits == 1:
        return np.unpackbits(stored, axis=1, count=columns)[:, :, None]
    shifts = np.arange(8 - layout.bits, -1, -layout.bits, dtype=np.uint8)
    split = stored[:, :, None] >> shifts & np.uint8((1 << layout.bits) - 1)
    return split.reshape(rows, -1)[:, :columns, None]


def _tones(stored: NDArray[np.uint8], directory: Directory, layout: _Layout) -> tuple[U8, bool]:
    """Stored samples as tones, black 0; and whether only 0 and 255 occur."""
    if layout.photometric == _PALETTE:
        entries = 1 << layout.bits
        values = directory.many(tags.COLOR_MAP, 3 * entries)
        if len(values) != 3 * entries:
            raise damaged(Format.TIFF, "its palette is cut off")
        palette = np.array(values, np.uint16).reshape(3, entries).T
        # Some writers put 8-bit values where 16 bits are due.
        shift = 8 if palette.max() > 255 else 0
        return from_palette(stored[:, :, 0], (palette >> shift).astype(np.uint8))
    tones = scale_to_bytes(stored, layout.bits)
    if layout.alpha:
        if layout.photometric == _MINISWHITE:
            tones = np.dstack([~tones[:, :, 0], tones[:, :, 1]])
        # Extra sample 1 is alpha already multiplied in, 2 is not; 0 is nobody knows what.
        kind = directory.one(tags.EXTRA_SAMPLES, 0)
        if kind not in (1, 2):
            return (tones[:, :, 0] if tones.shape[2] == 2 else tones[:, :, :3]), False
        return on_white(tones, multiplied=kind == 1), False
    if layout.photometric == _MINISWHITE:
        tones = ~tones
    return (tones[:, :, 0] if tones.shape[2] == 1 else tones), layout.bits == 1


def _place(out: U8, part: NDArray[np.uint8], s: _Segment) -> None:
    rows = min(part.shape[0], s.rows, out.shape[0] - s.top)
    columns = min(part.shape[1], out.shape[1] - s.left)
    out[s.top : s.top + rows, s.left : s.left + columns] = part[:rows, :columns]
