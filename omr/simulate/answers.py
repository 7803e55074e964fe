"""What the candidate means: a choice for every row of options, and what a field then says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from omr.design import CheckRule, Design, Field, FieldKind, Role, Side
from omr.records import SideName
from omr.simulate.mix import Mix

GRIDS = (FieldKind.DIGITS, FieldKind.LETTERS)
Picks = list[frozenset[int]]  # for every row of options, which are filled


@dataclass
class Answers:
    """What is written on a card: filled options a side, and the barcodes' texts."""

    picks: dict[SideName, Picks]
    barcodes: dict[str, str]
    unsettled: dict[str, str] = field(default_factory=dict)


def value_of(side_field: Field, picks: Picks) -> str:
    """What a field says with these options filled."""
    rows = picks[side_field.groups[0] : side_field.groups[1]]
    texts = ["".join(side_field.values[k] for k in sorted(row)) for row in rows]
    if side_field.kind not in GRIDS:
        return texts[0]
    if not any(rows):
        return ""
    return "".join(text if len(row) == 1 else "?" for text, row in zip(texts, rows, strict=True))


def choose_answers(design: Design, mix: Mix, rng: np.random.Generator) -> Answers:
    """A card filled in as the rules want it."""
    values: dict[str, str] = {}
    barcodes: dict[str, str] = {}
    picks: dict[SideName, Picks] = {}
    absent = False
    for side in design.sides:
        rows: Picks = [frozenset()] * side.group_count
        for one in side.fields:
            chosen = values.get(one.same_as) or _value(one, mix, rng)
            values[one.name] = chosen
            absent |= one.name == "absent" and bool(chosen)
            for k, group in enumerate(range(*one.groups)):
                options = (
                    (one.values.index(chosen[k]),) if one.kind in GRIDS else _options(one, chosen)
                )
                rows[group] = frozenset(options)
        picks[side.name] = rows
        for zone in side.zones_of(FieldKind.BARCODE):
            text = barcodes.get(zone.same_as) or f"P{rng.integers(10**10):010d}"
            barcodes[zone.name] = text
    if absent:
        for side in design.sides:
            for one in answer_fields(side):
                picks[side.name][one.groups[0]] = frozenset()
    return Answers(picks, barcodes)


def fill_in(design: Design, answers: Answers, wanted: Mapping[str, str]) -> None:
    """Have fields and barcodes read what is wanted, by name.

    "" is a blank, "BD" two options; in a number "?" leaves a place blank; a barcode "" is missing.
    """
    for side in design.sides:
        picks = answers.picks[side.name]
        for one in side.fields:
            if one.name in wanted:
                said = wanted[one.name]
                answers.unsettled.pop(one.name, None)
                for k, group in enumerate(range(*one.groups)):
                    here = said[k : k + 1] if one.kind in GRIDS else said
                    picks[group] = frozenset(_options(one, here) if here and here != "?" else ())
    answers.barcodes |= {name: wanted[name] for name in answers.barcodes if name in wanted}


def answer_fields(side: Side) -> list[Field]:
    """The side's questions."""
    return [f for f in side.fields if f.role is Role.ANSWER and f.kind not in GRIDS]


def _options(one: Field, chosen: str) -> tuple[int, ...]:
    if chosen in one.values:
        return (one.values.index(chosen),)
    return tuple(k for k, value in enumerate(one.values) if value in chosen)


def _value(one: Field, mix: Mix, rng: np.random.Generator) -> str:
    if one.kind is FieldKind.FLAG:
        return one.values[0] if rng.random() < mix.draw(rng, "answers", "flag") else ""
    if one.kind in GRIDS:
        return _grid_value(one, rng)
    if one.kind is FieldKind.MULTIPLE:
        count = min(mix.whole(rng, "answers", "picks"), len(one.values))
        chosen = sorted(rng.choice(len(one.values), count, replace=False))
        return "".join(one.values[k] for k in chosen)
    return str(rng.choice(one.allowed or one.values))


def _grid_value(one: Field, rng: np.random.Generator) -> str:
    if one.allowed:
        return str(rng.choice(one.allowed))
    while True:
        characters = [str(c) for c in rng.choice(one.values, one.length)]
        if one.check is not CheckRule.NONE:
            characters[-1] = one.check.character_for("".join(characters[:-1]))
        if characters[-1] in one.values:
            return "".join(characters)


def spoil_answers(
    design: Design, answers: Answers, mix: Mix, happening: frozenset[str], rng: np.random.Generator
) -> None:
    """Blank answers, double ones, and numbers with a place blank or double."""
    for side in design.sides:
        picks = answers.picks[side.name]
        if "blank_answer" in happening:
            share = mix.draw(rng, "blank_answer", "share")
            for one in answer_fields(side):
                if rng.random() < share:
                    picks[one.groups[0]] = frozenset()
    if "double_answer" in happening:
        _double(design, answers, mix.whole(rng, "double_answer", "count"), rng)
    if "number" in happening:
        _break_number(design, answers, mix, rng)


def _double(design: Design, answers: Answers, count: int, rng: np.random.Generator) -> None:
    rows = [
        (side.name, one)
        for side in design.sides
        for one in answer_fields(side)
        if one.kind is FieldKind.SINGLE and len(answers.picks[side.name][one.groups[0]]) == 1
    ]
    for k in rng.permutation(len(rows))[:count]:
        name, one = rows[k]
        picks = answers.picks[name]
        (first,) = picks[one.groups[0]]
        second = (first + int(rng.integers(1, len(one.values)))) % len(one.values)
        picks[one.groups[0]] = frozenset((first, second))


def _break_number(design: Design, answers: Answers, mix: Mix, rng: np.random.Generator) -> None:
    grids = [(s.name, f) for s in design.sides for f in s.fields if f.kind in GRIDS]
    if not grids:
        return
    name, one = grids[int(rng.integers(len(grids)))]
    picks = answers.picks[name]
    blank = rng.random() < mix.draw(rng, "number", "blank")
    places = rng.permutation(one.length)[: mix.whole(rng, "number", "count")]
    for place in places:
        group = one.groups[0] + int(place)
        (digit,) = picks[group] or {0}
        other = (digit + int(rng.integers(1, len(one.values)))) % len(one.values)
        picks[group] = frozenset() if blank else frozenset((digit, other))
    answers.unsettled[one.name] = "number blank" if blank else "number double"
