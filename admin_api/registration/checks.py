"""Collects everything that is wrong with a sheet before anything is said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from admin_api.registration.columns import Column, Shown
from admin_api.registration.errors import FAULTS, ImportRefused, told
from admin_api.registration.sheets import Sheet

_CONTROL = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]"
_CONTROL_IN_PROSE = r"[^\P{Cc}\r\n\t]|[\p{Cf}\p{Zl}\p{Zp}]"
_LOST = r"\x{FFFD}"
_FULL_WIDTH = r"[\x{FF10}-\x{FF19}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}]"
_ROUNDED = r"^[0-9](?:\.[0-9]+)?[Ee]\+?[0-9]+$"
_SHOWN, _SHORT = 40, 8
_MOST_NAMED = 12
Rows = pl.DataFrame
What = str | pl.Expr


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was taken from a file. `repeated` counts rows that stood there twice, taken once."""

    rows: int
    repeated: int
    deleted: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A file's rows, checked, and what a person should know about them."""

    frame: pl.DataFrame
    report: ImportReport


class Checks:
    """A sheet's rows and what is wrong with them. `frame` may be replaced by one of the same rows.

    The first fault of a cell counts; the rest would only follow from it.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.frame = sheet.frame
        self._faults: list[Rows] = []
        self._warnings: list[Rows] = []
        self._repeated = 0
        self._check_text()

    def refuse(self, column: str, where: pl.Expr, what: What) -> None:
        """Every row where the condition holds is a fault of that column."""
        self._faults += self._found(column, where, what)

    def warn(self, column: str, where: pl.Expr, what: What) -> None:
        """Like `refuse`, but the file is taken."""
        self._warnings += self._found(column, where, what)

    def note(self, what: str) -> None:
        """A warning about the file as a whole."""
        self._warnings.append(pl.DataFrame([(0, "", "", what)], schema=FAULTS, orient="row"))

    def refuse_unlike(self, column: str, pattern: str, what: str) -> None:
        """Filled cells must match the whole pattern."""
        self.refuse(
            column, _filled(column) & ~pl.col(column).str.contains(f"^(?:{pattern})$"), what
        )

    def refuse_unknown(self, column: str, known: Collection[str], what: str) -> None:
        """Filled cells must be among the known."""
        some = ", ".join(sorted(known)[:_MOST_NAMED])
        more = ", …" if len(known) > _MOST_NAMED else ""
        self.refuse(
            column,
            _filled(column) & ~pl.col(column).is_in(sorted(known)),
            f"{what}; use one of {some}{more}",
        )

    def translate(self, column: str, words: Mapping[str, object], dtype: pl.DataType) -> None:
        """Put values in place of words; an unknown word is a fault, an empty cell null."""
        lower = pl.col(column).str.to_lowercase()
        self.refuse(
            column,
            _filled(column) & ~lower.is_in(list(words)),
            f"is none of {', '.join(words)}; use one of these",
        )
        self.frame = self.frame.with_columns(
            lower.replace_strict(words, default=None, return_dtype=dtype).alias(column)
        )

    def refuse_empty(self, columns: Sequence[str], where: pl.Expr, why: str) -> None:
        """These columns must be filled where the condition holds."""
        for column in columns:
            self.refuse(column, where & ~_filled(column), f"is empty; {why}")

    def unique(self, key: Sequence[str]) -> None:
        """One row a key: the same row again is left out with a warning, another is a fault."""
        twice = self.frame.filter(_together(key).is_duplicated())
        if twice.is_empty():
            return
        same = [c for c in self.frame.columns if c != "row"]
        again = twice.filter(~pl.struct(same).is_first_distinct())["row"]
        column = key[0]
        firsts = pl.col("row").min().over([pl.col(c) for c in key])
        at = pl.concat_str(pl.lit(f"{self._row_word} "), firsts.cast(pl.String))
        if len(again):
            repeats = self._lines(
                twice.with_columns(
                    pl.concat_str(pl.lit("says the same as "), at, pl.lit("; taken once")).alias(
                        "_"
                    )
                ).filter(pl.col("row").is_in(again.implode())),
                column,
                pl.col("_"),
            )
            self._warnings.append(repeats)
            self._repeated += len(again)
            left = ~pl.col("row").is_in(again.implode())
            self.frame, twice = self.frame.filter(left), twice.filter(left)
        self._contradictions(
            twice,
            key,
            "stands in {at} too, with other entries; find out which is right and delete the other",
        )

    def refuse_shared(self, key: Sequence[str], where: pl.Expr, what: str) -> None:
        """No two of those rows may share the key; {at} in `what` is the first row that has it."""
        twice = self.frame.filter(where)
        self._contradictions(twice.filter(_together(key).is_duplicated()), key, what)

    def done(self, *columns: pl.Expr | str) -> Imported:
        """The rows and the report; `row` comes first, then the columns.

        Raises:
            ImportRefused: there was a fault.
        """
        if self._faults:
            raise ImportRefused(self.sheet.path, _ordered(self._faults), self._row_word)
        warnings = told(_ordered(self._warnings), self._row_word) if self._warnings else ()
        frame = self.frame.select("row", *columns)
        report = ImportReport(frame.height, self._repeated, self.sheet.deleted, warnings)
        return Imported(frame, report)

    @property
    def _row_word(self) -> str:
        return self.sheet.row_word

    def _contradictions(self, twice: Rows, key: Sequence[str], what: str) -> None:
        firsts = pl.col("row").min().over([pl.col(c) for c in key])
        rest = twice.with_columns(firsts.alias("_")).filter(
            (pl.col("row") != pl.col("_")) & _together(key).is_duplicated()
        )
        if rest.height:
            before, after = what.split("{at}")
            at = pl.col("_").cast(pl.String)
            line = pl.concat_str(pl.lit(f"{before}{self._row_word} "), at, pl.lit(after))
            self._faults.append(self._lines(rest, key[0], line))

    def _found(self, column: str, where: pl.Expr, what: What) -> list[Rows]:
        bad = self.frame.filter(where)
        return [self._lines(bad, column, what)] if bad.height else []

    def _lines(self, bad: Rows, column: str, what: What) -> Rows:
        about = self.sheet.columns[column]
        return bad.select(
            pl.col("row"),
            pl.lit(about.label).alias("column"),
            _shown(about, bad.schema[column]).alias("value"),
            (what if isinstance(what, pl.Expr) else pl.lit(what)).alias("what"),
        )

    def _check_text(self) -> None:
        for column in self.sheet.columns.columns:
            cell = pl.col(column.name)
            if column.needed:
                self.refuse(column.name, cell == "", "is empty; fill it in or delete the row")
            if column.name in self.sheet.lacking:
                continue
            control = _CONTROL_IN_PROSE if column.prose else _CONTROL
            self.refuse(
                column.name, cell.str.contains(control), "holds a control character; delete it"
            )
            self.refuse(
                column.name,
                cell.str.contains(_LOST),
                "holds a character that was lost in a conversion (�); enter it again",
            )
            if column.text and not column.prose and column.shown is not Shown.NOTHING:
                self.refuse(
                    column.name,
                    cell.str.contains(_FULL_WIDTH),
                    "holds full-width digits or letters; enter them half-width",
                )
                self.refuse(
                    column.name,
                    cell.str.contains(_ROUNDED),
                    "is a number that a spreadsheet rounded; format the column as text and enter "
                    "it again from the source",
                )


def _filled(column: str) -> pl.Expr:
    return pl.col(column) != ""


def _together(key: Sequence[str]) -> pl.Expr:
    # Faster than a struct of strings; no cell that is taken holds a control character.
    return pl.concat_str([pl.col(c).cast(pl.String) for c in key], separator="\x1f")


def _shown(column: Column, dtype: pl.DataType) -> pl.Expr:
    cell = pl.col(column.name)
    if column.shown is Shown.NOTHING or dtype != pl.String:
        return pl.lit("")
    if column.shown is Shown.LAST_FOUR:
        hidden = pl.concat_str(pl.lit("…"), cell.str.tail(4))
        long = cell.str.len_chars() >= _SHORT
        return pl.when(cell == "").then(pl.lit("")).when(long).then(hidden).otherwise(pl.lit("…"))
    return cell.str.slice(0, _SHOWN).str.replace_all(_CONTROL, "�")


def _ordered(faults: list[Rows]) -> Rows:
    """By row; of several faults of a cell the first that was found."""
    return (
        pl.concat(faults)
        .unique(["row", "column", "what"], keep="first", maintain_order=True)
        .filter(pl.struct("row", "column").is_first_distinct() | (pl.col("row") == 0))
        .sort("row", maintain_order=True)
    )
