"""How often the engine is wrong: simulated cards of every defect, read and compared with truth.

A field is wrong where its value differs from what the candidate meant and no doubt is on it. One
case is told apart: `unseen` counts fields read as blank whose mark the picture does not hold,
because it is folded away or punched out onto a backing as white as the paper. A review is needless
where the page was sent to a person (or refused) although a person would have settled all of it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omr.design import Design, load_design
from omr.page_counts import PageCounts
from omr.policy import default_policy
from omr.records import F64, RejectedPage, ScannedPage, Status

CARDS_A_TASK = 8
BINS = 40
MOST_LISTED = 200
REVIEW_CLEAN = 0.002
REVIEW_EVERYDAY = 0.015
# Shares of all cards: mixes by name, the rest of the built-in mixes share what is left.
SHARES = {"clean": 0.22, "everyday": 0.40, "all": 0.06}
DESIGNS = (("cn-health-203", 0.8), ("two-sided-60", 0.12), ("quiz-a5", 0.08))


@dataclass(slots=True)
class Tally(PageCounts):
    """Pages, and how good their readings are; adds up.

    Fields: `wrong` ones without a doubt; `unseen` ones, which would be wrong had the scan kept
    any trace of their mark. Pages: `unsettled` ones, which a person should settle, and `needless`
    ones, which were shown to a person, or refused, all the same.
    """

    bubbles: int = 0
    fields: int = 0
    wrong: int = 0
    unseen: int = 0
    needless: int = 0
    unsettled: int = 0

    def add(self, other: Self) -> None:
        """Add another tally's counts to this one."""
        PageCounts.add(self, other)
        self.bubbles += other.bubbles
        self.fields += other.fields
        self.wrong += other.wrong
        self.unseen += other.unseen
        self.needless += other.needless
        self.unsettled += other.unsettled


@dataclass
class Outcome:
    """What one task, or the whole run, found."""

    by_mix: dict[str, Tally] = field(default_factory=dict)
    by_defect: dict[str, Tally] = field(default_factory=dict)
    bins: F64 = field(default_factory=lambda: np.zeros((BINS, 3)))  # fields, stated, wrong
    errors: list[dict[str, str]] = field(default_factory=list)
    needless: list[dict[str, str]] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Add another outcome to this one."""
        for mine, theirs in ((self.by_mix, other.by_mix), (self.by_defect, other.by_defect)):
            for name, tally in theirs.items():
                mine.setdefault(name, Tally()).add(tally)
        self.bins += other.bins
        self.errors = (self.errors + other.errors)[:MOST_LISTED]
        self.needless = (self.needless + other.needless)[:MOST_LISTED]

    @property
    def total(self) -> Tally:
        """All mixes together."""
        whole = Tally()
        for tally in self.by_mix.values():
            whole.add(tally)
        return whole


@dataclass(frozen=True, slots=True)
class Task:
    """Some cards to simulate and read: numbers `first` to `last` of a seed."""

    design: str
    mix: str
    seed: int
    first: int
    last: int


def probability_bin(probability: F64) -> NDArray[np.int64]:
    """The bin of a stated error probability; bins are even in its logarithm from 1e-9 to 1."""
    place = (np.log10(np.maximum(probability, 1e-9)) + 9.0) / 9.0 * BINS
    bins: NDArray[np.int64] = np.minimum(place.astype(np.int64), BINS - 1)
    return bins


def run_task(task: Task) -> Outcome:
    """Simulate and read a task's cards."""
    import cv2

    from omr.simulate import load_mix, simulate_card

    cv2.setNumThreads(1)
    design, mix = load_design(task.design), load_mix(task.mix)
    outcome = Outcome()
    for index in range(task.first, task.last):
        for page in simulate_card(design, mix, task.seed, index):
            _compare(page, design, task, index, outcome)
    return outcome


