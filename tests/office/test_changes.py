"""Statistics before and after what the regions reported."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from admin_api.results.figures import changes
from admin_api.results.service import current
from admin_api.violations import service as violations
from tests.office.people import Desk
from tests.office.test_reports import FORM
from tests.office.test_whole import Truth, desk, exam, load_keys, plain_score, scans, taken, truth

__all__ = ["desk", "exam", "scans", "taken", "truth"]  # fixtures


def found(desk: Desk, most: int = 500):
    with desk.ledger.moment() as connection:
        return changes(desk.office, connection, current(desk.office, connection), most=most)


def report(desk: Desk, folder: Path, ticket: str, subject: str) -> None:
    (folder / "e.txt").write_text("evidence")
    path = folder / f"{ticket}.csv"
    rest = "是,标记,e.txt,甲,乙,签,,,丙,2026-06-02,,2026-06-05,决1,是"
    path.write_text(f"{FORM}\n{ticket},{subject},103,{rest}\n", encoding="utf-8")
    (number,) = violations.enter(desk.office, desk["lu37"], path)
    violations.review(desk.office, desk["lv37"], number, violations.REVIEWED)


@pytest.fixture
def scored(taken: Desk, tmp_path: Path, truth: Truth) -> Desk:
    load_keys(taken, tmp_path, truth, "kang", "kong")
    return taken


def test_without_reports_nothing_changed(scored: Desk, truth: Truth) -> None:
    seen = found(scored)
    assert seen.results == 0
    assert seen.listed == []
    assert seen.before == seen.after
    by_subject: dict[str, list[Fraction]] = {}
    for values in truth.values():
        by_subject.setdefault(values["subject"], []).append(plain_score(values))
    for one in seen.after:
        own = by_subject.get(one.subject, [])
        assert one.states.get("scored", 0) == len(own)
        assert one.mean == (round(float(sum(own) / len(own)), 2) if own else None)


def test_a_violation_takes_a_score_and_its_pass(scored: Desk, tmp_path: Path, truth: Truth) -> None:
    values = next(iter(truth.values()))
    report(scored, tmp_path, values["ticket"], values["subject"])
    seen = found(scored)
    (one,) = seen.listed
    assert (one.ticket, one.subject) == (values["ticket"], values["subject"])
    assert (one.state_before, one.state, one.score) == ("scored", "void", "")
    assert Fraction(one.score_before) == plain_score(values)
    assert (one.corrections, one.violations) == (0, 1)
    before, after = (
        next(one for one in side if one.subject == values["subject"])
        for side in (seen.before, seen.after)
    )
    assert before.states["scored"] == after.states.get("scored", 0) + 1
    assert (before.states.get("void", 0), after.states["void"]) == (0, 1)
    assert seen.passes_lost == before.passed - after.passed
    assert seen.passes_gained == 0


def test_no_more_are_listed_than_asked_for(scored: Desk, tmp_path: Path, truth: Truth) -> None:
    for values in list(truth.values())[:3]:
        report(scored, tmp_path, values["ticket"], values["subject"])
    seen = found(scored, most=2)
    assert (seen.results, len(seen.listed)) == (3, 2)
    assert seen.listed == sorted(seen.listed, key=lambda one: (one.ticket, one.subject))
