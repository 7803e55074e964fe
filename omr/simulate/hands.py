"""Hands: how one candidate fills boxes, and every stroke of a card as a plan."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from omr.design import Design, FieldKind, Side
from omr.records import F64
from omr.simulate.answers import Answers, answer_fields
from omr.simulate.mix import Mix


class Style(StrEnum):
    """The figure that a candidate draws to mark a box."""

    FULL = "full"
    HALF = "half"
    TICK = "tick"
    CROSS = "cross"
    LINE = "line"
    DOT = "dot"


class Tool(StrEnum):
    """What it is drawn with."""

    PENCIL = "pencil"
    BLUE_PEN = "blue pen"
    BLACK_PEN = "black pen"


@dataclass(frozen=True, slots=True)
class Hand:
    """One candidate's hand. `style_share` of the marks have its style, the rest are full."""

    tool: Tool
    level: float
    spread: float
    style: Style
    style_share: float
    coverage: float
    slant_deg: float
    offset_mm: tuple[float, float]
    scatter_mm: float
    tooth: float


@dataclass(frozen=True, slots=True)
class Stroke:
    """One mark to draw: its bubble, figure, mean darkness, place and, if erased, the smear."""

    bubble: int
    style: Style
    darkness: float
    coverage: float
    variant: int
    shift_mm: tuple[float, float]
    erased: bool = False
    smear_mm: float = 0.0


_FADED = 0.3  # of a mark's darkness: neither a mark nor nothing
_STYLES = (Style.HALF, Style.TICK, Style.CROSS, Style.LINE, Style.DOT)


def plan_hand(mix: Mix, happening: frozenset[str], rng: np.random.Generator) -> Hand:
    """The hand of one card."""
    level, tool = mix.draw(rng, "hand", "level"), Tool.PENCIL
    for name in ("light", "heavy", "pen"):
        if name in happening:
            level = mix.draw(rng, name, "level")
    if "pen" in happening:
        blue = rng.random() < mix.draw(rng, "pen", "blue")
        tool = Tool.BLUE_PEN if blue else Tool.BLACK_PEN
    style, share = Style.FULL, 1.0
    coverage = mix.draw(rng, "hand", "coverage")
    for other in _STYLES:
        if other.value in happening:
            style, share = other, mix.draw(rng, other.value, "share")
    far, towards = mix.draw(rng, "hand", "offset_mm"), rng.uniform(0, 2 * math.pi)
    return Hand(
        tool=tool,
        level=level,
        spread=mix.draw(rng, "hand", "spread"),
        style=style,
        style_share=share,
        coverage=coverage,
        slant_deg=mix.draw(rng, "hand", "slant_deg"),
        offset_mm=(far * math.cos(towards), far * math.sin(towards) * 0.6),
        scatter_mm=mix.draw(rng, "hand", "scatter_mm"),
        tooth=mix.draw(rng, "hand", "tooth"),
    )


def plan_strokes(
    side: Side, answers: Answers, hand: Hand, mix: Mix, rng: np.random.Generator
) -> list[Stroke]:
    """A stroke for every filled option of a side."""
    strokes = []
    for group, picks in enumerate(answers.picks[side.name]):
        for option in sorted(picks):
            bubble = int(side.group_start[group]) + option
            strokes.append(_stroke(bubble, hand, mix, rng))
    return strokes


def _stroke(bubble: int, hand: Hand, mix: Mix, rng: np.random.Generator) -> Stroke:
    wander = float(np.clip(rng.normal(), -2.5, 2.5)) * hand.spread
    style = hand.style if rng.random() < hand.style_share else Style.FULL
    coverage = hand.coverage + float(rng.uniform(-0.08, 0.05))
    if style is Style.HALF:
        coverage = mix.draw(rng, "half", "coverage")
    return Stroke(
        bubble=bubble,
        style=style,
        darkness=float(np.clip(hand.level + wander, 0.2, 0.97)),
        coverage=float(np.clip(coverage, 0.3, 1.0)),
        variant=int(rng.integers(1 << 16)),
        shift_mm=(
            hand.offset_mm[0] + float(rng.normal()) * hand.scatter_mm,
            hand.offset_mm[1] + float(rng.normal()) * hand.scatter_mm * 0.7,
        ),
    )


