"""From a plan to scans and their truth."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from omr.design import Design, FieldKind
from omr.records import SideName
from omr.simulate.blank import blank_card
from omr.simulate.damage import damage_sheet
from omr.simulate.double_feed import lay_over
from omr.simulate.drawing import PAPER, Canvas
from omr.simulate.labels import draw_label
from omr.simulate.lie import Placement
from omr.simulate.mix import Mix
from omr.simulate.optics import encode, plan_flaws, take_scan
from omr.simulate.plan import CardPlan, PagePlan, plan_card, stream
from omr.simulate.scene import Cover
from omr.simulate.strokes import Drawn, draw_strokes
from omr.simulate.truth import PageTruth, SimulatedPage
from omr.simulate.verdict import Evidence, black_from, blank_scene, judge
from omr.simulate.writing import write_in

cv2.setNumThreads(1)


def simulate_card(design: Design, mix: Mix, seed: int, index: int) -> tuple[SimulatedPage, ...]:
    """The scans of one card, one a side: always the same bytes for the same arguments."""
    return render_card(plan_card(design, mix, seed, index))


def render_card(plan: CardPlan) -> tuple[SimulatedPage, ...]:
    """The scans that a plan leads to."""
    return tuple(_render_page(plan, k) for k in range(len(plan.pages)))


def _render_page(plan: CardPlan, number: int) -> SimulatedPage:
    page = plan.pages[number]
    rng = stream(plan.seed, plan.index, 1, number)
    cover = Cover(plan.design.width_mm, plan.design.height_mm)
    canvas, drawn = _draw_sheet(plan, page, cover, rng)
    if plan.under is not None:
        canvas = _with_second_sheet(canvas, plan, plan.under.pages[number], rng)
    height_mm, width_mm = (px / canvas.px_per_mm for px in canvas.pixels.shape[:2])
    placement = Placement(page.lie, width_mm, height_mm, canvas.px_per_mm)
    flaws = plan_flaws(plan, (placement.width_px, placement.height_px), rng)
    image, suffix = encode(take_scan(canvas, placement, plan, flaws, rng), plan.scan)
    scene, unsettled, unreadable = judge(Evidence(plan, page, placement, cover, flaws, drawn))
    values = page.values
    if plan.whole and plan.whole != "double feed":
        values, unsettled = {}, {}
        scene = blank_scene(placement, page.side.bubble_count)
    truth = PageTruth(
        file=f"{plan.asked.name}-{plan.index:06d}-{page.side.name}{suffix}",
        design=plan.asked.name,
        side=SideName(page.side.name),
        turn=page.lie.turn,
        values=dict(values),
        unsettled=unsettled,
        unreadable=unreadable,
        defects=plan.defects,
        scan=plan.scan.title,
    )
    return SimulatedPage(image, suffix, truth, scene)


def _with_second_sheet(
    canvas: Canvas, plan: CardPlan, under: PagePlan, rng: np.random.Generator
) -> Canvas:
    """Both sheets of a double feed, in the light of the first one's scan."""
    assert plan.under is not None
    second = replace(plan.under, scan=plan.scan)
    cover = Cover(plan.design.width_mm, plan.design.height_mm)
    below, _ = _draw_sheet(second, under, cover, rng)
    lay_over(below, canvas, plan.mix, rng)
    return below


def _draw_sheet(
    plan: CardPlan, page: PagePlan, cover: Cover, rng: np.random.Generator
) -> tuple[Canvas, list[Drawn]]:
    """The sheet as it lies on the glass, upright, and what was drawn in its boxes."""
    kind, design = plan.scan.kind, plan.design
    ppm = kind.dpi / 25.4
    inks = (plan.sheet.print_darkness, plan.sheet.mark_darkness, plan.sheet.shade)
    canvas = Canvas(blank_card(design, page.side.name, kind.dpi, kind.mode, inks), ppm)
    drawn: list[Drawn] = []
    if plan.whole == "blank sheet":
        canvas.pixels[:] = PAPER
    else:
        for label in page.labels:
            zone = next(z for z in page.side.zones if z.name == label.zone)
            draw_label(canvas, zone, label, rng)
        for zone in page.side.zones_of(FieldKind.PICTURE):
            write_in(canvas, zone, rng)
        drawn = draw_strokes(
            canvas, design, page.side.centres_mm, plan.hand, page.strokes, black_from(plan.scan)
        )
    damage_sheet(canvas, cover, plan, page)
    return canvas, drawn
