"""Prints cards: a design, and a roster where cards are personal, as a vector PDF in true size.

Marks and barcodes are DeviceGray black, which every printer sets with black ink alone. Red is the
spot colour `DropOutRed`: a printing house puts its drop-out ink on that plate; elsewhere it turns
into magenta and yellow without cyan or black, so that the scanner's red light does not see it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reportlab.lib.colors import CMYKColorSep
from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from omr.design import BubbleShape, Corner, CornerShape, Design, FieldKind, Ink, Side, Zone
from omr.errors import DesignError, RosterError
from omr.outputs import whole_file
from omr.pdf_font import lacking, register
from omr.press_barcodes import ABOVE_MM, TEXT_MM, Bar, BarcodeMisfit, fit
from omr.press_items import MIDDLE_EM, Anchor, Box, Rule, Text
from omr.press_layout import SidePrint, lay_out
from omr.records import SideName
from omr.roster import RosterRow, load_roster

__all__ = ["RosterRow", "load_roster", "print_design"]

PT = 72 / 25.4
DROP_OUT = CMYKColorSep(0, 0.6, 0.45, 0, spotName="DropOutRed")
REGULAR, BOLD = "omr-regular", "omr-bold"
ARM = 1 / 3  # thickness of an L's and a cross's arms, as a share of the mark
ANGLE = 1 / 10  # thickness of an angle's bars, likewise
RING = 1 / 6  # thickness of a ring's line, likewise
LIP = 0.16  # length of a bracket's hooks, as a share of the bubble's width
NAME_MM, LEAST_NAME_MM = 4.6, 2.0
CODE_MM = 4.4  # of the characters in the write-in cells
IDENTITY = ("ticket", "student")

Prints = dict[SideName, SidePrint]


@dataclass(frozen=True, slots=True)
class _Overlay:
    """What is printed on one page for one candidate."""

    texts: tuple[Text, ...] = ()
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True)
class _Context:
    """A row in words, the zones that its barcode goes into, and what else the card shows of it."""

    where: str
    zones: tuple[Zone, ...]
    named: bool
    numbered: bool


def print_design(design: Design, out: Path, *, roster: Sequence[RosterRow] = ()) -> None:
    """Write a PDF of the blank card, or of one card for each row of the roster.

    A two-sided card takes two pages. A row's name and number are printed and its barcode in the
    barcode zone; no bubble is filled in. The same input gives the same bytes.

    Raises:
        DesignError: the font lacks a character of the design, or a roster's names have no place.
        RosterError: a row's number does not fit the card, its barcode not the zone, or the font
            lacks a character of its name.
        OutputError: the file cannot be written.
        FontMissing: set-up has not put the font there.
    """
    _register_fonts()
    prints = {side.name: lay_out(design, side) for side in design.sides}
    _check_design_glyphs(design, prints)
    cards = [_personal(design, prints, row) for row in roster] or [[_Overlay()] * len(prints)]
    with whole_file(out) as partial:
        page = (design.width_mm * PT, design.height_mm * PT)
        canvas = Canvas(str(partial), pagesize=page, invariant=1, pageCompression=1)
        canvas.setTitle(design.title)
        canvas.setSubject(f"{design.name} {design.hash}")
        pen = _Pen(canvas, design)
        for side in design.sides:
            _draw_form(pen, side, prints[side.name])
        for card in cards:
            for side, overlay in zip(design.sides, card, strict=True):
                canvas.doForm(side.name.value)
                _draw_overlay(pen, overlay)
                canvas.showPage()
        canvas.save()


# ── fonts ────────────────────────────────────────────────────────────────────────────────────


@functools.cache
def _register_fonts() -> None:
    for name, bold in ((REGULAR, False), (BOLD, True)):
        register(name, bold=bold)


def _lacking(words: str) -> str:
    """The first character that a font lacks, or ""."""
    return lacking(words, REGULAR, BOLD)[:1]


def _check_design_glyphs(design: Design, prints: Prints) -> None:
    findings = tuple(
        f"the font has no {missing!r} (U+{ord(missing):04X}) for {text.words!r}; word it otherwise"
        for print_ in prints.values()
        for text in print_.texts
        if (missing := _lacking(text.words))
    )
    if findings:
        raise DesignError(design.source, findings)


def _width_mm(words: str, size_mm: float, font: str = REGULAR) -> float:
    return float(pdfmetrics.stringWidth(words, font, size_mm))


# ── personal cards ───────────────────────────────────────────────────────────────────────────


def _personal(design: Design, prints: Prints, row: RosterRow) -> list[_Overlay]:
    where = f"roster row {row.row}" if row.row else f"roster number {row.number}"
    for words in (row.name, row.number, row.barcode):
        if missing := _lacking(words):
            raise RosterError(
                f"{where}: the font has no {missing!r} (U+{ord(missing):04X}) for {words!r}; "
                "put another way of writing it (such as pinyin) in the roster, or leave the row "
                "out and write that card by hand"
            )
    _check_number(design, row, where)
    zones = _barcode_zones(design)
    if row.barcode not in ("", row.number) and not zones:
        raise RosterError(f"{where}: the design {design.name} has no barcode zone; give no barcode")
    named = any(p.name_box for p in prints.values())
    if not named and not zones:
        what = 'no place for names; add a [[front.text]] with text = "姓名" and a frame_mm'
        raise DesignError(design.source, (what,))
    numbered = bool(zones) or any(p.cells.get(name) for p in prints.values() for name in IDENTITY)
    context = _Context(where, zones, named, numbered)
    return [_side_overlay(side, prints[side.name], row, context) for side in design.sides]


def _check_number(design: Design, row: RosterRow, where: str) -> None:
    for side in design.sides:
        for field in side.fields:
            if field.name not in IDENTITY or field.kind is not FieldKind.DIGITS:
                continue
            if len(row.number) != field.length:
                raise RosterError(
                    f"{where}: number {row.number} has {len(row.number)} characters, the card's "
                    f"{field.title or field.name} {field.length}; mend the row, or the length at "
                    f"line {field.line} of {design.source}"
                )
            strange = [c for c in row.number if c not in field.values]
            if strange:
                raise RosterError(
                    f"{where}: number {row.number} holds {strange[0]!r}, which the card's "
                    f"{field.title or field.name} has no bubble for; mend the row"
                )


def _barcode_zones(design: Design) -> tuple[Zone, ...]:
    """The first barcode zone, and those that must say the same."""
    zones = [z for side in design.sides for z in side.zones_of(FieldKind.BARCODE)]
    if not zones:
        return ()
    first = zones[0]
    alike = [z for z in zones[1:] if z.same_as and z.same_as in (first.name, first.same_as)]
    return first, *alike


def _side_overlay(side: Side, print_: SidePrint, row: RosterRow, context: _Context) -> _Overlay:
    texts: list[Text] = []
    bars: list[Bar] = []
    for name in IDENTITY:
        for character, cell in zip(row.number, print_.cells.get(name, ()), strict=False):
            x, y = cell.middle_mm
            baseline = y + MIDDLE_EM * CODE_MM
            texts.append(Text(character, x, baseline, CODE_MM, Anchor.CENTRE, black=True))
    if print_.name_box:
        texts.append(_name_text(print_.name_box, row, context))
    for zone in side.zones:
        if zone in context.zones:
            bars += _bars(zone, row, context.where)
            under = _under_code(zone, row, context.named)
            if under is None and not context.named:
                raise RosterError(
                    f"{context.where}: the name {row.name!r} is too long to print under the "
                    "barcode, and the design has no other place for it; shorten it, or add a "
                    f'[[{side.name.value}.text]] with text = "姓名" and a frame_mm'
                )
            texts += [under] if under else []
    return _Overlay(tuple(texts), tuple(bars))


def _bars(zone: Zone, row: RosterRow, where: str) -> tuple[Bar, ...]:
    code = row.barcode or row.number
    try:
        return fit(zone, code)
    except BarcodeMisfit as error:
        raise RosterError(
            f"{where}: barcode {code!r} {error}; the zone {zone.name!r} (line {zone.line} of the "
            f"design) is {zone.width_mm:g} × {zone.height_mm:g} mm: give a shorter barcode, or "
            "enlarge the zone"
        ) from error


def _name_text(box: Box, row: RosterRow, context: _Context) -> Text:
    words = row.name if context.numbered else f"{row.name}  {row.number}"
    text = _shrunk(Text(words, box.x_mm + 2.0, 0.0, NAME_MM, black=True), box.width_mm - 3.0)
    if text is None:
        raise RosterError(f"{context.where}: {words!r} is too long to print; shorten the name")
    return replace(text, y_mm=box.middle_mm[1] + MIDDLE_EM * text.size_mm)


def _under_code(zone: Zone, row: RosterRow, named: bool) -> Text | None:
    """Code and name in words; the name, and even the code, may give way if said elsewhere."""
    code = row.barcode or row.number
    x = zone.x_mm + zone.width_mm / 2
    y = zone.y_mm + zone.height_mm - ABOVE_MM - 0.12 * TEXT_MM
    for words in (f"{code}  {row.name}", *([code] if named else [])):
        text = Text(words, x, y, TEXT_MM, Anchor.CENTRE, black=True)
        if shrunk := _shrunk(text, zone.width_mm - 3.0):
            return shrunk
    return None


def _shrunk(text: Text, width_mm: float) -> Text | None:
    """The text small enough for a width, or None where that would be illegible."""
    size = min(text.size_mm, text.size_mm * width_mm / _width_mm(text.words, text.size_mm))
    return replace(text, size_mm=size) if size >= LEAST_NAME_MM else None


# ── drawing ──────────────────────────────────────────────────────────────────────────────────


def _draw_form(pen: _Pen, side: Side, print_: SidePrint) -> None:
    """The part that all cards share, stored once in the file."""
    canvas, design = pen.canvas, pen.design
    canvas.beginForm(side.name.value)
    for box in print_.boxes:
        pen.box(box)
    for rule in print_.rules:
        pen.rule(rule)
    pen.bubbles(side)
    for text in print_.texts:
        pen.text(text)
    canvas.setFillGray(0)
    for track in side.tracks:
        for x, y in track.centres_mm:
            pen.bar(x - track.size_mm[0] / 2, y - track.size_mm[1] / 2, *track.size_mm)
    for corner in side.corners:
        pen.corner(corner)
    # reportlab gives a form its fonts but forgets its spot colours; it offers no public way.
    resources = pdfdoc.PDFResourceDictionary()
    resources.basicFonts()
    resources.allProcs()
    if design.ink is Ink.RED:
        resources.setColorSpace(canvas._colorsUsed)
    canvas.endForm(Resources=resources)


def _draw_overlay(pen: _Pen, overlay: _Overlay) -> None:
    pen.canvas.setFillGray(0)
    for bar in overlay.bars:
        pen.bar(*bar)
    for text in overlay.texts:
        pen.text(text)


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws in mm, y down, on reportlab's canvas in points, y up."""

    canvas: Canvas
    design: Design

    def ink(self, black: bool) -> None:
        """Take up the design's ink, or black."""
        if black or self.design.ink is Ink.BLACK:
            self.canvas.setFillGray(0)
            self.canvas.setStrokeGray(0)
        else:
            self.canvas.setFillColor(DROP_OUT)
            self.canvas.setStrokeColor(DROP_OUT)

    def y(self, y_mm: float) -> float:
        return (self.design.height_mm - y_mm) * PT

    def bar(self, left: float, top: float, width: float, height: float) -> None:
        """A filled rectangle."""
        y = self.y(top + height)
        self.canvas.rect(left * PT, y, width * PT, height * PT, stroke=0, fill=1)

    def box(self, box: Box) -> None:
        self.ink(box.black)
        self.canvas.setLineWidth(box.stroke_mm * PT)
        self.canvas.setDash([1.6 * PT, 1.2 * PT] if box.dashed else [])
        y = self.y(box.bottom_mm)
        self.canvas.rect(box.x_mm * PT, y, box.width_mm * PT, box.height_mm * PT)
        self.canvas.setDash([])

    def rule(self, rule: Rule) -> None:
        self.ink(black=False)
        self.canvas.setLineWidth(rule.stroke_mm * PT)
        start, end = (rule.x0_mm, rule.y0_mm), (rule.x1_mm, rule.y1_mm)
        self.canvas.line(start[0] * PT, self.y(start[1]), end[0] * PT, self.y(end[1]))

    def text(self, text: Text) -> None:
        self.ink(text.black)
        font = BOLD if text.bold else REGULAR
        width = _width_mm(text.words, text.size_mm, font)
        before = {Anchor.LEFT: 0.0, Anchor.CENTRE: width / 2, Anchor.RIGHT: width}[text.anchor]
        self.canvas.setFont(font, text.size_mm * PT)
        self.canvas.drawString((text.x_mm - before) * PT, self.y(text.y_mm), text.words)

    def bubbles(self, side: Side) -> None:
        """The outlines of a side's bubbles, the line centred on the stated size."""
        look = self.design.bubbles
        self.ink(black=False)
        self.canvas.setLineWidth(look.stroke_mm * PT)
        path = self.canvas.beginPath()
        w, h = look.width_mm * PT, look.height_mm * PT
        for x_mm, y_mm in side.centres_mm:
            left, low = x_mm * PT - w / 2, self.y(y_mm) - h / 2
            if look.shape in (BubbleShape.BOX, BubbleShape.AREA):
                path.rect(left, low, w, h)
            elif look.shape is BubbleShape.OVAL:
                path.roundRect(left, low, w, h, min(w, h) / 2)
            else:
                for edge, inwards in ((left, LIP * w), (left + w, -LIP * w)):
                    path.moveTo(edge + inwards, low + h)
                    path.lineTo(edge, low + h)
                    path.lineTo(edge, low)
                    path.lineTo(edge + inwards, low)
        self.canvas.drawPath(path, stroke=1, fill=0)

    def corner(self, corner: Corner) -> None:
        """A locator mark, in the colour in hand."""
        size, arm = corner.size_mm, corner.size_mm * ARM
        left, top = corner.x_mm - size / 2, corner.y_mm - size / 2
        match corner.shape:
            case CornerShape.SQUARE:
                self.bar(left, top, size, size)
            case CornerShape.DISC:
                x, y = corner.x_mm * PT, self.y(corner.y_mm)
                self.canvas.circle(x, y, size / 2 * PT, stroke=0, fill=1)
            case CornerShape.CROSS:
                self.bar(left, corner.y_mm - arm / 2, size, arm)
                self.bar(corner.x_mm - arm / 2, top, arm, size)
            case CornerShape.ELL:
                self.bar(left, top, arm, size)
                self.bar(left, top + size - arm, size, arm)
            case CornerShape.THREE_SQUARES:
                self.bar(left, top, size, size / 2)
                self.bar(left, top, size / 2, size)
            case CornerShape.ANGLE:
                bar = size * ANGLE
                right = corner.x_mm > self.design.width_mm / 2
                low = corner.y_mm > self.design.height_mm / 2
                self.bar(left, top + (size - bar if low else 0), size, bar)
                self.bar(left + (size - bar if right else 0), top, bar, size)
            case CornerShape.RING:
                x, y, width = corner.x_mm * PT, self.y(corner.y_mm), size * RING * PT
                self.canvas.setLineWidth(width)
                self.canvas.circle(x, y, size / 2 * PT - width / 2, stroke=1, fill=0)
