"""Finding printed marks: timing tracks in strips along an edge, locator marks in windows.

The walk along a track follows the marks one by one from any start, each expected one pitch on
from the last, so that stretch and skew may wander; the count must equal the design's.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omr.design import Corner, CornerShape, Design, Edge, Side, Track
from omr.detect.geometry import fit_affine, follow_track, keep_whole, settle_centres, uncrop
from omr.detect.kernels import find_blobs, refine_marks
from omr.detect.levels import Levels, strip_levels
from omr.detect.plane import Plane
from omr.records import F64, U8

NARROW_MM = 5.5  # half width of the first strip: small skew and shift
WIDE_MM = 36.0  # of the second: up to 5 degrees, on a scan larger than the card
CORNER_MM = 24.0  # half side of the window round a locator mark when nothing else is known
SECOND_MM = 9.0  # of the strip in which another card's track is looked for
ASIDE_MM = 1.0  # so far from a track's line its own marks never lie
NEAR_MM = 6.0  # and when a track already tells about where it is
MOST_BLOBS = 600
SOFT_MM = 0.25  # of blur, under which a mark in grey dots is one blob
LEAST_DARK = 0.55  # share of a blob that is dark, for a mark of a track


@dataclass(frozen=True, slots=True)
class TrackMarks:
    """A track's marks as found: px centres (n, 2) in the design's order, and which were."""

    track: Track
    centres_px: F64
    found: NDArray[np.bool_]
    darkness: float

    @property
    def complete(self) -> bool:
        """Every mark of the design was found."""
        return bool(self.found.all())


@dataclass(frozen=True, slots=True)
class MarkSet:
    """What was found of a side's marks, and where in the page one mm is `px_per_mm` px."""

    tracks: tuple[TrackMarks, ...]
    corners_px: F64
    corners_found: NDArray[np.bool_]
    px_per_mm: float
    ink: float

    @property
    def complete(self) -> bool:
        """Every mark of the side was found."""
        return all(t.complete for t in self.tracks) and bool(self.corners_found.all())

    @property
    def share_found(self) -> float:
        """How many of the marks were found, 0–1."""
        found = sum(int(t.found.sum()) for t in self.tracks) + int(self.corners_found.sum())
        whole = sum(len(t.found) for t in self.tracks) + len(self.corners_found)
        return found / max(1, whole)


def find_marks(
    plane: Plane, design: Design, side: Side, px_per_mm: float, levels: Levels
) -> MarkSet:
    """All marks of `side` that can be seen, supposing that the plane is upright."""
    tracks: list[TrackMarks] = []
    for track in side.tracks:
        found = _find_track(plane, design, track, px_per_mm, levels)
        tracks.append(found)
        if not found.complete and found.found.mean() < 0.5:
            break  # not this turn or not this card: leave the rest
    missing = [_nothing(t) for t in side.tracks[len(tracks) :]]
    guess = _similarity(tracks)
    inks = [t.darkness for t in tracks if t.found.any()]
    inked = Levels(levels.paper, statistics.median(inks)) if inks else levels
    corners = np.full((len(side.corners), 2), -1.0)
    seen = np.zeros(len(side.corners), np.bool_)
    if not missing:
        for i, corner in enumerate(side.corners):
            place = _find_corner(plane, corner, guess, px_per_mm, inked)
            if place is not None:
                corners[i], seen[i] = place, True
    return MarkSet((*tracks, *missing), corners, seen, px_per_mm, inked.ink)


def _nothing(track: Track) -> TrackMarks:
    n = len(track.numbers)
    return TrackMarks(track, np.full((n, 2), -1.0), np.zeros(n, np.bool_), 255.0)


def _find_track(
    plane: Plane, design: Design, track: Track, ppm: float, levels: Levels
) -> TrackMarks:
    near = _track_in_strip(plane, design, track, ppm, (NARROW_MM, levels))
    if near.complete:
        return near
    wide = _track_in_strip(plane, design, track, ppm, (WIDE_MM, levels))
    return wide if wide.found.sum() > near.found.sum() else near


