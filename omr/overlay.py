"""The overlay: a page in pale grey with what was found on it, what it says, and what is doubted."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from omr.design import Bubbles, Field, FieldKind, Role, Side
from omr.detect.alignment import to_pixels
from omr.detect.locate import Located, Lost
from omr.records import (
    F64,
    U8,
    Alignment,
    CardReading,
    Doubt,
    DoubtKind,
    RejectedPage,
    Status,
)
from omr.sketch import (
    AMBER,
    BLUE,
    BOLD,
    DIM,
    DPI,
    GREEN,
    INK,
    PALE,
    RED,
    REGULAR,
    TEAL,
    VIOLET,
    WHITE,
    Colour,
    Sketch,
    band,
    box,
    cut_short,
    sketch,
    stack,
    tag,
    text_width,
    write,
)

_BEYOND_MM = 0.35  # outlines run round the bubble, so that its mark stays in sight
_MOST_LISTED = 10
_STATUS_COLOUR = {Status.READ: GREEN, Status.REVIEW: AMBER, Status.REJECTED: RED}
_SHORT = {
    DoubtKind.FIGURES_DISAGREE: "disagree",
    DoubtKind.IDENTITY_CLASH: "clash",
    DoubtKind.CHECK_FAILED: "check",
    DoubtKind.BARCODE_ALONE: "one reader",
    DoubtKind.BARCODE_MISSING: "missing",
    DoubtKind.REQUIRED_BLANK: "blank",
    DoubtKind.VALUE_NOT_ALLOWED: "not allowed",
    DoubtKind.SIDE_MISSING: "side missing",
}
_GRAVE = {  # what no look at the mark itself can settle
    DoubtKind.SEVERAL,
    DoubtKind.IDENTITY_CLASH,
    DoubtKind.CHECK_FAILED,
    DoubtKind.BARCODE_MISSING,
    DoubtKind.REQUIRED_BLANK,
    DoubtKind.VALUE_NOT_ALLOWED,
}
_CHARACTER = re.compile(r"^character (\d+)")


@dataclass(frozen=True, slots=True)
class Card:
    """A card that was found in a page: its face, how it lies, and its bubbles' centres in px."""

    side: Side
    look: Bubbles
    alignment: Alignment
    centres_px: F64


def paint_reading(grey: U8, card: Card, reading: CardReading) -> U8:
    """The overlay of an upright page (h, w) that was read."""
    page = sketch(grey, card.alignment.px_per_mm)
    draw_marks(page, card.alignment.marks_px, card.side.marks_size_mm(), card.alignment, GREEN)
    _draw_zones(page, card, reading)
    _draw_bubbles(page, card, reading)
    width = page.image.shape[1]
    return stack([_header(card, reading, width), page.image, _footer(reading, width)])


def paint_rejected(grey: U8 | None, found: Located | Lost | None, page: RejectedPage) -> U8:
    """The overlay of a page that was refused; `grey` is None where it could not be decoded."""
    if grey is None:
        shown = Sketch(band(1000, 320, PALE), 1.0)
        write(shown.image, "no picture: the file cannot be decoded", (30, 170), DIM, 22, BOLD)
    else:
        ppm = None
        if isinstance(found, Located):
            ppm = found.alignment.px_per_mm
        elif found is not None:
            ppm = found.marks.px_per_mm
        shown = sketch(grey, ppm)
        if found is not None:
            draw_found(shown, found)
        height, width = shown.image.shape[:2]
        frame = box(np.zeros(2), np.array([width, height]) / shown.scale - 1)
        shown.outline(frame, RED, 5)
    return stack([_refusal(page, shown.image.shape[1]), shown.image])


