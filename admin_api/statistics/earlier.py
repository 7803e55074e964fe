"""Item statistics of an earlier sitting, as its `items.parquet` has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from admin_api.errors import Refused
from admin_api.statistics.columns import ITEMS, right_letters
from omr.score.items.analysis import Before
from omr.score.responses import AnswerMatrix

_NEEDED = ("year", "paper", "form", "item", "right", "persons", "p")


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier year's items: `year` and the columns that tell an item and how hard it was."""

    year: int
    items: pl.DataFrame = field(repr=False)

    def before(self, paper: str, form: str, answers: AnswerMatrix) -> Before:
        """How hard the items of a form were then. An item is the same where paper, form and number
        are, and what is right; of others nothing is known.
        """
        own = self.items.filter((pl.col("paper") == paper) & (pl.col("form") == form))
        known = {row["item"]: row for row in own.iter_rows(named=True)}
        p = np.full(len(answers.names), np.nan)
        persons = np.zeros(len(answers.names))
        for place, (name, right) in enumerate(
            zip(answers.names, right_letters(answers), strict=True)
        ):
            row = known.get(name)
            if row is not None and row["right"] == right and row["p"] is not None:
                p[place], persons[place] = row["p"], row["persons"]
        return Before(p, persons)


def read_earlier(path: Path) -> Earlier:
    """An earlier sitting's items.

    Raises:
        Refused: the file is not what an earlier `kaowu stats` wrote.
    """
    try:
        items = pl.read_parquet(path, columns=list(_NEEDED))
    except (OSError, pl.exceptions.PolarsError) as error:
        first = str(error).splitlines()[0]
        raise Refused(f"{path} is no items.parquet of an earlier kaowu stats: {first}") from error
    if any(items.schema[name] != ITEMS[name] for name in _NEEDED) or items["year"].n_unique() != 1:
        raise Refused(f"{path} is no items.parquet of an earlier kaowu stats: other columns")
    return Earlier(int(items["year"][0]), items)
