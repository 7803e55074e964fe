"""Everything that one form's answers say of its items, in one record."""

from __future__ import annotations

from dataclasses import dataclass, field

from omr.errors import ScoringError
from omr.score.items.classical import Form, Items, form_figures, item_figures, upper_lower
from omr.score.items.drift import Drift, drift
from omr.score.items.flags import Evidence, Flag, flags
from omr.score.items.irt.fit import Effort, Fitted, Model, fit
from omr.score.items.irt.shown import Points, observed_points
from omr.score.items.tally import F64, I64, Tally, tally
from omr.score.items.thresholds import Thresholds
from omr.score.responses import AnswerMatrix


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier year's shares right, (items,), NaN where an item is not the same; and of how many
    people each is.
    """

    p: F64
    persons: F64


@dataclass(frozen=True, slots=True)
class Modelled:
    """Both models, and what was observed beside the 2PL curves."""

    one: Fitted
    two: Fitted
    points: Points = field(repr=False)


@dataclass(frozen=True, slots=True)
class Analysis:
    """One form. `modelled` is None where `why_not` says why no model was estimated; `drift` is
    None where there is no earlier year.
    """

    tally: Tally = field(repr=False)
    items: Items = field(repr=False)
    form: Form
    upper_lower: F64 = field(repr=False)
    drift: Drift | None = field(repr=False)
    modelled: Modelled | None = field(repr=False)
    why_not: str
    flags: tuple[Flag, ...] = field(repr=False)

    @property
    def answers(self) -> AnswerMatrix:
        return self.tally.answers


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an analysis is made."""

    limits: Thresholds = field(default_factory=Thresholds)
    threads: int = 2
    models: bool = True


TOO_FEW = "too few people for a model"
TOO_ALIKE = "too few items that tell people apart"


def analyse(
    answers: AnswerMatrix,
    groups: I64 | None = None,
    before: Before | None = None,
    wanted: Wanted | None = None,
) -> Analysis:
    """Work out one form; `groups` (persons,) as in `tally`, for figures by place."""
    how = wanted or Wanted()
    counted = tally(answers, groups, how.threads)
    items, form, d = item_figures(counted), form_figures(counted), upper_lower(counted)
    change = drift(before.p, before.persons, items.p, answers.persons) if before else None
    modelled, why_not = _modelled(answers, how)
    curves = modelled.two if modelled else None
    found = flags(Evidence(answers, items, d, change, curves), how.limits)
    return Analysis(counted, items, form, d, change, modelled, why_not, found)


def _modelled(answers: AnswerMatrix, how: Wanted) -> tuple[Modelled | None, str]:
    if not how.models or answers.persons < how.limits.least_for_irt:
        return None, TOO_FEW
    rights, effort = answers.right(), Effort(threads=how.threads)
    try:
        one, two = (
            fit(rights, model, counted=answers.counts, effort=effort)
            for model in (Model.ONE, Model.TWO)
        )
    except ScoringError:
        return None, TOO_ALIKE
    return Modelled(one, two, observed_points(rights, two, threads=how.threads)), ""
