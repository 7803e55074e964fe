"""Every candidate's result from what truly happened: plain Python, nothing of the office's own."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

LINES = {"54": 55}  # others 60
MERGED = {"110": "109", "109": "109"}
YEAR = 2026


def subject_result(person: Mapping[str, Any], subject: str, keys: Mapping[str, Any]) -> tuple:
    """State, score, passed. 12 is credited, 7 has two right answers, a computer's 31 is void."""
    sitting = person["sittings"][subject]
    if sitting["void"]:
        return "void", None, False
    if not sitting["present"]:
        return "absent", None, False
    right = keys[sitting["paper"] + sitting["form"]]
    got = 0
    for number, answer in enumerate(sitting["answers"], 1):
        if number == 31 and not sitting["form"]:
            continue
        if number == 12:
            got += 1
        elif number == 7:
            got += answer in (right[6], "A" if right[6] != "A" else "B")
        else:
            got += answer == right[number - 1]
    score = Fraction(got * 100, 100 if sitting["form"] else 99)
    return "scored", score, score >= LINES.get(person["region"], 60)


def outcome(person: Mapping[str, Any], truth: Mapping[str, Any]) -> dict[str, Any]:
    """All subjects, what is carried from last year, and whether all are passed."""
    results = {s: subject_result(person, s, truth["keys"]) for s in person["sittings"]}
    carried = {}
    for year, file_number, specialty, subject, _score, passed in truth["history"]:
        same = file_number == person["file_number"] and file_number
        merged = MERGED.get(specialty, specialty) == person["specialty"]
        rolls = same and merged and passed == "是" and int(year) == YEAR - 1
        if rolls and not results[subject][2]:
            carried[subject] = year
    done = {s for s, (_, _, passed) in results.items() if passed} | set(carried)
    return {"results": results, "carried": carried, "qualified": done == set("1234")}