def _strip(
    plane: Plane, design: Design, track: Track, ppm: float, half_mm: float
) -> tuple[int, int, int, int]:
    # A scan may be larger or smaller than the page; edges are counted from the nearer side.
    vertical = track.edge.vertical
    at = float(track.centres_mm[0, 0 if vertical else 1])
    page_mm = design.width_mm if vertical else design.height_mm
    page_px = plane.width if vertical else plane.height
    middle = at * ppm if at < page_mm / 2 else page_px - (page_mm - at) * ppm
    low, high = middle - half_mm * ppm, middle + half_mm * ppm
    if vertical:
        return plane.clip(low, 0, high, plane.height)
    return plane.clip(0, low, plane.width, high)


def _track_in_strip(
    plane: Plane, design: Design, track: Track, ppm: float, search: tuple[float, Levels]
) -> TrackMarks:
    blobs = _blobs_in_strip(plane, design, track, ppm, search)
    places = _followed(blobs, track, ppm)
    found = places >= 0
    centres = np.full((len(places), 2), -1.0)
    darkness = search[1].ink
    if found.any():
        marks = np.ascontiguousarray(blobs[places[found], :4])
        placed, edges = _refined(plane, marks)
        inward = 1.0 if track.edge in (Edge.LEFT, Edge.TOP) else -1.0
        along = 1 if track.edge.vertical else 0
        uncrop(marks, np.array(track.size_mm) * ppm, along, inward, placed)
        centres[found] = placed
        darkness = statistics.median(edges[:, 4].tolist())
    return TrackMarks(track, centres, found, darkness)


def _blobs_in_strip(
    plane: Plane, design: Design, track: Track, ppm: float, search: tuple[float, Levels]
) -> F64:
    """Blobs (n, 5) of about a mark's size in a strip of half a width in mm, along the track."""
    half_mm, page = search
    box = _strip(plane, design, track, ppm, half_mm)
    levels = strip_levels(plane, box, page)
    width, height = track.size_mm[0] * ppm, track.size_mm[1] * ppm
    step = max(1, int(height / 5))
    limits = np.array(
        [
            # Crops take marks' outer parts; the second look believes less of a mark.
            (0.3 if half_mm == NARROW_MM else 0.18) * width,
            1.67 * width,
            (0.5 if track.edge.vertical else 0.4) * height,
            1.8 * height,
            max(2, width / 9),
            max(1, height / 3),
            step,
        ]
    ).astype(np.int64)
    blobs = np.empty((MOST_BLOBS, 5))
    area = np.array(box, np.int64)
    count = find_blobs(plane.data, plane.view, area, levels.middle, limits, blobs)
    rules = np.array([1 if track.edge.vertical else 0, LEAST_DARK])
    whole: F64 = blobs[: keep_whole(blobs, count, area, plane.size, rules)]
    return whole


def _followed(blobs: F64, track: Track, ppm: float) -> NDArray[np.int64]:
    """The blob of each of the track's marks, or -1."""
    along = 1 if track.edge.vertical else 0
    expected = track.centres_mm[:, along] * ppm
    places = np.full(len(expected), -1, np.int64)
    walk = np.array(
        [0.5 * track.pitch_mm * ppm, 0.45 * track.size_mm[1 - along] * ppm, math.tan(0.11), 0.25]
    )
    if len(blobs):
        follow_track(blobs, along, expected, walk, places)
    return places


def second_track(
    plane: Plane, design: Design, first: TrackMarks, ppm: float, levels: Levels
) -> int:
    """How many marks beside those found are in step with one another, as another card's are.

    Marks in line with those found do not count unless there are more than one card has: the
    rest of a track that slipped lies so too.
    """
    blobs = _blobs_in_strip(plane, design, first.track, ppm, (SECOND_MM, levels))
    own = first.centres_px[first.found]
    apart = np.abs(blobs[:, None, :2] - own[None]) > 0.5 * np.array(first.track.size_mm) * ppm
    beside = np.all(np.any(apart, axis=2), axis=1)
    others = np.ascontiguousarray(blobs[beside])
    places = _followed(others, first.track, ppm)
    second = others[places[places >= 0]]
    if not len(second) or not _as_large(second, blobs[~beside]):
        return 0
    if len(own) < 4 or len(own) + len(second) > len(first.found):
        return len(second)
    along = 1 if first.track.edge.vertical else 0
    line = np.polyfit(own[:, along], own[:, 1 - along], 1)
    aside = np.abs(second[:, 1 - along] - np.polyval(line, second[:, along]))
    return len(second) if float(np.median(aside)) > ASIDE_MM * ppm else 0


