"""TIFF directories (also those inside EXIF): reading tags from bytes that nobody vouches for.

Every offset and count is checked against the file before it is followed, every chain has an end.
Classic TIFF and BigTIFF, either byte order.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from omr.errors import DamagedImage
from omr.records import Turn

# The tags that are read, by their names in TIFF 6.0.
IMAGE_WIDTH = 256
IMAGE_LENGTH = 257
BITS_PER_SAMPLE = 258
COMPRESSION = 259
PHOTOMETRIC = 262
FILL_ORDER = 266
STRIP_OFFSETS = 273
ORIENTATION = 274
SAMPLES_PER_PIXEL = 277
ROWS_PER_STRIP = 278
STRIP_BYTE_COUNTS = 279
X_RESOLUTION = 282
Y_RESOLUTION = 283
PLANAR_CONFIGURATION = 284
T4_OPTIONS = 292
T6_OPTIONS = 293
RESOLUTION_UNIT = 296
PREDICTOR = 317
COLOR_MAP = 320
TILE_WIDTH = 322
TILE_LENGTH = 323
TILE_OFFSETS = 324
TILE_BYTE_COUNTS = 325
EXTRA_SAMPLES = 338
SAMPLE_FORMAT = 339
JPEG_TABLES = 347

_MAX_ENTRIES = 4096
_MAX_FRAMES = 65_536
_LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
_RATIONAL = 5
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 13: 4, 16: 8}

# EXIF orientation names the turn that makes the picture upright; ours is how the scan lies.
# Mirrored ones (2, 4, 5, 7) come from no scanner and are given their unmirrored neighbour.
_TURNS = {
    2: Turn.UPRIGHT,
    3: Turn.OVER,
    4: Turn.OVER,
    5: Turn.RIGHT,
    6: Turn.LEFT,
    7: Turn.LEFT,
    8: Turn.RIGHT,
}


def plausible_dpi(x: float, y: float) -> float | None:
    """One figure for both axes, or None where the file says nothing that can be meant."""
    if not (20.0 <= x <= 5000.0 and abs(x - y) <= 0.02 * x):
        return None
    return x


@dataclass(frozen=True, slots=True)
class Directory:
    """One image file directory. `entries` maps a tag to (type, count, place of the value)."""

    data: bytes
    order: str
    entries: dict[int, tuple[int, int, int]]

    def many(self, tag: int, most: int) -> tuple[int, ...]:
        """All values of an integer tag; () where it is absent. More than `most` is damage."""
        entry = self.entries.get(tag)
        if entry is None:
            return ()
        kind, count, at = entry
        letter = _LETTERS.get(kind)
        if letter is None or count > most:
            raise _damaged(f"tag {tag} holds {count} values of type {kind}")
        return struct.unpack_from(f"{self.order}{count}{letter}", self.data, at)

    def one(self, tag: int, default: int) -> int:
        """The first value of an integer tag."""
        values = self.many(tag, 65_536)
        return values[0] if values else default

    def fraction(self, tag: int) -> float:
        """A rational tag; 0 where it is absent or without sense."""
        kind, count, at = self.entries.get(tag, (0, 0, 0))
        if kind != _RATIONAL or count < 1:
            return 0.0
        above, below = struct.unpack_from(self.order + "II", self.data, at)
        return above / below if below else 0.0

    def raw(self, tag: int) -> bytes:
        """The bytes of a byte tag; b"" where it is absent."""
        kind, count, at = self.entries.get(tag, (7, 0, 0))
        return self.data[at : at + count] if kind in (1, 7) else b""

    def turn(self) -> Turn:
        """How the scan lies, by the orientation tag."""
        return _TURNS.get(self.one(ORIENTATION, 1), Turn.UPRIGHT)

    def dpi(self) -> float | None:
        """Dots an inch, where both axes agree."""
        scale = {2: 1.0, 3: 2.54}.get(self.one(RESOLUTION_UNIT, 2), 0.0)
        return plausible_dpi(
            self.fraction(X_RESOLUTION) * scale, self.fraction(Y_RESOLUTION) * scale
        )


def read_directory(data: bytes, frame: int = 0) -> Directory:
    """The directory of page `frame` (0-based). DamagedImage where there is no such page."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        raise _damaged("its header is cut off")
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    at: int = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    count_letter, entry_size, next_letter = ("Q", 20, "Q") if big else ("H", 12, "I")
    count_size = struct.calcsize(count_letter)
    seen: set[int] = set()
    while True:
        if at == 0 and seen:
            raise DamagedImage(
                f"page {frame + 1} was asked of a TIFF file of {len(seen)}; the file changed "
                "after it was listed, so list it again"
            )
        if at in seen or len(seen) > _MAX_FRAMES:
            raise _damaged("its pages run in a circle")
        seen.add(at)
        if at < 8 or at + count_size > len(data):
            raise _damaged(f"page {len(seen)} lies outside the file")
        count: int = struct.unpack_from(order + count_letter, data, at)[0]
        first = at + count_size
        end = first + count * entry_size
        if not 0 < count <= _MAX_ENTRIES or end + struct.calcsize(next_letter) > len(data):
            raise _damaged(f"the directory of page {len(seen)} is cut off")
        if len(seen) == frame + 1:
            return Directory(data, order, _entries(data, order, first, end, big))
        at = struct.unpack_from(order + next_letter, data, end)[0]


def _entries(
    data: bytes, order: str, first: int, end: int, big: bool
) -> dict[int, tuple[int, int, int]]:
    layout, inline, value_at = ("HHQ8s", 8, 12) if big else ("HHI4s", 4, 8)
    offset_letter = order + ("Q" if big else "I")
    entries: dict[int, tuple[int, int, int]] = {}
    entry_size = value_at + inline
    place = first + value_at
    for tag, kind, count, value in struct.iter_unpack(order + layout, data[first:end]):
        size = _SIZES.get(kind, 0) * count
        if size <= inline:
            at = place
        else:
            (at,) = struct.unpack(offset_letter, value)
            if at + size > len(data):
                raise _damaged(f"the value of tag {tag} lies outside the file")
        # The first of a doubled tag counts: readers differ, so at least be steady.
        entries.setdefault(tag, (kind, count, at))
        place += entry_size
    return entries


def _damaged(what: str) -> DamagedImage:
    return DamagedImage(
        f"the TIFF file is damaged: {what}; copy it again from the scanner, or rescan the sheet"
    )
