"""Drawing marks: a library of figures, textured by the paper's tooth and laid on the canvas."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from omr.design import BubbleShape, Design
from omr.records import F32, F64
from omr.simulate.blank import OPTICS_MM
from omr.simulate.drawing import Canvas, Plane, Point
from omr.simulate.hands import Hand, Stroke, Style, Tool

_FINE = 4
_MARGIN_MM = 1.1  # round the box, for overshoot
_SLANTS, _COVERAGES, _VARIANTS = 12, 5, 12
_TINTS = {
    Tool.PENCIL: (1.0, 0.995, 0.985),
    Tool.BLACK_PEN: (1.0, 1.0, 0.98),
    Tool.BLUE_PEN: (1.0, 0.82, 0.35),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of one stroke within its box, before the scanner.

    `darkness` is the mean over the box, `over_stroke` that over the part of the box that the
    stroke covers, `black` the share of the box that is darker than a bitonal scan's threshold
    (0 where there is none).
    """

    bubble: int
    erased: bool
    darkness: float
    over_stroke: float
    black: float


@dataclass(frozen=True, slots=True)
class Box:
    """What a candidate means to fill: its size, whether it is round, and where it is centred."""

    size: Point
    oval: bool
    middle: Point = (0.0, 0.0)


def draw_strokes(
    canvas: Canvas,
    design: Design,
    centres_mm: F64,
    hand: Hand,
    strokes: tuple[Stroke, ...],
    black_from: float | None,
) -> list[Drawn]:
    """Draw all marks of a side; `black_from` is the darkness from which a pixel turns black."""
    ppm = canvas.px_per_mm
    size = (design.bubbles.width_mm, design.bubbles.height_mm)
    box = Box(size, design.bubbles.shape is BubbleShape.OVAL)
    tint = _TINTS[hand.tool]
    drawn = []
    for stroke in strokes:
        patch = _darkness(stroke, hand, box, ppm)
        centre = centres_mm[stroke.bubble]
        left = round((centre[0] + stroke.shift_mm[0]) * ppm - patch.shape[1] / 2)
        top = round((centre[1] + stroke.shift_mm[1]) * ppm - patch.shape[0] / 2)
        canvas.darken(left, top, patch, tint)
        inside = _inside_box(patch, (left, top), centre, size, ppm)
        drawn.append(_drawn(stroke, inside, size[0] * size[1] * ppm * ppm, black_from))
    return drawn


def _inside_box(patch: F32, corner: tuple[int, int], centre: F64, size: Point, ppm: float) -> F32:
    x0 = round((centre[0] - size[0] / 2) * ppm) - corner[0]
    y0 = round((centre[1] - size[1] / 2) * ppm) - corner[1]
    x1, y1 = x0 + round(size[0] * ppm), y0 + round(size[1] * ppm)
    return patch[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]


def _drawn(stroke: Stroke, inside: F32, area: float, black_from: float | None) -> Drawn:
    covered = inside > 0.3 * stroke.darkness
    count = int(np.count_nonzero(covered))
    total = float(inside.sum())
    over = float(inside[covered].mean()) if count else 0.0
    black = 0.0
    if black_from is not None:
        black = int(np.count_nonzero(inside > black_from)) / area
    return Drawn(stroke.bubble, stroke.erased, total / area, over, black)


def _darkness(stroke: Stroke, hand: Hand, box: Box, ppm: float) -> F32:
    """One stroke's patch of darkness, centred on the stroke."""
    pen = hand.tool is not Tool.PENCIL
    slant = int((hand.slant_deg + 90) / 180 * _SLANTS) % _SLANTS
    step = round((min(stroke.coverage, 1.0) - 0.3) / 0.7 * (_COVERAGES - 1))
    density = _figure(stroke.style, pen, (slant, step, stroke.variant % _VARIANTS), box, ppm)
    if stroke.erased:
        return _rubbed_out(density, stroke, ppm)
    level = stroke.darkness
    if pen:
        return np.asarray(density * level, np.float32)
    tooth = _tooth(ppm)
    y, x = divmod(stroke.variant * 2654435761 % (1 << 32) % (800 * 800), 800)
    grain = tooth[y : y + density.shape[0], x : x + density.shape[1]]
    depth = hand.tooth * 2 * math.sqrt(level * (1 - level))
    return np.asarray(np.clip(density * (level + depth * grain), 0, 0.985), np.float32)


