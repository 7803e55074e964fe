"""Two sheets that went through the scanner together, one lying partly over the other."""

from __future__ import annotations

import math

import cv2
import numpy as np

from omr.records import F64
from omr.simulate.drawing import Canvas, as_share
from omr.simulate.mix import Mix


def lay_over(under: Canvas, top: Canvas, mix: Mix, rng: np.random.Generator) -> None:
    """Draw `top` over `under`, a little askew, so far along the feed that both show."""
    ppm = under.px_per_mm
    along = mix.draw(rng, "double_feed", "offset_mm") * (1 if rng.random() < 0.5 else -1)
    aside, angle = float(rng.uniform(-4, 4)), math.radians(float(rng.uniform(-1.5, 1.5)))
    height, width = top.pixels.shape[:2]
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array([[cos, -sin, aside * ppm], [sin, cos, along * ppm]])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ matrix[:, :2].T
    _cast_edges(under, corners + matrix[:, 2])
    cv2.warpAffine(
        top.pixels,
        matrix,
        (width, height),
        dst=under.pixels,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def _cast_edges(under: Canvas, outline_px: F64) -> None:
    """The thin shadow that the upper sheet's edges throw."""
    ppm = under.px_per_mm
    shade = np.zeros(under.pixels.shape[:2], np.uint8)
    at = [np.round(outline_px * 16).astype(np.int32).reshape(-1, 1, 2)]
    cv2.polylines(shade, at, True, 110, max(1, round(0.9 * ppm)), cv2.LINE_AA, 4)
    under.darken(0, 0, as_share(cv2.blur(shade, (5, 5))))
