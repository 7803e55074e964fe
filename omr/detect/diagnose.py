"""Why no card was found on a page, told apart with evidence.

Only pages that are refused come here, so each explanation is tried out: the page is turned, cut
and searched again until one of them shows the card's marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from math import dist

import cv2
import numpy as np

from omr.design import Design, Side
from omr.detect.alignment import align
from omr.detect.faults import LEAST_CONTRAST, TOO_DARK_PAPER, Fault, double_feed
from omr.detect.geometry import track_regularity
from omr.detect.kernels import column_darkness, find_blobs
from omr.detect.levels import Levels, dark_share, page_levels
from omr.detect.locate import LIMITS, Located, Lost, locate
from omr.detect.marks import MarkSet, TrackMarks, corner_shapes, find_marks, second_track
from omr.detect.plane import Plane
from omr.records import U8, Alignment, Raster, RejectReason, Turn

STREAK_SHARE = 0.6
JUMP_SHARE = 0.12  # of a pitch, from which a track is out of step
IN_STEP = 0.8  # share of a real track's marks that follow one another in step
SECOND_TRACK = 3  # marks in step beside a track that make it a second card's
MOST_SHAPES = 40  # of a page's blobs that look like locator marks, so many are compared
ASKEW_DEG = (-40, -32, -24, -16, -8, 8, 16, 24, 32, 40)  # a track is followed to 6° either side
ASKEW_PX_PER_MM = 5.0
ASKEW_SHARE = 0.65  # of the marks that a straightened page must show, and so many more than before
ASKEW_GAIN = 0.1
ASKEW_LOST_DEG = 5.7  # from here a page may lose marks to its skew
OTHER_SCALES = (0.5, 0.62, 0.77, 1.3, 1.6, 2.0)  # a track is followed to a fifth either side


def diagnose(lost: Lost, design: Design, raster: Raster, known: tuple[Design, ...]) -> Fault:
    """The likeliest reason why `locate` found no card of the design.

    `known`: other designs whose cards may have got into the stack.
    """
    levels = lost.levels
    dark = dark_share(lost.plane, levels)
    mostly = lost.marks.share_found >= 0.5
    if levels.paper < TOO_DARK_PAPER:
        return Fault(RejectReason.TOO_DARK, f"paper is at grey {levels.paper:.0f} of 255")
    if lost.plane.bitonal and dark > 0.5:
        return Fault(RejectReason.TOO_DARK, f"{dark:.0%} of the page is black")
    if lost.misaligned is not None:
        if lost.misaligned.reason is RejectReason.TOO_SKEWED:
            return Fault(lost.misaligned.reason, lost.misaligned.evidence)
        lies = Fault(lost.misaligned.reason, lost.misaligned.evidence)
        return _second_card(lost, design) or lies
    if levels.contrast < 25.0 or _bare(lost.plane, levels):
        return Fault(RejectReason.BLANK_PAGE, f"{dark:.2%} of the page is dark")
    for other in known:
        if other.hash != design.hash and isinstance(locate(raster, other), Located):
            return Fault(RejectReason.WRONG_DESIGN, f"this is a card of {other.name}")
    shown = None if lost.side.tracks else _second_card(lost, design)
    if shown is None and mostly:
        shown = _leaning(lost)
    shown = shown or _at_other_scale(lost, design) or _askew(lost, design)
    shown = shown or _second_card(lost, design) or _jump(lost.marks)
    if shown is not None:
        return shown
    if mostly:
        return _partial(lost, design)
    if levels.contrast < LEAST_CONTRAST:
        return Fault(RejectReason.LOW_CONTRAST, f"ink and paper differ by {levels.contrast:.0f}")
    alike = _mark_like(lost.plane, lost.marks.px_per_mm, levels)
    if alike >= 6:
        return Fault(
            RejectReason.WRONG_DESIGN,
            f"{alike} marks along the edges, but not those of {design.name}",
        )
    return Fault(RejectReason.NO_CARD, f"{lost.marks.share_found:.0%} of the marks were found")


# ── two sheets ───────────────────────────────────────────────────────────────────────────────


def _second_card(lost: Lost, design: Design) -> Fault | None:
    """Marks of a second card beside those of the first."""
    if lost.marks.share_found < 0.3:
        return None
    long = double_feed(lost.plane, design, lost.marks.px_per_mm)
    if long is not None:
        return long
    for marks in lost.marks.tracks:
        if not _in_step(marks):
            continue
        more = second_track(lost.plane, design, marks, lost.marks.px_per_mm, lost.levels)
        if more >= SECOND_TRACK:
            return Fault(
                RejectReason.DOUBLE_FEED,
                f"{more} marks of a second {marks.track.edge} track lie beside the card's own",
            )
    return None if lost.side.tracks else _second_corners(lost)


def _jump(marks: MarkSet) -> Fault | None:
    """Where a track goes on out of step, a second sheet lies on the first."""
    for t in marks.tracks:
        axis = 1 if t.track.edge.vertical else 0
        at = np.flatnonzero(t.found)
        if len(at) < 12 or not _in_step(t):
            continue
        mm, px = t.track.centres_mm[at, axis], t.centres_px[at, axis]
        scale = float(np.median(np.diff(px) / np.diff(mm)))
        off_mm = np.diff(px) / scale - np.diff(mm)
        worst = int(np.argmax(np.abs(off_mm)))
        steady = 3 <= worst + 1 <= len(at) - 3
        if steady and abs(off_mm[worst]) > JUMP_SHARE * t.track.pitch_mm:
            return Fault(
                RejectReason.DOUBLE_FEED,
                f"the {t.track.edge} track jumps by {off_mm[worst]:+.1f} mm"
                f" after mark {t.track.numbers[at[worst]]}",
            )
    return None


def _in_step(t: TrackMarks) -> bool:
    """Whether nearly all marks follow their neighbours at the printed distance.

    Among enough blobs, such as words, there is a walk along any track, but no even one.
    """
    axis = 1 if t.track.edge.vertical else 0
    mm, px = t.track.centres_mm[t.found, axis], t.centres_px[t.found, axis]
    if len(mm) < 6:
        return False
    steps = np.diff(px) / np.diff(mm)
    off = np.abs(steps / np.median(steps) - 1)
    return bool((off < JUMP_SHARE).mean() > IN_STEP)


def _second_corners(lost: Lost) -> Fault | None:
    """Two more corner marks, as far from each other as two of a card are."""
    marks, ppm = lost.marks, lost.marks.px_per_mm
    own = marks.corners_px[marks.corners_found]
    more = [
        (shape, at)
        for shape, at in corner_shapes(lost.plane, lost.side, ppm, lost.levels)
        if all(dist(at, one) > 2 * ppm for one in own)
    ]
    for one, other in permutations(lost.side.corners, 2):
        across, down = (other.x_mm - one.x_mm) * ppm, (other.y_mm - one.y_mm) * ppm
        for (shape, (x, y)), (partner, at) in permutations(more[:MOST_SHAPES], 2):
            apart = dist((x + across, y + down), at)
            if (shape, partner) == (one.shape, other.shape) and apart < 5 * ppm:
                return Fault(
                    RejectReason.DOUBLE_FEED,
                    f"a {shape} and a {partner} of a second card lie beside the card's own",
                )
    return None


# ── the card, but not as it should lie ───────────────────────────────────────────────────────


def _leaning(lost: Lost) -> Fault | None:
    """Most marks are there, and lie so far askew that the others were lost to it."""
    skew = _skew_of(lost.marks, lost.side)
    return _turned_by(skew) if abs(skew) > ASKEW_LOST_DEG else None


def _askew(lost: Lost, design: Design) -> Fault | None:
    """The page straightened by many angles: does one of them show the card?"""
    shrink = ASKEW_PX_PER_MM / lost.marks.px_per_mm
    whole = lost.plane.window(0, 0, lost.plane.width, lost.plane.height)
    small = cv2.resize(
        np.ascontiguousarray(whole), None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA
    )
    trusted = ASKEW_SHARE if lost.side.tracks else 0.5  # shapes are more than blobs in a row
    least = max(trusted, lost.marks.share_found + ASKEW_GAIN)
    best: tuple[float, float] | None = None
    for angle in ASKEW_DEG:
        for turn in (0, 1):
            plane = _straightened(np.rot90(small, turn), angle)
            levels = page_levels(plane)
            for upside in (plane, _over(plane)):
                for side in design.sides:
                    marks = find_marks(upside, design, side, ASKEW_PX_PER_MM, levels)
                    if marks.share_found >= least and _regular(marks):
                        least = marks.share_found + 1e-9
                        best = (angle, _skew_of(marks, side))
    if best is None:
        return None
    skew = best[0] + best[1]
    return _turned_by(skew) if abs(skew) > ASKEW_LOST_DEG else None


def _turned_by(degrees: float) -> Fault:
    return Fault(
        RejectReason.TOO_SKEWED,
        f"turned by about {abs(degrees):.0f} degrees; at most {LIMITS.skew_deg:g} are read",
    )


def _regular(marks: MarkSet) -> bool:
    """Whether tracks' marks lie in line; among enough blobs there is a walk along any track."""
    for t in marks.tracks:
        axis = 1 if t.track.edge.vertical else 0
        along, px = t.track.centres_mm[t.found, axis], t.centres_px[t.found]
        rough, _ = track_regularity(along, px, marks.px_per_mm)
        if rough > LIMITS.residual_pitch * t.track.pitch_mm:
            return False
    return True


