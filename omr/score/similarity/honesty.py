"""How honest the screen is: how often it flags who did not copy, and finds who did.

A sitting of n honest people has n²/2 pairs: 50,000 of them show a chance of 1e-9 directly. Pairs
that share a person are not independent, so that the bounds of one sitting are somewhat too narrow;
several sittings are put together. Within a site there are too few pairs for that: there the far
tail comes from importance sampling, which the counts at 1e-4 and 1e-6 can be held against.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import beta

from omr.score.similarity.answers import Answers
from omr.score.similarity.curves import OptionCurves, option_curves
from omr.score.similarity.far_tail import FarTail, People
from omr.score.similarity.given_scores import GivenScores, given_scores
from omr.score.similarity.indices import pair_indices
from omr.score.similarity.listing import direction_of
from omr.score.similarity.screening import CODES, STEPS, Codes, Method, match_codes, screen
from omr.score.similarity.simulate import SITE, Exam, as_answers, copied, sitting

CONFIDENCE = 0.95
ROOMS, SEATS, SUBJECTS = 10_000, 30, 4
TESTS = ROOMS * (SEATS * (SEATS - 1) // 2) * SUBJECTS  # 17.4 million
LEVEL = 0.01 / TESTS
_MIDDLING = 0.5  # deviations of ability round the middle

FALSE_ALARMS: dict[str, pl.DataType] = {
    "method": pl.String(),
    "taught_alike": pl.Float64(),  # deviation of a site's own bent
    "within": pl.String(),  # all pairs, or those of one site
    "log_level": pl.Float64(),  # decimal
    "pairs": pl.Int64(),
    "flagged": pl.Int64(),
    "rate": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
}
FOUND: dict[str, pl.DataType] = {
    "method": pl.String(),
    "share": pl.Float64(),  # of the items copied
    "pairs": pl.Int64(),
    "found": pl.Int64(),
    "rate": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "told_right": pl.Int64(),  # directions; the rest of the pairs is told none
    "told_wrong": pl.Int64(),
}
FAR: dict[str, pl.DataType] = {
    "taught_alike": pl.Float64(),
    "who": pl.String(),  # pairs of one site: of anybody, or both strong
    "level": pl.Float64(),
    "pairs": pl.Int64(),
    "draws": pl.Int64(),  # of each pair
    "rate": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "false_in_exam": pl.Float64(),  # expected among `TESTS`
    "false_at_most": pl.Float64(),
}
_STRONG = 2.0  # deviations of ability above the middle
_FAR_PAIRS, _DRAWS = 200, 500


@dataclass(frozen=True, slots=True)
class Trial:
    """What is simulated."""

    persons: int = 20_000
    sittings: int = 2
    items: int = 100
    options: int = 5
    copying: int = 1_000  # pairs of each share
    shares: tuple[float, ...] = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
    bents: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Honesty:
    """`false_alarms` (`FALSE_ALARMS`) and `found` (`FOUND`) by method; `far` (`FAR`) of the
    default one.
    """

    false_alarms: pl.DataFrame
    found: pl.DataFrame
    far: pl.DataFrame


def bounds(hits: int, of: int) -> tuple[float, float]:
    """Clopper & Pearson's bounds (1934, Biometrika 26, 404-413) of a share."""
    rest = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(rest, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - rest, hits + 1, of - hits)) if hits < of else 1.0
    return low, high


def honesty(trial: Trial) -> Honesty:
    """Try every method on the same sittings."""
    alarms, found, far = [], [], []
    for bent in trial.bents:
        tallies = {(m, w): np.zeros(CODES, np.int64) for m in Method for w in ("all", "site")}
        for n in range(trial.sittings):
            rng = np.random.default_rng([trial.seed, n, round(bent * 1000)])
            exam = Exam.made(trial.items, trial.options, rng)
            answers = sitting(exam, trial.persons, bent, rng)
            curves = option_curves(answers)
            scores = np.arange(trial.items + 1)
            codes = {method: match_codes(curves, scores, method) for method in Method}
            for (method, within), tally in tallies.items():
                sites = np.arange(trial.persons) // SITE * (within == "site")
                tally += screen(answers, sites, codes[method], LEVEL).tally
            if not bent and not n:
                found = _found(trial, exam, (curves, codes), rng)
            if not n:
                far += _far(trial, bent, (exam, given_scores(curves, scores)), rng)
        for (method, within), tally in tallies.items():
            alarms += _alarms(method, bent, within, tally)
    return Honesty(
        pl.DataFrame(alarms, schema=FALSE_ALARMS, orient="row"),
        pl.DataFrame(found, schema=FOUND, orient="row"),
        pl.DataFrame(far, schema=FAR, orient="row"),
    )


def _alarms(
    method: Method, bent: float, within: str, tally: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> list[tuple[object, ...]]:
    pairs, beyond = int(tally.sum()), tally[::-1].cumsum()[::-1]
    rows: list[tuple[object, ...]] = []
    for decade in range(1, 11):
        hits = int(beyond[decade * STEPS])
        own = (method.value, bent, within, -float(decade))
        rows.append((*own, pairs, hits, hits / pairs, *bounds(hits, pairs)))
    return rows


def _far(
    trial: Trial, bent: float, screened: tuple[Exam, GivenScores], rng: np.random.Generator
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    pairs = min(trial.copying, _FAR_PAIRS)
    for who, ability in (("anybody", None), ("strong", _STRONG)):
        for level in (1e-4, 1e-6, LEVEL):
            tail = FarTail(*screened, float(np.log(level)))
            one = tail.rate(People(bent, ability), pairs, _DRAWS, rng)
            told = (one.rate, one.low, one.high, one.rate * TESTS, one.high * TESTS)
            rows.append((bent, who, level, one.pairs, one.draws, *told))
    return rows


def _found(
    trial: Trial,
    exam: Exam,
    null: tuple[OptionCurves, dict[Method, Codes]],
    rng: np.random.Generator,
) -> list[tuple[object, ...]]:
    curves, codes = null
    rows: list[tuple[object, ...]] = []
    level = int(np.ceil(-np.log10(LEVEL) * STEPS))  # a code that is certainly rare enough
    pairs = trial.copying
    for share in trial.shares:
        ability = rng.uniform(-_MIDDLING, _MIDDLING, 2 * pairs)
        chosen = exam.answers(ability, rng)
        chosen[:pairs] = copied(chosen[pairs:], chosen[:pairs], share, rng)
        answers = as_answers(chosen, trial.options)
        told = _directions(answers, curves, min(pairs, 100))
        for method in Method:
            groups = np.tile(np.arange(pairs), 2)
            tally = screen(answers, groups, codes[method], LEVEL).tally
            hits = int(tally[level:].sum())
            rows.append(
                (method.value, share, pairs, hits, hits / pairs, *bounds(hits, pairs), *told)
            )
    return rows


def _directions(answers: Answers, curves: OptionCurves, pairs: int) -> tuple[int, int]:
    """Of so many pairs, how many directions are told right, and wrong."""
    half = answers.persons // 2
    said = []
    for n in range(pairs):
        one, other = pair_indices(answers, curves, n, half + n).omega
        said.append(direction_of(one.value, other.value))
    return said.count("one"), said.count("other")
