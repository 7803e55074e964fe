"""Why no card was found, told apart with evidence."""

from __future__ import annotations

from dataclasses import dataclass

from omr.design import BubbleShape, Design
from omr.detect.bubbles import Measured
from omr.detect.locate import Located
from omr.detect.plane import Plane
from omr.errors import ImageError, ImageTooLarge, UnsupportedImage
from omr.records import RejectReason

TOO_DARK_PAPER = 70.0
LEAST_CONTRAST = 45.0
LEAST_OUTLINED = 0.75  # share of the bubbles whose printed outline must show; upside down 0.6 may
MOST_AWRY = 0.5  # of the bubbles; beyond it the card has no usual mark to judge the others by
LEAST_LIKENESS = 0.68  # and where only places are known, that must look like one another
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
    RejectReason.WRONG_WAY_UP: "Turn the picture the right way up. If it is, give the design a "
    "reference picture or uneven marks, which tell the way up.",
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
    if design.finds and measured.outlined < least_outlined(design):
        return Fault(
            RejectReason.WRONG_DESIGN,
            f"only {measured.outlined:.0%} of the bubbles show where they should",
        )
    if measured.awry > MOST_AWRY:
        return Fault(
            RejectReason.FOLDED_OR_TORN,
            f"{measured.awry:.0%} of the bubbles are not where the marks say",
        )
    return double_feed(place.plane, design, place.alignment.px_per_mm)


def least_outlined(design: Design) -> float:
    """The share of bubbles that must show where they should on a page that was straightened."""
    return LEAST_LIKENESS if design.bubbles.shape is BubbleShape.AREA else LEAST_OUTLINED


def double_feed(plane: Plane, design: Design, px_per_mm: float) -> Fault | None:
    """A page far longer than the card holds two sheets; if wider too, the card is too small."""
    length_mm = plane.height / px_per_mm
    if length_mm > 1.25 * design.height_mm:
        larger = plane.width / px_per_mm / design.width_mm
        if larger > 1.2:
            return Fault(
                RejectReason.WRONG_SCALE,
                f"the card shows at {1 / larger:.0%} of the width of its page",
            )
        return Fault(
            RejectReason.DOUBLE_FEED,
            f"the page is {length_mm:.0f} mm long, the card {design.height_mm:.0f} mm",
        )
    return None
