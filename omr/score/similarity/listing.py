"""The pairs that stand out, each with every index, adjusted for all comparisons of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from omr.records import F64
from omr.score.similarity.answers import Answers, planes_of
from omr.score.similarity.curves import OptionCurves, option_curves
from omr.score.similarity.families import benjamini_hochberg, benjamini_yekutieli, holm
from omr.score.similarity.given_scores import GivenScores, given_scores, weight_of
from omr.score.similarity.indices import PairIndices, pair_indices
from omr.score.similarity.kernels import count_pairs
from omr.score.similarity.screening import codes_given, screen

LEAST_PERSONS = 100  # fewer tell too little of how each option draws: nothing is judged by them
ALPHA = 0.01  # the chance of one false pair or more in a whole run
RATE = 0.05  # the share of false pairs among those listed that are not flagged
_BOUND = 1e-4  # pairs rarer than this are looked at one by one
_DIRECTION = 2.0  # how much ω must differ between the roles to say who copied

PAIRS: dict[str, pl.DataType] = {
    "form": pl.Int64(),  # the number of the paper's form in the run
    "one": pl.Int64(),  # rows of its answers
    "other": pl.Int64(),
    "flagged": pl.Boolean(),  # by Holm, at ALPHA
    "right_alike": pl.Int64(),  # 对同
    "wrong_alike": pl.Int64(),  # 错同
    "both_wrong": pl.Int64(),
    "same": pl.Int64(),  # 总选同数
    "chance": pl.Float64(),  # this and all below but ω and Harpp-Hogan: decimal logarithms
    "holm": pl.Float64(),
    "false_rate": pl.Float64(),  # Benjamini-Hochberg
    "false_rate_any": pl.Float64(),  # Benjamini-Yekutieli
    "gbt": pl.Float64(),
    "m4": pl.Float64(),
    "omega_one": pl.Float64(),  # ω itself, `one` as the copier
    "omega_other": pl.Float64(),
    "log_omega_one": pl.Float64(),
    "log_omega_other": pl.Float64(),
    **{
        f"{name}_{who}": pl.Float64()
        for name in ("k", "k1", "k2", "s1", "s2")
        for who in ("one", "other")
    },
    "harpp_hogan": pl.Float64(),  # EEIC / D
    "harpp_hogan_flags": pl.Boolean(),
    "direction": pl.String(),  # who copied as far as ω tells: one, other, or "" for no direction
}


@dataclass(frozen=True, slots=True)
class Form:
    """One paper's form: its answers, and in which group each person is compared."""

    answers: Answers = field(repr=False)
    groups: NDArray[np.int64] = field(repr=False)

    @property
    def judged(self) -> bool:
        """Whether enough people sat it."""
        return self.answers.persons >= LEAST_PERSONS

    @property
    def pairs(self) -> int:
        """How many pairs there are within groups."""
        sizes = np.unique(self.groups, return_counts=True)[1].astype(np.int64)
        return int((sizes * (sizes - 1) // 2).sum())


@dataclass(frozen=True, slots=True)
class Null:
    """What honest answers to a form look like."""

    curves: OptionCurves
    given: GivenScores

    @classmethod
    def of(cls, answers: Answers) -> Null:
        """From everybody who sat the form."""
        curves = option_curves(answers)
        return cls(curves, given_scores(curves, np.unique(answers.scores)))


@dataclass(frozen=True, slots=True)
class Listed:
    """`pairs` (`PAIRS`), rarest first; `tallies` (forms, CODES) of all `compared` pairs."""

    pairs: pl.DataFrame
    compared: int
    tallies: NDArray[np.int64]


def list_pairs(forms: Sequence[Form], *, threads: int = 2) -> Listed:
    """Compare all pairs within groups of all forms; adjusted together, since they are one run.

    Forms that too few sat are left out and count nothing.
    """
    judged = [(n, form) for n, form in enumerate(forms) if form.judged]
    compared = sum(form.pairs for _, form in judged)
    bound = min(1.0, max(_BOUND, 2 * ALPHA / max(compared, 1)))
    rows, logs, nulls, tallies = [], [np.empty(0)], {}, []
    for number, form in judged:
        nulls[number] = null = Null.of(form.answers)
        found = screen(form.answers, form.groups, codes_given(null.given), bound, threads=threads)
        tallies.append(found.tally)
        rows += [(number, one, other) for one, other in found.pairs.tolist()]
        logs.append(_log_chances(form.answers, null.given, found.pairs))
    listed = []
    for (number, one, other), told in zip(
        rows, _adjusted(np.concatenate(logs), compared), strict=True
    ):
        if told["flagged"] or told["false_rate"] <= np.log10(RATE):
            found_indices = pair_indices(forms[number].answers, nulls[number].curves, one, other)
            own = {"form": number, "one": one, "other": other}
            listed.append(own | told | _columns(found_indices))
    frame = pl.DataFrame(listed, schema=PAIRS, orient="row").sort("chance", "form", "one", "other")
    return Listed(frame, compared, np.array(tallies, np.int64))


def _log_chances(answers: Answers, given: GivenScores, pairs: NDArray[np.int64]) -> F64:
    """(pairs,) ln chance of each. Of a whole paper there are many pairs, but few scores."""
    counts = np.zeros((len(pairs), 4), np.int32)
    count_pairs(pairs, planes_of(answers), counts)
    tails = cache(given.log_tails)
    both = np.sort(answers.scores[pairs], axis=1).tolist()
    weights = weight_of(counts[:, 0], counts[:, 1]).tolist()
    return np.array([tails(*own)[weight] for own, weight in zip(both, weights, strict=True)])


def direction_of(omega_one: float, omega_other: float) -> str:
    """Who copied, as far as ω in both roles tells: "one", "other", or "" for no direction."""
    if abs(omega_one - omega_other) < _DIRECTION:
        return ""
    return "one" if omega_one > omega_other else "other"


def _adjusted(logs: F64, compared: int) -> list[dict[str, float | bool]]:
    if not logs.size:
        return []
    ten = np.log(10.0)
    families = (holm, benjamini_hochberg, benjamini_yekutieli)
    family, rate, any_rate = (adjust(logs, compared) / ten for adjust in families)
    return [
        {
            "flagged": bool(family[n] <= np.log10(ALPHA)),
            "chance": float(logs[n] / ten),
            "holm": float(family[n]),
            "false_rate": float(rate[n]),
            "false_rate_any": float(any_rate[n]),
        }
        for n in range(logs.size)
    ]


def _columns(found: PairIndices) -> dict[str, float | int | bool | str]:
    ten = np.log(10.0)
    one, other = found.omega
    out: dict[str, float | int | bool | str] = {
        "right_alike": found.right_alike,
        "wrong_alike": found.wrong_alike,
        "both_wrong": found.both_wrong,
        "same": found.right_alike + found.wrong_alike,
        "gbt": found.gbt / ten,
        "m4": found.m4 / ten,
        "omega_one": one.value,
        "omega_other": other.value,
        "log_omega_one": one.log_chance / ten,
        "log_omega_other": other.log_chance / ten,
        "harpp_hogan": found.harpp_hogan.ratio,
        "harpp_hogan_flags": found.harpp_hogan.flags,
        "direction": direction_of(one.value, other.value),
    }
    for who, wrong in zip(("one", "other"), found.wrong, strict=True):
        for name in ("k", "k1", "k2", "s1", "s2"):
            out[f"{name}_{who}"] = getattr(wrong, name) / ten
    return out
