"""A traced sheet as the text of a design."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from omr.design import Corner, FieldKind
from omr.records import F64
from omr.tracing.records import FoundTrack, Proposal, Traced, TracedSide

_FACES = ("front", "back")


def to_toml(traced: Traced, name: str, source: str) -> str:
    """The design as TOML that `omr.design_parse` reads; `source` names the picture."""
    look, ink = traced.sides[0].bubbles.look, traced.sides[0].bubbles.ink
    lines = [
        f"# Traced from {source}. Positions are measured; names, kinds and values are proposals.",
        "# Rename the fields, mend what the proof picture shows to be wrong, then run",
        f"# omr design check {name}.toml",
        *(f"# {note}" for note in traced.notes),
        f"name = {_quoted(name)}",
        f"title = {_quoted(name)}  # rename: the card's title in words",
        f'ink = "{ink.value}"',
    ]
    if traced.unmarked:
        lines += ["", "[[find]]  # there are no marks to find the card by"]
        if len(traced.sides) == 1:
            lines += ['kind = "reference"', f"picture = {_quoted(reference_name(name))}"]
        else:
            lines += ['kind = "outline"']
    lines += ["", "[page]", f"width_mm = {traced.page.width_mm:g}"]
    lines += [f"height_mm = {traced.page.height_mm:g}", "", "[bubble]"]
    lines += [f'shape = "{look.shape.value}"', f"width_mm = {look.width_mm:g}"]
    lines += [f"height_mm = {look.height_mm:g}", f"stroke_mm = {look.stroke_mm:g}"]
    lines += [f"labelled = {str(look.labelled).lower()}"]
    for face, side in zip(_FACES, traced.sides, strict=False):
        for table in _tables(side, face):
            lines += ["", *table]
    return "\n".join(lines) + "\n"


def reference_name(name: str) -> str:
    """The file that holds the picture of the page by which a card without marks is found."""
    return f"{name}-page.png"


def _quoted(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


def _tables(side: TracedSide, face: str) -> Iterator[list[str]]:
    for track in side.marks.tracks:
        yield [f"[[{face}.track]]", *_track(track)]
    if side.marks.enough:
        for corner in side.marks.corners:
            yield [f"[[{face}.corner]]", *_corner(corner)]
    for proposal in side.proposals:
        yield [f"[[{face}.field]]", *_field(proposal)]


def _track(track: FoundTrack) -> Iterator[str]:
    yield f'edge = "{track.edge.value}"'
    yield f"at_mm = {track.at_mm:g}"
    yield f"first_mm = {track.first_mm:g}"
    yield f"pitch_mm = {track.pitch_mm:g}"
    yield f"count = {track.count}"
    yield f"mark_mm = [{track.size_mm[0]:g}, {track.size_mm[1]:g}]"
    if track.absent:
        yield f"absent = [{', '.join(map(str, track.absent))}]"


def _corner(corner: Corner) -> Iterator[str]:
    yield f'shape = "{corner.shape.value}"'
    yield f"x_mm = {corner.x_mm:g}"
    yield f"y_mm = {corner.y_mm:g}"
    yield f"size_mm = {corner.size_mm:g}"
    if corner.grey:
        yield "grey = true"


_WHAT = {
    FieldKind.SINGLE: "what it asks",
    FieldKind.DIGITS: "whose number this is",
    FieldKind.LETTERS: "whose letters these are",
    FieldKind.FLAG: "what a mark here says",
}


def _field(proposal: Proposal) -> Iterator[str]:
    fields, characters, values, _ = proposal.centres_mm.shape
    numbered = "{n}" in proposal.name
    hint = "" if numbered and proposal.kind is FieldKind.SINGLE else "  # rename: "
    yield f'name = "{proposal.name}"{hint}{hint and _WHAT[proposal.kind]}'
    yield f'kind = "{proposal.kind.value}"'
    grid = proposal.kind in (FieldKind.DIGITS, FieldKind.LETTERS)
    if proposal.kind not in (FieldKind.DIGITS, FieldKind.FLAG):
        if all(len(value) == 1 for value in proposal.values):
            yield f'values = "{"".join(proposal.values)}"'
        else:
            yield f"values = {json.dumps(list(proposal.values))}"
    if numbered:
        yield f"first = {proposal.first}"
        yield f"count = {fields}"
    if grid:
        yield f"length = {characters}"
    origin = proposal.centres_mm[0, 0, 0]
    yield f"at = {_place(origin, 2)}"
    if values > 1:
        yield f"value_step = {_place(_step(proposal.centres_mm, 2), 3)}"
    if characters > 1:
        yield f"character_step = {_place(_step(proposal.centres_mm, 1), 3)}"
    if fields > 1:
        yield f"field_step = {_place(_step(proposal.centres_mm, 0), 3)}"


def _step(centres: F64, axis: int) -> F64:
    """The step along an axis; what adds up to nothing over the whole run is nothing."""
    run = np.take(centres, -1, axis) - np.take(centres, 0, axis)
    total: F64 = run.reshape(-1, 2).mean(axis=0)
    total = np.where(np.abs(total) < 0.1, 0.0, total)
    step: F64 = total / (centres.shape[axis] - 1)
    return step


def _place(point: F64, digits: int) -> str:
    x, y = (round(float(v), digits) for v in point)
    return f"{{ x_mm = {x + 0.0:g}, y_mm = {y + 0.0:g} }}"
