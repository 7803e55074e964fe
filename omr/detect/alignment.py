"""From found marks to paper → pixels.

An affine matrix carries the whole card; what it leaves over along timing tracks (feed stretch,
wander) is kept as a `LocalCorrection`: displacements measured at each mark, interpolated along
the track and blended between the two sides of the card, so that a bubble lies where its row's
left and right marks say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from omr.design import Design, Side
from omr.detect.kernels import fit_affine, track_regularity
from omr.detect.marks import MarkSet, TrackMarks
from omr.records import F64, Alignment, LocalCorrection, RejectReason, Turn


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
    marks: MarkSet, design: Design, side: Side, turn: Turn, limits: AlignmentLimits
) -> Alignment | Misaligned:
    """The transform from upright paper mm to px of the upright plane; all marks must be found."""
    mm = side.marks_mm()
    px = np.concatenate([*(t.centres_px for t in marks.tracks), marks.corners_px])
    matrix = np.empty((3, 3))
    fit_affine(mm, px, matrix)
    correction = _correction(marks, side, matrix, design)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    rough, stretch = _regularity(marks, scale)
    if correction is None:  # nothing takes up what the matrix leaves over
        rough = max(rough, float(np.hypot(*_residual(mm, px, matrix).T).max()) / scale)
    residual_mm = rough
    if (
        correction is not None
        and sum(t.track.edge.vertical is correction.along_y for t in marks.tracks) == 1
    ):
        apart = _disagreement(correction, scale)
        if apart > limits.residual_mm:
            return Misaligned(
                RejectReason.FOLDED_OR_TORN,
                f"the locator marks lie {apart:.1f} mm from where the track puts them",
            )
    skew = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    lean = float(np.degrees(np.arctan2(-matrix[0, 1], matrix[1, 1])))
    pitches = [limits.residual_pitch * t.pitch_mm for t in side.tracks]
    allowed_mm = max([limits.residual_mm, *pitches])
    allowed = replace(limits, residual_mm=allowed_mm)
    refused = _refusal(allowed, residual_mm, (skew, lean), stretch)
    if refused is not None:
        return refused
    return Alignment(matrix, turn, side.name, residual_mm, skew, stretch, scale, mm, px, correction)


def _refusal(
    limits: AlignmentLimits, residual_mm: float, angles: tuple[float, float], stretch: float
) -> Misaligned | None:
    skew, lean = angles
    if max(abs(skew), abs(lean)) > limits.skew_deg:
        return Misaligned(
            RejectReason.TOO_SKEWED,
            f"turned by {skew:.1f} degrees; at most {limits.skew_deg:g} are read",
        )
    if abs(skew - lean) > limits.shear_deg:
        return Misaligned(
            RejectReason.TOO_STRETCHED,
            f"the card leans by {abs(skew - lean):.1f} degrees: it slipped while it was fed",
        )
    if stretch > limits.stretch:
        return Misaligned(
            RejectReason.TOO_STRETCHED,
            f"neighbouring marks are {stretch:.0%} off their pitch",
        )
    if residual_mm > limits.residual_mm:
        return Misaligned(
            RejectReason.TOO_STRETCHED,
            f"a mark lies {residual_mm:.2f} mm from where its neighbours put it",
        )
    return None


def _residual(marks_mm: F64, marks_px: F64, matrix: F64) -> F64:
    residual: F64 = marks_px - (marks_mm @ matrix[:2, :2].T + matrix[:2, 2])
    return residual


def _curve(track: TrackMarks, matrix: F64, axis: int) -> F64:
    residual = _residual(track.track.centres_mm, track.centres_px, matrix)
    return np.concatenate([track.track.centres_mm[:, axis : axis + 1], residual], axis=1)


def _correction(marks: MarkSet, side: Side, matrix: F64, design: Design) -> LocalCorrection | None:
    rows = [t for t in marks.tracks if t.track.edge.vertical]
    columns = [t for t in marks.tracks if not t.track.edge.vertical]
    corners_mm = np.array([[c.x_mm, c.y_mm] for c in side.corners]).reshape(-1, 2)
    corners = (corners_mm, marks.corners_px)
    first = _along(rows, matrix, corners, 1) if rows else None
    if not columns:
        return first
    if first is None:
        return _along(columns, matrix, corners, 0)
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


def _along(
    tracks: list[TrackMarks], matrix: F64, corners: tuple[F64, F64], axis: int
) -> LocalCorrection:
    curves = [_curve(t, matrix, axis) for t in tracks]
    if len(tracks) > 1 or not len(corners[0]):
        return _pair(curves, axis, tracks)
    # One track: locator marks stand for the other side. Between them the feed's unevenness is
    # taken from the track, for the whole width of the card passed the rollers together.
    at = float(tracks[0].track.centres_mm[0, 1 - axis])
    mm, px = corners
    away = np.abs(mm[:, 1 - axis] - at) > 30.0
    if not away.any():
        return _pair(curves, axis, tracks)
    order = np.argsort(mm[away, axis])
    mm, px = mm[away][order], px[away][order]
    near = curves[0]
    here = np.stack([np.interp(mm[:, axis], near[:, 0], near[:, k]) for k in (1, 2)], axis=1)
    extra = _residual(mm, px, matrix) - here
    far = near.copy()
    for k in (0, 1):
        far[:, k + 1] += np.interp(near[:, 0], mm[:, axis], extra[:, k])
    return LocalCorrection(near, far, (at, float(mm[:, 1 - axis].mean())), axis == 1)


def to_pixels(points_mm: F64, matrix: F64, correction: LocalCorrection | None) -> F64:
    """Upright px (n, 2) of paper points (n, 2) in mm."""
    px: F64 = points_mm @ matrix[:2, :2].T + matrix[:2, 2]
    while correction is not None:
        axis = 1 if correction.along_y else 0
        along, across = points_mm[:, axis], points_mm[:, 1 - axis]
        near_at, far_at = correction.across_mm
        span = far_at - near_at
        weight = (across - near_at) / span if abs(span) > 1e-9 else np.zeros(len(along))
        for k in (0, 1):
            near = np.interp(along, correction.near[:, 0], correction.near[:, k + 1])
            far = np.interp(along, correction.far[:, 0], correction.far[:, k + 1])
            px[:, k] += near + weight * (far - near)
        correction = correction.then
    return px


def _disagreement(correction: LocalCorrection, scale: float) -> float:
    """How differently (mm) a far side of locator marks lies at its two ends.

    On a sheet that passed straight the two sides differ by the same turn and scale all along;
    a false locator mark does not fit in.
    """
    ends = correction.far[[0, -1]]
    near = [np.interp(ends[:, 0], correction.near[:, 0], correction.near[:, k]) for k in (1, 2)]
    apart = ends[:, 1:] - np.stack(near, axis=1)
    return float(np.hypot(*(apart[1] - apart[0]))) / scale


def _regularity(marks: MarkSet, scale: float) -> tuple[float, float]:
    """Worst roughness (mm) and stretch (share) of the side's tracks."""
    rough, stretch = 0.0, 0.0
    for t in marks.tracks:
        axis = 1 if t.track.edge.vertical else 0
        one = track_regularity(t.track.centres_mm[:, axis], t.centres_px, scale)
        rough, stretch = max(rough, one[0]), max(stretch, one[1])
    return rough, stretch
