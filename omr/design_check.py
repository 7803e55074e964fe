"""Finds what would make a printed card read badly, before a hundred thousand are printed.

`parse_design` refuses what is no design at all; this finds designs that are well formed and still
wrong: bubbles that touch, marks that read the same upside down, values that nobody can fill in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from omr.design import LEAST_ALIKE, Design, FindKind, Ink, Side, Track
from omr.design_check_fields import check_fields
from omr.mark_patterns import same_marks
from omr.press_items import Box, bubble_boxes, caption_print, mark_boxes, zone_boxes
from omr.press_layout import CLEAR_MM, lay_out
from omr.records import F64

Finding = tuple[int, str]  # a line of the design's file, 0 where it is not known; and the words

BUBBLE_TO_EDGE_MM = 4.0
BUBBLE_TO_MARK_MM = 1.5
MARK_TO_EDGE_MM = 2.0  # scanners lose about this much of a sheet's edge
MARK_TO_MARK_MM = 1.5
LEAST_PITCH = 1.6  # of a track, in heights of its marks
LEAST_SPREAD_MM = 20.0  # of a side's marks off a straight line
SQUARE = 0.02  # a page is square if its sides differ by less than this share
TURNED = 0.6  # share of the bubbles, from which a layout stands on itself when it is turned


def check_design(design: Design) -> tuple[str, ...]:
    """Every fault found, each naming its line and what to do; empty for a good design."""
    findings = list(check_fields(design))
    for side in design.sides:
        findings += _check_bubbles(design, side)
        findings += _check_marks(design, side)
        findings += _check_turns(design, side)
        findings += _check_zones(design, side)
        findings += _check_print(design, side)
    findings += _check_faces(design)
    findings += _check_labels(design)
    return tuple(f"line {line}: {what}" if line else what for line, what in sorted(set(findings)))


# ── bubbles ──────────────────────────────────────────────────────────────────────────────────


def _check_bubbles(design: Design, side: Side) -> Iterator[Finding]:
    if not side.bubble_count:
        return
    boxes = bubble_boxes(design, side)
    lines, names = _bubble_owners(side)
    pairs = np.argwhere(np.triu(_touching(boxes, boxes), k=1))
    yield from _overlaps(pairs, lines, names, side.centres_mm)
    low, high = boxes[:, :2], np.array([design.width_mm, design.height_mm]) - boxes[:, 2:]
    edge = np.minimum(low, high).min(axis=1)
    for line, at in _worst(lines, edge, BUBBLE_TO_EDGE_MM):
        yield (
            line,
            f"bubble {names[at]} is {edge[at]:.1f} mm from the page's edge; "
            f"keep {BUBBLE_TO_EDGE_MM:g} mm, scanners cut the edges off",
        )
    marks = mark_boxes(side)
    if len(marks):
        clear = _clearances(boxes, marks).min(axis=1)
        for line, at in _worst(lines, clear, BUBBLE_TO_MARK_MM):
            yield (
                line,
                f"bubble {names[at]} is {max(clear[at], 0):.1f} mm from a mark; "
                f"keep {BUBBLE_TO_MARK_MM:g} mm clear, or a filled bubble hides the mark",
            )


def _overlaps(
    pairs: NDArray[np.int64], lines: NDArray[np.int64], names: list[str], centres: F64
) -> Iterator[Finding]:
    """One finding for each two tables of the file whose bubbles overlap."""
    first: dict[tuple[int, int], tuple[int, int]] = {}
    count: dict[tuple[int, int], int] = {}
    for a, b in pairs.tolist():
        tables = (int(lines[a]), int(lines[b]))
        first.setdefault(tables, (a, b))
        count[tables] = count.get(tables, 0) + 1
    for (line, other), (a, b) in first.items():
        n = count[line, other]
        where = f"near x {centres[a, 0]:.1f}, y {centres[a, 1]:.1f} mm"
        also = f" (the latter of line {other})" if other != line else ""
        more = f", and {n - 1} more" if n > 1 else ""
        yield (
            line,
            f"bubbles {names[a]} and {names[b]}{also} overlap {where}{more}; "
            "widen the steps or move one of the fields",
        )


def _bubble_owners(side: Side) -> tuple[NDArray[np.int64], list[str]]:
    """Of every bubble the line it comes from and its name."""
    lines: list[int] = []
    names: list[str] = []
    for field in side.fields:
        for k, _ in enumerate(range(*field.groups)):
            place = f" character {k + 1}" if field.length > 1 else ""
            for value in field.values:
                lines.append(field.line)
                names.append(f"{field.name}{place} {value!r}")
    return np.array(lines, np.int64), names


def _worst(lines: NDArray[np.int64], figure: F64, least: float) -> Iterator[tuple[int, int]]:
    """For each line with a figure under `least`, the bubble with the smallest."""
    short = np.flatnonzero(figure < least - 1e-6)
    for line in np.unique(lines[short]).tolist():
        own = short[lines[short] == line]
        yield line, int(own[figure[own].argmin()])


def _touching(a: F64, b: F64) -> NDArray[np.bool_]:
    """Which boxes (n, 4) overlap which (m, 4)."""
    across = (a[:, None, 0] < b[None, :, 2] - 1e-6) & (b[None, :, 0] < a[:, None, 2] - 1e-6)
    down = (a[:, None, 1] < b[None, :, 3] - 1e-6) & (b[None, :, 1] < a[:, None, 3] - 1e-6)
    touching: NDArray[np.bool_] = across & down
    return touching


def _clearances(a: F64, b: F64) -> F64:
    """White between boxes (n, 4) and (m, 4) in mm; negative where they overlap."""
    gaps = np.maximum(a[:, None, :2] - b[None, :, 2:], b[None, :, :2] - a[:, None, 2:])
    apart = np.hypot(*np.moveaxis(np.maximum(gaps, 0.0), -1, 0))
    clearances: F64 = np.where(gaps.max(axis=-1) > 0, apart, gaps.max(axis=-1))
    return clearances


# ── marks ────────────────────────────────────────────────────────────────────────────────────


def _mark_lines(side: Side) -> NDArray[np.int64]:
    lines = [t.line for t in side.tracks for _ in t.centres_mm] + [c.line for c in side.corners]
    return np.array(lines, np.int64)


def _check_marks(design: Design, side: Side) -> Iterator[Finding]:
    boxes, lines = mark_boxes(side), _mark_lines(side)
    if design.finds and not len(boxes):
        return  # the page is found by its own corners
    low, high = boxes[:, :2], np.array([design.width_mm, design.height_mm]) - boxes[:, 2:]
    edge = np.minimum(low, high).min(axis=1)
    for line, at in _worst(lines, edge, MARK_TO_EDGE_MM):
        x, y = side.marks_mm()[at]
        place = "is off the page" if edge[at] < 0 else f"is {edge[at]:.1f} mm from its edge"
        yield (
            line,
            f"the mark at x {x:.1f}, y {y:.1f} mm {place}; "
            f"keep {MARK_TO_EDGE_MM:g} mm, scanners cut the edges off",
        )
    group = np.repeat(
        np.arange(len(side.tracks) + len(side.corners)),
        [len(t.centres_mm) for t in side.tracks] + [1] * len(side.corners),
    )
    clear = _clearances(boxes, boxes)
    clear[group[:, None] <= group[None, :]] = np.inf  # each pair once; a track's own by its pitch
    near = clear.min(axis=1, initial=np.inf)
    for line, at in _worst(lines, near, MARK_TO_MARK_MM):
        other = lines[clear[at].argmin()]
        x, y = side.marks_mm()[at]
        yield (
            line,
            f"the mark at x {x:.1f}, y {y:.1f} mm is {max(near[at], 0):.1f} mm from one of line "
            f"{other}; keep {MARK_TO_MARK_MM:g} mm, or they melt into one",
        )
    for track in side.tracks:
        yield from _check_pitch(track)
    yield from _check_spread(side, lines)


def _check_pitch(track: Track) -> Iterator[Finding]:
    along = 1 if track.edge.vertical else 0
    if len(track.numbers) < 2:
        yield track.line, "the track has fewer than two marks; leave fewer of them absent"
        return
    steps = np.diff(track.centres_mm[:, along]) / np.diff(track.numbers)
    pitch, mark = float(steps.min()), track.size_mm[along]
    if pitch < LEAST_PITCH * mark - 1e-6:
        yield (
            track.line,
            f"marks of {mark:g} mm stand {pitch:g} mm apart, too close to be told apart; make the "
            f"pitch at least {LEAST_PITCH * mark:g} mm or the marks shorter",
        )


def _check_spread(side: Side, lines: NDArray[np.int64]) -> Iterator[Finding]:
    marks = side.marks_mm()
    line = int(lines.min()) if len(lines) else 1
    if len(marks) >= 3:
        _, _, axes = np.linalg.svd(marks - marks.mean(axis=0))
        if np.ptp(marks @ axes[1]) >= LEAST_SPREAD_MM:
            return
    yield (
        line,
        f"the marks of the {side.name.value} lie on one line, so the card's width and skew cannot "
        f"be told; add a mark at least {LEAST_SPREAD_MM:g} mm off that line",
    )


# ── turns and faces ──────────────────────────────────────────────────────────────────────────


def _check_turns(design: Design, side: Side) -> Iterator[Finding]:
    lines = _mark_lines(side)
    if not len(lines):
        yield from _check_half_turn(design, side)
        return
    page = sorted((design.width_mm, design.height_mm))
    turns = {2: "upside down"}
    if page[1] - page[0] <= SQUARE * page[1]:
        turns[1] = "on its side"
    for quarters, how in turns.items():
        if same_marks(side, side, quarters):
            yield (
                int(lines.min()),
                f"the marks of the {side.name.value} read the same {how}; leave one mark of a "
                "track absent, or move or reshape one corner mark",
            )


def _check_half_turn(design: Design, side: Side) -> Iterator[Finding]:
    """A page that is found as a whole has only its bubbles to tell which way is up."""
    whole = {find.kind for find in design.finds}
    if not whole or FindKind.REFERENCE in whole or not side.bubble_count:
        return
    page = np.array([design.width_mm, design.height_mm])
    reach = np.array([design.bubbles.width_mm, design.bubbles.height_mm]) / 2
    off = np.abs(page - side.centres_mm[:, None] - side.centres_mm[None, :])
    mirrored = np.asarray((off <= reach).all(axis=-1), np.bool_)
    share = float(mirrored.any(axis=1).mean())
    if share >= TURNED:
        yield (
            0,
            f"{share:.0%} of the bubbles of the {side.name.value} stand where bubbles stand upside "
            "down, so such a page cannot be told and pages will be refused; add three corner "
            "marks, or find it by a reference picture",
        )


def _check_faces(design: Design) -> Iterator[Finding]:
    if len(design.sides) < 2:
        return
    front, back = design.sides
    for quarters, how in ((0, ""), (2, " upside down")):
        if len(_mark_lines(back)) and same_marks(front, back, quarters):
            yield (
                int(_mark_lines(back).min()),
                f"the marks of the back are those of the front{how}, so the sides cannot be told "
                "apart; leave another mark absent on the back, or move one",
            )


# ── zones and print ──────────────────────────────────────────────────────────────────────────


def _check_zones(design: Design, side: Side) -> Iterator[Finding]:
    boxes = zone_boxes(side)
    bubbles, marks = bubble_boxes(design, side), mark_boxes(side)
    lines, names = _bubble_owners(side)
    for k, zone in enumerate(side.zones):
        own = boxes[k : k + 1]
        off = boxes[k, :2].min() < 0
        if off or boxes[k, 2] > design.width_mm or boxes[k, 3] > design.height_mm:
            yield zone.line, f"the zone {zone.name} reaches off the page; move or shrink it"
        for at in np.flatnonzero(_touching(bubbles, own).any(axis=1))[:1]:
            yield (
                zone.line,
                f"the zone {zone.name} covers bubble {names[at]} of line {lines[at]}; move one",
            )
        if _touching(marks, own).any():
            yield zone.line, f"the zone {zone.name} covers a mark; move it off the marks"
        for at in np.flatnonzero(_touching(boxes[:k], own).any(axis=1)):
            other = side.zones[at]
            yield (
                zone.line,
                f"the zone {zone.name} overlaps {other.name} of line {other.line}; move one",
            )


def _check_print(design: Design, side: Side) -> Iterator[Finding]:
    """Captions off the page or, in black, on bubbles and marks; labels that found no room."""
    taken = {
        "bubble, where it would count as a fill": bubble_boxes(design, side),
        "mark": mark_boxes(side),
    }
    for number, caption in enumerate(side.captions, 1):
        name = f"[[{side.name.value}.text]] no. {number} ({caption.text or 'a frame'})"
        box, text = caption_print(caption)
        parts = [*(_strokes(box) if box else ()), *([text.extent()] if text else ())]
        if not parts:
            yield 0, f"{name} has neither words nor a frame; delete it"
            continue
        covered = np.array([[p.x_mm, p.y_mm, p.right_mm, p.bottom_mm] for p in parts])
        low, high = covered[:, :2].min(axis=0), covered[:, 2:].max(axis=0)
        if low.min() < 0 or high[0] > design.width_mm or high[1] > design.height_mm:
            yield 0, f"{name} reaches off the page; move it"
        if design.ink is Ink.BLACK or caption.black:
            for what, boxes in taken.items():
                if _touching(boxes, covered).any():
                    yield 0, f"{name} is printed in black on a {what}; move it {CLEAR_MM:g} mm away"
    omitted: dict[int, list[str]] = {}
    for line, what in lay_out(design, side).omitted:
        omitted.setdefault(line, []).append(what)
    for line, whats in omitted.items():
        more = f" and {len(whats) - 1} more" if len(whats) > 1 else ""
        yield line, f"there is no room to print {whats[0]}{more}; leave 4 mm free for it"


def _strokes(box: Box) -> tuple[Box, ...]:
    """The four lines of a frame."""
    x, y, w, h, line = box.x_mm, box.y_mm, box.width_mm, box.height_mm, box.stroke_mm
    across = (Box(x, y - line / 2, w, line), Box(x, y + h - line / 2, w, line))
    return (*across, Box(x - line / 2, y, line, h), Box(x + w - line / 2, y, line, h))


def _check_labels(design: Design) -> Iterator[Finding]:
    if not (design.ink is Ink.BLACK and design.bubbles.labelled):
        return
    for side in design.sides:
        values = Counter(v for f in side.fields for _ in range(f.length) for v in f.values)
        rare = sorted(value for value, times in values.items() if times < LEAST_ALIKE)
        if rare:
            yield (
                0,
                f"[bubble] labelled = true prints letters inside in black; {', '.join(rare[:8])} "
                f"stand in fewer than {LEAST_ALIKE} bubbles of the {side.name}, too few to tell "
                'the letter from a mark; set ink = "red", or labelled = false',
            )
