"""Rows of a file against what is stored: known as they stand, new, or contradicting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from admin_api.registration.errors import refuse_rows


def same_rows(
    frame: pl.DataFrame,
    known: pl.DataFrame,
    key: Sequence[str],
    said: Sequence[str],
    path: Path,
) -> pl.DataFrame:
    """The rows whose key is not known; `frame` has a column `row` beside key and `said`.

    Raises:
        ImportRefused: a known key with anything else in `said` than is stored; names every row.
    """
    stored = known.select(*key, *(pl.col(name).alias(f"stored_{name}") for name in said))
    both = frame.join(stored.with_columns(pl.lit(True).alias("is_known")), on=list(key), how="left")
    for name in said:
        refuse_contradictions(
            both,
            pl.col("is_known") & pl.col(name).ne_missing(pl.col(f"stored_{name}")),
            path,
            name,
            "contradicts what was imported before; a correction changes that, an import does not",
        )
    return frame.join(known, on=list(key), how="anti", maintain_order="left")


def refuse_contradictions(
    frame: pl.DataFrame, where: pl.Expr, path: Path, column: str, what: str
) -> None:
    """Refuse a file for every row where the condition holds.

    Raises:
        ImportRefused: there is one.
    """
    rows = frame.filter(where)["row"].sort().unique(maintain_order=True)
    if rows.len():
        raise refuse_rows(path, [(row, what) for row in rows], column)
