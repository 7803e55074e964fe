"""Measuring bubbles: where their samples lie, and the compiled pass over them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr.design import Bubbles, BubbleShape, Design, Ink, Side
from omr.detect.alignment import to_pixels
from omr.detect.areas import measure_areas
from omr.detect.kernels import SUB, sample_bubbles, snap_to_outline
from omr.detect.letters import measure_beside_letters
from omr.detect.levels import DARK_FROM, Levels
from omr.detect.plane import Plane
from omr.records import F64, U8, Alignment

ACROSS, DOWN = 20, 10  # samples inside a bubble
MARGIN = 2  # samples of margin at each side
OUTLINE_POINTS = 40
SNAP_MM = 0.7
SNAP_CONTRAST = 12.0
# Of the page's usual outline: a row most of whose boxes show less is not printed there. The
# faintest rows showed 0.65 on simulated scans, with shadows over them, and 0.52 on real ones.
OUTLINE_LEAST = 0.4


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures (n, 5) of `sample_bubbles`, bubble centres in px, and how many left the page."""

    figures: U8
    centres_px: F64
    off_page: int
    snapped_mm: float
    outlined: float  # share of the bubbles whose printed outline shows where it should
    awry: float = 0.0  # share of the bubbles in rows that show hardly an outline where others do


@functools.cache
def lattice_mm(look: Bubbles, black: bool) -> tuple[F64, U8]:
    """Sample offsets (rows, cols, 2) in mm and their kinds (rows, cols): 1 inside, 2 margin.

    Columns are staggered by half a row so that no thin line falls between samples. Where the
    outline is printed in black, inside and margin keep clear of it.
    """
    clear = look.stroke_mm / 2 + (0.35 if black else 0.0)
    width, height = look.width_mm - 2 * clear, look.height_mm - 2 * clear
    u, v = _positions(width, ACROSS, clear, black), _positions(height, DOWN, clear, black)
    offsets = np.stack(np.meshgrid(u, v), axis=-1)
    rows, cols = offsets.shape[:2]
    inside_row = (np.abs(v) <= height / 2)[:, None]
    inside_col = (np.abs(u) <= width / 2)[None, :]
    kinds = np.where(inside_row & inside_col, 1, np.where(inside_row | inside_col, 2, 0))
    offsets[:, 1::2, 1] += np.where(inside_row, 0.5 * height / DOWN, 0.0)
    offsets[:, :, 1] -= np.where(inside_row, 0.25 * height / DOWN, 0.0)
    if look.shape is BubbleShape.OVAL:
        kinds = _oval(offsets, kinds, (width, height))
    return offsets, kinds.astype(np.uint8).reshape(rows, cols)


def _positions(size: float, count: int, clear: float, black: bool) -> F64:
    inside = (np.arange(count) + 0.5) / count * size - size / 2
    start = size / 2 + 2 * clear + 0.1 if black else size / 2 + 0.25
    margin = start + np.arange(MARGIN) * 0.45
    return np.concatenate([-margin[::-1], inside, margin])


def _oval(offsets: F64, kinds: U8, size: tuple[float, float]) -> U8:
    # The printed oval is a stadium: a straight middle with half discs at its ends.
    radius = min(size) / 2
    straight = np.array(size) / 2 - radius
    beyond = np.maximum(np.abs(offsets) - straight, 0.0)
    within = np.hypot(beyond[..., 0], beyond[..., 1]) <= radius
    result: U8 = np.where((kinds == 1) & ~within, 0, kinds)
    return result


