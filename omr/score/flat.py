"""Tables whose cells are single values, for formats that know no lists."""

from __future__ import annotations

import polars as pl

FORMULA = r"^[=+\-@\t\r]"


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
    """The frame with lists as text and no text that a spreadsheet would run as a formula."""
    text = pl.col(pl.String)
    return flattened(frame).with_columns(
        pl.when(text.str.contains(FORMULA)).then(pl.lit("'") + text).otherwise(text).name.keep()
    )
