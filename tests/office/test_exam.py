"""EXAM.toml: what contradicts itself is refused when it is read, with its place."""

from __future__ import annotations

from fractions import Fraction

import pytest

from admin_api.errors import Refused
from admin_api.exam.parse import parse_exam
from tests.office.papers import EXAM

CODES = """
[[violations.code]]
code = "101"
article = 6
item = 1
penalty = "subject"
title = "手机"
"""


def text() -> str:
    return EXAM.read_text(encoding="utf-8") + CODES


def test_the_exam_of_the_tests_is_read() -> None:
    exam = parse_exam(text(), "EXAM.toml")
    assert min(line.line for line in exam.lines.lines) <= Fraction(60)
    assert exam.rolling.year == exam.year
    assert set(exam.rolling.needed) == set(exam.specialties)


@pytest.mark.parametrize(
    ("added", "line", "told"),
    [
        ('[[pass_line]]\nline = "59"\n', 1, "two lines for everybody; keep one"),
        (
            '[[pass_line]]\nline = "58"\nsubject = "1"\n[[pass_line]]\nline = "57"\nlevel = "师"\n',
            4,
            "subject 1 and level 师 are of the same rank",
        ),
        ('[[pass_line]]\nline = "58"\nregion = "99"\n', 3, "region '99'; known: 37, 54"),
        ('[[pass_line]]\nline = "58"\nsubject = "9"\n', 3, "subject '9'; known: 1, 2, 3, 4"),
        ('[[pass_line]]\nline = "58"\nspecialty = "9"\n', 3, "specialty '9'; known: 109, 203"),
        ('[[pass_line]]\nline = "58"\nlevel = "博"\n', 3, "level '博'; known: 士, 师"),
        (
            '[[rolling.merge]]\nfrom = ["901"]\nto = "203"\n'
            '[[rolling.merge]]\nfrom = ["901"]\nto = "109"\n',
            4,
            "901 is merged into 109 and 203; keep one",
        ),
        (
            '[[rolling.merge]]\nfrom = ["901"]\nto = "902"\n'
            '[[rolling.merge]]\nfrom = ["902"]\nto = "901"\n',
            4,
            "the merges go in a circle: 901 → 902 → 901",
        ),
        ('[[rolling.merge]]\nfrom = ["203"]\nto = "109"\n', 1, "203 was merged into 109, and yet"),
        ('[[rolling.merge]]\nfrom = ["901"]\nto = "902"\n', 3, "902 is no specialty of this exam"),
        ('[[rolling.merge]]\nfrom = "901"\nto = "203"\n', 2, "write from as a list of codes"),
        ('[[rolling.merge]]\nfrom = []\nto = "203"\n', 2, "write from as a list of codes"),
    ],
)
def test_contradictions_are_refused_with_their_place(added: str, line: int, told: str) -> None:
    before = text()
    with pytest.raises(Refused) as refused:
        parse_exam(before + added, "EXAM.toml")
    (finding,) = refused.value.findings
    assert finding.startswith(f"line {len(before.splitlines()) + line}: [[")
    assert told in finding


def test_merges_may_follow_one_another() -> None:
    """901 became 902, and that 203 later: omr.score follows the whole way."""
    chain = (
        '[[rolling.merge]]\nfrom = ["901"]\nto = "902"\n'
        '[[rolling.merge]]\nfrom = ["902"]\nto = "203"\n'
    )
    assert parse_exam(text() + chain, "EXAM.toml").rolling.became("901") == "203"


def test_a_missing_general_line_is_told() -> None:
    only = text().replace('[[pass_line]]\nline = "60"\n', "", 1)
    with pytest.raises(Refused, match="for everybody"):
        parse_exam(only, "EXAM.toml")
