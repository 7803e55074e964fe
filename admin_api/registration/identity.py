"""Identity documents (证件): their kinds, and which numbers can be right.

Numbers of 18 figures follow GB 11643: the check figure and the date decide, the place is only a
warning, since tables of places lack those abolished long ago. Other kinds have loose patterns,
for their numbering changed over the years and no public check figure exists.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"  # by the remainder of the weighted sum by 11
_PROVINCES = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65"
)
PLACES = frozenset(f"{_PROVINCES} 71 81 82 83".split(" "))
"""Provinces, and the places of residence permits for Hong Kong, Macao and Taiwan (81 to 83)."""

_EIGHTEEN = "[0-9]{17}[0-9X]"
_SERVICE = r"[\p{Han}A-Z0-9()（）-]{4,30}"


@dataclass(frozen=True, slots=True)
class IdKind:
    """A kind of document. `pattern` is for the number in capitals; `gb11643`: of 18 figures with
    a check figure, where it has 18."""

    name: str
    also: tuple[str, ...]
    pattern: str
    gb11643: bool = False


KINDS = (
    IdKind("居民身份证", ("身份证", "二代身份证", "中华人民共和国居民身份证"), _EIGHTEEN, True),
    IdKind("临时身份证", ("临时居民身份证",), _EIGHTEEN, True),
    IdKind(
        "港澳台居住证", ("港澳台居民居住证", "港澳居民居住证", "台湾居民居住证"), _EIGHTEEN, True
    ),
    IdKind("军官证", ("军人身份证件", "警官证"), _SERVICE),
    IdKind("文职干部证", ("文职人员证",), _SERVICE),
    IdKind("士兵证", ("义务兵证", "军士证", "士官证"), _SERVICE),
    IdKind(
        "港澳通行证",
        ("港澳居民来往内地通行证", "港澳居民通行证", "回乡证"),
        "[HM][0-9]{8}(?:[0-9]{2})?",
    ),
    IdKind(
        "台湾通行证",
        ("台湾居民来往大陆通行证", "台湾居民通行证", "台胞证"),
        "[0-9]{8}|[0-9]{10}(?:\\([A-Z0-9]\\))?",
    ),
    IdKind(
        "外国人永久居留证",
        ("外国人永久居留身份证", "外国人永久居留身份证件"),
        "[A-Z]{3}[0-9]{12}|9[0-9]{16}[0-9X]",
        True,
    ),
    IdKind("护照", ("外国护照", "中国护照"), "[A-Z0-9]{5,17}"),
)
_KIND_OF = {name: kind.name for kind in KINDS for name in (kind.name, *kind.also)}


def kind_of(column: str) -> pl.Expr:
    """The kind's own name, "" where it is not known."""
    return pl.col(column).replace_strict(_KIND_OF, default="", return_dtype=pl.String)


def capitals(column: str) -> pl.Expr:
    """The number as it is stored: a final x is an X, letters are capitals."""
    return pl.col(column).str.to_uppercase()


def id_fault(kind: str, number: str) -> pl.Expr:
    """What is wrong with a number and what to do, null where nothing is.

    `kind` and `number` name columns with results of `kind_of` and `capitals`. Of an unknown kind
    nothing is said.
    """
    loose = pl.lit(None, dtype=pl.String)
    for each in KINDS:
        fits = pl.col(number).str.contains(f"^(?:{each.pattern})$")
        said = f"is no number of a {each.name}; compare it with the document"
        loose = pl.when((pl.col(kind) == each.name) & ~fits).then(pl.lit(said)).otherwise(loose)
    checked = pl.col(kind).is_in([each.name for each in KINDS if each.gb11643]) & (
        pl.col(number).str.contains(f"^{_EIGHTEEN}$")
    )
    short = (
        checked.not_()
        & (pl.col(number).str.contains("^[0-9]{15}$"))
        & (pl.col(kind).is_in([each.name for each in KINDS if each.pattern == _EIGHTEEN]))
    )
    return (
        pl.when(short)
        .then(pl.lit("has 15 figures, which is no longer valid; enter the one of 18"))
        .when(checked & ~_check_holds(number))
        .then(pl.lit("has a figure that is wrong, its check shows; compare it with the document"))
        .when(checked & _birth(number).is_null())
        .then(pl.lit("holds a date of birth that does not exist; compare it with the document"))
        .otherwise(loose)
    )


def place_unknown(kind: str, number: str) -> pl.Expr:
    """Whether a number begins with a province that is not known; that alone is no fault."""
    return pl.col(kind).is_in([each.name for each in KINDS if each.pattern == _EIGHTEEN]) & ~pl.col(
        number
    ).str.slice(0, 2).is_in(sorted(PLACES))


def _check_holds(number: str) -> pl.Expr:
    digits = pl.col(number).str.slice(0, 17).cast(pl.Int64, strict=False)
    total = pl.lit(0, dtype=pl.Int64)
    for place, weight in enumerate(WEIGHTS):
        total += (digits // 10 ** (16 - place)) % 10 * weight
    check = (total % 11).replace_strict(
        dict(enumerate(CHECKS)), default=None, return_dtype=pl.String
    )
    return (pl.col(number).str.slice(17, 1) == check).fill_null(False)


def _birth(number: str) -> pl.Expr:
    """The date of birth, null where there is no such day."""
    text = pl.col(number).str.slice(6, 8)
    return (
        pl.when(text.str.contains("^(?:18|19|20)"))
        .then(text.str.to_date("%Y%m%d", strict=False))
        .otherwise(None)
    )
