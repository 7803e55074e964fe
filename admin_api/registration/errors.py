"""Files that are not taken, and why, row by row."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from admin_api.errors import Refused

FAULTS = {"row": pl.Int64(), "column": pl.String(), "value": pl.String(), "what": pl.String()}
"""One line a fault: where, what stands there (masked where it is personal), what to do.

`row` is as a person counts in that file, 0 for the file as a whole; `value` is "" where it is not
shown.
"""


class ImportRefused(Refused):
    """A file of which nothing was taken. `faults` has the columns `FAULTS`, in the file's order."""

    def __init__(self, path: Path, faults: pl.DataFrame, row_word: str = "row") -> None:
        self.path = path
        self.faults = faults
        count = "1 fault" if faults.height == 1 else f"{faults.height} faults"
        super().__init__(
            f"{path} was not taken ({count}); mend this and give the file again:",
            told(faults, row_word),
        )


def told(faults: pl.DataFrame, row_word: str) -> tuple[str, ...]:
    """Each fault as a line for people."""
    value = pl.col("value")
    lines = faults.select(
        pl.concat_str(
            pl.when(pl.col("row") > 0)
            .then(pl.concat_str(pl.lit(row_word + " "), pl.col("row").cast(pl.String)))
            .otherwise(pl.lit("")),
            pl.when((pl.col("row") > 0) & (pl.col("column") != ""))
            .then(pl.lit(", "))
            .otherwise(pl.lit("")),
            pl.col("column"),
            pl.when(value != "").then(pl.concat_str(pl.lit(" "), value)).otherwise(pl.lit("")),
            pl.when((pl.col("row") > 0) | (pl.col("column") != ""))
            .then(pl.lit(": "))
            .otherwise(pl.lit("")),
            pl.col("what"),
        )
    )
    return tuple(lines.to_series().to_list())


def refuse_file(path: Path, what: str) -> ImportRefused:
    """The error for a file that cannot be used as a whole."""
    return refuse_rows(path, [(0, what)])


def refuse_rows(
    path: Path, rows: list[tuple[int, str]], column: str = "", row_word: str = "row"
) -> ImportRefused:
    """The error for rows that cannot even be taken apart: (row, what) each."""
    faults = [(row, column, "", what) for row, what in rows]
    return ImportRefused(path, pl.DataFrame(faults, schema=FAULTS, orient="row"), row_word)
