"""A sitting's answers, paper by paper and form by form, worked out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import polars as pl

from admin_api.exam.terms import Exam
from admin_api.results.responses import Responses, Sat
from admin_api.statistics.earlier import Earlier
from omr.score.items.analysis import Analysis, Wanted, analyse
from omr.score.items.forms import Equivalence, compare
from omr.score.items.tally import I64
from omr.score.responses import AnswerMatrix

REGION, SITE = "region", "site"


@dataclass(frozen=True, slots=True)
class Place:
    """A region (考区) or site (考点) with people enough to be shown apart; `sites` says which of
    the tally's groups it is.
    """

    level: str
    name: str
    persons: int
    groups: I64 = field(repr=False)


@dataclass(frozen=True, slots=True)
class Studied:
    """One paper's form. `line` is the pass line in per cent of full marks, None without one for
    everybody; `small` counts the places that are too small to be shown; items are drawn from
    `least_drawn` people on.
    """

    paper: str
    form: str
    subject: str
    analysis: Analysis = field(repr=False)
    places: tuple[Place, ...] = field(repr=False)
    small: int
    line: float | None
    least_drawn: int

    @property
    def name(self) -> str:
        """As it stands in addresses and file names."""
        return f"{self.paper}-{self.form}" if self.form else self.paper


@dataclass(frozen=True, slots=True)
class Study:
    """A sitting. `void` people (违纪) are left out, and forms `without_key`; `previous` is the year
    that items are compared with, 0 for none.
    """

    year: int
    exam: str
    studied: tuple[Studied, ...]
    equivalent: tuple[tuple[str, Equivalence], ...]
    without_key: Mapping[tuple[str, str], int]
    void: int
    previous: int


def study(exam: Exam, sat: Sat, earlier: Earlier | None, wanted: Wanted) -> Study:
    """Work out every form that somebody sat."""
    found = tuple(_studied(exam, one, earlier, wanted) for one in sat.responses)
    equivalent = tuple(
        (first.paper, compare(first.analysis.tally, second.analysis.tally))
        for first, second in combinations(found, 2)
        if first.paper == second.paper
    )
    void = sum(int(one.persons["void"].sum()) for one in sat.responses)
    year = earlier.year if earlier else 0
    return Study(exam.year, exam.name, found, equivalent, sat.without_key, void, year)


def _studied(exam: Exam, one: Responses, earlier: Earlier | None, wanted: Wanted) -> Studied:
    counted = ~one.persons["void"].to_numpy()
    persons = one.persons.filter(pl.Series(counted))
    answers = one.answers
    if not counted.all():
        answers = AnswerMatrix(answers.masks[counted], answers.key)
    sites, groups = _sites(persons)
    before = earlier.before(one.paper, one.form, answers) if earlier else None
    found = analyse(answers, groups, before, wanted)
    places, small = _places(exam, sites, np.bincount(groups, minlength=sites.height), wanted)
    subjects = Counter(persons["subject"].to_list()).most_common(1)
    subject = exam.subjects.get(subjects[0][0], "") if subjects else ""
    line, least = _line(exam, one.paper), wanted.limits.least_persons
    return Studied(one.paper, one.form, subject, found, places, small, line, least)


def _sites(persons: pl.DataFrame) -> tuple[pl.DataFrame, I64]:
    """The sites in order, and of each person which it is."""
    sites = persons.select("region", "site").unique().sort("region", "site").with_row_index("group")
    groups = persons.select("region", "site").join(
        sites, on=["region", "site"], how="left", maintain_order="left"
    )["group"]
    return sites, groups.to_numpy().astype(np.int64)


def _places(
    exam: Exam, sites: pl.DataFrame, persons: I64, wanted: Wanted
) -> tuple[tuple[Place, ...], int]:
    listed: list[Place] = []
    for (region,), own in sites.group_by("region", maintain_order=True):
        groups = own["group"].to_numpy().astype(np.int64)
        words = f"{region} {exam.regions.get(str(region), '')}".strip()
        listed.append(Place(REGION, words, int(persons[groups].sum()), groups))
        for group, site in own.select("group", "site").iter_rows():
            one = np.array([group], np.int64)
            listed.append(Place(SITE, f"{region}/{site}", int(persons[group]), one))
    shown = tuple(one for one in listed if one.persons >= wanted.limits.least_group)
    return shown, len(listed) - len(shown)


def _line(exam: Exam, paper: str) -> float | None:
    """The line that applies where no region, specialty, subject or level has its own."""
    everybody = [one for one in exam.lines.lines if set(one.named) <= {"year"}]
    own = [one for one in everybody if one.year in (None, exam.year)]
    if not own:
        return None
    line = max(own, key=lambda one: one.rank).line
    return float(100 * line / exam.papers[paper].scale)
