"""Everything about a card that chance decides, before anything is drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from omr.design import Design, FieldKind, Ink, Side, builtin_names, load_design
from omr.records import SideName
from omr.simulate.answers import Answers, choose_answers, fill_in, spoil_answers, value_of
from omr.simulate.hands import (
    Hand,
    Stroke,
    displace_strokes,
    fade_strokes,
    plan_erasures,
    plan_hand,
    plan_strokes,
)
from omr.simulate.lie import Lie, plan_lie, plan_shift
from omr.simulate.mix import Mix, ScanKind, ScanMode

SHEET_DEFECTS = ("folded_corner", "crease", "torn_edge", "hole", "stain")


@dataclass(frozen=True, slots=True)
class Label:
    """A barcode to draw: where its sticker lies, and what became of it."""

    zone: str
    text: str
    module_mm: float
    shift_mm: tuple[float, float]
    angle_deg: float
    damage: str  # "", "missing" or "damaged"


@dataclass(frozen=True, slots=True)
class Scan:
    """The scanner's setting for one card, and its light: grey levels of paper and black."""

    kind: ScanKind
    quality: int
    threshold: int
    white: float
    black: float
    noise: float
    blur_mm: float
    outside: float  # reflectance round the sheet

    @property
    def title(self) -> str:
        """In words, as the truth gives it."""
        if self.kind.mode is ScanMode.BITONAL:
            return f"g4 t{self.threshold} bitonal {self.kind.dpi}dpi"
        return f"jpeg q{self.quality} {self.kind.mode} {self.kind.dpi}dpi"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The paper and its print: darkness of drop-out print and marks, grain, damage."""

    print_darkness: float
    mark_darkness: float
    shade: int  # of the red, in colour scans
    grain: float
    damage: tuple[str, ...]


@dataclass(frozen=True)
class PagePlan:
    """One side: what it says, what is drawn on it, how it lies."""

    side: Side
    values: dict[str, str]
    unsettled: dict[str, str]
    strokes: tuple[Stroke, ...]
    labels: tuple[Label, ...]
    lie: Lie


@dataclass(frozen=True)
class CardPlan:
    """One card. `design` is what is printed on it, `asked` what the caller asked for.

    `whole` is "" or what makes the sheet no card at all; `under` is the other card of a double
    feed.
    """

    design: Design
    asked: Design
    mix: Mix
    seed: int
    index: int
    defects: tuple[str, ...]
    hand: Hand
    sheet: Sheet
    scan: Scan
    pages: tuple[PagePlan, ...]
    whole: str
    under: CardPlan | None


def stream(seed: int, index: int, *of: int) -> np.random.Generator:
    """A stream of chance of its own for a card, or for a part of it."""
    return np.random.default_rng(np.random.SeedSequence([seed, index, *of]))


def plan_card(
    design: Design,
    mix: Mix,
    seed: int,
    index: int,
    wanted: Mapping[str, str] | None = None,
    faint: Collection[str] = (),
) -> CardPlan:
    """The plan of one card: the same for the same arguments, whatever else runs.

    `wanted` says what fields and barcodes read, by name; the rest is left to chance. Fields that
    are named in `faint` are marked too lightly to be sure of.
    """
    rng = stream(seed, index)
    happening = mix.happening(rng)
    printed, under, whole = design, None, ""
    if "other_design" in happening:
        others = [name for name in builtin_names() if name != design.name]
        printed = load_design(others[int(rng.integers(len(others)))])
        whole = f"other design: {printed.name}"
    elif "blank_sheet" in happening:
        whole = "blank sheet"
    elif "double_feed" in happening:
        whole = "double feed"
        alone = {**mix.rates, "double_feed": 0.0, "blank_sheet": 0.0, "other_design": 0.0}
        under = plan_card(design, replace(mix, rates=alone), seed + 1, index)
    hand = plan_hand(mix, happening, rng)
    answers = choose_answers(printed, mix, rng)
    spoil_answers(printed, answers, mix, happening, rng)
    fill_in(printed, answers, wanted or {})
    strokes = _all_strokes(printed, answers, hand, mix, happening, rng)
    lie = plan_lie(mix, happening, rng)
    pages = []
    for k, side in enumerate(printed.sides):
        own = lie if k == 0 else lie.mirrored(plan_shift(mix, happening, rng))
        labels = _labels(side, answers, mix, happening, rng)
        values, unsettled = _said(side, answers, labels)
        drawn = tuple(fade_strokes(side, strokes[side.name], faint))
        pages.append(PagePlan(side, values, unsettled, drawn, labels, own))
    return CardPlan(
        design=printed,
        asked=design,
        mix=mix,
        seed=seed,
        index=index,
        defects=tuple(name for name in mix.rates if name in happening),
        hand=hand,
        sheet=_sheet(printed, mix, happening, rng),
        scan=_scan(mix, happening, rng),
        pages=tuple(pages),
        whole=whole,
        under=under,
    )


def _all_strokes(
    design: Design,
    answers: Answers,
    hand: Hand,
    mix: Mix,
    happening: frozenset[str],
    rng: np.random.Generator,
) -> dict[SideName, list[Stroke]]:
    erased: dict[str, list[Stroke]] = {}
    if "erasure" in happening:
        erased = plan_erasures(design, answers, hand, mix, rng)
    strokes = {}
    for side in design.sides:
        drawn = plan_strokes(side, answers, hand, mix, rng)
        if "outside" in happening and drawn:
            size = (design.bubbles.width_mm, design.bubbles.height_mm)
            drawn = displace_strokes(side, drawn, mix, size, rng)
        strokes[side.name] = erased.get(side.name, []) + drawn
    return strokes


def _labels(
    side: Side, answers: Answers, mix: Mix, happening: frozenset[str], rng: np.random.Generator
) -> tuple[Label, ...]:
    labels = []
    for zone in side.zones_of(FieldKind.BARCODE):
        printed = zone.symbologies[0] == "QRCode"
        shift = (0.0, 0.0) if printed else (rng.uniform(-1.5, 1.5), rng.uniform(-1.5, 1.5))
        angle = 0.0 if printed else rng.uniform(-1.5, 1.5)
        damage = ""
        if "barcode" in happening:
            missing = rng.random() < mix.draw(rng, "barcode", "missing")
            damage = "missing" if missing else "damaged"
        module = float(rng.uniform(0.254, 0.36))
        text = answers.barcodes[zone.name]
        if not text:
            text, damage = "-", "missing"
        labels.append(Label(zone.name, text, module, shift, float(angle), damage))
    return tuple(labels)


def _said(
    side: Side, answers: Answers, labels: tuple[Label, ...]
) -> tuple[dict[str, str], dict[str, str]]:
    values = {one.name: value_of(one, answers.picks[side.name]) for one in side.fields}
    unsettled = {k: why for k, why in answers.unsettled.items() if k in values}
    for label in labels:
        values[label.zone] = "" if label.damage == "missing" else label.text
        if label.damage:
            unsettled[label.zone] = "barcode gone"
    return values, unsettled


def _sheet(design: Design, mix: Mix, happening: frozenset[str], rng: np.random.Generator) -> Sheet:
    red = mix.draw(rng, "red_residue" if "red_residue" in happening else "paper", "red")
    black = float(rng.uniform(0.85, 0.95))
    return Sheet(
        print_darkness=red if design.ink is Ink.RED else black,
        mark_darkness=mix.draw(rng, "paper", "black"),
        shade=int(rng.integers(3)),
        grain=mix.draw(rng, "grain" if "grain" in happening else "paper", "grain"),
        damage=tuple(name for name in SHEET_DEFECTS if name in happening),
    )


def _scan(mix: Mix, happening: frozenset[str], rng: np.random.Generator) -> Scan:
    kind = mix.scan_kind(rng)
    threshold = rng.uniform(*kind.threshold)
    quality = rng.uniform(*kind.quality)
    if "bitonal" in happening:
        fine = rng.random() < mix.draw(rng, "bitonal", "dpi300")
        threshold = mix.draw(rng, "bitonal", "threshold")
        kind = replace(kind, mode=ScanMode.BITONAL, dpi=300 if fine else 200)
    if "jpeg" in happening:
        quality = mix.draw(rng, "jpeg", "quality")
    white, black = mix.draw(rng, "sensor", "white"), mix.draw(rng, "sensor", "black")
    if "low_contrast" in happening:
        span = (white - black) * mix.draw(rng, "low_contrast", "contrast")
        black = float(rng.uniform(black, white - span))
        white = black + span
    if "too_dark" in happening:
        white = mix.draw(rng, "too_dark", "white")
        black = min(black, 0.2 * white)
    return Scan(
        kind=kind,
        quality=round(quality),
        threshold=round(threshold),
        white=white,
        black=black,
        noise=mix.draw(rng, "noise" if "noise" in happening else "sensor", "noise"),
        blur_mm=mix.draw(rng, "blur", "blur_mm") if "blur" in happening else 0.0,
        outside=mix.draw(rng, "border" if "border" in happening else "paper", "outside"),
    )
