"""The truth about one page, from the scene alone: what nobody could settle, or even read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omr.records import F32, F64
from omr.simulate.drawing import PAPER
from omr.simulate.labels import label_size
from omr.simulate.lie import Placement
from omr.simulate.mix import ScanMode
from omr.simulate.optics import Flaws
from omr.simulate.plan import CardPlan, PagePlan, Scan
from omr.simulate.scene import (
    ERASURE_AGAINST,
    HIDDEN_FROM,
    MARK_HIDDEN_FROM,
    VANISHED_BELOW,
    VANISHED_BLACK,
    Cover,
    Scene,
    bubble_sizes,
    unseen_share,
)
from omr.simulate.strokes import Drawn

_LEAST_SPAN = 60.0  # grey levels between paper and black
_LEAST_WHITE = 100.0
_LABEL_HIDDEN_FROM = 0.02  # share of a barcode's label


@dataclass(frozen=True)
class Evidence:
    """All that is known about one page before it is judged."""

    plan: CardPlan
    page: PagePlan
    placement: Placement
    cover: Cover
    flaws: Flaws
    drawn: list[Drawn]


def black_from(scan: Scan) -> float | None:
    """Darkness from which a pixel of a bitonal scan turns black; None for other scans."""
    if scan.kind.mode is not ScanMode.BITONAL:
        return None
    level = (scan.threshold - scan.black) / (scan.white - scan.black)
    return float(np.clip(1 - level, -0.1, 1.1))


def judge(evidence: Evidence) -> tuple[Scene, dict[str, str], str]:
    """The scene, what is unsettled by field, and why the page may be refused ("" if it may not)."""
    side = evidence.page.side
    sizes = bubble_sizes(evidence.plan.design, side)
    unseen = unseen_share(side.centres_mm, sizes, evidence.cover, evidence.placement)
    veiled = _veiled(evidence, side.centres_mm)
    unseen = np.maximum(unseen, veiled)
    darkness = np.zeros(side.bubble_count, np.float32)
    for one in evidence.drawn:
        darkness[one.bubble] = max(darkness[one.bubble], one.darkness)
    scene = Scene(evidence.placement, darkness, unseen.astype(np.float32))
    unsettled = dict(evidence.page.unsettled)
    marks = _vanished_marks(evidence)
    for field in side.fields:
        first, last = side.group_start[field.groups[0]], side.group_start[field.groups[1]]
        if unseen[first:last].max() > HIDDEN_FROM:
            unsettled.setdefault(field.name, "hidden")
        elif any(first <= bubble < last for bubble in marks):
            unsettled.setdefault(field.name, "vanished")
        elif any(_rivals(evidence, int(a), int(b)) for a, b in _rows(evidence, field.groups)):
            unsettled.setdefault(field.name, "erasure against light mark")
    _judge_labels(evidence, unsettled)
    return scene, unsettled, _refusal(evidence)


def _rows(evidence: Evidence, groups: tuple[int, int]) -> list[tuple[int, int]]:
    start = evidence.page.side.group_start
    return [(int(start[g]), int(start[g + 1])) for g in range(*groups)]


def _vanished_marks(evidence: Evidence) -> set[int]:
    """Bubbles whose mark left no trace that could be seen."""
    scan = evidence.plan.scan
    if scan.kind.mode is ScanMode.BITONAL:
        return {
            one.bubble for one in evidence.drawn if not one.erased and one.black < VANISHED_BLACK
        }
    gain = (scan.white - scan.black) / 255
    real = [one for one in evidence.drawn if not one.erased]
    if not real:
        return set()
    centres = evidence.page.side.centres_mm[[one.bubble for one in real]]
    light = _light(evidence, centres)
    return {
        one.bubble
        for one, lit in zip(real, light, strict=True)
        if one.over_stroke * gain * lit < VANISHED_BELOW
    }


def _rivals(evidence: Evidence, first: int, last: int) -> bool:
    """True where what an eraser left in a row is too near to a true mark in it."""
    inside = [one for one in evidence.drawn if first <= one.bubble < last]
    erased = [one for one in inside if one.erased]
    if not erased:
        return False
    real = [one for one in inside if not one.erased]
    if not real:
        return False
    close = max(e.darkness for e in erased) > ERASURE_AGAINST * min(r.darkness for r in real)
    if evidence.plan.scan.kind.mode is ScanMode.BITONAL:
        black = max(e.black for e in erased)
        return black > ERASURE_AGAINST * min(r.black for r in real)
    return close


def _light(evidence: Evidence, points_mm: F64) -> F64:
    """Share of the light that stains and shadows leave at points of the paper."""
    placement = evidence.placement
    size = (placement.width_px, placement.height_px)
    shadow = evidence.flaws.shadow_at(placement.to_scan(points_mm), size)
    return np.asarray((1 - shadow) * (1 - evidence.cover.stain_at(points_mm)))


def _veiled(evidence: Evidence, points_mm: F64) -> F64:
    """1 where bare paper turns black in a bitonal scan, else 0."""
    limit = black_from(evidence.plan.scan)
    if limit is None:
        return np.zeros(len(points_mm))
    margin = 2 * evidence.plan.scan.noise / PAPER
    return np.asarray((1 - _light(evidence, points_mm)) > limit - margin, np.float64)


def _judge_labels(evidence: Evidence, unsettled: dict[str, str]) -> None:
    """A barcode is gone where part of it is hidden or a streak runs along its bars."""
    zones = {zone.name: zone for zone in evidence.page.side.zones}
    for label in evidence.page.labels:
        zone = zones[label.zone]
        x = zone.x_mm + zone.width_mm / 2 + label.shift_mm[0]
        y = zone.y_mm + zone.height_mm / 2 + label.shift_mm[1]
        centre, size = np.array([[x, y]]), np.array([label_size(zone, label)])
        unseen = unseen_share(centre, size, evidence.cover, evidence.placement)
        if unseen[0] > _LABEL_HIDDEN_FROM or _veiled(evidence, centre)[0]:
            unsettled.setdefault(zone.name, "hidden")
        elif _streak_on(evidence, centre, size):
            unsettled.setdefault(zone.name, "barcode gone")


def _refusal(evidence: Evidence) -> str:
    plan, side = evidence.plan, evidence.page.side
    if plan.whole:
        return plan.whole
    scan = plan.scan
    if scan.white < _LEAST_WHITE:
        return "too dark"
    if scan.white - scan.black < _LEAST_SPAN:
        return "low contrast"
    if scan.kind.mode is ScanMode.BITONAL and scan.white < scan.threshold + 3 * scan.noise:
        return "too dark"
    if scan.kind.mode is ScanMode.BITONAL and _bleached(evidence):
        return "low contrast"
    centres, sizes = side.marks_mm(), side.marks_size_mm()
    unseen = unseen_share(centres, sizes, evidence.cover, evidence.placement)
    if unseen.max() > MARK_HIDDEN_FROM:
        return "mark hidden"
    if _veiled(evidence, centres).any():
        return "mark hidden"
    if _streak_on(evidence, centres, sizes):
        return "streak over marks"
    return ""


def _bleached(evidence: Evidence) -> bool:
    """True where printed marks turn white in a bitonal scan."""
    scan, sheet = evidence.plan.scan, evidence.plan.sheet
    mark = scan.white - (scan.white - scan.black) * sheet.mark_darkness
    return mark + 3 * scan.noise > scan.threshold


def _streak_on(evidence: Evidence, centres: F64, sizes: F64) -> bool:
    if not evidence.flaws.streaks:
        return False
    reach = np.array([[-0.5, 0], [0.5, 0], [0, -0.5], [0, 0.5]])
    points = (centres[:, None] + reach[None] * sizes[:, None]).reshape(-1, 2)
    x = evidence.placement.to_scan(points)[:, 0].reshape(-1, 4)
    left, right = x.min(axis=1), x.max(axis=1)
    return any(
        bool(((s.left <= right) & (s.left + s.width >= left)).any()) for s in evidence.flaws.streaks
    )


def blank_scene(placement: Placement, count: int) -> Scene:
    """The scene of a page on which nothing of the card can be judged."""
    nothing: F32 = np.zeros(count, np.float32)
    return Scene(placement, nothing, nothing)
