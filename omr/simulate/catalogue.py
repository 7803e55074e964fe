"""Every condition and defect that a mix may set, with the figures it has and their usual ranges.

Darkness is 0 (paper) to 1 (black ink). A figure is drawn evenly from its range; one that is named
`share`, or is called a chance below, is a probability.
"""

from __future__ import annotations

from collections.abc import Mapping

Range = tuple[float, float]

# What always holds: the hand, the paper, how the sheet lies, the scanner.
CONDITIONS: Mapping[str, Mapping[str, Range]] = {
    "hand": {
        "level": (0.50, 0.85),  # mean darkness of the card's strokes
        "spread": (0.015, 0.05),  # its standard deviation from mark to mark
        "coverage": (0.75, 1.0),  # of the box, when filling it
        "slant_deg": (-50.0, 50.0),  # of the strokes against the upright
        "offset_mm": (0.0, 0.3),  # all of the card's marks, in one direction
        "scatter_mm": (0.05, 0.2),  # standard deviation of one mark's place
        "tooth": (0.10, 0.25),  # standard deviation of the darkness within a stroke
    },
    "answers": {
        "picks": (1.0, 4.0),  # options filled of a multiple-choice question
        "flag": (0.0, 0.0),  # chance of each staff flag; "absent" leaves the answers blank
    },
    "lie": {
        "skew_sigma_deg": (0.15, 0.15),
        "shift_sigma_mm": (0.4, 0.4),
        "scale_sigma": (0.001, 0.001),
        "stretch": (0.0, 0.001),  # largest local change of the feed's pace
    },
    "paper": {
        "red": (0.02, 0.08),  # darkness of red print under red light
        "black": (0.93, 1.0),  # darkness of printed marks
        "grain": (0.003, 0.010),  # standard deviation of the paper's reflectance
        "outside": (0.85, 1.0),  # reflectance of what lies round the sheet
    },
    "sensor": {
        "white": (234.0, 246.0),  # grey levels of paper and of full black
        "black": (12.0, 34.0),
        "noise": (0.8, 2.5),  # standard deviation, grey levels
    },
}

# What goes wrong. The rate of each is the share of cards that has it.
DEFECTS: Mapping[str, Mapping[str, Range]] = {
    # the hand
    "light": {"level": (0.22, 0.40)},
    "heavy": {"level": (0.85, 0.97)},
    "pen": {"level": (0.75, 0.95), "blue": (0.5, 0.5)},  # blue: chance against black
    "half": {"coverage": (0.40, 0.60), "share": (0.3, 1.0)},  # share: of the card's marks
    "tick": {"share": (0.9, 1.0)},
    "cross": {"share": (0.9, 1.0)},
    "line": {"share": (0.9, 1.0)},
    "dot": {"share": (0.9, 1.0)},
    "outside": {"beyond": (0.3, 0.6), "share": (0.03, 0.15)},  # beyond: of the mark's area
    # what is said
    "erasure": {
        "count": (1.0, 5.0),
        "residue": (0.10, 0.25),  # of the mark's darkness
        "smear_mm": (0.2, 0.6),
        "alone": (0.1, 0.1),  # chance that the row is left without another mark
    },
    "double_answer": {"count": (1.0, 4.0)},
    "blank_answer": {"share": (0.01, 0.01)},  # chance of each answer
    "number": {"count": (1.0, 2.0), "blank": (0.5, 0.5)},  # chance of blank against double
    "barcode": {"missing": (0.5, 0.5)},  # chance of missing against damaged
    # the sheet
    "red_residue": {"red": (0.08, 0.14)},
    "grain": {"grain": (0.012, 0.03)},
    "folded_corner": {"leg_mm": (8.0, 35.0), "over": (0.6, 0.6)},  # chance of over, not under
    "crease": {"width_mm": (0.15, 0.5), "darkness": (0.1, 0.6), "light": (0.3, 0.3)},
    "torn_edge": {"depth_mm": (3.0, 18.0), "length_mm": (15.0, 90.0), "black": (0.5, 0.5)},
    "hole": {"count": (1.0, 2.0), "diameter_mm": (5.0, 6.5), "black": (0.5, 0.5)},
    "stain": {"darkness": (0.08, 0.40), "size_mm": (12.0, 60.0), "ring": (0.5, 0.5)},
    # the feed
    "skew": {"angle_deg": (1.5, 5.0)},
    "shift": {"shift_mm": (2.0, 5.0)},
    "scale": {"scale": (0.008, 0.02)},
    "stretch": {"stretch": (0.008, 0.015)},
    "turned": {"quarter": (0.0, 0.0)},  # chance of a quarter turn against upside down
    "double_feed": {"offset_mm": (15.0, 150.0)},
    "blank_sheet": {},
    "other_design": {},
    # the scanner
    "shadow": {"darkness": (0.12, 0.40), "reach": (0.15, 0.6)},  # reach: of the page
    "streak": {
        "count": (1.0, 3.0),
        "width_px": (1.0, 4.0),
        "darkness": (0.2, 0.9),
        "light": (0.3, 0.3),
    },
    "border": {"border_mm": (3.0, 12.0), "outside": (0.02, 0.12)},
    "blur": {"blur_mm": (0.10, 0.22)},
    "noise": {"noise": (6.0, 16.0)},
    "jpeg": {"quality": (15.0, 40.0)},
    "bitonal": {"threshold": (140.0, 185.0), "dpi300": (0.5, 0.5)},
    "low_contrast": {"contrast": (0.28, 0.55)},  # of the usual span of grey levels
    "too_dark": {"white": (95.0, 160.0)},
}

# Of the defects in one group a card has at most one; the others come alone.
_GROUPS: tuple[tuple[str, ...], ...] = (
    ("light", "heavy", "pen"),
    ("half", "tick", "cross", "line", "dot"),
    ("double_feed", "blank_sheet", "other_design"),
    ("low_contrast", "too_dark"),
)
_GROUPED = {name for group in _GROUPS for name in group}
EXCLUSIVE = _GROUPS + tuple((name,) for name in DEFECTS if name not in _GROUPED)
