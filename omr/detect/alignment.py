"""From found marks to paper → pixels.

An affine matrix carries the whole card; what it leaves over along timing tracks (feed stretch,
wander) is kept as a `LocalCorrection`: displacements measured at each mark, interpolated along
the track and blended between the two sides of the card, so that a bubble lies where its row's
left and right marks say.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omr.design import Side, Track
from omr.detect.geometry import (
    curve_beyond,
    displace,
    fit_affine,
    left_over,
    map_points,
    track_regularity,
)
from omr.detect.marks import MarkSet, TrackMarks
from omr.records import F64, Alignment, LocalCorrection, RejectReason, Turn

BEYOND_MM = 30.0  # so far from its track a locator mark tells of the page's other side


@dataclass(frozen=True, slots=True)
class AlignmentLimits:
    """Beyond these a page is refused. A mark may be off by a share of its track's pitch."""

    residual_mm: float = 0.9
    residual_pitch: float = 0.2
    skew_deg: float = 6.0
    stretch: float = 0.08
    shear_deg: float = 1.5


@dataclass(frozen=True, slots=True)
class Misaligned:
    """Marks were found, but they do not lie as on a card."""

    reason: RejectReason
    evidence: str


def align(
    marks: MarkSet, side: Side, turn: Turn, limits: AlignmentLimits
) -> Alignment | Misaligned:
    """The transform from upright paper mm to px of the upright plane; all marks must be found."""
    mm = _marks_mm(side)
    px = np.concatenate([*(t.centres_px for t in marks.tracks), marks.corners_px])
    matrix = np.empty((3, 3))
    fit_affine(mm, px, matrix)
    correction = _correction(marks, side, matrix)
    (xx, xy), (yx, yy) = matrix[:2, :2].tolist()
    scale = math.sqrt(abs(xx * yy - xy * yx))
    rough, stretch = _regularity(marks, scale)
    apart = 0.0
    if correction is None:  # nothing takes up what the matrix leaves over
        rough = max(rough, float(np.hypot(*(px - to_pixels(mm, matrix, None)).T).max()) / scale)
    elif sum(t.track.edge.vertical is correction.along_y for t in marks.tracks) == 1:
        apart = _disagreement(correction, scale)
    skew, lean = math.degrees(math.atan2(yx, xx)), math.degrees(math.atan2(-xy, yy))
    pitches = [limits.residual_pitch * t.pitch_mm for t in side.tracks]
    allowed = replace(limits, residual_mm=max([limits.residual_mm, *pitches]))
    refused = _skewed(limits, skew, lean)
    if refused is None and apart > limits.residual_mm:
        refused = Misaligned(
            RejectReason.FOLDED_OR_TORN,
            f"the locator marks lie {apart:.1f} mm from where the track puts them",
        )
    refused = refused or _stretched(allowed, abs(skew - lean), stretch, rough)
    if refused is not None:
        return refused
    return Alignment(matrix, turn, side.name, rough, skew, stretch, scale, mm, px, correction)


def by_page(side: Side, turn: Turn, px_per_mm: float) -> Alignment:
    """The transform of a page that was drawn to its own corners."""
    matrix = np.diag([px_per_mm, px_per_mm, 1.0])
    none = np.zeros((0, 2))
    return Alignment(matrix, turn, side.name, 0.0, 0.0, 0.0, px_per_mm, none, none)


@functools.lru_cache(maxsize=64)
def _marks_mm(side: Side) -> F64:
    mm = side.marks_mm()
    mm.flags.writeable = False
    return mm


def _skewed(limits: AlignmentLimits, skew: float, lean: float) -> Misaligned | None:
    if max(abs(skew), abs(lean)) <= limits.skew_deg:
        return None
    return Misaligned(
        RejectReason.TOO_SKEWED,
        f"turned by {skew:.1f} degrees; at most {limits.skew_deg:g} are read",
    )


def _stretched(
    limits: AlignmentLimits, shear: float, stretch: float, residual_mm: float
) -> Misaligned | None:
    evidence = None
    if shear > limits.shear_deg:
        evidence = f"the card leans by {shear:.1f} degrees: it slipped while it was fed"
    elif stretch > limits.stretch:
        evidence = f"neighbouring marks are {stretch:.0%} off their pitch"
    elif residual_mm > limits.residual_mm:
        evidence = f"a mark lies {residual_mm:.2f} mm from where its neighbours put it"
    return None if evidence is None else Misaligned(RejectReason.TOO_STRETCHED, evidence)