def _as_large(some: F64, others: F64) -> bool:
    """Whether blobs (n, 5) are usually as wide and as high as others."""
    if not len(others):
        return True
    ratio = np.median(some[:, 2:4], axis=0) / np.median(others[:, 2:4], axis=0)
    return bool(np.all(np.abs(ratio - 1) < 0.2))


def _similarity(tracks: list[TrackMarks]) -> F64 | None:
    """Rough paper mm → px (2×3) from the ends of the track with most marks, or None."""
    seen = max(tracks, key=lambda t: int(t.found.sum()), default=None)
    if seen is None or seen.found.sum() < 4:
        return None
    ends = np.flatnonzero(seen.found)[:: int(seen.found.sum()) - 1]
    matrix = np.empty((3, 3))
    fit_affine(seen.track.centres_mm[ends], seen.centres_px[ends], matrix)
    return matrix[:2]


def _find_corner(
    plane: Plane, corner: Corner, guess: F64 | None, ppm: float, levels: Levels
) -> F64 | None:
    """Centre (2,) of a locator mark in px, or None."""
    at = np.array([corner.x_mm, corner.y_mm, 1.0])
    half = (CORNER_MM if guess is None else NEAR_MM) * ppm
    x, y = at[:2] * ppm if guess is None else guess @ at
    x0, y0, x1, y1 = plane.clip(x - half, y - half, x + half, y + half)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    if guess is not None and corner.shape is CornerShape.SQUARE:
        return _find_square(plane, (x0, y0, x1, y1), (x, y), corner.size_mm * ppm, levels)
    local = strip_levels(plane, (x0, y0, x1, y1), levels)
    window = plane.window(x0, y0, x1 - 1, y1 - 1)
    middle = (local.paper + levels.ink) / 2
    near = (x - x0, y - y0)
    seen = _shape_near(window, middle, corner, ppm, near, guess is not None)
    if seen is None and not corner.grey:
        return None
    if seen is None:  # dots and holes to one blob
        soft = cv2.GaussianBlur(np.ascontiguousarray(window), (0, 0), SOFT_MM * ppm)
        middle += 0.15 * (local.paper - levels.ink)
        seen = _shape_near(np.asarray(soft, np.uint8), middle, corner, ppm, near, guess is not None)
        return None if seen is None else np.array([seen[0] + x0, seen[1] + y0])
    if corner.shape in (CornerShape.SQUARE, CornerShape.DISC):
        seen[:2] += (x0, y0)
        centre: F64 = _refined(plane, seen[None])[0][0]
        return centre
    return np.array([seen[0] + x0, seen[1] + y0])


def _shape_near(
    window: U8,
    middle: float,
    corner: Corner,
    ppm: float,
    near: tuple[float, float],
    located: bool,
) -> F64 | None:
    """Centre, width and height (4,) of the nearest dark shape of a locator mark's kind."""
    dark = (window < middle).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    best, best_off = None, 1e18
    size = corner.size_mm * ppm
    for k in range(1, count):
        left, top, w, h, area = (int(v) for v in stats[k])
        if not (0.7 * size <= w <= 1.45 * size and 0.7 * size <= h <= 1.45 * size):
            continue
        part = labels[top : top + h, left : left + w] == k
        if not _is_shape(part, corner.shape, area, located):
            continue
        at = np.array([left + w / 2, top + h / 2, w, h])
        off = float(np.hypot(at[0] - near[0], at[1] - near[1]))
        if off < best_off:
            best, best_off = at, off
    return best


