"""What the press prints besides marks and bubbles: labels, numbers, write-in cells and frames.

The layout follows from the design alone. Nothing is laid where it would touch a bubble, a mark or
a zone; what found no room is listed in `SidePrint.omitted`, and the design check reports it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from omr.design import BubbleShape, Caption, Design, Field, FieldKind, Ink, Role, Side, Zone
from omr.press_items import (
    MIDDLE_EM,
    Anchor,
    Box,
    Rule,
    Text,
    bubble_boxes,
    caption_print,
    mark_boxes,
    zone_boxes,
)
from omr.records import F64, SideName

# The reader looks for stray ink up to 1.05 mm from a bubble; black print keeps farther away.
CLEAR_MM = 1.3
EDGE_MM = 3.0
TITLE_MM = 3.2
LABEL_MM = 2.9
CELL_MM = 7.0
EVERY = 5  # questions between two rules
_TAIL_NUMBER = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class SidePrint:
    """Everything laid out on a side.

    `cells` are the write-in cells of each grid, by field name and in reading order. `name_box` is
    where a candidate's name is printed, if the side has a place for it. `omitted` holds (line,
    what) for words that found no room; frames and cells are only left out.
    """

    texts: tuple[Text, ...]
    boxes: tuple[Box, ...]
    rules: tuple[Rule, ...]
    cells: dict[str, tuple[Box, ...]]
    name_box: Box | None
    omitted: tuple[tuple[int, str], ...]


def lay_out(design: Design, side: Side) -> SidePrint:
    """The print of one side."""
    layout = _Layout(design, side)
    for caption in side.captions:
        layout.caption(caption)
    for zone in side.zones:
        layout.zone(zone)
    for block in _blocks(side):
        layout.block(block)
    layout.footer()
    return SidePrint(
        tuple(layout.texts),
        tuple(layout.boxes),
        tuple(layout.rules),
        layout.cells,
        layout.name_box,
        tuple(layout.omitted),
    )


def is_name(words: str) -> bool:
    """Whether a title or a frame's words ask for a person's name."""
    return "".join(words.split()).rstrip(":：") in ("姓名", "考生姓名", "Name", "name")


def _blocks(side: Side) -> Iterator[tuple[Field, ...]]:
    """Fields that one table of the design made stand together."""
    block: list[Field] = []
    for each in side.fields:
        if block and block[-1].line != each.line:
            yield tuple(block)
            block = []
        block.append(each)
    if block:
        yield tuple(block)


def _label(each: Field) -> str:
    """What stands left of a row of options: its title, else the number its name ends in."""
    number = _TAIL_NUMBER.search(each.name)
    return each.title or (number[0] if number else each.name)


@dataclass
class _Layout:
    """A side being laid out."""

    design: Design
    side: Side
    texts: list[Text] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    cells: dict[str, tuple[Box, ...]] = field(default_factory=dict)
    name_box: Box | None = None
    omitted: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        look = self.design.bubbles
        self.red = self.design.ink is Ink.RED
        self.inside = look.labelled or look.shape is BubbleShape.AREA
        self.half_w, self.half_h = look.width_mm / 2, look.height_mm / 2
        zones = zone_boxes(self.side)
        self.taken = np.concatenate([bubble_boxes(self.design, self.side), zones])
        self.taken = np.concatenate([self.taken, mark_boxes(self.side)])
        # Blocks of questions get frames of one width, whatever their numbers' length.
        labels = [_label(f) for f in self.side.fields if f.role is Role.ANSWER and f.length == 1]
        widths = [Text(words, 0, 0, LABEL_MM).extent().width_mm for words in labels]
        self.widest_mm = max(widths, default=0.0)

    # ── room ─────────────────────────────────────────────────────────────────────────────────

    def free(self, box: Box, own: tuple[Field, ...] = (), clear_mm: float = 0.0) -> bool:
        """Whether a box lies on the page and off every zone, mark and bubble but `own`'s."""
        page_w, page_h = self.design.width_mm - EDGE_MM, self.design.height_mm - EDGE_MM
        if min(box.x_mm, box.y_mm) < EDGE_MM or box.right_mm > page_w or box.bottom_mm > page_h:
            return False
        left, top, right, bottom = self.taken.T
        hit = (left < box.right_mm + clear_mm) & (right > box.x_mm - clear_mm)
        hit &= (top < box.bottom_mm + clear_mm) & (bottom > box.y_mm - clear_mm)
        if own:
            hit[slice(*self._span(own))] = False
        return not hit.any()

    def put(self, text: Text, what: str) -> bool:
        """Lay words where they have room; else say that they were left out."""
        if self.free(text.extent(), clear_mm=0.0 if self.red else 0.9):
            self.texts.append(text)
            return True
        self.omitted.append((text.line, f"{what} {text.words!r}"))
        return False

    def _span(self, block: tuple[Field, ...]) -> tuple[int, int]:
        start = self.side.group_start
        return int(start[block[0].groups[0]]), int(start[block[-1].groups[1]])

    def _bounds(self, block: tuple[Field, ...]) -> Box:
        first, last = self._span(block)
        own = self.taken[first:last]
        (left, top), (right, bottom) = own[:, :2].min(0), own[:, 2:].max(0)
        return Box(float(left), float(top), float(right - left), float(bottom - top))

    def _group(self, group: int) -> F64:
        start = self.side.group_start
        centres: F64 = self.side.centres_mm[start[group] : start[group + 1]]
        return centres

    # ── captions, zones, footer ──────────────────────────────────────────────────────────────

    def caption(self, caption: Caption) -> None:
        box, text = caption_print(caption)
        if box:
            self.boxes.append(box)
        if text:
            self.texts.append(text)
        if box and text and is_name(text.words) and self.name_box is None:
            label = text.extent().right_mm - box.x_mm
            self.name_box = replace(box, x_mm=box.x_mm + label, width_mm=box.width_mm - label)

    def zone(self, zone: Zone) -> None:
        picture = zone.kind is FieldKind.PICTURE
        box = Box(zone.x_mm, zone.y_mm, zone.width_mm, zone.height_mm, dashed=not picture)
        self.boxes.append(box)
        if picture and (is_name(zone.title) or zone.name.startswith("name")):
            self.name_box = box
        if not zone.title:
            return
        x, y = box.middle_mm
        text = Text(zone.title, x, zone.y_mm - 1.4, LABEL_MM, Anchor.CENTRE, line=zone.line)
        if picture:
            y += MIDDLE_EM * TITLE_MM
            text = Text(zone.title, zone.x_mm - 1.5, y, TITLE_MM, Anchor.RIGHT, line=zone.line)
        self.put(text, "the title")

    def footer(self) -> None:
        page = {SideName.FRONT: "正面", SideName.BACK: "背面"}[self.side.name]
        words = f"{self.design.name}  {self.design.hash[:8]}"
        words += f"  {page}" if len(self.design.sides) > 1 else ""
        x, y = self.design.width_mm / 2, self.design.height_mm - 5.0
        text = Text(words, x, y, 2.0, Anchor.CENTRE)
        if self.free(text.extent(), clear_mm=1.0):
            self.texts.append(text)

    # ── fields ───────────────────────────────────────────────────────────────────────────────

    def block(self, block: tuple[Field, ...]) -> None:
        first, last = self._span(block)
        if first == last:
            return
        self._inside_labels(block)
        if block[0].kind in (FieldKind.DIGITS, FieldKind.LETTERS):
            for each in block:
                self._grid(each)
            return
        options = self._group(block[0].groups[0])
        across = len(options) > 1 and np.ptp(options[:, 0]) >= np.ptp(options[:, 1])
        if not self.inside and block[0].kind is not FieldKind.FLAG:
            self._option_labels(block, bool(across))
        if across or (len(options) == 1 < len(block)):
            self._left_labels(block)
        else:
            for each in block:
                self._label_above(each)
        if len(block) > 1 and across and self.red:
            self._question_frame(block)

    def _inside_labels(self, block: tuple[Field, ...]) -> None:
        if not self.inside or block[0].kind is FieldKind.FLAG:
            return
        look = self.design.bubbles
        for each in block:
            for group in range(*each.groups):
                for value, (x, y) in zip(each.values, self._group(group), strict=True):
                    size = 0.76 * look.height_mm
                    ems = Text(value, 0, 0, 1.0).extent().width_mm
                    size = min(size, 0.8 * look.width_mm / max(ems, 0.1))
                    words = Text(value, float(x), float(y) + MIDDLE_EM * size, size, Anchor.CENTRE)
                    self.texts.append(words)

    def _option_labels(self, block: tuple[Field, ...], across: bool) -> None:
        # Across: letters stand over the block's top row. Down: each stands left of its bubble.
        rows = [self._group(each.groups[0]) for each in block]
        for each, row in zip(block, rows, strict=True):
            if across and row[:, 1].min() > min(r[:, 1].min() for r in rows) + 0.01:
                continue
            for value, (x, y) in zip(each.values, row, strict=True):
                if across:
                    above = y - self.half_h - CLEAR_MM - 0.15 * LABEL_MM
                    text = Text(value, x, above, LABEL_MM, Anchor.CENTRE, line=each.line)
                else:
                    text = self._beside(value, float(x), float(y), each.line)
                self.put(text, "the label of option")

    def _beside(self, words: str, x: float, y: float, line: int) -> Text:
        left = x - self.half_w - CLEAR_MM
        return Text(words, left, y + MIDDLE_EM * LABEL_MM, LABEL_MM, Anchor.RIGHT, line=line)

    def _left_labels(self, block: tuple[Field, ...]) -> None:
        for each in block:
            options = self._group(each.groups[0])
            x, y = options[:, 0].min(), options[options[:, 0].argmin(), 1]
            self.put(self._beside(_label(each), float(x), float(y), each.line), "the label")

    def _label_above(self, each: Field) -> None:
        words = _label(each) if each.role is Role.ANSWER else each.title
        if words:
            bounds = self._bounds((each,))
            x, y = bounds.middle_mm[0], bounds.y_mm - CLEAR_MM - 0.8
            text = Text(words, x, y, TITLE_MM, Anchor.CENTRE, line=each.line)
            self.put(text, "the title")

    def _question_frame(self, block: tuple[Field, ...]) -> None:
        bounds = self._bounds(block)
        gap = 1.6
        left = bounds.x_mm - CLEAR_MM - self.widest_mm - 1.0
        box = Box(left, bounds.y_mm - gap, bounds.right_mm + gap - left, bounds.height_mm + 2 * gap)
        if not self.free(box, own=block):
            return
        self.boxes.append(box)
        tops = [float(self._group(each.groups[0])[0, 1]) for each in block]
        for i in range(EVERY, len(block), EVERY):
            y = (tops[i - 1] + tops[i]) / 2
            self.rules.append(Rule(box.x_mm, y, box.right_mm, y))

    # ── digit and letter grids ───────────────────────────────────────────────────────────────

    def _grid(self, each: Field) -> None:
        columns = [self._group(g) for g in range(*each.groups)]
        across = len(columns[0]) > 1 and np.ptp(columns[0][:, 0]) > np.ptp(columns[0][:, 1])
        if across:
            self._grid_across(each, columns)
        else:
            self._grid_down(each, columns)

    def _grid_down(self, each: Field, columns: list[F64]) -> None:
        """The usual grid: characters side by side, each with its values down a column."""
        bounds = self._bounds((each,))
        xs = [float(c[0, 0]) for c in columns]
        pitch = float(min(np.diff(xs))) if len(xs) > 1 else 2 * self.half_w + 2.4
        top = bounds.y_mm - CLEAR_MM - CELL_MM
        cells = tuple(Box(x - pitch / 2, top, pitch, CELL_MM) for x in xs)
        title_y = bounds.y_mm - CLEAR_MM
        strip = Box(cells[0].x_mm, top, cells[-1].right_mm - cells[0].x_mm, CELL_MM)
        if self.free(strip):
            self.boxes += cells
            self.cells[each.name] = cells
            title_y = top - 1.4
        if each.title:
            x = bounds.middle_mm[0]
            title = Text(each.title, x, title_y, TITLE_MM, Anchor.CENTRE, line=each.line)
            self.put(title, "the title")
        if not self.inside:
            for value, (x, y) in zip(each.values, columns[0], strict=True):
                self.put(self._beside(value, float(x), float(y), each.line), "the label of option")
        elif each.name in self.cells:
            self._grid_frame(each, strip, xs)

    def _grid_frame(self, each: Field, strip: Box, xs: list[float]) -> None:
        bounds = self._bounds((each,))
        head = 5.2
        top, bottom = strip.y_mm - head, bounds.bottom_mm + CLEAR_MM
        box = Box(strip.x_mm, top, strip.width_mm, bottom - top)
        if not self.free(box, own=(each,)):
            return
        self.boxes.append(box)
        for left, right in itertools.pairwise(xs):
            middle = (left + right) / 2
            self.rules.append(Rule(middle, strip.bottom_mm, middle, bottom))

    def _grid_across(self, each: Field, rows: list[F64]) -> None:
        """A grid on its side: characters one under another, each with its values in a row."""
        bounds = self._bounds((each,))
        ys = [float(r[0, 1]) for r in rows]
        pitch = float(min(np.diff(ys))) if len(ys) > 1 else CELL_MM
        left = bounds.x_mm - CLEAR_MM - CELL_MM
        cells = tuple(Box(left, y - pitch / 2, CELL_MM, pitch) for y in ys)
        if self.free(Box(left, cells[0].y_mm, CELL_MM, cells[-1].bottom_mm - cells[0].y_mm)):
            self.boxes += cells
            self.cells[each.name] = cells
        above = bounds.y_mm - CLEAR_MM - (0.8 if self.inside else LABEL_MM + 1.2)
        if each.title:
            x = bounds.middle_mm[0]
            title = Text(each.title, x, above, TITLE_MM, Anchor.CENTRE, line=each.line)
            self.put(title, "the title")
        if not self.inside:
            for value, (x, y) in zip(each.values, rows[0], strict=True):
                over = float(y) - self.half_h - CLEAR_MM - 0.15 * LABEL_MM
                label = Text(value, float(x), over, LABEL_MM, Anchor.CENTRE, line=each.line)
                self.put(label, "the label of option")
