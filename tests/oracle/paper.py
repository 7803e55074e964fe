"""What is promised of the way from paper to pixels."""

from __future__ import annotations

import numpy as np


def placed(mm, matrix):
    """`map_points`: each point through the matrix."""
    through = [matrix @ np.array([x, y, 1.0]) for x, y in mm]
    return np.array([p[:2] for p in through]).reshape(-1, 2)


def displaced(mm, px, correction, axis):
    """`displace`: points moved by what two curves say at them, weighed by how near each is."""
    near, far, (near_at, far_at) = correction
    moved = []
    for point, (x, y) in zip(mm, px, strict=True):
        share = 0.0 if near_at == far_at else (point[1 - axis] - near_at) / (far_at - near_at)
        by = [
            (1 - share) * np.interp(point[axis], near[:, 0], near[:, k])
            + share * np.interp(point[axis], far[:, 0], far[:, k])
            for k in (1, 2)
        ]
        moved.append([x + by[0], y + by[1]])
    return np.array(moved).reshape(-1, 2)


def beyond(near, marks):
    """`curve_beyond`: the track's curve, and what a few marks beyond say more than it."""
    curve = near.copy()
    for k in (1, 2):
        more = marks[:, k] - np.interp(marks[:, 0], near[:, 0], near[:, k])
        curve[:, k] += np.interp(near[:, 0], marks[:, 0], more)
    return curve