def displace_strokes(
    side: Side,
    strokes: list[Stroke],
    mix: Mix,
    size_mm: tuple[float, float],
    rng: np.random.Generator,
) -> list[Stroke]:
    """Some marks partly outside their box, never nearer to another box than to their own."""
    share = mix.draw(rng, "outside", "share")
    count = max(1, round(share * len(strokes)))
    moved = list(strokes)
    for k in rng.permutation(len(strokes))[:count]:
        shift = _outside_shift(side.centres_mm, strokes[k].bubble, mix, size_mm, rng)
        moved[k] = replace(strokes[k], shift_mm=shift)
    return moved


def _outside_shift(
    centres: F64, bubble: int, mix: Mix, size: tuple[float, float], rng: np.random.Generator
) -> tuple[float, float]:
    """A shift that leaves at least twice as much of the mark in its box as in any other."""
    apart = np.abs(centres - centres[bubble])
    near = np.flatnonzero((apart[:, 0] < 3 * size[0]) & (apart[:, 1] < 3 * size[1]))
    near = near[near != bubble]
    for _ in range(20):
        beyond, angle = mix.draw(rng, "outside", "beyond"), rng.uniform(0, 2 * math.pi)
        across, along = abs(math.cos(angle)), abs(math.sin(angle))
        # Solve (1 - t·across)(1 - t·along) = 1 - beyond for the share t of the box's size.
        product, total = across * along, across + along
        root = math.sqrt(max(total**2 - 4 * product * beyond, 0.0))
        share = 2 * beyond / (total + root)
        shift = (size[0] * share * math.cos(angle), size[1] * share * math.sin(angle))
        gaps = np.abs(centres[near] - centres[bubble] - np.array(shift))
        inside = np.clip(1 - gaps / np.array(size), 0, None).prod(axis=1)
        if not len(near) or inside.max() < 0.5 * (1 - beyond):
            return shift
    return 0.0, 0.3 * size[1]


def fade_strokes(side: Side, strokes: list[Stroke], faint: Collection[str]) -> list[Stroke]:
    """The same strokes, but those in the fields that are named hardly darken the paper."""
    if not faint:
        return strokes
    faded = {
        bubble
        for one in side.fields
        if one.name in faint
        for bubble in range(*(int(side.group_start[group]) for group in one.groups))
    }
    return [
        replace(one, darkness=_FADED * one.darkness) if one.bubble in faded else one
        for one in strokes
    ]


def plan_erasures(
    design: Design, answers: Answers, hand: Hand, mix: Mix, rng: np.random.Generator
) -> dict[str, list[Stroke]]:
    """Rubbed-out marks by side. Some rows are left without another mark: nobody can tell."""
    rows = [
        (side, one)
        for side in design.sides
        for one in side.fields
        if one.kind is not FieldKind.FLAG and len(one.values) > 1
        if any(answers.picks[side.name][g] for g in range(*one.groups))
    ]
    erased: dict[str, list[Stroke]] = {side.name: [] for side in design.sides}
    for k in rng.permutation(len(rows))[: mix.whole(rng, "erasure", "count")]:
        side, one = rows[k]
        group = int(rng.integers(*one.groups))
        picks = answers.picks[side.name]
        free = sorted(set(range(len(one.values))) - picks[group])
        if not free or not picks[group]:
            continue
        alone = rng.random() < mix.draw(rng, "erasure", "alone") and one in answer_fields(side)
        option = int(rng.choice(sorted(picks[group]) if alone else free))
        if alone:
            picks[group] = frozenset()
            answers.unsettled[one.name] = "erasure against light mark"
        residue = mix.draw(rng, "erasure", "residue")
        drawn = _stroke(int(side.group_start[group]) + option, hand, mix, rng)
        smear = mix.draw(rng, "erasure", "smear_mm")
        darkness = drawn.darkness * residue
        erased[side.name].append(replace(drawn, darkness=darkness, erased=True, smear_mm=smear))
    return erased
