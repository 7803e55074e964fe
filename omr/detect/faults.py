"""Why no card was found, told apart with evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omr.design import Design
from omr.detect.bubbles import Measured
from omr.detect.kernels import column_darkness, find_blobs
from omr.detect.levels import Levels, dark_share
from omr.detect.locate import Located, Lost, locate
from omr.detect.marks import MarkSet, find_marks
from omr.detect.plane import Plane
from omr.errors import ImageError, ImageTooLarge, UnsupportedImage
from omr.records import Raster, RejectReason

TOO_DARK_PAPER = 70.0
LEAST_CONTRAST = 45.0
STREAK_SHARE = 0.6
JUMP_SHARE = 0.12  # of a pitch, from which a track is out of step
OTHER_SCALES = (0.5, 2 / 3, 0.75, 0.85, 1.17, 4 / 3, 1.5, 2.0)

ADVICE = {
    RejectReason.DAMAGED_FILE: "Scan the card again; the image file is not whole.",
    RejectReason.UNSUPPORTED_FILE: "Scan to JPEG, PNG, TIFF, BMP, WebP or PDF.",
    RejectReason.TOO_LARGE: "Scan at 150 to 300 dpi, one card a page.",
    RejectReason.BLANK_PAGE: "Check that the card was not fed back to front, or is a blank sheet.",
    RejectReason.NO_CARD: "Take this sheet out of the stack; it is no answer card.",
    RejectReason.WRONG_DESIGN: "Sort this card into the stack of its own design.",
    RejectReason.MARK_MISSING: "Look at the named marks: clean or flatten the card, scan again.",
    RejectReason.FOLDED_OR_TORN: "Unfold the corner or mend the edge, then scan again.",
    RejectReason.STREAK: "Clean the scanner's glass, then scan the batch again.",
    RejectReason.TOO_SKEWED: "Straighten the card in the feeder and scan again.",
    RejectReason.TOO_STRETCHED: "Clean the feed rollers and scan again.",
    RejectReason.LOW_CONTRAST: "Raise the scanner's contrast and scan again.",
    RejectReason.TOO_DARK: "Raise the scanner's brightness and scan again.",
    RejectReason.DOUBLE_FEED: "Part the two sheets and scan both again.",
    RejectReason.WRONG_SCALE: "Set the scanner to the card's paper size at 100 % and scan again.",
    RejectReason.READER_FAILED: "Keep the file and report it; settle this card by hand.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason for a page that was refused, with its evidence."""

    reason: RejectReason
    evidence: str


def diagnose(lost: Lost, design: Design, raster: Raster, known: tuple[Design, ...]) -> Fault:
    """The likeliest reason why `locate` found no card of the design.

    `known`: other designs whose cards may have got into the stack.
    """
    levels = lost.levels
    if levels.paper < TOO_DARK_PAPER:
        return Fault(RejectReason.TOO_DARK, f"paper is at grey {levels.paper:.0f} of 255")
    dark = dark_share(lost.plane, levels)
    if lost.plane.bitonal and dark > 0.5:
        return Fault(RejectReason.TOO_DARK, f"{dark:.0%} of the page is black")
    if lost.misaligned is not None:
        return Fault(lost.misaligned.reason, lost.misaligned.evidence)
    if levels.contrast < 25.0 or _bare(lost.plane, levels):
        return Fault(RejectReason.BLANK_PAGE, f"{dark:.2%} of the page is dark")
    for other in known:
        if other.hash != design.hash and isinstance(locate(raster, other), Located):
            return Fault(RejectReason.WRONG_DESIGN, f"this is a card of {other.name}")
    if lost.marks.share_found >= 0.5:
        return _partial(lost, design)
    for factor in OTHER_SCALES:
        scaled = find_marks(lost.plane, design, lost.side, lost.marks.px_per_mm * factor, levels)
        if scaled.complete:
            return Fault(RejectReason.WRONG_SCALE, f"the card shows at {factor:.0%} of its size")
    if levels.contrast < LEAST_CONTRAST:
        return Fault(RejectReason.LOW_CONTRAST, f"ink and paper differ by {levels.contrast:.0f}")
    alike = _mark_like(lost.plane, lost.marks.px_per_mm, levels)
    if alike >= 6:
        return Fault(
            RejectReason.WRONG_DESIGN,
            f"{alike} marks along the edges, but not those of {design.name}",
        )
    return Fault(RejectReason.NO_CARD, f"{lost.marks.share_found:.0%} of the marks were found")


def of_image(error: ImageError) -> Fault:
    """The fault of an image that could not be decoded."""
    if isinstance(error, ImageTooLarge):
        return Fault(RejectReason.TOO_LARGE, str(error))
    if isinstance(error, UnsupportedImage):
        return Fault(RejectReason.UNSUPPORTED_FILE, str(error))
    return Fault(RejectReason.DAMAGED_FILE, str(error))


def check_levels(place: Located) -> Fault | None:
    """Whether paper and ink of a card that was found are far enough apart to read pencil."""
    levels = place.levels
    if levels.paper < TOO_DARK_PAPER:
        return Fault(RejectReason.TOO_DARK, f"paper is at grey {levels.paper:.0f} of 255")
    if levels.contrast < LEAST_CONTRAST:
        return Fault(RejectReason.LOW_CONTRAST, f"ink and paper differ by {levels.contrast:.0f}")
    return None


def check_measured(place: Located, measured: Measured, design: Design) -> Fault | None:
    """Whether all bubbles lie on the page, and there is one sheet only."""
    if measured.off_page:
        return Fault(
            RejectReason.FOLDED_OR_TORN,
            f"{measured.off_page} bubbles lie beyond the edge of the scan",
        )
    return double_feed(place.plane, design, place.alignment.px_per_mm)


def double_feed(plane: Plane, design: Design, px_per_mm: float) -> Fault | None:
    """A page far longer than the card holds two sheets."""
    length_mm = plane.height / px_per_mm
    if length_mm > 1.25 * design.height_mm:
        return Fault(
            RejectReason.DOUBLE_FEED,
            f"the page is {length_mm:.0f} mm long, the card {design.height_mm:.0f} mm",
        )
    return None


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
    second = double_feed(lost.plane, design, lost.marks.px_per_mm) or _jump(lost.marks)
    if second is not None:
        return second
    if _at_corner(lost, design):
        return Fault(RejectReason.FOLDED_OR_TORN, f"hidden at a corner: {names}")
    return Fault(RejectReason.MARK_MISSING, f"not found: {names}")


def _jump(marks: MarkSet) -> Fault | None:
    """Where a track goes on out of step, a second sheet lies on the first."""
    for t in marks.tracks:
        axis = 1 if t.track.edge.vertical else 0
        at = np.flatnonzero(t.found)
        if len(at) < 12:
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
