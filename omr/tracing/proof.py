"""The proof picture: what was found, drawn on the sheet, for a person to look over."""

from __future__ import annotations

import numpy as np

from omr.design import Bubbles
from omr.records import F64, U8
from omr.sketch import (
    AMBER,
    BLUE,
    BOLD,
    DIM,
    GREEN,
    INK,
    RED,
    TEAL,
    VIOLET,
    Sketch,
    band,
    box,
    sketch,
    stack,
    tag,
    write,
)
from omr.tracing.records import Proposal, Traced, TracedSide

_COLOURS = (BLUE, AMBER, VIOLET, TEAL, RED)
_LARGER = 4 / 3  # than a sketch's 150 dpi
_VALUE_PX = 11
_NAME_PX = 12
_GAP_PX = 24


def draw_proof(traced: Traced) -> U8:
    """All sides (h, w, 3) BGR at about 200 dpi: bubbles with their values, fields by name."""
    parts = [_side(side) for side in traced.sides]
    width = max(part.shape[1] for part in parts)
    rows: list[U8] = []
    for part in parts:
        rows += [_widened(part, width), band(width, _GAP_PX)]
    return stack(rows[:-1])


def _widened(picture: U8, width: int) -> U8:
    spare = band(width - picture.shape[1], picture.shape[0])
    return np.concatenate([picture, spare], axis=1)


def _side(side: TracedSide) -> U8:
    page = sketch(side.sheet.value, side.sheet.px_per_mm / _LARGER)
    scale = side.sheet.px_per_mm
    for track in side.marks.tracks:
        half = np.array(track.size_mm) / 2 + 0.4
        for at in track.centres_mm():
            page.outline(box((at - half) * scale, (at + half) * scale), GREEN, 2)
    for corner in side.marks.corners:
        at, reach = np.array([corner.x_mm, corner.y_mm]), corner.size_mm / 2 + 0.4
        page.outline(box((at - reach) * scale, (at + reach) * scale), GREEN, 2)
        tag(
            page.image,
            corner.shape.value,
            page.place((at + np.array([-reach, reach])) * scale),
            GREEN,
        )
    look = side.bubbles.look
    for number, proposal in enumerate(side.proposals):
        _draw_fields(page, look, proposal, (scale, number))
    return stack([_header(side, page.image.shape[1]), page.image])


def _draw_fields(page: Sketch, look: Bubbles, proposal: Proposal, drawn: tuple[float, int]) -> None:
    """A proposal's bubbles; its colour tells it from its neighbours."""
    scale, number = drawn
    colour = _COLOURS[number % len(_COLOURS)]
    outline = look.outline_mm(0.15)
    half = np.array([look.width_mm, look.height_mm]) / 2
    for name, field in zip(proposal.names(), proposal.centres_mm, strict=True):
        for character in field:
            for value, centre in zip(proposal.values, character, strict=True):
                page.outline((centre + outline) * scale, colour, 2)
                x, y = page.place((centre + half * [1, 0]) * scale)
                write(page.image, value, (x + 4, y + 4), colour, _VALUE_PX, BOLD)
        _name(page, name, field, (half, scale), colour)


def _name(
    page: Sketch, name: str, field: F64, size: tuple[F64, float], colour: tuple[int, int, int]
) -> None:
    half, scale = size
    low = field.reshape(-1, 2).min(axis=0) - half
    x, y = page.place(low * scale)
    write(page.image, name, (x, y - 4), colour, _NAME_PX, BOLD)


def _header(side: TracedSide, width: int) -> U8:
    strip = band(width, 40)
    found = f"{side.marks.count()} marks, {side.bubble_count} bubbles"
    fields = sum(len(p.names()) for p in side.proposals)
    end = write(strip, f"{found}, {fields} fields", (10, 26), INK, 17, BOLD)
    write(strip, "a proposal: rename and confirm", (end + 24, 26), DIM, 14)
    return strip