def draw_found(page: Sketch, found: Located | Lost) -> None:
    """Marks that were found in green; marks that are not where they belong in red."""
    if isinstance(found, Located):
        alignment = found.alignment
        draw_marks(page, alignment.marks_px, found.side.marks_size_mm(), alignment, GREEN)
        return
    marks = found.marks
    mm, sizes = found.side.marks_mm(), found.side.marks_size_mm()
    px = np.concatenate([*(t.centres_px for t in marks.tracks), marks.corners_px])
    seen = np.concatenate([*(t.found for t in marks.tracks), marks.corners_found])
    half = sizes / 2 * marks.px_per_mm
    for at, reach in zip(px[seen], half[seen], strict=True):
        page.outline(box(at - reach - 2, at + reach + 2), GREEN, 2)
    if seen.sum() < 3 or seen.all():
        return
    rough = _similarity(mm[seen], px[seen])
    for at, reach in zip(mm[~seen] @ rough[:, :2].T + rough[:, 2], half[~seen], strict=True):
        corners = box(at - reach - 2, at + reach + 2)
        page.outline(corners, RED, 2)
        page.outline(corners[[0, 2]], RED, 2, closed=False)


def _similarity(mm: F64, px: F64) -> F64:
    """Least-squares turn, uniform scale and shift (2×3) from points (n, 2) to points (n, 2)."""
    mean_mm, mean_px = mm.mean(axis=0), px.mean(axis=0)
    x, y = (mm - mean_mm).T
    u, v = (px - mean_px).T
    norm = (x * x + y * y).sum()
    c, s = (x * u + y * v).sum() / norm, (x * v - y * u).sum() / norm
    shift_x = mean_px[0] - c * mean_mm[0] + s * mean_mm[1]
    shift_y = mean_px[1] - s * mean_mm[0] - c * mean_mm[1]
    return np.array([[c, -s, shift_x], [s, c, shift_y]])


def draw_marks(
    page: Sketch, marks_px: F64, sizes_mm: F64, alignment: Alignment, colour: Colour
) -> None:
    """The outline of each printed mark where it was found."""
    turned = alignment.matrix[:2, :2].T
    beyond = 2.0 / page.scale / alignment.px_per_mm
    for at, size in zip(marks_px, sizes_mm, strict=True):
        half = size / 2 + beyond
        page.outline(at + box(-half, half) @ turned, colour, 2)


def identity_line(side: Side, reading: CardReading) -> str:
    """Who the card says it belongs to, and what the staff marked on it."""
    said = dict(zip(reading.fields, reading.values, strict=True))
    names = [f.name for f in side.fields if f.role is Role.IDENTITY]
    names += [z.name for z in side.zones_of(FieldKind.BARCODE)]
    words = [f"{name} {said[name] or '–'}" for name in names]
    words += [f.name.upper() for f in side.fields if f.role is Role.STAFF and said[f.name]]
    return "     ".join(words)


def doubted_groups(side: Side, reading: CardReading) -> dict[int, list[Doubt]]:
    """Rows of options that carry a doubt; one about a whole number counts for all of them."""
    fields = {field.name: field for field in side.fields}
    found: dict[int, list[Doubt]] = {}
    for doubt in reading.doubts:
        if doubt.field in fields:
            for group in _groups_of(fields[doubt.field], doubt):
                found.setdefault(group, []).append(doubt)
    return found


def _groups_of(field: Field, doubt: Doubt) -> range:
    first, last = field.groups
    place = _CHARACTER.match(doubt.evidence)
    if place is None or last - first == 1:
        return range(first, last)
    at = first + int(place[1]) - 1
    return range(at, at + 1)


def _colour_of(doubts: list[Doubt]) -> Colour:
    return RED if any(d.kind in _GRAVE for d in doubts) else AMBER


def _words_of(doubts: list[Doubt]) -> str:
    kinds = dict.fromkeys(d.kind for d in doubts)
    return " + ".join(_SHORT.get(kind, str(kind)) for kind in kinds)


