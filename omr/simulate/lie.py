"""How the sheet lies in the scan: turn, skew, scale, shift and the feed's uneven pace."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omr.records import F64, Turn
from omr.simulate.mix import Mix

_PACES = 9  # figures along the page, between which the feed's pace changes evenly
_STEP_PX = 48  # scan rows over which the stretch is taken as even: an error below 0.02 px


@dataclass(frozen=True, slots=True)
class Lie:
    """The plan of it. `pace` is the feed's relative pace minus 1 at equal distances."""

    turn: Turn
    skew_deg: float
    shift_mm: tuple[float, float]
    scale: float
    pace: tuple[float, ...]
    border_mm: float
    roomy: bool  # the scan is as large as the skewed sheet needs

    def mirrored(self, shift_mm: tuple[float, float]) -> Lie:
        """The other face of the same sheet in a duplex scanner."""
        return Lie(
            self.turn, -self.skew_deg, shift_mm, self.scale, self.pace, self.border_mm, self.roomy
        )


def plan_lie(mix: Mix, happening: frozenset[str], rng: np.random.Generator) -> Lie:
    """How one card comes through the scanner."""
    skew = _normal(rng, mix.draw(rng, "lie", "skew_sigma_deg"))
    shift = plan_shift(mix, happening, rng)
    scale = _normal(rng, mix.draw(rng, "lie", "scale_sigma"))
    pace = mix.draw(rng, "lie", "stretch")
    border, turn = 0.0, Turn.UPRIGHT
    if "skew" in happening:
        skew = _signed(rng, mix.draw(rng, "skew", "angle_deg"))
    if "scale" in happening:
        scale = _signed(rng, mix.draw(rng, "scale", "scale"))
    if "stretch" in happening:
        pace = mix.draw(rng, "stretch", "stretch")
    if "border" in happening:
        border = mix.draw(rng, "border", "border_mm")
    if "turned" in happening:
        quarter = rng.random() < mix.draw(rng, "turned", "quarter")
        turn = (Turn.RIGHT if rng.random() < 0.5 else Turn.LEFT) if quarter else Turn.OVER
    paces = tuple(float(p) for p in rng.uniform(-pace, pace, _PACES))
    return Lie(turn, skew, shift, 1.0 + scale, paces, border, abs(skew) >= 1.5)


def plan_shift(
    mix: Mix, happening: frozenset[str], rng: np.random.Generator
) -> tuple[float, float]:
    """How far the sheet lies off its place, in mm."""
    if "shift" in happening:
        far, angle = mix.draw(rng, "shift", "shift_mm"), rng.uniform(0, 2 * math.pi)
        return far * math.cos(angle), far * math.sin(angle)
    sigma = mix.draw(rng, "lie", "shift_sigma_mm")
    return _normal(rng, sigma), _normal(rng, sigma)


def _normal(rng: np.random.Generator, sigma: float) -> float:
    """Normal, cut off at three standard deviations."""
    return float(np.clip(rng.normal(), -3, 3)) * sigma


def _signed(rng: np.random.Generator, size: float) -> float:
    return size if rng.random() < 0.5 else -size


class Placement:
    """Maps paper to scan. `width_px` and `height_px` are the scan's.

    Canvas pixels are those of the sheet as fed (after the turn), `px_per_mm` to the mm.
    """

    def __init__(self, lie: Lie, width_mm: float, height_mm: float, px_per_mm: float) -> None:
        self.lie = lie
        self.px_per_mm = px_per_mm
        self._paper = (width_mm, height_mm)
        sideways = lie.turn in (Turn.RIGHT, Turn.LEFT)
        self._fed = (height_mm, width_mm) if sideways else (width_mm, height_mm)
        angle = math.radians(lie.skew_deg)
        cos, sin = math.cos(angle), math.sin(angle)
        width, height = self._fed
        if lie.roomy:
            width, height = (
                self._fed[0] * cos + self._fed[1] * abs(sin),
                self._fed[0] * abs(sin) + self._fed[1] * cos,
            )
        self.width_px = round((width + 2 * lie.border_mm) * px_per_mm)
        self.height_px = round((height + 2 * lie.border_mm) * px_per_mm)
        turning = np.array([[cos, -sin], [sin, cos]]) * lie.scale
        middle = np.array([self.width_px, self.height_px]) / px_per_mm / 2
        offset = middle + np.array(lie.shift_mm) - turning @ (np.array(self._fed) / 2)
        self._affine = np.column_stack([turning, offset])
        self._rows, self._feed = self._pace_table()

    def _pace_table(self) -> tuple[F64, F64]:
        """Scan rows, and where the sheet would be in an even feed at each, in mm."""
        rows = np.arange(0, self.height_px + _STEP_PX, _STEP_PX, dtype=np.float64)
        at = np.linspace(0, rows[-1], len(self.lie.pace))
        pace = 1 + np.interp((rows[1:] + rows[:-1]) / 2, at, self.lie.pace)
        feed = np.concatenate([[0.0], np.cumsum(pace * _STEP_PX)])
        feed += self.height_px / 2 - np.interp(self.height_px / 2, rows, feed)
        return rows, (feed + 0.5) / self.px_per_mm

    def to_fed(self, points_mm: F64) -> F64:
        """Points on the upright paper as points on the sheet as fed, mm."""
        x, y = points_mm[:, 0], points_mm[:, 1]
        width, height = self._paper
        match self.lie.turn:
            case Turn.RIGHT:
                return np.stack([height - y, x], axis=1)
            case Turn.OVER:
                return np.stack([width - x, height - y], axis=1)
            case Turn.LEFT:
                return np.stack([y, width - x], axis=1)
            case _:
                return np.stack([x, y], axis=1)

    def to_scan(self, points_mm: F64) -> F64:
        """Points (n, 2) on the upright paper in mm as pixels of the scan as stored.

        A whole number is the middle of a pixel.
        """
        placed = self.to_fed(np.asarray(points_mm, np.float64)) @ self._affine[:, :2].T
        placed += self._affine[:, 2]
        rows = np.interp(placed[:, 1], self._feed, self._rows)
        return np.stack([placed[:, 0] * self.px_per_mm - 0.5, rows], axis=1)

    def strips(self) -> list[tuple[int, int, F64]]:
        """Bands of scan rows, each with the 2×3 matrix from its pixels to canvas pixels."""
        back = np.linalg.inv(np.vstack([self._affine, [0, 0, 1]]))[:2]
        ppm = self.px_per_mm
        bands = []
        for k in range(len(self._rows) - 1):
            top = int(self._rows[k])
            bottom = min(top + _STEP_PX, self.height_px)
            if bottom <= top:
                continue
            pace = (self._feed[k + 1] - self._feed[k]) / _STEP_PX
            inner = np.array([[1 / ppm, 0, 0.5 / ppm], [0, pace, self._feed[k]], [0, 0, 1]])
            matrix = back @ inner * ppm
            matrix[:, 2] -= 0.5
            bands.append((top, bottom, matrix))
        return bands
