"""The printed blank card as a canvas, drawn once for every design, side, resolution and mode."""

from __future__ import annotations

import functools
from zlib import crc32

import cv2
import numpy as np

from omr.design import (
    BubbleShape,
    Caption,
    Corner,
    CornerShape,
    Design,
    Field,
    FieldKind,
    Ink,
    Side,
)
from omr.records import U8, SideName
from omr.simulate.drawing import PAPER, Plane, Point, text_width
from omr.simulate.mix import ScanMode

OPTICS_MM = 0.065  # standard deviation of the scanner's point spread
_MARKS_FROM = 128  # in the coded print: below it drop-out print, from it on black print
REDS = ((225, 90, 80), (215, 110, 90), (232, 120, 112))  # of a full red area


OFF_WHITE = ((1.0, 0.99, 0.965), (1.0, 1.0, 0.985), (0.985, 0.99, 1.0))  # papers, in colour


class _Face:
    """A side of a design at a resolution, as a key: designs are the same when their hashes are."""

    def __init__(self, design: Design, name: SideName, dpi: int) -> None:
        self.design = design
        self.name = name
        self.dpi = dpi
        self._key = (design.hash, name, dpi)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Face) and self._key == other._key


@functools.lru_cache(maxsize=12)
def _coded_print(face: _Face) -> U8:
    """Both printing inks in one plane: 0-127 coverage by the first, 128-255 by the black one."""
    design = face.design
    px_per_mm = face.dpi / 25.4
    fine = 4 if face.dpi <= 200 else 3
    side = design.side(face.name)
    size = (round(design.width_mm * px_per_mm), round(design.height_mm * px_per_mm))
    width_mm, height_mm = size[0] / px_per_mm, size[1] / px_per_mm  # in whole pixels
    first = Plane(width_mm, height_mm, px_per_mm * fine)
    _bubbles(first, design, side)
    for caption in side.captions:
        if not caption.black:
            _caption(first, caption)
    for one in side.fields:
        _field_title(first, design, side, one)
    coded = _optics(first.pixels, size, px_per_mm) // 2
    marks = Plane(width_mm, height_mm, px_per_mm * fine)
    for track in side.tracks:
        for x, y in track.centres_mm:
            marks.box((x, y), track.size_mm)
    for corner in side.corners:
        _corner(marks, corner, (width_mm / 2, height_mm / 2))
    for caption in side.captions:
        if caption.black:
            _caption(marks, caption)
    black = _optics(marks.pixels, size, px_per_mm)
    return np.where(black > 2, _MARKS_FROM + black // 2, coded).astype(np.uint8)


def _optics(fine: U8, size: tuple[int, int], px_per_mm: float) -> U8:
    small = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), OPTICS_MM * px_per_mm), np.uint8)


def blank_card(
    design: Design, name: SideName, dpi: int, mode: ScanMode, inks: tuple[float, float, int]
) -> U8:
    """A fresh canvas of one side of the unfilled card.

    `inks` holds the darkness of the first ink under red light, that of the black one, and which
    of the `REDS` the first one is in a colour scan (red designs only).
    """
    if mode is ScanMode.COLOUR:
        return _colour_card(_Face(design, name, dpi), inks[2]).copy()
    table = _levels(inks[0], inks[1])
    return np.asarray(cv2.LUT(_coded_print(_Face(design, name, dpi)), table), np.uint8)


def _levels(first: float, black: float) -> U8:
    share = np.arange(256) % 128 / 127
    darkness = np.where(np.arange(256) < _MARKS_FROM, first, black)
    return np.round(PAPER * (1 - share * darkness)).astype(np.uint8)


@functools.lru_cache(maxsize=4)
def _colour_card(face: _Face, shade: int) -> U8:
    coded = _coded_print(face)
    red = REDS[shade] if face.design.ink is Ink.RED else (22, 22, 24)
    planes = [
        cv2.LUT(coded, (_levels(1 - level / 245, 0.96) * white).astype(np.uint8))
        for level, white in zip(red, OFF_WHITE[shade], strict=True)
    ]
    return np.asarray(cv2.merge([*planes, planes[0]]), np.uint8)


def _bubbles(plane: Plane, design: Design, side: Side) -> None:
    look = design.bubbles
    w, h, stroke = look.width_mm, look.height_mm, look.stroke_mm
    for x, y in side.centres_mm:
        left, right, top, bottom = x - w / 2, x + w / 2, y - h / 2, y + h / 2
        match look.shape:
            case BubbleShape.BOX | BubbleShape.AREA | BubbleShape.OVAL:
                outline = [(x + dx, y + dy) for dx, dy in look.outline_mm()]
                plane.line(outline, stroke, closed=True)
            case BubbleShape.BRACKETS:
                lip = 0.16 * w
                for edge, inwards in ((left, lip), (right, -lip)):
                    hook = [
                        (edge + inwards, top),
                        (edge, top),
                        (edge, bottom),
                        (edge + inwards, bottom),
                    ]
                    plane.line(hook, stroke)
    if look.labelled:
        for one in side.fields:
            for group in range(*one.groups):
                start = int(side.group_start[group])
                for k, value in enumerate(one.values):
                    _label(plane, value, tuple(side.centres_mm[start + k]), 0.62 * h)


