"""Card designs: what is printed on a card, in millimetres. Loaded from TOML, validated, hashed.

The format is described in omr/designs/README.md. Paper coordinates: x to the right, y down, from
the top left corner of the upright sheet; every stored position is in mm.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omr.records import F64, SideName

LEAST_ALIKE = 8  # bubbles with one letter from which their usual look shows the letter


class Ink(StrEnum):
    """How everything but marks and barcodes is printed."""

    RED = "red"  # drops out under the scanner's red light
    BLACK = "black"


class Edge(StrEnum):
    """An edge of the page along which a timing track (同步头) runs."""

    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"

    @property
    def vertical(self) -> bool:
        """True where the track runs down the page and so numbers rows."""
        return self in (Edge.LEFT, Edge.RIGHT)


class CornerShape(StrEnum):
    """Shapes of a locator mark (定位点)."""

    SQUARE = "square"
    DISC = "disc"
    CROSS = "cross"
    ELL = "L"
    THREE_SQUARES = "three-squares"  # a square without its bottom right quarter
    RING = "ring"
    ANGLE = "angle"  # two thin bars that meet at the corner nearest the page's own


class FindKind(StrEnum):
    """How a card is found on a picture before, or instead of, its printed marks."""

    FRAME = "frame"  # the picture shows the page and nothing else
    OUTLINE = "outline"  # the sheet's own edge against what lies behind it
    MARKERS = "markers"  # one picture printed at the four corners of the page
    REFERENCE = "reference"  # whatever is printed, as on a picture of the whole page


class BubbleShape(StrEnum):
    """The printed outline of a place to fill."""

    BOX = "box"
    OVAL = "oval"
    BRACKETS = "brackets"
    AREA = "area"  # a place to look at, whatever is printed there


class FieldKind(StrEnum):
    """What a field is."""

    SINGLE = "single"  # one option of several
    MULTIPLE = "multiple"  # any number of options
    DIGITS = "digits"
    LETTERS = "letters"
    FLAG = "flag"  # one box for the staff: 缺考标记 (absent), 违纪标识 (violation)
    FORM = "form"  # 卷型, the paper form
    BARCODE = "barcode"
    PICTURE = "picture"  # cropped and kept, never read


class Role(StrEnum):
    """Which rules of the policy a field stands under."""

    ANSWER = "answer"
    IDENTITY = "identity"
    STAFF = "staff"


class SeveralRule(StrEnum):
    """What clearly filled options beyond the first mean."""

    POLICY = "policy"  # what the policy says for the field's role
    READING = "reading"  # a reading of several
    DOUBT = "doubt"  # always for a person


class CheckRule(StrEnum):
    """Check digits that a number may carry as its last character."""

    NONE = "none"
    MOD10 = "mod10"  # Luhn, ISO/IEC 7812-1
    MOD11_2 = "mod11-2"  # ISO/IEC 7064 MOD 11-2, as in GB 11643; X stands for 10

    def passes(self, value: str) -> bool:
        """Whether the last character of a number is the check character of the others."""
        if self is CheckRule.NONE:
            return True
        number, last = value[:-1], value[-1:]
        return (number.isdecimal() or not number) and last == self.character_for(number)

    def character_for(self, number: str) -> str:
        """The check character that belongs after a number of digits; "" where there is none."""
        if self is CheckRule.NONE:
            return ""
        if self is CheckRule.MOD10:
            doubled = [int(c) * (2 - k % 2) for k, c in enumerate(reversed(number))]
            return str(-sum(d // 10 + d % 10 for d in doubled) % 10)
        total = 0
        for character in number:
            total = (total + int(character)) * 2 % 11
        return "0123456789X"[(12 - total) % 11]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A timing track: marks of one size in a straight line along an edge.

    `centres_mm` is (n, 2). `absent` marks are positions of the track's numbering that are not
    printed; they are not in `centres_mm` but keep their row or column number.
    """

    edge: Edge
    centres_mm: F64
    numbers: NDArray[np.int64]
    size_mm: tuple[float, float]
    line: int

    @property
    def pitch_mm(self) -> float:
        """The least distance between neighbouring marks."""
        return _pitch(self)


@functools.lru_cache(maxsize=256)
def _pitch(track: Track) -> float:
    return float(np.diff(track.centres_mm[:, 1 if track.edge.vertical else 0]).min())


@dataclass(frozen=True, slots=True)
class Corner:
    """A locator mark, centred at (x, y); `size_mm` is its outer side or diameter.

    One printed in `grey` comes out as dots in a black-and-white scan.
    """

    shape: CornerShape
    x_mm: float
    y_mm: float
    size_mm: float
    line: int
    grey: bool = False