def _straightened(picture: U8, degrees: float) -> Plane:
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(
        np.ascontiguousarray(picture),
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Plane(
        np.asarray(turned, np.uint8).reshape(-1), np.array([0, 1, width]), width, height, False
    )


def _over(plane: Plane) -> Plane:
    """The plane upside down."""
    start, across, down = plane.view.tolist()
    last = start + (plane.width - 1) * across + (plane.height - 1) * down
    view = np.array([last, -across, -down], np.int64)
    return Plane(plane.data, view, plane.width, plane.height, plane.bitonal)


def _skew_of(marks: MarkSet, side: Side) -> float:
    """About how far a nearly straight page is still turned, degrees."""
    mm = side.marks_mm()
    px = np.concatenate([*(t.centres_px for t in marks.tracks), marks.corners_px])
    found = np.concatenate([*(t.found for t in marks.tracks), marks.corners_found])
    a, b = np.flatnonzero(found)[[0, -1]]
    printed, seen = mm[b] - mm[a], px[b] - px[a]
    turned = np.arctan2(seen[1], seen[0]) - np.arctan2(printed[1], printed[0])
    return float(np.degrees((turned + np.pi) % (2 * np.pi) - np.pi))


def _at_other_scale(lost: Lost, design: Design) -> Fault | None:
    """The card printed or scanned smaller or larger, anywhere on the page."""
    for factor in OTHER_SCALES:
        for part in _parts(lost.plane, factor):
            for side in design.sides:
                ppm = lost.marks.px_per_mm * factor
                marks = find_marks(part, design, side, ppm, lost.levels)
                if not marks.complete:
                    continue
                found = align(marks, side, Turn.UPRIGHT, LIMITS)
                seen = found.px_per_mm if isinstance(found, Alignment) else ppm
                size = seen / lost.marks.px_per_mm
                return Fault(RejectReason.WRONG_SCALE, f"the card shows at {size:.0%} of its size")
    return None


def _parts(plane: Plane, factor: float) -> Iterator[Plane]:
    """Nine parts of the plane as large as the card would be at a scale, either way up."""
    start, across, down = plane.view.tolist()
    width, height = (min(n, int(n * factor)) for n in (plane.width, plane.height))
    places = (0.0, 0.5, 1.0) if factor < 1 else (0.0,)
    for y in places:
        for x in places:
            x0, y0 = int(x * (plane.width - width)), int(y * (plane.height - height))
            view = np.array([start + x0 * across + y0 * down, across, down], np.int64)
            part = Plane(plane.data, view, width, height, plane.bitonal)
            yield part
            yield _over(part)


# ── blank, hidden, spoilt ────────────────────────────────────────────────────────────────────


def _bare(plane: Plane, levels: Levels) -> bool:
    # Edges and scanner border aside, nothing is darker than half way.
    margin_x, margin_y = plane.width // 12, plane.height // 12
    box = np.array([margin_x, margin_y, plane.width - margin_x, plane.height - margin_y], np.int64)
    columns = np.zeros(max(1, box[2] - box[0]))
    column_darkness(plane.data, plane.view, box, max(levels.middle, 0.7 * levels.paper), 3, columns)
    return float(columns.mean()) < 0.0008


def _partial(lost: Lost, design: Design) -> Fault:
    """Most marks are there: what hides the others?"""
    names = _missing_names(lost.marks, lost)
    streak = _streak(lost)
    if streak is not None:
        return streak
    if _at_corner(lost, design):
        return Fault(RejectReason.FOLDED_OR_TORN, f"hidden at a corner: {names}")
    return Fault(RejectReason.MARK_MISSING, f"not found: {names}")


def _missing_names(marks: MarkSet, lost: Lost) -> str:
    names: list[str] = []
    for t in marks.tracks:
        gone = t.track.numbers[~t.found]
        if len(gone):
            some = ", ".join(str(n) for n in gone[:6]) + (" …" if len(gone) > 6 else "")
            names.append(f"{t.track.edge} track {some}")
    for corner, found in zip(lost.side.corners, marks.corners_found, strict=True):
        if not found:
            names.append(f"{corner.shape} at ({corner.x_mm:g}, {corner.y_mm:g}) mm")
    return "; ".join(names)


def _at_corner(lost: Lost, design: Design) -> bool:
    gone = [t.track.centres_mm[~t.found] for t in lost.marks.tracks]
    gone.append(
        np.array(
            [
                [c.x_mm, c.y_mm]
                for c, found in zip(lost.side.corners, lost.marks.corners_found, strict=True)
                if not found
            ]
        ).reshape(-1, 2)
    )
    points = np.concatenate(gone)
    size = np.array([design.width_mm, design.height_mm])
    return bool(len(points)) and bool((np.minimum(points, size - points) < 0.2 * size).all())


def _streak(lost: Lost) -> Fault | None:
    plane = lost.plane
    box = np.array([0, 0, plane.width, plane.height], np.int64)
    columns = np.zeros(plane.width)
    column_darkness(plane.data, plane.view, box, lost.levels.middle, 4, columns)
    inner = columns[plane.width // 50 : -plane.width // 50]
    worst = int(np.argmax(inner)) if len(inner) else 0
    if len(inner) and inner[worst] > STREAK_SHARE:
        at = (worst + plane.width // 50) / lost.marks.px_per_mm
        return Fault(
            RejectReason.STREAK, f"a dark line down {inner[worst]:.0%} of the page at {at:.0f} mm"
        )
    return None


def _mark_like(plane: Plane, ppm: float, levels: Levels) -> int:
    """How many solid blobs of any mark's size stand within 16 mm of the left and right edges."""
    reach = int(16 * ppm)
    limits = np.array([2.2 * ppm, 7 * ppm, 1.2 * ppm, 7 * ppm, 1, 1, max(1, 0.3 * ppm)])
    blobs = np.empty((400, 5))
    total = 0
    for x0, x1 in ((0, reach), (plane.width - reach, plane.width)):
        box = np.array([max(0, x0), 0, x1, plane.height], np.int64)
        found = find_blobs(
            plane.data, plane.view, box, levels.middle, limits.astype(np.int64), blobs
        )
        total += int((blobs[:found, 4] > 0.8).sum())
    return total