def _correction(marks: MarkSet, side: Side, matrix: F64) -> LocalCorrection | None:
    rows = [t for t in marks.tracks if t.track.edge.vertical]
    columns = [t for t in marks.tracks if not t.track.edge.vertical]
    first = _along(rows, matrix, _beyond(marks, side, rows), 1) if rows else None
    if not columns:
        return first
    if first is None:
        return _along(columns, matrix, _beyond(marks, side, columns), 0)
    # Rows are settled: what columns still say is only about x, along the page's width.
    moved = [_after(t, matrix, first) for t in columns]
    return LocalCorrection(
        first.near, first.far, first.across_mm, first.along_y, _pair(moved, 0, columns)
    )


def _after(track: TrackMarks, matrix: F64, first: LocalCorrection) -> F64:
    left = track.centres_px - to_pixels(track.track.centres_mm, matrix, first)
    left[:, 1] = 0.0
    return np.concatenate([track.track.centres_mm[:, :1], left], axis=1)


def _pair(curves: list[F64], axis: int, tracks: list[TrackMarks]) -> LocalCorrection:
    at = [float(t.track.centres_mm[0, 1 - axis]) for t in tracks]
    return LocalCorrection(curves[0], curves[-1], (at[0], at[-1]), axis == 1)


def _curve(mm: F64, px: F64, matrix: F64, axis: int) -> F64:
    curve = np.empty((len(mm), 3))
    left_over(mm, px, matrix, axis, curve)
    return curve


@dataclass(frozen=True, slots=True)
class _Beyond:
    """Locator marks on the side of the page that its only track leaves open, in the track's order.

    `at` picks them from the side's corners, `mm` (n, 2) is where they were printed.
    """

    at: NDArray[np.int64]
    mm: F64
    across_mm: float


@functools.lru_cache(maxsize=64)
def _beyond_of(side: Side, track: Track) -> _Beyond | None:
    axis = 1 if track.edge.vertical else 0
    mm = np.array([[c.x_mm, c.y_mm] for c in side.corners]).reshape(-1, 2)
    at = np.flatnonzero(np.abs(mm[:, 1 - axis] - track.centres_mm[0, 1 - axis]) > BEYOND_MM)
    if not len(at):
        return None
    at = at[np.argsort(mm[at, axis])]
    return _Beyond(at, mm[at], float(mm[at, 1 - axis].mean()))


def _beyond(marks: MarkSet, side: Side, tracks: list[TrackMarks]) -> tuple[_Beyond, F64] | None:
    if len(tracks) > 1:
        return None
    beyond = _beyond_of(side, tracks[0].track)
    return None if beyond is None else (beyond, marks.corners_px[beyond.at])


def _along(
    tracks: list[TrackMarks], matrix: F64, locators: tuple[_Beyond, F64] | None, axis: int
) -> LocalCorrection:
    curves = [_curve(t.track.centres_mm, t.centres_px, matrix, axis) for t in tracks]
    if locators is None:
        return _pair(curves, axis, tracks)
    # One track: locator marks stand for the other side. Between them the feed's unevenness is
    # taken from the track, for the whole width of the card passed the rollers together.
    beyond, px = locators
    near = curves[0]
    far = np.empty_like(near)
    curve_beyond(near, _curve(beyond.mm, px, matrix, axis), far)
    at = float(tracks[0].track.centres_mm[0, 1 - axis])
    return LocalCorrection(near, far, (at, beyond.across_mm), axis == 1)


def to_pixels(points_mm: F64, matrix: F64, correction: LocalCorrection | None) -> F64:
    """Upright px (n, 2) of paper points (n, 2) in mm."""
    px = np.empty((len(points_mm), 2))
    map_points(points_mm, matrix, px)
    while correction is not None:
        axis = 1 if correction.along_y else 0
        displace(points_mm, correction.near, correction.far, correction.across_mm, axis, px)
        correction = correction.then
    return px


def _disagreement(correction: LocalCorrection, scale: float) -> float:
    """How differently (mm) a far side of locator marks lies at its two ends.

    On a sheet that passed straight the two sides differ by the same turn and scale all along;
    a false locator mark does not fit in.
    """
    apart = correction.far[[0, -1], 1:] - correction.near[[0, -1], 1:]
    return math.dist(*apart.tolist()) / scale


def _regularity(marks: MarkSet, scale: float) -> tuple[float, float]:
    """Worst roughness (mm) and stretch (share) of the side's tracks."""
    rough, stretch = 0.0, 0.0
    for t in marks.tracks:
        axis = 1 if t.track.edge.vertical else 0
        one = track_regularity(t.track.centres_mm[:, axis], t.centres_px, scale)
        rough, stretch = max(rough, one[0]), max(stretch, one[1])
    return rough, stretch
