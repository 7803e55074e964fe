"""Damage to the sheet: folded corners, creases, tears, holes and stains.

Every kind is drawn from figures in mm on the front; the back of the sheet has it mirrored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from omr.records import F32, F64, SideName
from omr.simulate.drawing import PAPER, Canvas, Plane, Point
from omr.simulate.mix import Mix
from omr.simulate.plan import SHEET_DEFECTS, CardPlan, PagePlan, stream
from omr.simulate.scene import Cover

_COFFEE = (0.55, 0.78, 1.0)  # what a brown stain takes of R, G and B
_DARK, _LIGHT = 12.0, 244.0  # levels seen through a hole


@dataclass
class _Face:
    """The face being damaged, and what damaging needs to know of it."""

    canvas: Canvas
    cover: Cover
    width_mm: float
    height_mm: float
    back: bool
    outside: float  # level of what lies behind the sheet
    centres_mm: F64

    def seen(self, points: F64) -> F64:
        """Points of the front as they lie on this face."""
        if not self.back:
            return points
        return np.stack([self.width_mm - points[:, 0], points[:, 1]], axis=1)

    def mask(self, points: F64, draw: Callable[[Plane], None], pad_mm: float) -> _Patch:
        """What `draw` draws, as a patch round these points of this face, 0-1."""
        ppm = self.canvas.px_per_mm
        low = np.floor((points.min(axis=0) - pad_mm) * ppm).astype(int)
        high = np.ceil((points.max(axis=0) + pad_mm) * ppm).astype(int)
        limit = np.array(self.canvas.pixels.shape[1::-1])
        low, high = np.clip(low, 0, limit - 1), np.clip(high, 1, limit)
        size = (high - low) / ppm
        plane = Plane(size[0], size[1], ppm, (low[0] / ppm, low[1] / ppm))
        draw(plane)
        return _Patch(int(low[0]), int(low[1]), plane.share())


@dataclass(frozen=True, slots=True)
class _Patch:
    left: int
    top: int
    share: F32

    def soft(self, sigma_px: float) -> F32:
        return np.asarray(cv2.GaussianBlur(self.share, (0, 0), max(sigma_px, 0.3)), np.float32)


def damage_sheet(canvas: Canvas, cover: Cover, plan: CardPlan, page: PagePlan) -> None:
    """Do to the canvas what the plan's sheet went through, and note what it hides."""
    back = page.side.name is SideName.BACK
    face = _Face(
        canvas=canvas,
        cover=cover,
        width_mm=plan.design.width_mm,
        height_mm=plan.design.height_mm,
        back=back,
        outside=plan.scan.outside * PAPER,
        centres_mm=plan.pages[0].side.centres_mm,
    )
    for name in plan.sheet.damage:
        rng = stream(plan.seed, plan.index, 2, SHEET_DEFECTS.index(name))
        _KINDS[name](face, plan.mix, rng)


def _fold(face: _Face, mix: Mix, rng: np.random.Generator) -> None:
    """A corner folded over the front, or under it."""
    legs = mix.draw(rng, "folded_corner", "leg_mm"), mix.draw(rng, "folded_corner", "leg_mm")
    over = (rng.random() < mix.draw(rng, "folded_corner", "over")) != face.back
    size = np.array([face.width_mm, face.height_mm])
    corner = size * rng.integers(0, 2, 2)
    inwards = np.where(corner > 0, -1.0, 1.0)
    a = corner + np.array([inwards[0] * legs[0], 0.0])
    b = corner + np.array([0.0, inwards[1] * legs[1]])
    crease = (b - a) / np.linalg.norm(b - a)
    tip = 2 * (a + crease * ((corner - a) @ crease)) - corner
    depth = float(rng.uniform(0.25, 0.5))
    corner, a, b, tip = face.seen(np.array([corner, a, b, tip]))
    ppm = face.canvas.px_per_mm
    gone = np.array([corner, a, b])
    missing = face.mask(gone, lambda plane: plane.fill(_points(gone)), 0.5)
    face.canvas.cover(missing.left, missing.top, missing.share, face.outside)
    face.cover.hide(gone)
    outline = np.array([a, b, tip])
    if over:
        edges = [a, tip, b]
        around = face.mask(outline, lambda plane: plane.line(_points(np.array(edges)), 0.7), 2.0)
        face.canvas.darken(around.left, around.top, around.soft(0.3 * ppm) * np.float32(depth))
        flap = face.mask(outline, lambda plane: plane.fill(_points(outline)), 2.0)
        face.canvas.cover(flap.left, flap.top, flap.share, 0.965 * PAPER)
        face.cover.hide(outline)
    ridge = np.array([a, b])
    line = face.mask(ridge, lambda plane: plane.line(_points(ridge), 0.25), 1.0)
    face.canvas.darken(line.left, line.top, line.soft(0.12 * ppm) * np.float32(0.8 * depth))


