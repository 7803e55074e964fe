"""Numbered pictures of every stage, and the overlay of a reading. Silent unless asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from omr.design import Design, Ink
from omr.detect.alignment import to_pixels
from omr.detect.bubbles import Measured, measure
from omr.detect.decode import decode
from omr.detect.faults import Fault
from omr.detect.levels import page_levels
from omr.detect.locate import Located, Lost, channel_of, locate
from omr.detect.plane import upright_plane
from omr.detect.straighten import straighten
from omr.errors import ImageError, OutputError
from omr.overlay import Card, draw_found, draw_marks, paint_reading, paint_rejected
from omr.records import F64, U8, CardReading, Raster, RejectedPage, ScannedPage, Turn
from omr.sketch import (
    AMBER,
    BLUE,
    BOLD,
    DIM,
    GREEN,
    INK,
    PALE,
    PX_PER_MM,
    RED,
    Colour,
    Sketch,
    band,
    box,
    cut_short,
    save,
    sketch,
    stack,
    upright_grey,
    write,
)

if TYPE_CHECKING:  # the pipeline tells its traces; they need not know it
    from omr.pipeline import ReadPage

_GRID_MM = 10.0
_MAGNIFIED = 25.0  # how much longer than life residuals are drawn
_TOLD_FROM = 0.03  # figures below this are left out of the picture


class Trace(Protocol):
    """Told of every stage as it ends."""

    def decoded(self, raster: Raster) -> None:
        """The page is decoded."""

    def straightened(self, raster: Raster) -> None:
        """The sheet was found on a picture, and drawn upright; this is the page from here on."""

    def located(self, place: Located | Lost) -> None:
        """The card is found, or not."""

    def measured(self, place: Located, measured: Measured) -> None:
        """Every bubble is measured."""

    def judged(self, place: Located, reading: CardReading) -> None:
        """The reading is made."""


class _Silent:
    def decoded(self, raster: Raster) -> None:
        pass

    def straightened(self, raster: Raster) -> None:
        pass

    def located(self, place: Located | Lost) -> None:
        pass

    def measured(self, place: Located, measured: Measured) -> None:
        pass

    def judged(self, place: Located, reading: CardReading) -> None:
        pass


NO_TRACE: Trace = _Silent()


def open_trace(folder: Path, design: Design) -> Trace:
    """A trace that puts a numbered picture of every stage of one page into a folder.

    Its calls raise OutputError where the folder cannot be written.
    """
    return _Pictures(folder, design)


def write_overlay(
    page: ScannedPage, outcome: ReadPage | RejectedPage, design: Design, path: Path
) -> None:
    """Write the overlay picture of a page (JPEG, 150 dpi).

    Raises OSError where it cannot be written.
    """
    save(overlay_of(page, outcome, design), path)


def overlay_of(page: ScannedPage, outcome: ReadPage | RejectedPage, design: Design) -> U8:
    """The overlay picture of a page, (h, w, 3) BGR."""
    try:
        raster = decode(page, colour=design.ink is Ink.RED)
    except ImageError:
        if isinstance(outcome, RejectedPage):
            return paint_rejected(None, None, outcome)
        raise
    if design.finds:
        flat = straighten(raster, design, channel_of(design))
        if isinstance(flat, Fault):
            if isinstance(outcome, ReadPage):
                raise AssertionError("a page that was read had been found")
            return paint_rejected(upright_grey(raster, Turn.UPRIGHT), None, outcome)
        raster = flat.raster
    if isinstance(outcome, RejectedPage):
        found = locate(raster, design)
        turn = found.alignment.turn if isinstance(found, Located) else found.turn
        return paint_rejected(upright_grey(raster, turn), found, outcome)
    alignment = outcome.alignment
    side = design.side(alignment.side)
    centres = to_pixels(side.centres_mm, alignment.matrix, alignment.correction)
    if design.ink is Ink.BLACK:  # bubbles were placed by their printed outlines
        plane = upright_plane(raster, channel_of(design), alignment.turn)
        centres = measure(plane, design, side, alignment, page_levels(plane)).centres_px
    card = Card(side, design.bubbles, alignment, centres)
    return paint_reading(upright_grey(raster, alignment.turn), card, outcome.reading)


class _Pictures:
    """Draws what each stage reports."""

    def __init__(self, folder: Path, design: Design) -> None:
        self._folder = folder
        self._design = design
        self._raster: Raster | None = None
        self._centres_px: F64 = np.zeros((0, 2))

    def decoded(self, raster: Raster) -> None:
        self._raster = raster
        height, width = raster.pixels.shape[:2]
        kind = "bitonal" if raster.bitonal else "grey" if raster.pixels.ndim == 2 else "colour"
        dpi = f"{raster.dpi:g} dpi by the file" if raster.dpi else "no dpi in the file"
        page = sketch(upright_grey(raster, Turn.UPRIGHT), None)
        self._save("01-decoded", page, f"decoded: {width} × {height} px, {kind}, {dpi}")

    def straightened(self, raster: Raster) -> None:
        self._raster = raster
        height, width = raster.pixels.shape[:2]
        page = sketch(upright_grey(raster, Turn.UPRIGHT), None)
        self._save("01-straightened", page, f"found and straightened: {width} × {height} px")

    def located(self, place: Located | Lost) -> None:
        if isinstance(place, Lost):
            page = self._page(place.turn, place.marks.px_per_mm)
            draw_found(page, place)
            share = f"{place.marks.share_found:.0%} of the marks of the {place.side.name}"
            self._save("02-marks", page, f"no card: best attempt found {share}")
            return
        alignment = place.alignment
        page = self._page(alignment.turn, alignment.px_per_mm)
        draw_found(page, place)
        half_mm = place.side.marks_size_mm()[:, 0] / 2
        for k, (at, half) in enumerate(zip(alignment.marks_px, half_mm, strict=True)):
            x, y = page.place(at)
            x = min(x + round(half * PX_PER_MM) + 6, page.image.shape[1] - 20)
            write(page.image, str(k + 1), (x, y + 4), DIM, 11)
        words = f"marks: all {len(alignment.marks_px)} of the {alignment.side} found"
        words += f", paper at grey {place.levels.paper:.0f}, ink at {place.levels.ink:.0f}"
        self._save("02-marks", page, words)
        self._alignment(place)

    def measured(self, place: Located, measured: Measured) -> None:
        self._centres_px = measured.centres_px
        page = self._page(place.alignment.turn, place.alignment.px_per_mm)
        outline = self._design.bubbles.outline_mm(0.1) @ place.alignment.matrix[:2, :2].T
        for at, row in zip(measured.centres_px, measured.figures, strict=True):
            fill, darkness, around, through = (float(f) / 255 for f in row[:4])
            strength = min(1.0, (fill + darkness) / 1.2)
            page.wash(at + outline, BLUE, 0.3 * strength)
            page.outline(at + outline, _mixed(PALE, BLUE, strength), 1)
            if max(fill, darkness) >= _TOLD_FROM:
                x, y = page.place(at + outline.max(axis=0))
                write(page.image, f"{100 * fill:.0f}", (x + 2, y - 9), INK, 8)
                write(page.image, f"{100 * darkness:.0f}", (x + 2, y - 1), INK, 8)
            if strength < 0.4 and (through >= 0.5 or around >= 0.2):
                page.outline(at + outline * 1.15, AMBER, 1)
        words = "bubbles: fill above darkness, in percent; "
        words += "amber: little but ink round it, or a line through"
        self._save("04-bubbles", page, words)

    def judged(self, place: Located, reading: CardReading) -> None:
        card = Card(place.side, self._design.bubbles, place.alignment, self._centres_px)
        grey = upright_grey(self._decoded(), place.alignment.turn)
        self._write("05-verdicts", paint_reading(grey, card, reading))

    def _alignment(self, place: Located) -> None:
        """The paper's millimetres as they lie in the scan, and what is left over at each mark."""
        alignment, design = place.alignment, self._design
        page = self._page(alignment.turn, alignment.px_per_mm)
        for line in _grid(design.width_mm, design.height_mm):
            px = to_pixels(line, alignment.matrix, alignment.correction)
            page.outline(px, BLUE, 1, closed=False)
        edge = box(np.zeros(2), np.array([design.width_mm, design.height_mm]))
        page.outline(to_pixels(edge, alignment.matrix, alignment.correction), INK, 2)
        draw_marks(page, alignment.marks_px, place.side.marks_size_mm(), alignment, GREEN)
        placed = to_pixels(alignment.marks_mm, alignment.matrix, alignment.correction)
        straight = to_pixels(alignment.marks_mm, alignment.matrix, None)
        for found, here, plain in zip(alignment.marks_px, placed, straight, strict=True):
            _arrow(page, found, found + _MAGNIFIED * (plain - found), AMBER)
            _arrow(page, found, found + _MAGNIFIED * (here - found), RED)
        words = f"alignment: residual {alignment.residual_mm:.2f} mm, skew "
        words += f"{alignment.skew_deg:+.2f}°, stretch {alignment.stretch:.2%}, "
        words += f"{25.4 * alignment.px_per_mm:.0f} px/inch; {_MAGNIFIED:.0f} times enlarged: "
        words += "amber what a flat fit leaves over, red what is left at last"
        self._save("03-alignment", page, words)

    def _decoded(self) -> Raster:
        if self._raster is None:
            raise AssertionError("a page is decoded before anything is found in it")
        return self._raster

    def _page(self, turn: Turn, px_per_mm: float) -> Sketch:
        return sketch(upright_grey(self._decoded(), turn), px_per_mm)

    def _save(self, name: str, page: Sketch, words: str) -> None:
        width = page.image.shape[1]
        head = band(width, 40)
        write(
            head, cut_short(f"{name[:2]}  {words}", width - 32, 16, BOLD), (16, 26), INK, 16, BOLD
        )
        self._write(name, stack([head, page.image]))

    def _write(self, name: str, picture: U8) -> None:
        path = self._folder / f"{name}.jpg"
        try:
            save(picture, path)
        except OSError as error:
            raise OutputError(
                f"{path} cannot be written ({error.strerror or error}); "
                "make room or choose another folder for the trace"
            ) from error


def _grid(width_mm: float, height_mm: float) -> list[F64]:
    """Lines (n, 2) in mm, close enough to points that bends show."""
    down, across = np.arange(0, height_mm + 1, 3.0), np.arange(0, width_mm + 1, 3.0)
    lines = [np.stack([np.full_like(down, x), down], 1) for x in np.arange(0, width_mm, _GRID_MM)]
    rows = np.arange(0, height_mm, _GRID_MM)
    return lines + [np.stack([across, np.full_like(across, y)], 1) for y in rows]


def _arrow(page: Sketch, start: F64, end: F64, colour: Colour) -> None:
    page.outline(np.array([start, end]), colour, 2, closed=False)
    page.dot(end, colour, 3)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    b, g, r = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return b, g, r


__all__ = ["NO_TRACE", "Trace", "open_trace", "overlay_of", "write_overlay"]
