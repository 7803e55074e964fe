"""Rolling: the notice's case, each rule by itself, and any rows against the plain twin."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omr.errors import ScoringError
from omr.score.rolling import (
    CANDIDATES,
    HISTORY,
    OUTCOMES,
    SITTINGS,
    RollingRules,
    merges_of,
    roll,
)
from tests.kernels.examples import fixed
from tests.oracle import scoring as twin

FOUR = ("1", "2", "3", "4")
MERGES = merges_of({"109": ("109", "110"), "211": ("211", "212")})


def rules(year: int = 2026, **other) -> RollingRules:
    return RollingRules(year, {"203": FOUR, "109": FOUR}, MERGES, **other)


def people(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=CANDIDATES, orient="row")


def sat(candidate: str, passes: str, fails: str = "") -> list[tuple]:
    return [(candidate, s, True) for s in passes] + [(candidate, s, False) for s in fails]


def sittings(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SITTINGS, orient="row")


def earlier(year: int, passes: str, fails: str = "", specialty: str = "203", number: str = "F1"):
    marked = [(s, True) for s in passes] + [(s, False) for s in fails]
    return [(year, number, specialty, subject, passed) for subject, passed in marked]


def history(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=HISTORY, orient="row")


def one(passes: str, fails: str, past: list[tuple], year: int = 2026, specialty: str = "203"):
    """What one candidate's subjects come to, as texts: qualified, passed, carried, missing."""
    found = roll(
        people(("t1", "F1", specialty)),
        sittings(*sat("t1", passes, fails)),
        history(*past),
        rules(year),
    ).row(0, named=True)
    carried = {c["subject"]: c["year"] for c in found["carried"]}
    return found["qualified"], "".join(found["passed"]), carried, "".join(found["missing"])


def test_the_notice_s_case() -> None:
    first = earlier(2024, "12", "34")
    assert one("12", "34", [], 2024) == (False, "12", {}, "34")
    # Year 2: all four are sat, three passed, one that was passed before among them; 4 still fails.
    assert one("123", "4", first, 2025) == (False, "123", {}, "4")
    second = earlier(2025, "123", "4")
    # Year 3 needs only that one.
    assert one("4", "", first + second) == (True, "4", {"1": 2025, "2": 2025, "3": 2025}, "")
    assert one("", "4", first + second)[3] == "4"


def test_a_lower_retake_does_not_cancel_a_pass_in_the_window() -> None:
    assert one("34", "12", earlier(2025, "12", "34")) == (True, "34", {"1": 2025, "2": 2025}, "")
    # The second year's failed retake stands beside the first year's pass, which is now too old.
    past = earlier(2024, "12", "34") + earlier(2025, "34", "12")
    assert one("1", "2", past) == (False, "1", {"3": 2025, "4": 2025}, "2")


def test_only_consecutive_years_count() -> None:
    past = earlier(2024, "123")
    assert one("4", "", past)[0] is False
    skipped = rules(not_held=frozenset({2025}))
    frames = people(("t1", "F1", "203")), sittings(*sat("t1", "4")), history(*past)
    assert roll(*frames, skipped)["qualified"].to_list() == [True]
    assert roll(*frames, rules(years=3))["qualified"].to_list() == [True]
    assert roll(*frames, rules(years=1))["carried"].to_list() == [[]]
    assert one("4", "", earlier(2026, "123") + earlier(2027, "123"))[0] is False


def test_merged_specialties_roll_on_and_others_do_not() -> None:
    assert one("4", "", earlier(2025, "123", specialty="110"), specialty="109")[0] is True
    assert one("4", "", earlier(2025, "123", specialty="109"), specialty="109")[0] is True
    assert one("4", "", earlier(2025, "123", specialty="211"), specialty="109")[0] is False
    assert one("4", "", earlier(2025, "123", specialty="110"))[0] is False


def test_a_void_sitting_leaves_what_was_carried() -> None:
    """Articles 7 and 8 take all subjects of this sitting, and nothing of another."""
    void = one("", "34", earlier(2025, "12"))
    assert void == (False, "", {"1": 2025, "2": 2025}, "34")
    assert one("4", "3", earlier(2025, "12"))[3] == "3"


def reasons(numbers: list[str | None], past: list[tuple], specialties: str = "203") -> list:
    rows = [(f"t{k}", number, specialties) for k, number in enumerate(numbers)]
    found = roll(people(*rows), sittings(*sat("t0", "4")), history(*past), rules())
    assert found["candidate"].to_list() == [row[0] for row in rows]
    for row in found.iter_rows(named=True):
        assert row["not_rolled"] is None or row["carried"] == []
    return found["not_rolled"].to_list()


def test_a_file_number_that_cannot_be_followed_rolls_nothing_and_says_so() -> None:
    past = [row for number in ("", "F 1", "F1") for row in earlier(2025, "123", number=number)]
    missing, malformed = "file_number_missing", "file_number_malformed"
    numbers = [None, "", "F 1", "F1\n", "F1", "F2"]
    assert reasons(numbers, past) == [missing, missing, malformed, malformed, None, None]
    assert reasons(["F1", "F1", "F2"], past) == ["file_number_shared"] * 2 + [None]


