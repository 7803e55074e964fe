"""An exam's card, filled in figure by figure, and what reading says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from omr.design_parse import parse_design
from omr.policy import (
    EvidenceRules,
    MarkRules,
    RivalRules,
    SeveralRules,
    default_policy,
)
from omr.records import BarcodeRead
from omr.score.judge import judge_many
from omr.score.reading import read_many

EXAM = parse_design(
    """\
name = "exam"
title = "考试"
ink = "red"

[page]
width_mm = 400.0
height_mm = 400.0

[bubble]
shape = "box"
width_mm = 5.0
height_mm = 3.0

[[front.track]]
edge = "right"
at_mm = 392.0
first_mm = 10.0
pitch_mm = 5.0
count = 76
mark_mm = [4.0, 2.0]

[front.columns]
first_mm = 10.0
pitch_mm = 7.0

[[front.field]]
name = "ticket"
kind = "digits"
length = 4
at = { column = 1, row = 1 }
character_step = { column = 1 }
value_step = { row = 1 }

[[front.field]]
name = "citizen"
kind = "digits"
length = 18
values = "0123456789X"
check = "mod11-2"
required = false
at = { column = 6, row = 1 }
character_step = { column = 1 }
value_step = { row = 1 }

[[front.field]]
name = "school"
kind = "digits"
length = 2
allowed = ["07", "12"]
required = false
at = { column = 25, row = 1 }
character_step = { column = 1 }
value_step = { row = 1 }

[[front.field]]
name = "form"
kind = "form"
values = ["A", "B"]
at = { column = 30, row = 1 }
value_step = { row = 1 }

[[front.field]]
name = "form_again"
kind = "form"
values = ["A", "B"]
same_as = "form"
at = { column = 32, row = 1 }
value_step = { row = 1 }

[[front.field]]
name = "absent"
kind = "flag"
at = { column = 34, row = 1 }

[[front.field]]
name = "q{n}"
kind = "single"
values = "ABCDE"
count = 30
at = { column = 1, row = 20 }
value_step = { column = 1 }
field_step = { row = 1 }

[[front.field]]
name = "strict"
kind = "single"
values = "ABCDE"
several = "doubt"
at = { column = 1, row = 55 }
value_step = { column = 1 }

[[front.field]]
name = "m{n}"
kind = "multiple"
values = "ABCDE"
count = 5
at = { column = 10, row = 20 }
value_step = { column = 1 }
field_step = { row = 1 }

[[front.field]]
name = "number"
kind = "barcode"
at = { x_mm = 300.0, y_mm = 30.0 }
size_mm = [50.0, 20.0]

[[front.field]]
name = "sticker"
kind = "barcode"
required = false
at = { x_mm = 300.0, y_mm = 60.0 }
size_mm = [50.0, 20.0]
""",
    "exam.toml",
)
SIDE = EXAM.sides[0]
FIELD = {f.name: f for f in SIDE.fields}

# The limits that these stories rest on; those of default.toml may be tuned without them.
DEFAULT = default_policy()
POLICY = replace(
    DEFAULT,
    marks=MarkRules(
        floor=0.06,
        faint_from=0.16,
        filled_from=0.35,
        filled_least=0.18,
        weak_sigmas=3.5,
        quiet=0.025,
        letter_left=0.06,
        bitonal_floor=0.4,
        bitonal_quiet=0.15,
        hand_low=0.06,
        hand_default=0.6,
        light_below=0.45,
        thin_below=0.4,
        swallowed_below=0.1,
        swallowed_sigmas=4.0,
    ),
    rivals=RivalRules(erased_from=0.4, several_from=0.66, classic_margin=0.0),
    several=SeveralRules(answer="reading", identity="doubt", staff="doubt"),
    evidence=EvidenceRules(
        around_from=0.3,
        margin_usual=0.25,
        blot_from=0.25,
        pale_below=0.55,
        weak_below=0.75,
        weak_pale_more=0.12,
        smudge_below=0.6,
        hole_from=0.12,
        hole_fill=0.3,
        hole_even=0.9,
        hole_below=0.82,
        beside_below=0.8,
        beside_from=0.55,
        through_from=0.8,
        line_fill=0.25,
    ),
)
CODES = (BarcodeRead("number", "1234", "Code128", "zxing"), BarcodeRead("sticker", ""))
USUAL = [f"q{n}" for n in range(1, 26)]  # rows that only show the card's hand


class Card:
    """A card's figures. It begins as one that everybody fills in: ticket, form, 25 answers C."""

    def __init__(self, hand=0.7, paper=0.01, filled_in=True):
        self.figures = np.zeros((4, SIDE.bubble_count), np.uint8)
        self.figures[:2] = round(255 * paper)
        self.hand = hand
        if filled_in:
            for at, digit in enumerate("1234"):
                self.mark("ticket", digit, character=at)
            self.mark("form", "A").mark("form_again", "A")
            for name in USUAL:
                self.mark(name, "C")

    def at(self, name, option, character=0):
        field = FIELD[name]
        return SIDE.group_start[field.groups[0] + character] + field.values.index(option)

    def mark(self, name, options, share=1.0, darkness=None, character=0):
        """Marks options with a share of the hand; its darkness the same unless told."""
        for option in options:
            at = self.at(name, option, character)
            self.figures[0, at] = round(255 * min(1, self.hand * share))
            level = self.hand * (share if darkness is None else darkness)
            self.figures[1, at] = round(255 * min(1, level))
        return self

    def number(self, name, text):
        for at, character in enumerate(text):
            if character != " ":
                self.mark(name, character, character=at)
        return self

    def ink(self, name, option, *, around=0.0, through=0.0):
        self.figures[2:, self.at(name, option)] = round(255 * around), round(255 * through)
        return self

    def read(self, policy=POLICY, bitonal=False, codes=CODES):
        return Said([self], policy, bitonal, codes)

    def judged(self, policy=POLICY, bitonal=False):
        return judge_many(SIDE, policy, tuple(self.figures[:, None, :]), np.array([bitonal]))


class Said:
    """What the first of some cards says."""

    def __init__(self, cards, policy, bitonal, codes):
        figures = tuple(np.array([c.figures[k] for c in cards]) for k in range(4))
        flags = np.full(len(cards), bitonal)
        self.all = read_many(SIDE, policy, figures, flags, [codes] * len(cards))
        self.values = dict(zip(self.all.names, self.all.values[0], strict=True))
        self.doubts = {(d.field, d.kind) for d in self.all.doubts[0]}

    def __getitem__(self, name):
        return self.values[name]

    def evidence(self, field, kind):
        (said,) = (d.evidence for d in self.all.doubts[0] if (d.field, d.kind) == (field, kind))
        return said

    def risk(self, name):
        return self.all.probability[0][self.all.names.index(name)]


def doubt(field, *kinds):
    return {(field, kind) for kind in kinds}
