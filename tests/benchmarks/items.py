"""How long the items of a million people take, and the 2PL of a hundred thousand.

python -m tests.benchmarks.items --out build/bench.json [--people 1000000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from omr.score.items.classical import form_figures, item_figures, upper_lower
from omr.score.items.flags import Evidence, flags
from omr.score.items.irt.fit import Effort, fit
from omr.score.items.tally import tally
from omr.score.items.thresholds import Thresholds
from omr.score.items.traces import traces
from omr.score.key_file import load_key_file
from omr.score.responses import U8, AnswerMatrix
from tests.benchmarks.figures import tell

ITEMS, SITES, CORES = 100, 300, 2
_KEY = f'paper = "1"\nversion = 1\n[[section]]\nanswers = "{"ABCDE" * 20}"\n'
_PART = 50_000


def drawn_rights(people: int) -> U8:
    """Who had what right, of people and items as an exam has them."""
    chance = np.random.default_rng(1)
    slope, intercept = chance.lognormal(0, 0.3, ITEMS), chance.normal(0.5, 1, ITEMS)
    found = np.empty((people, ITEMS), np.uint8)
    for start in range(0, people, _PART):
        theta = chance.normal(size=(min(_PART, people - start), 1))
        found[start : start + _PART] = chance.random((len(theta), ITEMS)) < 1 / (
            1 + np.exp(-(slope * theta + intercept))
        )
    return found


def answers_of(rights: U8) -> AnswerMatrix:
    """Rights as marks on cards; a wrong answer is any other option."""
    off = np.random.default_rng(2).integers(1, 5, rights.shape, dtype=np.uint8)
    right = np.arange(ITEMS, dtype=np.uint8) % 5
    masks = np.left_shift(np.uint8(1), (right + np.where(rights, np.uint8(0), off)) % 5)
    return AnswerMatrix(masks.astype(np.uint8), load_key_file(_KEY.encode()))


def item_statistics(answers: AnswerMatrix) -> None:
    """All classical statistics, for everybody and for every site."""
    sites = np.arange(answers.persons, dtype=np.int64) * SITES // max(answers.persons, 1)
    counted = tally(answers, sites, CORES)
    items, d = item_figures(counted), upper_lower(counted)
    form_figures(counted)
    traces(counted)
    flags(Evidence(answers, items, d, None, None), Thresholds())
    for site in range(len(counted.sums.persons)):
        own = counted.sums.part(np.array([site]))
        item_figures(counted, own)
        form_figures(counted, own)


def seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return round(time.perf_counter() - begun, 2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--people", type=int, default=1_000_000)
    given = parser.parse_args()
    few = drawn_rights(500)
    item_statistics(answers_of(few))  # what is compiled is compiled once
    fit(few)
    rights = drawn_rights(given.people)
    answers, some = answers_of(rights), rights[: given.people // 10].copy()
    del rights
    tell(
        {
            "items_1m_s": seconds(lambda: item_statistics(answers)),
            "irt_2pl_100k_s": seconds(lambda: fit(some, effort=Effort(threads=CORES))),
        },
        given.out,
    )


if __name__ == "__main__":
    main()