@dataclass(frozen=True, slots=True)
class Bubbles:
    """The look shared by a side's bubbles."""

    shape: BubbleShape
    width_mm: float
    height_mm: float
    stroke_mm: float
    labelled: bool

    def outline_mm(self, beyond_mm: float = 0.0) -> F64:
        """Corners (n, 2) of the outline round its centre, so far outside the printed line.

        An oval is a stadium: a straight middle between half discs. Brackets stand in their box.
        """
        half = np.array([self.width_mm, self.height_mm]) / 2 + beyond_mm
        if self.shape is not BubbleShape.OVAL:
            corners: F64 = half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
            return corners
        radius = float(half.min())
        angles = np.linspace(0, 2 * np.pi, 32, endpoint=False) + np.pi / 32
        round_ends = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        outline: F64 = np.sign(round_ends) * (half - radius) + radius * round_ends
        return outline


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a card says. `groups` are the field's rows of options, [first, last)."""

    name: str
    title: str
    kind: FieldKind
    role: Role
    groups: tuple[int, int]
    values: tuple[str, ...]
    required: bool
    allowed: tuple[str, ...]
    several: SeveralRule
    check: CheckRule
    same_as: str
    line: int

    @property
    def length(self) -> int:
        """Characters of the value: 1 but for digit and letter grids."""
        return self.groups[1] - self.groups[0]


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle that is decoded (barcode) or cropped (picture); (x, y) is its top left."""

    name: str
    title: str
    kind: FieldKind
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    symbologies: tuple[str, ...]
    required: bool
    same_as: str
    line: int


@dataclass(frozen=True, slots=True)
class Caption:
    """Printed text, or a frame where `frame` is set. Only the press looks at these."""

    text: str
    x_mm: float
    y_mm: float
    size_mm: float
    black: bool
    centred: bool
    frame: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One face of the sheet.

    `centres_mm` (n, 2) holds every bubble; group g owns bubbles
    `group_start[g]:group_start[g + 1]`, option k of it is the k-th of them. `letters` (n): bubbles
    with the same letter printed inside in black have the same number; -1 where there is none.
    """

    name: SideName
    tracks: tuple[Track, ...]
    corners: tuple[Corner, ...]
    fields: tuple[Field, ...]
    zones: tuple[Zone, ...]
    captions: tuple[Caption, ...]
    centres_mm: F64
    group_start: NDArray[np.int64]
    group_lines: tuple[int, ...]
    letters: NDArray[np.int64]

    @property
    def bubble_count(self) -> int:
        """Number of bubbles on this side."""
        return len(self.centres_mm)

    @property
    def group_count(self) -> int:
        """Number of rows of options on this side."""
        return len(self.group_start) - 1

    def zones_of(self, kind: FieldKind) -> tuple[Zone, ...]:
        """The zones of one kind, in the design's order."""
        return tuple(zone for zone in self.zones if zone.kind is kind)

    def marks_mm(self) -> F64:
        """Centres of all printed marks, (n, 2): tracks first, then corners."""
        parts = [track.centres_mm for track in self.tracks]
        if self.corners:
            parts.append(np.array([[c.x_mm, c.y_mm] for c in self.corners], np.float64))
        return np.concatenate(parts) if parts else np.zeros((0, 2))

    def marks_size_mm(self) -> F64:
        """Widths and heights of all printed marks, (n, 2), in the order of `marks_mm`."""
        parts = [np.tile(np.array(t.size_mm), (len(t.centres_mm), 1)) for t in self.tracks]
        parts += [np.array([[c.size_mm, c.size_mm]]) for c in self.corners]
        return np.concatenate(parts) if parts else np.zeros((0, 2))


@dataclass(frozen=True, slots=True)
class Find:
    """One step of finding a card. The page's corners are what it finds.

    `picture` is the encoded picture of the marker or of the whole page, empty for an outline;
    `marker_share` how many markers would fit side by side into the page's width, about.
    """

    kind: FindKind
    picture: bytes
    marker_share: float


@dataclass(frozen=True, slots=True)
class Join:
    """Several fields of one side that are one value of the output, put together in order.

    `blanks` says for each part what a blank reads as in the value.
    """

    name: str
    parts: tuple[str, ...]
    blanks: tuple[str, ...]
    line: int

    def value(self, said: Mapping[str, str], *, filled: bool = True) -> str:
        """The joined value of fields' values; without `filled`, blanks stay empty."""
        blanks = self.blanks if filled else ("",) * len(self.parts)
        return "".join(said[p] or blank for p, blank in zip(self.parts, blanks, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A whole card design. `hash` is over the parsed content, so comments do not change it."""

    name: str
    title: str
    width_mm: float
    height_mm: float
    ink: Ink
    bubbles: Bubbles
    sides: tuple[Side, ...]
    hash: str
    source: str
    finds: tuple[Find, ...] = ()
    joins: tuple[Join, ...] = ()

    def side(self, name: SideName) -> Side:
        """The face of that name.

        Raises KeyError where the design has only one.
        """
        for side in self.sides:
            if side.name is name:
                return side
        raise KeyError(name)


def content_hash(content: object) -> str:
    """SHA-256, hex, of parsed TOML in a canonical JSON form."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def builtin_names() -> tuple[str, ...]:
    """Names of the designs that come with the package."""
    folder = resources.files("omr") / "designs"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml")))


@functools.cache
def _builtin(name: str) -> Design:
    from omr.design_parse import parse_design

    file = resources.files("omr") / "designs" / f"{name}.toml"
    return parse_design(file.read_text("utf-8"), f"{name}.toml")


@functools.cache
def builtin_designs() -> tuple[Design, ...]:
    """All designs that come with the package."""
    return tuple(_builtin(name) for name in builtin_names())


def load_design(name_or_file: str | Path) -> Design:
    """The built-in design of that name, or the one in that TOML file.

    Raises:
        DesignError: no such design, not TOML, or a fault in it; every fault is listed with its
            line.
    """
    from omr.design_parse import read_design

    if str(name_or_file) in builtin_names():
        return _builtin(str(name_or_file))
    return read_design(Path(name_or_file), builtin_names())