def _label(plane: Plane, text: str, centre: Point, size: float) -> None:
    latin = text if text.isascii() else "#"
    x = centre[0] - text_width(latin, size) / 2
    plane.text(latin, (x, centre[1] + size / 2), size, 0.16)


def _corner(plane: Plane, corner: Corner, middle: Point) -> None:
    x, y, size = corner.x_mm, corner.y_mm, corner.size_mm
    bar = size / 3
    match corner.shape:
        case CornerShape.SQUARE:
            plane.box((x, y), (size, size))
        case CornerShape.DISC:
            plane.ellipse((x, y), (size, size))
        case CornerShape.CROSS:
            plane.box((x, y), (size, bar))
            plane.box((x, y), (bar, size))
        case CornerShape.ELL:
            plane.box((x - size / 2 + bar / 2, y), (bar, size))
            plane.box((x, y + size / 2 - bar / 2), (size, bar))
        case CornerShape.THREE_SQUARES:
            plane.box((x, y - size / 4), (size, size / 2))
            plane.box((x - size / 4, y), (size / 2, size))
        case CornerShape.ANGLE:
            outward = [1 if at > half else -1 for at, half in zip((x, y), middle, strict=True)]
            thin = size / 10
            plane.box((x, y + outward[1] * (size - thin) / 2), (size, thin))
            plane.box((x + outward[0] * (size - thin) / 2, y), (thin, size))
        case CornerShape.RING:
            plane.ellipse((x, y), (size - bar / 2, size - bar / 2), width_mm=bar / 2)


def _caption(plane: Plane, caption: Caption) -> None:
    if caption.frame is not None:
        (x, y), (w, h) = (caption.x_mm, caption.y_mm), caption.frame
        plane.line([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], 0.2, closed=True)
        return
    words(plane, caption.text, (caption.x_mm, caption.y_mm), caption.size_mm, caption.centred)


def words(plane: Plane, text: str, at: Point, size_mm: float, centred: bool = False) -> None:
    """Text of the right extent; a Chinese character is a made-up one of strokes in its square."""
    wide = [size_mm if ord(c) > 0x2E80 else 0.55 * size_mm for c in text]
    x = at[0] - sum(wide) / 2 if centred else at[0]
    for character, width in zip(text, wide, strict=True):
        if ord(character) > 0x2E80:
            _made_up_glyph(plane, character, (x, at[1] - 0.85 * size_mm), size_mm)
        elif character.strip():
            plane.text(character, (x, at[1]), 0.72 * size_mm, max(0.12, 0.07 * size_mm))
        x += width


def _made_up_glyph(plane: Plane, character: str, corner: Point, size: float) -> None:
    rng = np.random.default_rng(crc32(character.encode()))
    x, y = corner
    stroke = max(0.12, 0.075 * size)
    if character in "，。：、；！？（）":
        plane.ellipse((x + 0.25 * size, y + 0.8 * size), (0.15 * size, 0.15 * size))
        return
    for _ in range(int(rng.integers(2, 5))):
        level = y + rng.uniform(0.1, 0.9) * size
        ends = (x + rng.uniform(0.08, 0.3) * size, x + rng.uniform(0.7, 0.92) * size)
        plane.line([(ends[0], level), (ends[1], level)], stroke)
    for _ in range(int(rng.integers(1, 4))):
        level = x + rng.uniform(0.15, 0.85) * size
        ends = (y + rng.uniform(0.08, 0.4) * size, y + rng.uniform(0.6, 0.95) * size)
        lean = rng.uniform(-0.15, 0.15) * size
        plane.line([(level, ends[0]), (level + lean, ends[1])], stroke)


def _field_title(plane: Plane, design: Design, side: Side, one: Field) -> None:
    """A question's number left of its first option, or a title above a grid."""
    start = int(side.group_start[one.groups[0]])
    x, y = side.centres_mm[start]
    number = "".join(c for c in one.name if c.isdigit())
    w, h = design.bubbles.width_mm, design.bubbles.height_mm
    if one.title and not number:
        words(plane, one.title, (x - w / 2, y - h / 2 - 1.0), 2.4)
    elif number and one.kind in (FieldKind.SINGLE, FieldKind.MULTIPLE):
        size = 1.8
        right = x - w / 2 - 0.9
        plane.text(number, (right - text_width(number, size), y + size / 2), size, 0.2)
    if not design.bubbles.labelled and one.length > 1:
        for k, value in enumerate(one.values):
            bx, by = side.centres_mm[start + k]
            plane.text(value, (bx - w / 2 - 2.4, by + 0.9), 1.8, 0.2)
