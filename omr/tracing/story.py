"""From pictures of a blank sheet to what is printed on it: the whole story on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from omr.detect.decode import decode
from omr.errors import ImageError, TracingError
from omr.records import ScannedPage
from omr.tracing.blocks import propose
from omr.tracing.bubbles import find_bubbles, main_size, skew_of
from omr.tracing.marks import find_marks
from omr.tracing.outlines import Shapes, find_shapes
from omr.tracing.records import PageSize, Proposal, Sheet, Traced, TracedSide
from omr.tracing.sheet import open_sheet, printed, straightened, tidy_page

_SMALL_SKEW_DEG = 0.03
_MOST_SIDES = 2


def trace_sheet(pages: Sequence[ScannedPage], page: PageSize | None = None) -> Traced:
    """What is printed on a blank sheet: one page for its front, a second one for its back.

    `page` is the sheet's size where the file does not tell it.

    Raises TracingError where a page cannot be decoded or has no bubbles, where there is more than
    one sheet, or no way to tell its size.
    """
    if not 1 <= len(pages) <= _MOST_SIDES:
        raise TracingError(
            f"{len(pages)} pages are no blank sheet; give a file of one page, or of two for the "
            "front and the back of one sheet"
        )
    sides: list[TracedSide] = []
    for one in pages:
        before = [proposal for side in sides for proposal in side.proposals]
        try:
            sides.append(_trace_side(one, page, before))
        except (TracingError, ImageError) as error:
            where = f", page {one.frame + 1}" if len(pages) > 1 else ""
            raise TracingError(f"{one.source}{where}: {error}") from error
    marked = [side.marks.enough for side in sides]
    if len(set(marked)) > 1:
        raise TracingError(
            f"{pages[marked.index(False)].source}: one side has marks to find it by and the other "
            "has none; give the side with the bubbles that are to be read as a page of its own"
        )
    size = page or tidy_page(sides[0].sheet.page)
    notes = (*_notes(sides), *_size_notes(sides[0], pages[0], page))
    return Traced(size, tuple(sides), notes)


def _trace_side(
    scanned: ScannedPage, page: PageSize | None, before: Sequence[Proposal]
) -> TracedSide:
    sheet = open_sheet(decode(scanned, colour=True), scanned.dpi, page)
    shapes = _shapes(sheet)
    skew = skew_of(shapes.centres_mm[main_size(shapes)])
    if abs(skew) >= _SMALL_SKEW_DEG:
        sheet = straightened(sheet, skew)
        shapes = _shapes(sheet)
    bubbles = find_bubbles(shapes, sheet)
    marks = find_marks(sheet, bubbles)
    return TracedSide(sheet, skew, marks, bubbles, propose(bubbles, sheet, before))


def _shapes(sheet: Sheet) -> Shapes:
    return find_shapes(printed(sheet), sheet.px_per_mm)


def _size_notes(side: TracedSide, scanned: ScannedPage, page: PageSize | None) -> list[str]:
    """What the file says of the sheet's size, where a person said otherwise."""
    if page is None or not scanned.dpi:
        return []
    width = decode(scanned, colour=False).pixels.shape[1] / scanned.dpi * 25.4
    if abs(width - side.sheet.page.width_mm) <= 0.03 * width:
        return []
    return [f"By the file's own dots an inch the sheet is {width:.0f} mm wide, not as you say."]


def _notes(sides: Sequence[TracedSide]) -> list[str]:
    """What a person should know who reads the design."""
    notes = []
    if sides[0].sheet.redness is None:
        notes.append('The picture has no colours: if the bubbles are red, say ink = "red".')
    hidden = sum(side.bubble_count - int(side.bubbles.clear.sum()) for side in sides)
    if hidden:
        notes.append(f"{hidden} bubbles are filled, or hidden by their letter: look at them.")
    if len(sides) > 1:
        one, other = (side.bubbles.look for side in sides)
        if max(abs(one.width_mm - other.width_mm), abs(one.height_mm - other.height_mm)) > 0.5:
            notes.append("The back's bubbles differ in size; a design has one look for both sides.")
    return notes
