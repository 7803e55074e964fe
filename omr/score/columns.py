"""The columns of every table that the engine writes, declared once.

Two tables come out of a run, one row a page in feed order, rejected pages included:

- **readings**: what every page says and why a person should look at it;
- **scores**: what was measured, so that the cards can be judged anew without their images.

A field of the design is a column under its own name (`q1`, `ticket`, a barcode zone's name). The
other columns have the fixed names below; a design with a field of such a name is refused, so no
two columns can ever clash.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from omr.design import Design, Side
from omr.errors import DesignError
from omr.records import SideName
from omr.score.rows import value_names

BARCODE = pl.Struct(
    {"zone": pl.String, "text": pl.String, "symbology": pl.String, "reader": pl.String}
)
DOUBT = pl.Struct({"kind": pl.String, "field": pl.String, "evidence": pl.String})

Columns = dict[str, pl.DataType]

PAGE: Columns = {
    "position": pl.UInt32(),  # in the feed, from 0
    "source": pl.String(),
    "frame": pl.UInt32(),  # page within a multi-page file, from 0
    "sha256": pl.String(),
    "side": pl.String(),  # null where the page was rejected
    "turn": pl.UInt32(),  # degrees clockwise against the upright card
    "reason": pl.String(),  # the next four only where the page was rejected
    "evidence": pl.String(),
    "advice": pl.String(),
    "figures": pl.String(),  # the evidence's figures, a JSON object
    "barcodes": pl.List(BARCODE),
    "residual_mm": pl.Float64(),
    "design_hash": pl.String(),
}
"""Identity of a page, the same in both tables."""

MEASURED: Columns = {
    "bitonal": pl.Boolean(),
    "fill": pl.Binary(),  # these four: one byte a bubble in the design's order
    "darkness": pl.Binary(),
    "around": pl.Binary(),
    "through": pl.Binary(),
}
"""What only the scores table holds."""

VERDICT: Columns = {
    "status": pl.String(),
    "doubts": pl.List(DOUBT),
    "worst_error_probability": pl.Float32(),
    "error_probability": pl.List(pl.Float32),  # by field of the page's side
    "masks": pl.List(pl.UInt32),  # by group of the page's side; bit k is option k
    "partner": pl.UInt32(),  # position of the sheet's other side
    "policy_hash": pl.String(),
}
"""What only the readings table holds, beside a column a field."""

_READINGS_FIRST = ("position", "source", "frame", "sha256", "side", "turn", "status")
_READINGS_REJECT = ("reason", "evidence", "advice")
_READINGS_LAST = (
    "doubts",
    "worst_error_probability",
    "barcodes",
    "error_probability",
    "masks",
    "residual_mm",
    "partner",
    "figures",
    "design_hash",
    "policy_hash",
)
FIXED = frozenset(PAGE) | frozenset(MEASURED) | frozenset(VERDICT)

DESIGN_KEY = "omr.design"  # the design's TOML text, in the scores file's key-value metadata
FORMAT_KEY = "omr.format"
FORMAT = "1"


@dataclass(frozen=True, slots=True)
class Layout:
    """The two tables' columns for one design, in the order in which they are written."""

    design: Design
    readings: Columns
    scores: Columns

    def side(self, name: SideName | str) -> Side:
        """The design's face of that name."""
        return self.design.side(SideName(name))


def layout_for(design: Design) -> Layout:
    """The tables' columns for a design.

    Raises:
        DesignError: a field has the name of a fixed column.
    """
    own = [name for side in design.sides for name in value_names(side)]
    own += [join.name for join in design.joins]
    if clashes := sorted(FIXED.intersection(own)):
        raise DesignError(
            design.source,
            tuple(f"field {n!r} has the name of an output column; rename it" for n in clashes),
        )
    known = PAGE | VERDICT | dict.fromkeys(own, pl.String())
    order = (*_READINGS_FIRST, *own, *_READINGS_REJECT, *_READINGS_LAST)
    return Layout(design, {name: known[name] for name in order}, PAGE | MEASURED)


def notes_for(design_text: str) -> dict[str, str]:
    """A Parquet file's key-value metadata; `design_text` is the design's TOML."""
    return {FORMAT_KEY: FORMAT, DESIGN_KEY: design_text}