@functools.cache
def outline_mm(look: Bubbles) -> F64:
    """Points on the printed outline and just outside it, (k, 4) in mm."""
    w, h = look.width_mm / 2, look.height_mm / 2
    gap = look.stroke_mm / 2 + 0.3
    if look.shape is BubbleShape.OVAL:
        radius = min(w, h)
        angles = (np.arange(OUTLINE_POINTS) + 0.5) / OUTLINE_POINTS * 2 * np.pi
        normal = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        middle = np.sign(normal) * (np.array([w, h]) - radius)
        line = middle + radius * normal
        return np.concatenate([line, line + gap * normal], axis=1)
    t = (np.arange(OUTLINE_POINTS // 4) + 0.5) / (OUTLINE_POINTS // 4) * 2 - 1
    one, nil = np.ones_like(t), np.zeros_like(t)
    sides = [(w * one, h * t, one, nil), (-w * one, h * t, -one, nil)]
    if look.shape is BubbleShape.BOX:
        sides += [(w * t, h * one, nil, one), (w * t, -h * one, nil, -one)]
    points = [np.stack([x, y, x + gap * nx, y + gap * ny], axis=1) for x, y, nx, ny in sides]
    return np.concatenate(points)


def measure(
    plane: Plane, design: Design, side: Side, alignment: Alignment, levels: Levels
) -> Measured:
    """Sample every bubble of the side through the alignment."""
    jacobian = alignment.matrix[:2, :2]
    centres = to_pixels(side.centres_mm, alignment.matrix, alignment.correction)
    if design.bubbles.shape is BubbleShape.AREA:
        look, ppm = design.bubbles, alignment.px_per_mm
        areas = measure_areas(plane, side, centres, (look.width_mm * ppm, look.height_mm * ppm))
        return Measured(areas.figures, areas.centres_px, areas.off_page, 0.0, areas.alike)
    size = plane.size
    black = design.ink is Ink.BLACK
    snapped, outlined, contrast = 0.0, 1.0, np.zeros(0)
    if black and len(centres):
        place = (jacobian, centres, size)
        centres, snapped, outlined, contrast = _snap(plane, design.bubbles, place, levels)
    offsets, kinds = lattice_mm(design.bubbles, black)
    lattice = np.empty((*kinds.shape, 3), np.int64)
    lattice[..., :2] = np.rint(offsets @ jacobian.T)
    lattice[..., 2] = kinds
    figures = np.zeros((len(centres), 5), np.uint8)
    bounds = np.array(
        [
            levels.ink,
            DARK_FROM,
            0.45 * levels.paper,
            _brightest(levels),
            float(plane.bitonal),
        ]
    )
    off = sample_bubbles(plane.data, plane.view, size, centres, lattice, bounds, figures)
    if len(side.letters) and side.letters[0] >= 0:
        measure_beside_letters(plane, side, centres, lattice, levels, figures)
    if not plane.bitonal and len(figures) > 50:
        _flag_holes(figures)
    awry = 0.0
    if outlined > 0.0 and len(contrast):
        awry = _flag_unprinted(figures, contrast, side.group_start)
    return Measured(figures, centres, int(off), snapped, outlined, awry)


def _flag_holes(figures: U8) -> None:
    """Where it is brighter round a bubble than paper is, no paper shows and nothing can be said.

    A hole would pass for a blank bubble: its margin counts as full of ink.
    """
    paper = figures[:, 4].astype(np.int64)
    usual = np.sort(paper)[-(len(paper) // 50) - 1]
    figures[paper > usual + 5, 2] = 255


def _flag_unprinted(figures: U8, contrast: F64, starts: NDArray[np.int64]) -> float:
    """Where a row of options shows hardly an outline, it is elsewhere: its margins count as full.

    So it is on a page of which a part lies awry between marks that stand where they should.
    Returns the share of all bubbles that are in such rows.
    """
    usual = np.partition(contrast, -(len(contrast) // 4) - 1)[-(len(contrast) // 4) - 1]
    faint = np.add.reduceat(contrast < OUTLINE_LEAST * usual, starts[:-1], dtype=np.int64)
    boxes = np.diff(starts)
    unprinted = np.repeat(2 * faint > boxes, boxes)
    figures[unprinted, 2] = 255
    return float(unprinted.mean())


def _brightest(levels: Levels) -> float:
    return min(255.0, levels.paper + 12.0)


def _snap(
    plane: Plane, look: Bubbles, place: tuple[F64, F64, NDArray[np.int64]], levels: Levels
) -> tuple[F64, float, float, F64]:
    """Centres where the outlines are; the greatest shift in mm; how many show, and how clearly."""
    jacobian, centres, size = place
    ppm = float(np.sqrt(abs(np.linalg.det(jacobian))))
    points = outline_mm(look).reshape(-1, 2) @ jacobian.T
    outline = np.rint(points * SUB).astype(np.int64).reshape(-1, 4)
    shifts = np.empty((len(centres), 3))
    radius = max(2, int(SNAP_MM * ppm + 0.5))
    snap_to_outline(plane.data, plane.view, size, centres, outline, radius, shifts)
    clear = shifts[:, 2] > SNAP_CONTRAST / 255.0 * max(levels.contrast, 1.0)
    if not clear.any():
        return centres, 0.0, 0.0, shifts[:, 2]
    usual = np.median(shifts[clear, :2], axis=0)
    moved = np.where(clear[:, None], shifts[:, :2], usual)
    snapped = float(np.hypot(*moved.T).max()) / ppm
    return centres + moved, snapped, float(clear.mean()), shifts[:, 2]
