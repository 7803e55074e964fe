"""The tables of item statistics, their columns declared once, and how they are filled.

A figure that the data do not settle is null. Numbers are rounded to six digits, so that what is
last in a float never tells two runs apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from admin_api.frames import Schema
from omr.score.items.classical import form_figures, item_figures
from omr.score.items.tally import F64
from omr.score.key import Void
from omr.score.responses import AnswerMatrix

if TYPE_CHECKING:
    from admin_api.statistics.study import Studied, Study

_DIGITS = 6
_FLOAT = pl.Float64()
_FORM: Schema = {"year": pl.Int64(), "paper": pl.String(), "form": pl.String()}
_DRIFT = ("before", "change", "change_from", "change_to", "off_line", "off_line_se")
_CURVE = ("slope", "slope_se", "difficulty", "difficulty_se")

ITEMS: Schema = {
    **_FORM,
    "item": pl.String(),
    "section": pl.String(),
    "right": pl.String(),  # the answers with full marks, such as C or A|C or BD
    "void": pl.Boolean(),
    "persons": pl.Int64(),
    "p": _FLOAT,  # share with full marks
    "facility": _FLOAT,  # mean share of the item's marks
    "point": _FLOAT,  # correlation with the total
    "corrected": _FLOAT,  # with the total without the item
    "biserial": _FLOAT,
    "upper_lower": _FLOAT,  # 27 %
    "alpha_without": _FLOAT,
    "omitted": pl.Int64(),
    "several": pl.Int64(),
    **dict.fromkeys(_DRIFT, _FLOAT),  # against the earlier year
    **{f"{name}": _FLOAT for name in _CURVE},  # 2PL
    **{f"{name}_1pl": _FLOAT for name in _CURVE},
    "left_out": pl.String(),  # why it has no curve
    "flags": pl.List(pl.String()),
}
"""A row an item. With `--previous` next year, this is the file to give."""

OPTIONS: Schema = {
    **_FORM,
    "item": pl.String(),
    "option": pl.String(),  # "" omitted, * several
    "right": pl.Boolean(),
    "chosen": pl.Int64(),
    "share": _FLOAT,
    "correlation": _FLOAT,  # of having chosen with the total without the item
}
"""A row an option of an item."""

FORMS: Schema = {
    **_FORM,
    "persons": pl.Int64(),
    "items": pl.Int64(),
    **dict.fromkeys(("mean", "sd", "kr20", "alpha", "sem"), _FLOAT),
    **dict.fromkeys(("log_likelihood_1pl", "log_likelihood_2pl", "reliability"), _FLOAT),
    "converged": pl.Boolean(),
    "why_no_model": pl.String(),
}
"""A row a form."""

PLACES: Schema = {
    **_FORM,
    "level": pl.String(),  # region, site
    "place": pl.String(),
    "persons": pl.Int64(),
    **dict.fromkeys(("mean", "sd", "kr20", "alpha"), _FLOAT),
    "p": pl.List(_FLOAT),  # by item, in their order
    "corrected": pl.List(_FLOAT),
}
"""A row a region or site that is large enough to be shown apart."""

FLAGS: Schema = {
    **_FORM,
    "item": pl.String(),
    "reason": pl.String(),
    "option": pl.String(),  # that it is about, "" where none
    "figure": _FLOAT,
    "limit": _FLOAT,  # that it passed
}
"""A row a reason to look at an item."""

EQUIVALENCE: Schema = {
    "year": pl.Int64(),
    "paper": pl.String(),
    "first": pl.String(),
    "second": pl.String(),
    "mean_first": _FLOAT,  # per cent of full marks
    "mean_second": _FLOAT,
    "sd_first": _FLOAT,
    "sd_second": _FLOAT,
    **{f"difference{end}": _FLOAT for end in ("", "_from", "_to")},
    **{f"effect{end}": _FLOAT for end in ("", "_from", "_to")},  # Cohen's d
    "ks": _FLOAT,
    "ks_p": _FLOAT,
}
"""A row a pair of forms of one paper."""

SCORES: Schema = {**_FORM, "marks": _FLOAT, "persons": pl.Int64()}
"""A row a total that somebody has."""


def right_letters(answers: AnswerMatrix) -> list[str]:
    """What is right, by item: C, or A|C where either is, or BD where both are wanted."""
    found = []
    for item in answers.key.key.items:
        most = max(accepted.marks for accepted in item.accepted)
        found.append("|".join(one.value for one in item.accepted if one.marks == most))
    return found


def tables(found: Study) -> dict[str, pl.DataFrame]:
    """Every table by its name."""
    filled = {
        "items": (ITEMS, _items),
        "options": (OPTIONS, _options),
        "forms": (FORMS, _form),
        "flags": (FLAGS, _flags),
        "places": (PLACES, _places),
        "scores": (SCORES, _scores),
    }
    made = {
        name: _frame(
            schema,
            (
                {"year": found.year, "paper": one.paper, "form": one.form, **row}
                for one in found.studied
                for row in fill(one)
            ),
        )
        for name, (schema, fill) in filled.items()
    }
    return made | {"equivalence": _frame(EQUIVALENCE, _equivalence(found))}


def _frame(schema: Schema, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    return frame.with_columns(
        pl.col(pl.Float64).round(_DIGITS).fill_nan(None),
        pl.col(pl.List(pl.Float64)).list.eval(pl.element().round(_DIGITS).fill_nan(None)),
    )


def _items(one: Studied) -> Iterable[dict[str, Any]]:
    found, answers = one.analysis, one.analysis.answers
    columns: dict[str, F64] = {
        name: getattr(found.items, name)
        for name in ("p", "facility", "point", "corrected", "biserial")
    }
    columns |= {"upper_lower": found.upper_lower, "alpha_without": found.form.alpha_without}
    if found.drift is not None:
        columns |= {name: getattr(found.drift, name) for name in _DRIFT}
    if found.modelled is not None:
        columns |= {name: getattr(found.modelled.two, name) for name in _CURVE}
        columns |= {f"{name}_1pl": getattr(found.modelled.one, name) for name in _CURVE}
    chosen = found.tally.sums.all().chosen[0]
    flagged: dict[int, list[str]] = {}
    for flag in found.flags:
        flagged.setdefault(flag.item, []).append(f"{flag.reason.value} {flag.option}".strip())
    left = found.modelled.two.left_out if found.modelled else {}
    for place, (item, right) in enumerate(
        zip(answers.key.key.items, right_letters(answers), strict=True)
    ):
        yield {
            "item": item.name,
            "section": item.section,
            "right": right,
            "void": item.void is not Void.NO,
            "persons": found.form.persons,
            "omitted": int(chosen[place, 0]),
            "several": int(chosen[place, -1]),
            "left_out": left[place].value if place in left else "",
            "flags": flagged.get(place, []),
            **{name: float(values[place]) for name, values in columns.items()},
        }


def _options(one: Studied) -> Iterable[dict[str, Any]]:
    found, answers = one.analysis, one.analysis.answers
    chosen = found.tally.sums.all().chosen[0]
    right = np.pad(answers.right_options(), ((0, 0), (1, 1)))
    for place, item in enumerate(answers.names):
        for k, option in enumerate(("", *answers.key.options, "*")):
            yield {
                "item": item,
                "option": option,
                "right": bool(right[place, k]),
                "chosen": int(chosen[place, k]),
                "share": float(found.items.share[place, k]),
                "correlation": float(found.items.option_r[place, k]),
            }


def _flags(one: Studied) -> Iterable[dict[str, Any]]:
    names = one.analysis.answers.names
    for flag in one.analysis.flags:
        yield {
            "item": names[flag.item],
            "reason": flag.reason.value,
            "option": flag.option,
            "figure": flag.figure,
            "limit": flag.limit,
        }


def _equivalence(found: Study) -> Iterable[dict[str, Any]]:
    plain = ("first", "second", "difference", "difference_from", "difference_to")
    for paper, one in found.equivalent:
        row = {name: getattr(one, name) for name in plain}
        row |= {name: getattr(one, name) for name in ("effect", "effect_from", "effect_to")}
        for name, pair in (("mean", one.means), ("sd", one.sds)):
            row[f"{name}_first"], row[f"{name}_second"] = pair
        yield {"year": found.year, "paper": paper, "ks": one.ks, "ks_p": one.ks_p, **row}


def _form(one: Studied) -> Iterable[dict[str, Any]]:
    form, modelled = one.analysis.form, one.analysis.modelled
    row: dict[str, Any] = {
        name: getattr(form, name)
        for name in ("persons", "items", "mean", "sd", "kr20", "alpha", "sem")
    }
    if modelled:
        row |= {
            "log_likelihood_1pl": modelled.one.log_likelihood,
            "log_likelihood_2pl": modelled.two.log_likelihood,
            "reliability": modelled.two.reliability,
            "converged": modelled.one.converged and modelled.two.converged,
        }
    yield row | {"why_no_model": one.analysis.why_not}


def _places(one: Studied) -> Iterable[dict[str, Any]]:
    counted = one.analysis.tally
    for place in one.places:
        sums = counted.sums.part(place.groups)
        form, items = form_figures(counted, sums), item_figures(counted, sums)
        yield {
            "level": place.level,
            "place": place.name,
            "persons": place.persons,
            **{name: getattr(form, name) for name in ("mean", "sd", "kr20", "alpha")},
            "p": items.p.tolist(),
            "corrected": items.corrected.tolist(),
        }


def _scores(one: Studied) -> Iterable[dict[str, Any]]:
    counted = one.analysis.tally
    for marks, persons in zip(counted.levels.tolist(), counted.persons_at.tolist(), strict=True):
        yield {"marks": marks, "persons": int(persons)}
