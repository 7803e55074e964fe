"""Keys and grading, beside an independent plain computation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omr.errors import AnswerKeyError
from omr.score.grading import Verdict, grade
from omr.score.key import Accepted, Item, Key, Scheme, Void, item_of, parse_marks, written

THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("1/3", THIRD),
        ("-0.25", Fraction(-1, 4)),
        ("+1/9", Fraction(1, 9)),
        (" 3 ", Fraction(3)),
        ("-2/3", Fraction(-2, 3)),
        (".5", Fraction(1, 2)),
        ("1.5/2", Fraction(3, 4)),
        (0.1, Fraction(1, 10)),
        (-1, Fraction(-1)),
        (10**6, Fraction(10**6)),
    ],
)
def test_marks_are_exact(text: object, marks: Fraction) -> None:
    assert parse_marks(text) == marks


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "1/0", "1//2", "1/-2", "--1", "1e9", "1" * 99, "٣", "½", "1 / 3", "inf"),
        *(10**7, 10**400, float("nan"), float("inf"), 1e-9, True, None, [], {}, b"1"),
    ],
)
def test_what_are_no_marks(text: object) -> None:
    with pytest.raises(ValueError, match="marks must be"):
        parse_marks(text)


@pytest.mark.parametrize(
    ("marks", "text"),
    [("1/3", "1/3"), ("212/3", "212/3"), ("-1/4", "-0.25"), ("3", "3"), ("0", "0"), ("100", "100")],
)
def test_marks_as_people_write_them(marks: str, text: str) -> None:
    assert written(Fraction(marks)) == text


@given(st.fractions(-1000, 1000, max_denominator=10**6))
def test_written_marks_are_the_marks(marks: Fraction) -> None:
    assert Fraction(written(marks)) == marks


PLAIN = Scheme(Fraction(1), -THIRD)
ITEMS = (
    item_of("q1", ["A"], PLAIN, "one"),
    item_of("q2", ["B", "AB"], PLAIN, "one"),
    item_of("q3", [("C", Fraction(2)), ("D", THIRD)], Scheme(*map(Fraction, (4, -1, -2))), "two"),
)


def test_a_card_is_graded_item_by_item() -> None:
    graded = grade(Key.of(ITEMS), {"q1": "B", "q2": "AB", "q3": "D", "name": "?"})
    assert [i.verdict for i in graded.items] == [Verdict.WRONG, Verdict.RIGHT, Verdict.RIGHT]
    assert [i.marks for i in graded.items] == [-THIRD, 1, THIRD]
    assert graded.total == 1
    assert graded.by_section == {"one": Fraction(2, 3), "two": THIRD}
    assert graded.key_hash == Key.of(ITEMS).hash


def test_thirds_add_up_to_a_whole() -> None:
    key = Key.of(item_of(f"q{i}", ["A"], Scheme(THIRD), "all") for i in range(3000))
    assert grade(key, {f"q{i}": "A" for i in range(3000)}).total == 1000
    assert key.full == 1000


def test_a_blank_is_not_a_wrong_answer() -> None:
    graded = grade(Key.of(ITEMS), {"q1": "", "q2": "", "q3": ""})
    assert {i.verdict for i in graded.items} == {Verdict.BLANK}
    assert graded.total == -2


def test_full_marks_are_the_most_that_can_be_had() -> None:
    assert [item.full for item in ITEMS] == [1, 1, 2]
    assert Key.of(ITEMS).full == 4


def test_a_void_item_is_credited_to_everybody_or_left_out() -> None:
    credited, left_out = (replace(ITEMS[2], void=void) for void in (Void.CREDITED, Void.LEFT_OUT))
    for answer in ("", "C", "E"):
        graded = grade(Key.of([*ITEMS[:2], credited]), {"q1": "A", "q2": "", "q3": answer})
        assert (graded.items[2].verdict, graded.total) == (Verdict.CREDITED, 3)
        graded = grade(Key.of([*ITEMS[:2], left_out]), {"q1": "A", "q2": "", "q3": answer})
        assert (graded.items[2].verdict, graded.total) == (Verdict.LEFT_OUT, 1)
    assert Key.of([*ITEMS[:2], credited]).full == Key.of(ITEMS).full == 4
    assert Key.of([*ITEMS[:2], left_out]).full == 2
    assert len({Key.of([*ITEMS[:2], item]).hash for item in (ITEMS[2], credited, left_out)}) == 3


def test_no_repr_shows_an_answer() -> None:
    secret = Accepted("SECRET", Fraction(1))
    item = Item("q1", (secret,), Fraction(0), Fraction(0), "all")
    for shown in (secret, item, Key.of([item])):
        assert "SECRET" not in repr(shown) + str(shown)


def test_a_field_that_was_not_read_is_not_a_blank_one() -> None:
    with pytest.raises(AnswerKeyError, match="q3 is not among what was read"):
        grade(Key.of(ITEMS), {"q1": "", "q2": ""})


def test_the_hash_is_over_the_content() -> None:
    key = Key.of(ITEMS)
    assert Key(ITEMS[::-1], key.sections).hash == key.hash
    assert len(key.hash) == 64
    for item in (
        replace(ITEMS[0], wrong=Fraction(0)),
        replace(ITEMS[0], blank=THIRD),
        replace(ITEMS[0], section="two"),
        replace(ITEMS[0], accepted=(Accepted("B", Fraction(1)),)),
    ):
        assert Key.of((item, *ITEMS[1:])).hash != key.hash


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ((), "has no items"),
        ((ITEMS[0], ITEMS[0]), "q1 stands in it 2 times"),
        ((item_of("q1", [], PLAIN, ""),), "q1 accepts no answer"),
        ((item_of("q1", [""], PLAIN, ""),), "q1 accepts an empty answer"),
        ((item_of("q1", ["A", "A"], PLAIN, ""),), "q1 accepts an answer twice"),
    ],
)
def test_what_is_no_key(items: tuple[Item, ...], told: str) -> None:
    with pytest.raises(AnswerKeyError, match=told):
        Key.of(items)
    with pytest.raises(AnswerKeyError, match="not listed"):
        Key(ITEMS, ("one",))


MARKS = st.integers(-30, 30).map(lambda n: Fraction(n, 12))
VALUES = ["A", "B", "AB", "C"]


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(VALUES), MARKS, min_size=1),
            MARKS,
            MARKS,
            st.sampled_from(["x", "y"]),
            st.sampled_from(["", *VALUES]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_grading_against_a_plain_sum(
    rows: list[tuple[dict[str, Fraction], Fraction, Fraction, str, str]],
) -> None:
    key = Key.of(
        item_of(f"q{i}", row[0].items(), Scheme(Fraction(0), row[1], row[2]), row[3])
        for i, row in enumerate(rows)
    )
    graded = grade(key, {f"q{i}": row[4] for i, row in enumerate(rows)})
    twelfths = 0  # in whole numbers, so that no fraction is trusted to add fractions
    for accepted, wrong, blank, _, answer in rows:
        marks = accepted.get(answer, wrong) if answer else blank
        twelfths += int(marks * 12)
    assert int(graded.total * 12) == twelfths
    assert sum(graded.by_section.values()) == graded.total
