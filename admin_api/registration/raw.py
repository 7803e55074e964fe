"""What a reader of one format hands on."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class RawTable:
    """The chosen columns, as text or null, and `row` (Int64), before they are tidied."""

    frame: pl.DataFrame
    row_word: str = "row"
    deleted: int = 0
