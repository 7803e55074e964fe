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
    ("added", "told"),
    [
        ('[[pass_line]]\nline = "59"\n', "[[pass_line]]: "),
        (
            '[[pass_line]]\nline = "58"\nsubject = "1"\n[[pass_line]]\nline = "57"\nlevel = "师"\n',
            "[[pass_line]]: ",
        ),
        ('[[pass_line]]\nline = "58"\nregion = "99"\n', "names the region '99'"),
        (
            '[[rolling.merge]]\nfrom = ["901"]\nto = "203"\n'
            '[[rolling.merge]]\nfrom = ["901"]\nto = "204"\n',
            "901",
        ),
    ],
)
def test_contradictions_are_refused_with_their_place(added: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_exam(text() + added, "EXAM.toml")
    assert told in str(refused.value)


def test_a_missing_general_line_is_told() -> None:
    only = text().replace('[[pass_line]]\nline = "60"\n', "", 1)
    with pytest.raises(Refused, match="for everybody"):
        parse_exam(only, "EXAM.toml")
