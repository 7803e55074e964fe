"""What was found on a sheet, in words."""

from __future__ import annotations

from collections.abc import Iterator

from omr.design import Corner, FieldKind
from omr.tracing.records import FoundTrack, Proposal, Traced, TracedSide

_FACES = ("front", "back")


def traced_words(traced: Traced) -> Iterator[str]:
    """Lines that say what was found, and what a person should know about it."""
    yield f"page: {traced.page.width_mm:g} × {traced.page.height_mm:g} mm"
    for face, side in zip(_FACES, traced.sides, strict=False):
        look, ink = side.bubbles.look, side.bubbles.ink.value
        yield (
            f"{face}: {side.bubble_count} bubbles, {look.shape.value} of "
            f"{look.width_mm:g} × {look.height_mm:g} mm in {ink}"
            + (f", straightened by {side.skew_deg:.2f}°" if abs(side.skew_deg) >= 0.03 else "")
        )
        yield from (f"  {line}" for line in _marks(side))
        yield from (f"  {_fields(proposal)}" for proposal in side.proposals)
    yield from (f"note: {note}" for note in traced.notes)


def _marks(side: TracedSide) -> Iterator[str]:
    marks = side.marks
    yield from (_track(track) for track in marks.tracks)
    if marks.corners:
        yield f"corner marks: {', '.join(map(_corner, marks.corners))}"
    if not marks.count():
        yield "no timing track and no corner marks"


def _track(track: FoundTrack) -> str:
    absent = f", absent {', '.join(map(str, track.absent))}" if track.absent else ""
    return f"{track.edge.value} track: {track.count - len(track.absent)} marks{absent}"


def _corner(corner: Corner) -> str:
    return f"{corner.shape.value} {corner.size_mm:.1f} mm"


def _fields(proposal: Proposal) -> str:
    fields, characters, values, _ = proposal.centres_mm.shape
    names = proposal.names()
    name = names[0] if fields == 1 else f"{names[0]} … {names[-1]}"
    if proposal.kind is FieldKind.FLAG:
        return f"{name}: {'one box' if fields == 1 else 'one box each'}"
    across = f" × {characters}" if characters > 1 else ""
    return f"{name}: {proposal.kind.value}, {values} values{across}"
