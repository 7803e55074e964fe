"""What is promised of scoring: answers looked up, scores as fractions, rules as sentences."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from fractions import Fraction


def marks(letters: str, item) -> Fraction:
    """Marks of one answer; the letters of the options picked, in order."""
    full = max([a.marks for a in item.accepted] + [item.wrong, item.blank])
    if item.void == "left_out":
        return Fraction(0)
    if item.void == "credited":
        return full
    for accepted in item.accepted:
        if accepted.value == letters:
            return accepted.marks
    return item.wrong if letters else item.blank


def total(card: list[str], items) -> Fraction:
    return sum((marks(a, item) for a, item in zip(card, items, strict=True)), Fraction(0))


def scaled(got: Fraction, full: Fraction, scale: Fraction, rounded: bool) -> Fraction:
    score = got / full * scale
    return Fraction(math.floor(score + Fraction(1, 2))) if rounded else score


def line_of(whom: dict, lines) -> Fraction | None:
    """A region's line first, then the one that names most."""
    best = None
    for one in lines:
        named = {k: getattr(one, k) for k in ("year", "region", "specialty", "subject", "level")}
        named = {k: v for k, v in named.items() if v is not None}
        if all(whom[k] == v for k, v in named.items()):
            rank = ("region" in named, len(named))
            if best is None or rank > best[0]:
                best = (rank, one.line)
    return best and best[1]


def rolled(candidates, sittings, history, rules) -> list[tuple]:
    """(candidate, qualified, passed, carried, missing, why not) of lists of row dictionaries."""
    found = []
    shared = defaultdict(int)
    for person in candidates:
        shared[person["file_number"], person["specialty"]] += 1
    for person in candidates:
        number, specialty = person["file_number"], person["specialty"]
        now = {
            s["subject"] for s in sittings if s["candidate"] == person["candidate"] and s["passed"]
        }
        results = defaultdict(set)
        for row in history:
            code = row["specialty"]
            while rules.merges.get(code, code) != code:
                code = rules.merges[code]
            known = row["subject"] in {s for subjects in rules.needed.values() for s in subjects}
            if row["file_number"] == number and code == specialty and known:
                results[row["year"], row["subject"]].add(row["passed"])
        in_window = {
            k: v for k, v in results.items() if rules.year - rules.years < k[0] < rules.year
        }
        why = None
        if not number:
            why = "file_number_missing"
        elif not re.fullmatch(rules.file_number, number):
            why = "file_number_malformed"
        elif shared[number, specialty] > 1:
            why = "file_number_shared"
        elif any(len(v) > 1 for v in in_window.values()):
            why = "history_contradicts_itself"
        passed, carried, missing = [], [], []
        for subject in rules.needed[specialty]:
            years = [y for (y, s), v in in_window.items() if s == subject and True in v]
            if subject in now:
                passed.append(subject)
            elif years and why is None:
                carried.append({"subject": subject, "year": max(years)})
            else:
                missing.append(subject)
        found.append((person["candidate"], not missing, passed, carried, missing, why))
    return found
