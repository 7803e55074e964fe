"""What scoring costs: a million made-up candidates from masks to who qualifies.

Making them up is not timed; they are made in a process of their own, whose memory is measured.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray

from omr.score.key import Key, Scheme, item_of
from omr.score.marking import Masks, compile_key, mark_cards
from omr.score.pass_lines import PassLine, PassLines
from omr.score.rolling import HISTORY, RollingRules, roll
from omr.score.scaling import Rounding, Scale, passed, score_texts

SUBJECTS = ("1", "2", "3", "4")
ITEMS, OPTIONS = 100, "ABCDE"
YEAR = 2026
REGIONS = tuple(f"{code:02d}" for code in range(32))
SEED = 41


def measure(candidates: int) -> dict[str, float]:
    """`score_1m_s`, seconds a million candidates of four subjects, and the memory it took."""
    spawn = multiprocessing.get_context("spawn")  # so that nothing of this process counts
    with ProcessPoolExecutor(1, mp_context=spawn) as other:
        return other.submit(_timed, candidates).result()


def _timed(candidates: int) -> dict[str, float]:
    rng = np.random.default_rng(SEED)
    scheme = Scheme(Fraction(1), Fraction(-1, 3))
    right = rng.integers(0, len(OPTIONS), ITEMS)
    key = Key.of(item_of(str(n), [OPTIONS[k]], scheme, "all") for n, k in enumerate(right, 1))
    masks = [_made_up(rng, candidates, right) for _ in SUBJECTS]
    people, history = _candidates(rng, candidates)
    _scored(key, [m[:1] for m in masks], people[:1], history)  # compiles
    start = time.perf_counter()
    _scored(key, masks, people, history)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"score_1m_s": seconds * 1_000_000 / candidates, "score_peak_mb": peak}


def _made_up(rng: np.random.Generator, cards: int, right: NDArray[np.int64]) -> Masks:
    """Answers of which about two in three are right."""
    masks = np.empty((cards, ITEMS), np.uint8)
    for item, k in enumerate(right):
        drawn = rng.integers(0, 3 * len(OPTIONS), cards, np.uint8)
        masks[:, item] = np.where(drawn < len(OPTIONS), 1 << drawn % 8, 1 << k)
    return masks


def _candidates(rng: np.random.Generator, count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Candidates, and last year's results of half of them."""
    numbers = pl.Series([f"{k:09d}" for k in range(count)])
    people = pl.DataFrame(
        {
            "candidate": "37" + numbers,
            "file_number": "D" + numbers,
            "specialty": "203",
            "level": "师",
            "region": pl.Series(REGIONS).gather(rng.integers(0, len(REGIONS), count)),
        }
    )
    half = people["file_number"].head(-(-count // 2))
    history = pl.concat(
        pl.DataFrame(
            {
                "year": pl.Series([YEAR - 1], dtype=pl.Int32),
                "subject": [subject],
                "specialty": ["203"],
            }
        ).join(
            pl.DataFrame({"file_number": half, "passed": rng.random(len(half)) < 0.5}), how="cross"
        )
        for subject in SUBJECTS
    )
    return people, history.select(*HISTORY)


def _scored(
    key: Key, masks: list[Masks], people: pl.DataFrame, history: pl.DataFrame
) -> pl.DataFrame:
    """Everything that scoring does, as a caller does it."""
    table = compile_key(key, OPTIONS)
    scale = Scale.of(table, Fraction(100), Rounding.NONE)
    lines = PassLines.of([PassLine(Fraction(60)), PassLine(Fraction(55), region=REGIONS[3])])
    sittings = []
    for subject, answers in zip(SUBJECTS, masks, strict=True):
        scores = scale.scores(mark_cards(answers, table))
        sitting = people.with_columns(pl.lit(subject).alias("subject"))
        reached = passed(scores, [one.line for one in lines.lines], lines.column(sitting, YEAR))
        sittings.append(
            sitting.select("candidate", "subject").with_columns(
                score_texts(scores), pl.Series("passed", reached)
            )
        )
    rules = RollingRules(YEAR, {"203": SUBJECTS})
    return roll(people, pl.concat(sittings), history, rules)
