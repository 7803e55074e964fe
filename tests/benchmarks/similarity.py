"""How long all pairs of a big paper take: 1.25 thousand million of 50,000 candidates.

python -m tests.benchmarks.similarity --out build/bench.json [--persons 50000]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from omr.score.similarity.answers import Answers
from omr.score.similarity.curves import OptionCurves, option_curves
from omr.score.similarity.screening import Method, match_codes, screen
from omr.score.similarity.simulate import Exam, sitting
from tests.benchmarks.figures import tell

ITEMS, OPTIONS, BOUND, TIMES = 100, 5, 1e-6, 3


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--out", type=Path)
    asked.add_argument("--persons", type=int, default=50_000)
    given = asked.parse_args()
    rng = np.random.default_rng(1)
    answers = sitting(Exam.made(ITEMS, OPTIONS, rng), given.persons, 0.0, rng)
    curves = option_curves(answers)
    few = Answers(answers.choice[:200], answers.right[:200], OPTIONS)
    compare(few, curves)  # compiles
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        compare(answers, curves)
        took.append(time.perf_counter() - begun)
    pairs = given.persons * (given.persons - 1) / 2
    figures = {"pairs_50k_s": round(float(np.median(took)) * 50_000 * 49_999 / 2 / pairs, 2)}
    tell(figures, given.out)


def compare(answers: Answers, curves: OptionCurves) -> None:
    """All pairs, with the table by which they are judged."""
    codes = match_codes(curves, np.unique(answers.scores), Method.GIVEN_SCORES)
    screen(answers, np.zeros(answers.persons, np.int64), codes, BOUND)


if __name__ == "__main__":
    main()