def _draw_bubbles(page: Sketch, card: Card, reading: CardReading) -> None:
    side, turned = card.side, card.alignment.matrix[:2, :2].T
    outline = card.look.outline_mm(_BEYOND_MM) @ turned
    doubted = doubted_groups(side, reading)
    for group, doubts in doubted.items():
        span = slice(side.group_start[group], side.group_start[group + 1])
        _draw_band(page, card.centres_px[span], outline, _colour_of(doubts))
    letters: list[tuple[str, F64, Colour]] = []
    for field in side.fields:
        for group in range(*field.groups):
            mask = int(reading.masks[group])
            colour = _colour_of(doubted[group]) if group in doubted else BLUE
            for k, value in enumerate(field.values):
                at = card.centres_px[side.group_start[group] + k]
                if mask >> k & 1:
                    page.outline(at + outline, colour, 2)
                    letters.append((value, at + outline.max(axis=0), colour))
                else:
                    page.outline(at + outline, DIM if group in doubted else PALE, 1)
    for value, right_px, colour in letters:
        _letter(page, value, right_px, colour)
    for group, doubts in _tagged(side, doubted).items():
        span = slice(side.group_start[group], side.group_start[group + 1])
        _draw_tag(page, card.centres_px[span], outline, doubts)


def _tagged(side: Side, doubted: dict[int, list[Doubt]]) -> dict[int, list[Doubt]]:
    """One label a doubt: a doubt about all of a number is told at its first character."""
    told: set[tuple[str, str]] = set()
    tagged: dict[int, list[Doubt]] = {}
    for group, doubts in doubted.items():
        fresh = [d for d in doubts if (d.field, d.evidence + d.kind) not in told]
        told |= {(d.field, d.evidence + d.kind) for d in fresh}
        if fresh:
            tagged[group] = fresh
    return tagged


def _letter(page: Sketch, value: str, right_px: F64, colour: Colour) -> None:
    x, y = page.place(right_px)
    words, at = cut_short(value, 150, 13, BOLD), (x + 2, y - round(6 * page.scale))
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        write(page.image, words, (at[0] + dx, at[1] + dy), WHITE, 13, BOLD)
    write(page.image, words, at, colour, 13, BOLD)


def _draw_band(page: Sketch, centres: F64, outline: F64, colour: Colour) -> None:
    reach = 2.5 / page.scale
    low = centres.min(axis=0) + outline.min(axis=0) - reach
    high = centres.max(axis=0) + outline.max(axis=0) + reach
    page.wash(box(low, high), colour, 0.16)
    page.outline(box(low, high), colour, 1)


def _draw_tag(page: Sketch, centres: F64, outline: F64, doubts: list[Doubt]) -> None:
    low, high = centres.min(axis=0), centres.max(axis=0)
    across = high[0] - low[0] >= high[1] - low[1]
    words, colour = _words_of(doubts), _colour_of(doubts)
    if across and len(centres) > 1:
        x, y = page.place(np.array([high[0] + outline[:, 0].max(), centres[-1, 1]]))
        tag(page.image, words, (x + 14, y - 8), colour)
        return
    x, y = page.place(low + outline.min(axis=0))
    tag(page.image, words, (x - 2, y - 22), colour)


def _draw_zones(page: Sketch, card: Card, reading: CardReading) -> None:
    said = {code.zone: code for code in reading.barcodes}
    for zone in card.side.zones:
        low = np.array([zone.x_mm, zone.y_mm])
        corners_mm = box(low, low + np.array([zone.width_mm, zone.height_mm]))
        corners = to_pixels(corners_mm, card.alignment.matrix, card.alignment.correction)
        x, y = page.place(corners[3])
        if zone.kind is not FieldKind.BARCODE:
            page.outline(corners, VIOLET, 1)
            tag(page.image, f"{zone.name}: kept as a picture", (x, y + 2), VIOLET, 11)
            continue
        doubts = [d for d in reading.doubts if d.field == zone.name]
        colour = _colour_of(doubts) if doubts else TEAL
        page.outline(corners, colour, 2)
        code = said.get(zone.name)
        words = f"{zone.name}: {code.text}" if code and code.text else f"{zone.name}: nothing read"
        words += f"  ({_words_of(doubts)})" if doubts else ""
        tag(page.image, words, (x, y + 2), colour)