def _rubbed_out(density: F32, stroke: Stroke, ppm: float) -> F32:
    """What the eraser leaves: a pale trace of the figure, and its graphite smeared about."""
    pad = round(1.2 * ppm)
    trace = cv2.copyMakeBorder(density, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0.0)
    soft = cv2.GaussianBlur(trace, (0, 0), stroke.smear_mm * 0.5 * ppm)
    far = max(3, round(3 * stroke.smear_mm * ppm))
    smear = cv2.blur(soft, (far, max(1, far // 3)))
    grain = _tooth(ppm)[: trace.shape[0], : trace.shape[1]]
    left = 0.7 * trace + 0.35 * smear
    patch = stroke.darkness * left * (1 + 0.25 * grain)
    return np.asarray(np.clip(patch, 0, 0.985), np.float32)


@functools.lru_cache(maxsize=4)
def _tooth(ppm: float) -> F32:
    """The paper's tooth: zero mean, unit standard deviation, grains of 0.1 to 0.3 mm."""
    rng = np.random.default_rng(20200523)
    white = rng.standard_normal((1024, 1024), np.float32)
    fine = cv2.GaussianBlur(white, (0, 0), max(0.5, 0.065 * ppm))
    rough = cv2.GaussianBlur(white[::-1].copy(), (0, 0), 0.13 * ppm)
    mixed = fine / fine.std() + rough / rough.std()
    return np.asarray(mixed / mixed.std(), np.float32)


@functools.lru_cache(maxsize=2500)
def _figure(style: Style, pen: bool, key: tuple[int, int, int], box: Box, ppm: float) -> F32:
    """Density 0-1 of one figure about the middle of its box, with a margin all round."""
    slant, step, variant = key
    size = box.size
    rng = np.random.default_rng([list(Style).index(style), int(pen), slant, step, variant])
    width, height = size[0] + 2 * _MARGIN_MM, size[1] + 2 * _MARGIN_MM
    out = (round(width * ppm), round(height * ppm))
    plane = Plane(out[0] / ppm, out[1] / ppm, ppm * _FINE, (-out[0] / ppm / 2, -out[1] / ppm / 2))
    thick = float(rng.uniform(0.32, 0.45) if pen else rng.uniform(0.5, 0.75))
    coverage = 0.3 + 0.7 * step / (_COVERAGES - 1)
    angle = math.radians((slant + 0.5) * 180 / _SLANTS - 90) + float(rng.uniform(-0.1, 0.1))
    match style:
        case Style.FULL:
            _hatch(plane, box, angle, (thick, max(coverage, 0.75)), rng)
        case Style.HALF:
            _half(plane, box, angle, (thick, coverage), rng)
        case Style.DOT:
            across = float(rng.uniform(1.0, 1.9))
            at = (float(rng.normal(0, 0.3)), float(rng.normal(0, 0.2)))
            plane.ellipse(at, (across, across * float(rng.uniform(0.8, 1.1))))
        case _:
            points = _LINES[style](size, rng)
            for line in points:
                plane.line(line, float(rng.uniform(0.4, 0.7)) * (0.8 if pen else 1))
    small = cv2.resize(plane.pixels, out, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), OPTICS_MM * ppm)
    pressure = cv2.resize(
        rng.uniform(0.88, 1.12, (3, 4)).astype(np.float32), out, interpolation=cv2.INTER_CUBIC
    )
    density = np.clip(soft * pressure, 0, 1.15)
    density.flags.writeable = False
    return np.asarray(density, np.float32)


def _half(
    plane: Plane, box: Box, angle: float, ink: tuple[float, float], rng: np.random.Generator
) -> None:
    """Fill one half of the box: left, right, upper or lower."""
    share, size = ink[1], box.size
    where = int(rng.integers(4))
    if where < 2:
        part = (size[0] * share, size[1])
        middle = ((1 if where else -1) * (size[0] - part[0]) / 2, 0.0)
    else:
        part = (size[0], size[1] * max(share, 0.45))
        middle = (0.0, (1 if where == 3 else -1) * (size[1] - part[1]) / 2)
    _hatch(plane, Box(part, False, middle), angle, (ink[0], 0.95), rng)


def _hatch(
    plane: Plane, box: Box, angle: float, ink: tuple[float, float], rng: np.random.Generator
) -> None:
    """A zigzag over a box: strokes along `angle` from the upright, ends over the edge."""
    thick, coverage = ink
    along = np.array([math.sin(angle), math.cos(angle)])
    across = np.array([along[1], -along[0]])
    gap = thick * (0.6 + 2.2 * (1 - coverage))
    half = np.array(box.size) / 2 - thick / 2
    reach = float(np.hypot(*(across * half)) if box.oval else np.abs(across) @ half)
    points: list[Point] = []
    at = -reach
    flip = False
    while at <= reach:
        over = half + rng.uniform(-0.15, 0.45) * (0.4 + 0.6 * rng.random())
        start = across * at
        low, high = (_oval_chord if box.oval else _box_chord)(start, along, over)
        if high > low:
            pair = [start + along * low, start + along * high]
            for end in reversed(pair) if flip else pair:
                points.append((float(end[0] + box.middle[0]), float(end[1] + box.middle[1])))
            flip = not flip
        at += gap * float(rng.uniform(0.8, 1.2))
    if len(points) > 1:
        plane.line(points, thick)


def _box_chord(start: F64, along: F64, half: F64) -> tuple[float, float]:
    """Where the line start + t·along enters and leaves a rectangle of these half sides."""
    with np.errstate(divide="ignore"):
        ends = np.stack([(-half - start) / along, (half - start) / along])
    return float(np.min(ends, axis=0).max()), float(np.max(ends, axis=0).min())


def _oval_chord(start: F64, along: F64, half: F64) -> tuple[float, float]:
    """The same for an ellipse of these half axes; the ends are equal where it is missed."""
    a, b, c = (
        float((along / half) @ (along / half)),
        float((along / half) @ (start / half)),
        float((start / half) @ (start / half)) - 1,
    )
    root = math.sqrt(max(b * b - a * c, 0.0))
    return (-b - root) / a, (-b + root) / a


def _tick(size: Point, rng: np.random.Generator) -> list[list[Point]]:
    w, h = size[0] * float(rng.uniform(0.85, 1.2)), size[1] * float(rng.uniform(0.95, 1.4))
    dip = float(rng.uniform(-0.25, -0.05))
    return [[(-w / 2, -0.05 * h), (dip * w, h / 2), (w / 2, -h / 2)]]


def _cross(size: Point, rng: np.random.Generator) -> list[list[Point]]:
    w, h = size[0] * float(rng.uniform(0.6, 1.0)), size[1] * float(rng.uniform(0.9, 1.25))
    lean = float(rng.uniform(-0.15, 0.15)) * w
    return [[(-w / 2, -h / 2), (w / 2, h / 2)], [(-w / 2 + lean, h / 2), (w / 2 + lean, -h / 2)]]


def _line(size: Point, rng: np.random.Generator) -> list[list[Point]]:
    w = size[0] * float(rng.uniform(0.75, 1.15))
    rise = float(rng.uniform(-0.6, 0.6)) * size[1]
    bow = float(rng.uniform(-0.2, 0.2))
    return [[(-w / 2, rise / 2), (0.0, bow), (w / 2, -rise / 2)]]


_LINES = {Style.TICK: _tick, Style.CROSS: _cross, Style.LINE: _line}