def corner_shapes(
    plane: Plane, side: Side, ppm: float, levels: Levels
) -> list[tuple[CornerShape, tuple[float, float]]]:
    """Shapes and centres in px of whatever looks like one of the side's locator marks, anywhere."""
    window = plane.window(0, 0, plane.width, plane.height)
    dark = (window < levels.middle).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    found = []
    kinds = {(corner.shape, corner.size_mm * ppm) for corner in side.corners}
    for left, top, w, h, area in stats[1:count].tolist():
        alike = [s for s, size in kinds if max(abs(w / size - 1.05), abs(h / size - 1.05)) < 0.35]
        if not alike:
            continue
        here = labels[top : top + h, left : left + w]
        part = here == np.bincount(here[here > 0]).argmax()
        seen = [shape for shape in alike if _is_shape(part, shape, area, False)]
        found += [(shape, (left + w / 2, top + h / 2)) for shape in seen]
    return found


def _find_square(
    plane: Plane,
    box: tuple[int, int, int, int],
    expected: tuple[float, float],
    size: float,
    levels: Levels,
) -> F64 | None:
    """Centre of the solid square nearest to where one is expected, or None."""
    limits = np.array([0.7 * size, 1.45 * size, 0.7 * size, 1.45 * size, size / 6, size / 6, 1])
    blobs = np.empty((50, 5))
    area = np.array(box, np.int64)
    count = find_blobs(plane.data, plane.view, area, levels.middle, limits.astype(np.int64), blobs)
    x, y = expected
    solid = [b for b in blobs[:count].tolist() if b[4] > 0.85]
    if not solid:
        return None
    nearest = min(solid, key=lambda b: math.hypot(b[0] - x, b[1] - y))
    centre: F64 = _refined(plane, np.array([nearest[:4]]))[0][0]
    return centre


def _refined(plane: Plane, marks: F64) -> tuple[F64, F64]:
    """Centres (n, 2) of dark rectangles (n, 4) to a part of a pixel, and their edges (n, 5)."""
    edges, centres = np.empty((len(marks), 5)), np.empty((len(marks), 2))
    refine_marks(plane.data, plane.view, plane.size, marks, edges)
    settle_centres(marks, edges, centres)
    return centres, edges


def _is_shape(part: NDArray[np.bool_], shape: CornerShape, area: int, located: bool) -> bool:
    """Whether a component's mask looks like the shape; it may be turned by up to 6°."""
    h, w = part.shape
    points = np.argwhere(part).astype(np.float32)
    _, sides, _ = cv2.minAreaRect(points)
    share = area / max(1.0, (sides[0] + 1) * (sides[1] + 1))
    centre = part[int(h * 0.42) : int(h * 0.58) + 1, int(w * 0.42) : int(w * 0.58) + 1].mean()
    if shape is CornerShape.SQUARE:
        return share > (0.8 if located else 0.86)
    if shape is CornerShape.DISC:
        return 0.66 < share < 0.9 and centre > 0.9
    if shape is CornerShape.CROSS:
        return 0.3 < share < 0.75 and centre > 0.9
    if shape is CornerShape.ELL:
        return 0.3 < share < 0.75 and centre < 0.5
    halves = (slice(0, h // 2), slice((h + 1) // 2, h)), (slice(0, w // 2), slice((w + 1) // 2, w))
    quarters = [float(part[rows, columns].mean()) for rows in halves[0] for columns in halves[1]]
    if shape is CornerShape.THREE_SQUARES:
        return min(quarters[:3]) > 0.8 and quarters[3] < 0.3
    if shape is CornerShape.ANGLE:
        sides = sorted(float(side.mean()) for side in _rims(part))
        return area < 0.35 * w * h and sides[1] < 0.3 and sides[2] > 0.5 and centre < 0.1
    return 0.25 < share < 0.7 and centre < 0.1 and max(quarters) - min(quarters) < 0.15


def _rims(part: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """For each side of a mask, which rows or columns have something in the fifth next to it."""
    h, w = part.shape
    deep, wide = max(1, h // 5), max(1, w // 5)
    return [
        np.any(part[:deep], axis=0),
        np.any(part[-deep:], axis=0),
        np.any(part[:, :wide], axis=1),
        np.any(part[:, -wide:], axis=1),
    ]
