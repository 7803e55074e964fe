"""What tracing finds on a sheet, in mm from the page's top left corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.design import Bubbles, Corner, Edge, FieldKind, Ink
from omr.records import F64, U8

_FEWEST_CORNERS = 3


@dataclass(frozen=True, slots=True)
class PageSize:
    """Width and height of the upright sheet."""

    width_mm: float
    height_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A blank sheet at a working scale.

    `value` (h, w) is each pixel's darkest channel, in which print of any colour is dark; `bright`
    its brightest, in which only black is. `redness` (h, w) is how much redder than grey it is, or
    None for a grey picture.
    """

    value: U8
    bright: U8
    redness: U8 | None
    px_per_mm: float

    @property
    def page(self) -> PageSize:
        """The picture's own size."""
        height, width = self.value.shape
        return PageSize(width / self.px_per_mm, height / self.px_per_mm)


@dataclass(frozen=True, slots=True, eq=False)
class FoundBubbles:
    """Bubbles of one size: centres (n, 2), and the look they share.

    Those that are not `clear` are hidden by a mark or a letter, and placed about.
    """

    centres_mm: F64
    clear: NDArray[np.bool_]
    look: Bubbles
    ink: Ink


@dataclass(frozen=True, slots=True)
class FoundTrack:
    """Marks along an edge at a pitch; `absent` are positions without one, numbered from 1."""

    edge: Edge
    at_mm: float
    first_mm: float
    pitch_mm: float
    count: int
    size_mm: tuple[float, float]
    absent: tuple[int, ...] = ()

    def centres_mm(self) -> F64:
        """Centres of the marks that are there, (n, 2)."""
        numbers = [k for k in range(self.count) if k + 1 not in self.absent]
        along = self.first_mm + self.pitch_mm * np.array(numbers, np.float64)
        across = np.full(len(along), self.at_mm)
        return np.stack([across, along] if self.edge.vertical else [along, across], axis=1)


@dataclass(frozen=True, slots=True)
class FoundMarks:
    """The printed marks that a card can be found by."""

    tracks: tuple[FoundTrack, ...]
    corners: tuple[Corner, ...]

    @property
    def enough(self) -> bool:
        """Whether a card can be found by them."""
        return bool(self.tracks) or len(self.corners) >= _FEWEST_CORNERS

    def count(self) -> int:
        """How many marks these are."""
        return sum(t.count - len(t.absent) for t in self.tracks) + len(self.corners)


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Fields that one table of a design makes.

    `centres_mm` is (fields, characters, values, 2): the bubbles on the regular steps that will be
    written.
    """

    name: str
    kind: FieldKind
    values: tuple[str, ...]
    first: int
    centres_mm: F64

    def names(self) -> tuple[str, ...]:
        """The names of its fields."""
        return tuple(
            self.name.replace("{n}", str(self.first + k)) for k in range(len(self.centres_mm))
        )


@dataclass(frozen=True, slots=True, eq=False)
class TracedSide:
    """One side of the sheet; `sheet` is its straightened picture."""

    sheet: Sheet
    skew_deg: float
    marks: FoundMarks
    bubbles: FoundBubbles
    proposals: tuple[Proposal, ...]

    @property
    def bubble_count(self) -> int:
        """Bubbles of all proposals, those hidden by a mark included."""
        return sum(p.centres_mm[..., 0].size for p in self.proposals)


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A whole sheet: its front and, if there is one, its back."""

    page: PageSize
    sides: tuple[TracedSide, ...]
    notes: tuple[str, ...] = ()

    @property
    def unmarked(self) -> bool:
        """Whether there are no marks to find the card by."""
        return not any(side.marks.enough for side in self.sides)
