"""Pass lines: which is whose, and which contradict each other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omr.errors import ScoringError
from omr.score.pass_lines import BY, PassLine, PassLines
from omr.score.scaling import Scores, passed, score_texts
from tests.kernels.examples import fixed
from tests.oracle import scoring as twin

SIXTY, FIFTY = Fraction(60), Fraction(50)
EVERYBODY = {"year": 2026, "region": "54", "specialty": "203", "subject": "1", "level": "师"}


@pytest.mark.parametrize(
    ("named", "before"),
    [
        ({"region": "54"}, {}),
        ({"year": 2026}, {}),
        ({"region": "54"}, {"year": 2026, "specialty": "203", "subject": "1", "level": "师"}),
        ({"region": "54", "subject": "1"}, {"region": "54"}),
        ({"specialty": "203", "subject": "1"}, {"specialty": "203"}),
        ({"year": 2026, "level": "师"}, {"specialty": "203"}),
    ],
)
def test_which_line_comes_first(named: dict, before: dict) -> None:
    lines = [PassLine(FIFTY, **named), PassLine(SIXTY, **before)]
    assert PassLines.of(lines).find(EVERYBODY) == 0
    assert PassLines.of(lines[::-1]).find(EVERYBODY) == 1


def test_lines_that_contradict_each_other() -> None:
    one, other = PassLine(SIXTY, specialty="203"), PassLine(FIFTY, subject="1")
    with pytest.raises(ScoringError, match="specialty 203 and subject 1 are of the same rank"):
        PassLines.of([one, other])
    both = PassLine(SIXTY, specialty="203", subject="1")
    assert PassLines.of([one, other, both]).find(EVERYBODY) == 2
    with pytest.raises(ScoringError, match="two lines for everybody; keep one"):
        PassLines.of([PassLine(SIXTY), PassLine(SIXTY)])
    with pytest.raises(ScoringError, match="there is none"):
        PassLines.of([])
    PassLines.of([PassLine(SIXTY, year=2026), PassLine(FIFTY, year=2025)])


def test_whom_no_line_fits() -> None:
    with pytest.raises(ScoringError, match="no pass line fits year 2026, region 54"):
        PassLines.of([PassLine(SIXTY, region="37")]).find(EVERYBODY)


LINES = st.builds(
    PassLine,
    st.integers(0, 100).map(Fraction),
    *(st.sampled_from([None, None, *values]) for values in ([2026], "ab", "ab", "ab", "ab")),
)


@fixed(300)
@given(st.lists(LINES, min_size=1, max_size=6))
def test_lines_of_a_frame_are_the_plain_ones(lines: list[PassLine]) -> None:
    try:
        checked = PassLines.of([*lines, PassLine(SIXTY)])
    except ScoringError:
        return
    everybody = [(r, s, u, v) for r in "abc" for s in "ab" for u in "ab" for v in "ab"]
    frame = pl.DataFrame(everybody, schema=BY, orient="row")
    which = checked.column(frame, 2026)
    plain = [twin.line_of({"year": 2026, **row}, checked.lines) for row in frame.to_dicts()]
    assert [checked.lines[k].line for k in which] == plain
    scores = Scores(np.arange(len(plain), dtype=np.int64) * 7, 3)
    reached = passed(scores, [one.line for one in checked.lines], which)
    assert reached.tolist() == [scores.exact(k) >= line for k, line in enumerate(plain)]


def test_a_region_that_is_not_known_has_the_country_s_line() -> None:
    frame = pl.DataFrame(
        {"region": [None, "54"], "specialty": "203", "subject": "1", "level": "师"}
    )
    lines = PassLines.of([PassLine(SIXTY), PassLine(FIFTY, region="54")])
    assert lines.column(frame, 2026).tolist() == [0, 1]


def test_a_hair_below_the_line_is_below_it() -> None:
    third = 10**15 // 3
    scores = Scores(np.array([third, third + 1, -1], np.int64), 10**15)
    assert passed(scores, [Fraction(1, 3)]).tolist() == [False, True, False]
    assert passed(scores, [Fraction(10**30)]).tolist() == [False] * 3
    with pytest.raises(ScoringError, match="which of the 2 pass lines"):
        passed(scores, [SIXTY, FIFTY])


def test_scores_as_people_write_them() -> None:
    texts = score_texts(Scores(np.array([61 * 6, 363, 364, 0], np.int64), 6))
    assert texts.to_list() == ["61", "60.5", "182/3", "0"]