def _compare(page, design: Design, task: Task, index: int, outcome: Outcome) -> None:  # type: ignore[no-untyped-def]
    from omr.pipeline import read_page

    truth = page.truth
    scanned = ScannedPage(page.image, ScannedPage.digest(page.image), truth.file, index)
    got = read_page(scanned, design, default_policy())
    tally = Tally()
    for_person = bool(truth.unreadable or truth.unsettled)
    tally.unsettled = int(for_person)
    where = {"design": task.design, "mix": task.mix, "seed": str(task.seed), "index": str(index)}
    where |= {"side": truth.side.value, "scan": truth.scan, "defects": " ".join(truth.defects)}
    if isinstance(got, RejectedPage):
        tally.count(Status.REJECTED, (), got.reason.value)
        tally.needless = int(not for_person)
        why = f"{got.reason.value}: {got.evidence}"
    else:
        reading = got.reading
        doubted = {doubt.field for doubt in reading.doubts}
        tally.count(reading.status, (doubt.kind.value for doubt in reading.doubts))
        tally.needless = int(bool(doubted) and not for_person)
        why = "; ".join(f"{d.field} {d.kind.value}: {d.evidence}" for d in reading.doubts[:3])
        tally.bubbles = len(got.scores.fill)
        tally.fields = len(reading.fields)
        bubbled = len(reading.error_probability)
        bad = np.zeros(len(reading.fields), bool)
        for k, (name, value) in enumerate(zip(reading.fields, reading.values, strict=True)):
            meant = truth.values.get(name, "")
            bad[k] = value != meant
            if bad[k] and name not in doubted:
                gone = value == "" and truth.unsettled.get(name) == "hidden"
                tally.unseen += int(gone)
                tally.wrong += int(not gone)
                said = {"field": name, "read": value, "meant": meant, "note": truth.unreadable}
                outcome.errors.append(where | said)
        places = probability_bin(reading.error_probability.astype(np.float64))
        np.add.at(outcome.bins[:, 0], places, 1)
        np.add.at(outcome.bins[:, 1], places, reading.error_probability)
        np.add.at(outcome.bins[:, 2], places, bad[:bubbled])
    if tally.needless:
        outcome.needless.append(where | {"why": why})
    outcome.by_mix.setdefault(task.mix, Tally()).add(tally)
    for name in set(truth.defects) - {"blank_answer"} or {"none"}:
        outcome.by_defect.setdefault(name, Tally()).add(tally)


def plan(bubbles: int, seed: int) -> list[Task]:
    """Tasks that read at least so many bubble positions, all defects among them."""
    from omr.simulate import builtin_mixes

    others = [name for name in builtin_mixes() if name not in SHARES]
    rest = (1.0 - sum(SHARES.values())) / len(others)
    shares = SHARES | dict.fromkeys(others, rest)
    tasks: list[Task] = []
    # Some pages are refused by right (hidden marks, other designs), so a few more are made.
    wanted = 1.08 * bubbles
    for number, (name, of_designs) in enumerate(DESIGNS):
        sides = load_design(name).sides
        a_card = sum(side.bubble_count for side in sides)
        for k, (mix, share) in enumerate(shares.items()):
            cards = max(1, round(wanted * of_designs * share / a_card))
            for first in range(0, cards, CARDS_A_TASK):
                last = min(cards, first + CARDS_A_TASK)
                tasks.append(Task(name, mix, seed + 1000 * number + k, first, last))
    # Long and short tasks mixed, so that no worker is left with the slow ones at the end.
    order = np.random.default_rng(seed).permutation(len(tasks))
    return [tasks[i] for i in order]


def measure_accuracy(bubbles: int, seed: int, workers: int) -> Outcome:
    """Simulate and read until the plan is done; the same whatever the number of workers."""
    outcome = Outcome()
    for part in _outcomes(plan(bubbles, seed), workers):
        outcome.add(part)
    outcome.errors.sort(key=lambda e: (e["design"], e["mix"], int(e["index"]), e["field"]))
    return outcome


def _outcomes(tasks: list[Task], workers: int) -> Iterator[Outcome]:
    if workers <= 1:
        yield from map(run_task, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(run_task, tasks)


def upper_95(wrong: int, trials: int) -> float:
    """One-sided 95 % upper bound of an error rate (Clopper and Pearson, 1934)."""
    from scipy.stats import beta

    return 1.0 if wrong >= trials else float(beta.ppf(0.95, wrong + 1, trials - wrong))


def calibration_error(bins: F64) -> float:
    """Mean distance of stated from seen error rates, weighted by fields (expected calibration
    error, Naeini et al., 2015)."""
    return float(np.abs(bins[:, 1] - bins[:, 2]).sum() / max(1.0, bins[:, 0].sum()))


def figures(outcome: Outcome) -> dict[str, float]:
    """The contract's figures."""
    total = outcome.total
    clean, everyday = (outcome.by_mix.get(m, Tally()) for m in ("clean", "everyday"))
    return {
        "bubbles": total.bubbles,
        "pages": total.pages,
        "fields": total.fields,
        "wrong": total.wrong,
        "unseen": total.unseen,
        "upper_95": upper_95(total.wrong, max(1, total.bubbles)),
        "review_clean": clean.needless / max(1, clean.pages),
        "review_everyday": everyday.needless / max(1, everyday.pages),
        "calibration_error": calibration_error(outcome.bins),
    }


def run(bubbles: int, as_json: bool, out: Path | None, seed: int = 20260601) -> int:
    """The `omr accuracy` command: print the figures, write the report; 0 if the contract holds."""
    from omr.accuracy_report import as_text, write_report

    outcome = measure_accuracy(bubbles, seed, len(os.sched_getaffinity(0)))
    found = figures(outcome)
    if out is not None:
        write_report(outcome, found, out)
    print(json.dumps(found) if as_json else as_text(outcome, found))
    kept = (
        found["wrong"] == 0
        and found["review_clean"] <= REVIEW_CLEAN
        and found["review_everyday"] <= REVIEW_EVERYDAY
        and found["bubbles"] >= bubbles
    )
    return 0 if kept else 1
