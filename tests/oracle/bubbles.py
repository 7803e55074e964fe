"""What is promised of bubbles: their figures, and where their outlines fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omr.detect.kernels import SUB


@dataclass(frozen=True)
class Believed:
    """Levels that a page's bubbles are measured between."""

    ink: float
    dark_from: float
    paper_low: float
    paper_high: float
    bitonal: bool


def bubble(picture, centre, lattice, levels: Believed):
    """`sample_bubbles` of one bubble, unrounded: fill, darkness, around, through (0–1), paper.

    None where a sample leaves the page, or would if the lattice were a full rectangle.
    """
    height, width = picture.shape
    cx, cy = (math.floor(c) for c in centre)
    reach_x = max(abs(int(dx)) for line in lattice for dx, _, _ in line)
    reach_y = max(abs(int(dy)) for line in lattice for _, dy, _ in line)
    if not (reach_x <= cx < width - reach_x and reach_y <= cy < height - reach_y):
        return None
    lines = [[(int(picture[cy + dy, cx + dx]), int(k)) for dx, dy, k in ln] for ln in lattice]
    inside = [v for line in lines for v, kind in line if kind == 1]
    margin = [v for line in lines for v, kind in line if kind == 2]
    paper = 255 if levels.bitonal else int(_paper(margin, levels))
    span = max(paper - int(levels.ink), 1)
    dark_below = paper - levels.dark_from * span
    fill = sum(v < dark_below for v in inside) / len(inside)
    darkness = sum(min(max((paper - v) / span, 0.0), 1.0) for v in inside) / len(inside)
    # Shadow dims paper a little; ink all round must not pass for shadow.
    shadow = 255.0 if levels.bitonal else max(_paper(margin, levels), 0.7 * levels.paper_high)
    margin_dark = shadow - levels.dark_from * (shadow - levels.ink)
    around = sum(v < margin_dark for v in margin) / max(len(margin), 1)
    through = 0.0
    if 0.02 <= fill <= 0.5:
        columns = list(zip(*lines, strict=True))
        through = max(_crossing(line, dark_below) for line in [*lines, *columns])
    return fill, darkness, around, through, paper


def _paper(margin, levels: Believed) -> float:
    """The level, in steps of four, that 30 % of the margin are at or above."""
    brightest_first = sorted((v // 4 * 4 + 2 for v in margin), reverse=True)
    enough = math.ceil(3 * len(margin) / 10)
    level = brightest_first[enough - 1] if margin else 254
    return min(max(float(level), levels.paper_low), levels.paper_high)


def _crossing(line, dark_below) -> float:
    """How dark a line is inside, if there is ink in the margins at both its ends."""
    used = [(v < dark_below, kind) for v, kind in line if kind]
    if not any(kind == 1 for _, kind in used):
        return 0.0
    enters = [kind for _, kind in used].index(1)
    inside = [dark for dark, kind in used if kind == 1]
    before = [dark for dark, _ in used[:enters]]
    after = [dark for dark, kind in used[enters:] if kind == 2]
    return sum(inside) / len(inside) if any(before) and any(after) else 0.0


def outline_fits(picture, centre, outline, radius):
    """`snap_to_outline` of one bubble: contrast at every shift, {} near the page's edge."""
    height, width = picture.shape
    cx, cy = (int(c * SUB) for c in centre)
    reach = int(np.abs(outline).max()) // SUB + radius + 2
    if not (reach <= cx // SUB < width - reach and reach <= cy // SUB < height - reach):
        return {}
    contrast = {}
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            steps = [
                int(picture[(cy + yo) // SUB + dy, (cx + xo) // SUB + dx])
                - int(picture[(cy + y) // SUB + dy, (cx + x) // SUB + dx])
                for x, y, xo, yo in outline.tolist()
            ]
            contrast[dx, dy] = sum(steps) / len(steps)
    return contrast
