"""What candidates write by hand in the zones that are kept as pictures: a name, a subject."""

from __future__ import annotations

import cv2
import numpy as np

from omr.design import Zone
from omr.simulate.drawing import Canvas, Plane, as_share

_INK = 0.8


def write_in(canvas: Canvas, zone: Zone, rng: np.random.Generator) -> None:
    """Two to four characters, as many as the zone holds."""
    ppm = canvas.px_per_mm
    plane = Plane(zone.width_mm, zone.height_mm, ppm)
    size = 0.6 * min(zone.height_mm, zone.width_mm / 2)
    count = min(int(rng.integers(2, 5)), int(zone.width_mm / (1.2 * size)))
    x = float(rng.uniform(0.1, 0.4)) * size
    for _ in range(count):
        y = (zone.height_mm - size) / 2 + float(rng.normal(0, 0.05)) * size
        for _ in range(int(rng.integers(4, 8))):
            start = rng.uniform(0.05, 0.7, 2) * size
            run = rng.uniform(0.2, 0.6) * size
            lean = rng.normal(0, 0.12) * size
            step = (run, -abs(lean)) if rng.random() < 0.55 else (lean, run)
            bow = rng.normal(0, 0.04, 2) * size
            begin = (x + start[0], y + start[1])
            middle = (begin[0] + step[0] / 2 + bow[0], begin[1] + step[1] / 2 + bow[1])
            plane.line([begin, middle, (begin[0] + step[0], begin[1] + step[1])], 0.35)
        x += size * float(rng.uniform(1.0, 1.25))
    ink = as_share(cv2.GaussianBlur(plane.pixels, (0, 0), 0.07 * ppm)) * np.float32(_INK)
    canvas.darken(round(zone.x_mm * ppm), round(zone.y_mm * ppm), ink)
