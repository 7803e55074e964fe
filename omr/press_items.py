"""Words, frames and lines as the press prints them, and the rectangles that a design takes up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from omr.design import Caption, Design, Side
from omr.records import F64

BOLD_FROM_MM = 4.5
HAIRLINE_MM = 0.12
FRAME_MM = 0.2
MIDDLE_EM = 0.37  # from the baseline to the middle of a digit or a capital, in ems


class Anchor(StrEnum):
    """Which point of a text its x is."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Text:
    """Printed words; `y_mm` is the baseline, `size_mm` the em. `line` is the design file's."""

    words: str
    x_mm: float
    y_mm: float
    size_mm: float
    anchor: Anchor = Anchor.LEFT
    black: bool = False
    bold: bool = False
    line: int = 0

    def extent(self) -> Box:
        """Roughly what it covers: an em for a Chinese character, 0.57 em for others."""
        ems = sum(1.0 if ord(c) > 0x2E80 else 0.57 for c in self.words)
        width = ems * self.size_mm
        left = {Anchor.LEFT: 0.0, Anchor.CENTRE: width / 2, Anchor.RIGHT: width}[self.anchor]
        top = self.y_mm - 0.85 * self.size_mm
        return Box(self.x_mm - left, top, width, self.size_mm)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; (x, y) is its top left. As print it is an outline."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    stroke_mm: float = FRAME_MM
    black: bool = False
    dashed: bool = False

    @property
    def right_mm(self) -> float:
        """Its right side."""
        return self.x_mm + self.width_mm

    @property
    def bottom_mm(self) -> float:
        """Its lower side."""
        return self.y_mm + self.height_mm

    @property
    def middle_mm(self) -> tuple[float, float]:
        """Its centre."""
        return self.x_mm + self.width_mm / 2, self.y_mm + self.height_mm / 2


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line."""

    x0_mm: float
    y0_mm: float
    x1_mm: float
    y1_mm: float
    stroke_mm: float = HAIRLINE_MM


def caption_print(caption: Caption) -> tuple[Box | None, Text | None]:
    """The frame and the words of a caption. A frame's words stand in it, at its left end."""
    box = None
    x, y, anchor = caption.x_mm, caption.y_mm, Anchor.CENTRE if caption.centred else Anchor.LEFT
    if caption.frame is not None:
        width, height = caption.frame
        box = Box(x, y, width, height, black=caption.black)
        x = x + width / 2 if caption.centred else x + 0.45 * caption.size_mm
        y += height / 2 + MIDDLE_EM * caption.size_mm
    if not caption.text:
        return box, None
    bold = caption.size_mm >= BOLD_FROM_MM
    return box, Text(caption.text, x, y, caption.size_mm, anchor, caption.black, bold)


def bubble_boxes(design: Design, side: Side) -> F64:
    """Left, top, right and bottom of every bubble with its outline, (n, 4)."""
    look = design.bubbles
    half = np.array([look.width_mm + look.stroke_mm, look.height_mm + look.stroke_mm]) / 2
    return np.concatenate([side.centres_mm - half, side.centres_mm + half], axis=1)


def mark_boxes(side: Side) -> F64:
    """Left, top, right and bottom of every mark, (n, 4), in the order of `marks_mm`."""
    centres, half = side.marks_mm(), side.marks_size_mm() / 2
    return np.concatenate([centres - half, centres + half], axis=1)


def zone_boxes(side: Side) -> F64:
    """Left, top, right and bottom of every zone, (n, 4)."""
    rows = [(z.x_mm, z.y_mm, z.x_mm + z.width_mm, z.y_mm + z.height_mm) for z in side.zones]
    return np.array(rows, np.float64).reshape(-1, 4)
