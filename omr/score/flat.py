"""Tables whose cells are single values, for formats that know no lists."""

from __future__ import annotations

import polars as pl

FORMULA = r"^[=+\-@\t\r]"
SCORE = "score"
BELOW_NOTHING = r"^-[0-9]+(\.[0-9]+)?(/[0-9]+)?$"  # a score, which runs nothing


def flattened(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with lists as text.

    Doubts as `field:kind; …`, barcodes as `zone:text; …`, masks and probabilities separated by
    spaces.
    """
    element = pl.element()
    doubt = pl.when(element.struct["field"] == "").then(element.struct["kind"])
    texts = {
        "doubts": doubt.otherwise(
            pl.concat_str(element.struct["field"], element.struct["kind"], separator=":")
        ),
        "barcodes": pl.concat_str(element.struct["zone"], element.struct["text"], separator=":"),
    }
    return frame.with_columns(
        pl.col(name).list.eval(texts[name]).list.join("; ")
        if name in texts
        else pl.col(name).list.eval(element.cast(pl.String)).list.join(" ")
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.List)
    )


def for_people(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with lists as text and no text that a spreadsheet would run as a formula.

    Scores below 0 stay as they are.
    """
    shown = flattened(frame)
    return shown.with_columns(
        _guarded(name) for name, kind in shown.schema.items() if kind == pl.String
    )


def _guarded(name: str) -> pl.Expr:
    text = pl.col(name)
    runs = text.str.contains(FORMULA)
    if name == SCORE:
        runs &= ~text.str.contains(BELOW_NOTHING)
    return pl.when(runs).then(pl.lit("'") + text).otherwise(text).alias(name)