def _header(card: Card, reading: CardReading, width: int) -> U8:
    alignment = card.alignment
    head = band(width, 74)
    end = _pill(head, str(reading.status).upper(), _STATUS_COLOUR[reading.status])
    turn = f"turned {int(reading.turn)}°   " if reading.turn else ""
    lie = f"{reading.side}   {turn}skew {alignment.skew_deg:+.1f}°   "
    lie += f"stretch {alignment.stretch:.1%}   residual {alignment.residual_mm:.2f} mm"
    room = text_width(lie, 15)
    write(head, lie, (max(end, width - room - 16), 29), DIM, 15)
    name = cut_short(_page_name(reading), width - room - end - 60, 17, BOLD)
    write(head, name, (end + 14, 30), INK, 17, BOLD)
    who = cut_short(identity_line(card.side, reading), width - 32, 18)
    write(head, who, (16, 60), INK, 18)
    head[-1:] = PALE
    return head


def _refusal(page: RejectedPage, width: int) -> U8:
    head = band(width, 104)
    end = _pill(head, "REJECTED", RED)
    end = write(head, str(page.reason), (end + 14, 31), RED, 20, BOLD)
    name = cut_short(_page_name(page), width - end - 50, 15)
    write(head, name, (width - text_width(name, 15) - 16, 29), DIM, 15)
    write(head, cut_short(page.evidence, width - 32, 17), (16, 62), INK, 17)
    write(head, cut_short(page.advice, width - 32, 17, BOLD), (16, 90), INK, 17, BOLD)
    return head


def _pill(head: U8, word: str, colour: Colour) -> int:
    right = 16 + text_width(word, 17, BOLD) + 20
    head[10:38, 16:right] = colour
    write(head, word, (26, 30), WHITE, 17, BOLD)
    return right


def _page_name(page: CardReading | RejectedPage) -> str:
    return re.split(r"[\\/]", page.source)[-1] + (f" #{page.frame + 1}" if page.frame else "")


def _footer(reading: CardReading, width: int) -> U8:
    told: dict[tuple[str, str], list[Doubt]] = {}
    for doubt in reading.doubts:
        told.setdefault((doubt.field, doubt.evidence), []).append(doubt)
    listed = list(told.items())[:_MOST_LISTED]
    more = len(told) - len(listed)
    foot = band(width, 36 + 22 * (len(listed) + (more > 0)))
    foot[:1] = PALE
    _legend(foot)
    y = 50
    for (name, evidence), doubts in listed:
        end = write(foot, name or "sheet", (16, y), INK, 14, BOLD)
        end, _ = tag(foot, _words_of(doubts), (max(end + 8, 100), y - 13), _colour_of(doubts))
        start = max(end + 12, 246)
        write(foot, cut_short(evidence, width - start - 16, 14), (start, y), INK, 14)
        y += 22
    if more > 0:
        write(foot, f"and {more} more doubts", (16, y), DIM, 14)
    return foot


def _legend(foot: U8) -> None:
    x = 16
    legend = (
        ("mark found", GREEN),
        ("filled", BLUE),
        ("blank", PALE),
        ("a person must look", AMBER),
    )
    for words, colour in (*legend, ("broken rule", RED), ("code", TEAL)):
        foot[11:23, x : x + 18] = colour
        foot[13:21, x + 2 : x + 16] = WHITE
        x = write(foot, words, (x + 24, 22), DIM, 13, REGULAR) + 22
    write(foot, f"{DPI:.0f} dpi", (x, 22), PALE, 13)