def _crease(face: _Face, mix: Mix, rng: np.random.Generator) -> None:
    """A sharp crease right through a row or a column of boxes, from edge to edge."""
    width, strength = mix.draw(rng, "crease", "width_mm"), mix.draw(rng, "crease", "darkness")
    light = rng.random() < mix.draw(rng, "crease", "light")
    centre = face.centres_mm[int(rng.integers(len(face.centres_mm)))]
    down = bool(rng.random() < 0.5)
    length = face.height_mm if down else face.width_mm
    along = np.linspace(0, length, max(12, round(length / 6)))
    slope = math.tan(math.radians(float(rng.uniform(-0.4, 0.4))))
    at = centre[0 if down else 1] + float(rng.normal(0, 0.5))
    off = at + slope * (along - length / 2) + rng.normal(0, 0.08, len(along))
    off += 0.25 * np.sin(along / 37 + float(rng.uniform(0, 6)))
    points = face.seen(np.stack([off, along] if down else [along, off], axis=1))
    patch = face.mask(points, lambda plane: plane.line(_points(points), width), 1.0)
    wobble = np.asarray(rng.uniform(0.6, 1.0, (patch.share.shape[0] // 40 + 2,) * 2), np.float32)
    size = (patch.share.shape[1], patch.share.shape[0])
    amount = patch.soft(0.3) * cv2.resize(wobble, size) * np.float32(strength)
    if light:
        face.canvas.cover(patch.left, patch.top, amount, PAPER)
    else:
        face.canvas.darken(patch.left, patch.top, amount)


def _tear(face: _Face, mix: Mix, rng: np.random.Generator) -> None:
    """A piece torn out of an edge; what lies behind shows black or white."""
    depth, length = mix.draw(rng, "torn_edge", "depth_mm"), mix.draw(rng, "torn_edge", "length_mm")
    level = _DARK if rng.random() < mix.draw(rng, "torn_edge", "black") else _LIGHT
    edge = int(rng.integers(4))
    extent = face.height_mm if edge < 2 else face.width_mm
    length = min(length, extent * 0.8)
    start = float(rng.uniform(0, extent - length))
    along = np.linspace(0, length, max(8, round(length / 1.5)))
    arch = np.clip(np.sin(np.pi * along / length), 0, None) ** 0.6
    ragged = np.cumsum(rng.normal(0, 0.35, len(along)))
    inwards = np.clip(depth * arch * rng.uniform(0.8, 1, len(along)) + ragged * arch, 0.05, None)
    inwards[[0, -1]] = -1.0
    torn = np.stack([inwards, start + along], axis=1)
    outline = np.vstack([torn, [-4.0, start + length], [-4.0, start]])
    if edge in (1, 3):
        far = face.width_mm if edge == 1 else face.height_mm
        torn[:, 0], outline[:, 0] = far - torn[:, 0], far - outline[:, 0]
    if edge >= 2:
        torn, outline = torn[:, ::-1], outline[:, ::-1]
    torn, outline = face.seen(torn), face.seen(outline)
    ppm = face.canvas.px_per_mm
    fibre = face.mask(torn, lambda plane: plane.line(_points(torn), 1.2), 2.0)
    face.canvas.cover(fibre.left, fibre.top, fibre.soft(0.15 * ppm) * np.float32(0.8), PAPER + 4)
    gone = face.mask(outline, lambda plane: plane.fill(_points(outline)), 1.0)
    face.canvas.cover(gone.left, gone.top, gone.soft(0.4), level)
    face.cover.hide(outline)


def _hole(face: _Face, mix: Mix, rng: np.random.Generator) -> None:
    """Punched holes, near an edge for the most part."""
    diameter = mix.draw(rng, "hole", "diameter_mm")
    level = _DARK if rng.random() < mix.draw(rng, "hole", "black") else _LIGHT
    count = mix.whole(rng, "hole", "count")
    if rng.random() < 0.75:
        inset, edge = float(rng.uniform(8, 14)), int(rng.integers(3))
        middle = face.height_mm / 2 if edge < 2 else face.width_mm / 2
        middle += float(rng.normal(0, 15))
        places = middle + 80.0 * (np.arange(count) - (count - 1) / 2)
        across = [inset, face.width_mm - inset, inset][edge]
        at = np.stack([np.full(count, across), places], axis=1)
        at = at if edge < 2 else at[:, ::-1]
    else:
        at = rng.uniform([10, 10], [face.width_mm - 10, face.height_mm - 10], (count, 2))
    circle = np.stack(
        [np.cos(np.linspace(0, 2 * np.pi, 40)), np.sin(np.linspace(0, 2 * np.pi, 40))]
    )
    for centre in face.seen(at):
        rim = centre + circle.T * diameter / 2
        edge_line = face.mask(rim, _liner(rim, 0.3), 1.0)
        face.canvas.darken(edge_line.left, edge_line.top, edge_line.soft(0.6) * np.float32(0.3))
        gone = face.mask(rim, _filler(rim), 1.0)
        face.canvas.cover(gone.left, gone.top, gone.soft(0.5), level)
        face.cover.hide(rim)


def _stain(face: _Face, mix: Mix, rng: np.random.Generator) -> None:
    """A blot or the ring of a cup; fainter where it comes through on the back."""
    darkness, size = mix.draw(rng, "stain", "darkness"), mix.draw(rng, "stain", "size_mm")
    ring = rng.random() < mix.draw(rng, "stain", "ring")
    size = max(size, 45.0) if ring else size
    centre = rng.uniform([0, 0], [face.width_mm, face.height_mm])
    coarse = 4.0  # px per mm of the field, before it is enlarged
    half = math.ceil((size / 2 + 3) * coarse)
    y, x = np.mgrid[-half : half + 1, -half : half + 1] / coarse
    angle, far = np.arctan2(y, x), np.hypot(x, y)
    waves = [float(rng.normal(0, 1 / k)) for k in range(2, 7)]
    phases = rng.uniform(0, 2 * np.pi, 5)
    bumps = sum(
        w * np.cos(k * angle + p) for k, w, p in zip(range(2, 7), waves, phases, strict=True)
    )
    edge = size / 2 * (1 + (0.015 if ring else 0.12) * bumps) - far
    breadth = float(rng.uniform(1.2, 2.5))
    rim = np.exp(-((edge - breadth) ** 2) / (0.45 * breadth**2))
    inside = 1 / (1 + np.exp(-edge / 0.25))
    uneven = cv2.resize(np.asarray(rng.uniform(0.7, 1.1, (6, 6)), np.float32), far.shape[::-1])
    body = (0.22 if ring else 0.72) * inside
    field = np.asarray(
        darkness * np.clip(body + (1 - body) * rim * inside, 0, 1) * uneven, np.float32
    )
    if face.back:
        field *= np.float32(0.3)
        field = field[:, ::-1]
    ppm = face.canvas.px_per_mm
    scale = ppm / coarse
    big = cv2.resize(field, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    corner = face.seen(centre[None])[0] - half / coarse
    big = np.clip(big, 0, 0.6, dtype=np.float32)
    face.canvas.darken(round(corner[0] * ppm), round(corner[1] * ppm), big, _COFFEE)
    face.cover.stain((float(corner[0]), float(corner[1])), big, ppm)


def _points(outline: F64) -> list[Point]:
    return [(float(x), float(y)) for x, y in outline]


def _liner(outline: F64, width_mm: float) -> Callable[[Plane], None]:
    return lambda plane: plane.line(_points(outline), width_mm, closed=True)


def _filler(outline: F64) -> Callable[[Plane], None]:
    return lambda plane: plane.fill(_points(outline))


_KINDS: dict[str, Callable[[_Face, Mix, np.random.Generator], None]] = {
    "folded_corner": _fold,
    "crease": _crease,
    "torn_edge": _tear,
    "hole": _hole,
    "stain": _stain,
}