def test_one_number_in_two_specialties_rolls_in_each() -> None:
    found = roll(
        people(("t1", "F1", "203"), ("t2", "F1", "109")),
        sittings(*sat("t1", "4"), *sat("t2", "4")),
        history(*earlier(2025, "123"), *earlier(2025, "12", specialty="110")),
        rules(),
    )
    assert found["qualified"].to_list() == [True, False]


def test_a_history_that_contradicts_itself_is_not_believed() -> None:
    past = earlier(2025, "12", "2")
    assert reasons(["F1"], past) == ["history_contradicts_itself"]
    assert reasons(["F1"], earlier(2025, "12", "3") * 2) == [None]
    assert reasons(["F1"], earlier(2024, "12", "2")) == [None]  # outside the window
    merged = earlier(2025, "1", specialty="109") + earlier(2025, "", "1", specialty="110")
    assert reasons(["F1"], merged, "109") == ["history_contradicts_itself"]


def test_who_sat_nothing_has_only_what_was_carried() -> None:
    found = roll(people(("t1", "F1", "203")), sittings(), history(*earlier(2025, "1234")), rules())
    assert found["qualified"].to_list() == [True]
    assert roll(people(), sittings(), history(), rules()).schema == pl.Schema(OUTCOMES)


@pytest.mark.parametrize(
    ("who", "what", "told"),
    [
        ([("t1", "F1", "203")] * 2, [], "t1 stands there twice"),
        ([("t1", "F1", "999")], [], "specialty 999 has no subjects"),
        ([("t1", "F1", "203")], sat("t2", "1"), "names t2, who is not among"),
        ([("t1", "F1", "203")], sat("t1", "11"), "t1 sat a subject twice"),
        ([("t1", "F1", "203")], sat("t1", "1", "1"), "t1 sat a subject twice"),
        ([("t1", "F1", "203")], sat("t1", "9"), "t1 sat a subject that its specialty"),
        ([("t1", "F1", None)], [], "candidates: specialty must be known"),
        ([("t1", "F1", "203")], [("t1", "1", None)], "sittings: passed must be known"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(who: list, what: list, told: str) -> None:
    with pytest.raises(ScoringError, match=told):
        roll(people(*who), sittings(*what), history(), rules())


def test_a_column_that_is_missing_is_named() -> None:
    with pytest.raises(ScoringError, match="history needs the column year as Int32, got None"):
        roll(people(), sittings(), history().drop("year"), rules())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"merges": {"1": "2", "2": "3", "3": "1"}}, "circle"),
        ({"merges": {"203": "109"}}, "203 was merged into 109, and yet is sat"),
        ({"years": 0}, "at least 1 year"),
        ({"needed": {"203": ()}}, "203 must name its subjects"),
        ({"needed": {"203": ("1", "1")}}, "203 must name its subjects, each once"),
        ({"needed": {"203": tuple(map(str, range(64)))}}, "at most 63"),
        ({"file_number": "["}, "no regular expression"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(wrong: dict, told: str) -> None:
    with pytest.raises(ScoringError, match=told):
        RollingRules(**{"year": 2026, "needed": {"203": FOUR}} | wrong)
    with pytest.raises(ScoringError, match="110 is merged into 109 and 211"):
        merges_of({"109": ("110",), "211": ("110",)})


SUBJECTS = st.sampled_from(["1", "2", "3"])
NUMBERS = st.sampled_from(["F1", "F2", "F3", "F 4", "", None])
NEEDED = {"a": ("1", "2", "3"), "b": ("2", "1"), "c": ("3",)}


@fixed(300)
@given(
    st.lists(st.tuples(NUMBERS, st.sampled_from("aabc")), max_size=5),
    st.lists(st.lists(st.sampled_from([None, True, False]), min_size=3, max_size=3), min_size=5),
    st.lists(
        st.tuples(
            st.integers(2022, 2026), NUMBERS, st.sampled_from("abcdex"), SUBJECTS, st.booleans()
        ),
        max_size=14,
    ),
    st.integers(1, 3),
)
def test_any_rows_roll_as_the_plain_twin_says(who, passes, past, years) -> None:
    ruled = RollingRules(2026, NEEDED, {"d": "e", "e": "a", "x": "b", "a": "a"}, years)
    candidates = people(*((f"t{k}", *row) for k, row in enumerate(who)))
    sat_now = sittings(
        *(
            (f"t{k}", subject, passed)
            for k, (_, specialty) in enumerate(who)
            for subject, passed in zip("123", passes[k], strict=True)
            if passed is not None and subject in NEEDED[specialty]
        )
    )
    before = history(*(row for row in past if row[1] is not None))
    found = roll(candidates, sat_now, before, ruled)
    assert found.schema == pl.Schema(OUTCOMES)
    plain = twin.rolled(candidates.to_dicts(), sat_now.to_dicts(), before.to_dicts(), ruled)
    assert found.rows() == plain
