"""Every candidate's result from a sitting's truth.json alone: plain Python, nothing of the office's
own.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

Truth = Mapping[str, Any]
FULL_MARKS = 100


class Result(NamedTuple):
    """A candidate's subject: scored, absent, void or none (no card to be had)."""

    state: str
    raw: Fraction | None
    score: Fraction | None
    passed: bool


def outcome(person: Truth, truth: Truth) -> dict[str, Any]:
    """All subjects, what is carried from earlier years, and whether all are passed."""
    results = {subject: subject_result(person, subject, truth) for subject in person["sittings"]}
    carried = {
        subject: year
        for subject, year in _passed_before(person, truth).items()
        if not results[subject].passed
    }
    done = {subject for subject, one in results.items() if one.passed} | set(carried)
    return {"results": results, "carried": carried, "qualified": done == set(results)}


def subject_result(person: Truth, subject: str, truth: Truth) -> Result:
    """What one subject came to."""
    sitting = person["sittings"][subject]
    if sitting["void"]:
        return Result("void", None, None, passed=False)
    if not sitting["present"]:
        return Result("absent", None, None, passed=False)
    if sitting["unscored"]:
        return Result("none", None, None, passed=False)
    raw, most = _marks(sitting["answers"], truth["keys"][sitting["paper"] + sitting["form"]])
    score = Fraction(raw * FULL_MARKS, most)
    lines = truth["pass_lines"]
    line = Fraction(lines.get(person["region"], lines[""]))
    return Result("scored", Fraction(raw), score, passed=score >= line)


def _marks(answers: list[str], key: Truth) -> tuple[int, int]:
    """The marks of a paper, and the most that there are: one an item that is not left out."""
    got = most = 0
    for number, given in enumerate(answers, 1):
        void = key["void"].get(str(number))
        if void == "left_out":
            continue
        most += 1
        right = key["accept"].get(str(number), [key["answers"][number - 1]])
        got += void == "credited" or given in right
    return got, most


def _passed_before(person: Truth, truth: Truth) -> dict[str, str]:
    """By subject, the latest earlier year in the window in which this person passed it."""
    merged, found = truth["rolling"]["merged"], {}
    earliest = truth["year"] - truth["rolling"]["years"] + 1
    for year, file_number, specialty, subject, _score, passed in sorted(truth["history"]):
        mine = file_number != "" and file_number == person["file_number"]
        same = merged.get(specialty, specialty) == person["specialty"]
        if mine and same and passed == "是" and int(year) >= earliest:
            found[subject] = year
    return found
