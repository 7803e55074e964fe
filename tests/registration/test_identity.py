"""Numbers of identity documents, against a plain twin."""

from __future__ import annotations

import datetime
import re

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from admin_api.registration.identity import KINDS, capitals, id_fault, kind_of, place_unknown

WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]


def check_figure(seventeen: str) -> str:
    total = 0
    for digit, weight in zip(seventeen, WEIGHTS, strict=True):
        total += int(digit) * weight
    return "10X98765432"[total % 11]


def is_right(number: str) -> bool:
    """The twin: one number of 18 figures, the plain way."""
    if not re.fullmatch("[0-9]{17}[0-9X]", number):
        return False
    try:
        born = datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return 1800 <= born.year < 2100 and check_figure(number[:17]) == number[17]


def faults(numbers: list[str], kind: str = "居民身份证") -> list[str | None]:
    frame = pl.DataFrame({"kind": [kind] * len(numbers), "number": numbers})
    frame = frame.with_columns(kind_of("kind").alias("kind"), capitals("number").alias("number"))
    return frame.select(id_fault("kind", "number")).to_series().to_list()


seventeen = st.builds(
    lambda place, born, order: f"{place:06d}{born:%Y%m%d}{order:03d}".zfill(17),
    st.integers(110000, 830000),
    st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)),
    st.integers(0, 999),
)
numbers = st.one_of(
    seventeen.map(lambda text: text + check_figure(text)),
    st.tuples(seventeen, st.sampled_from("0123456789X")).map("".join),
    st.from_regex(r"\A[0-9]{17}[0-9X]\Z"),
    st.text("0123456789X", max_size=20),
    st.text(max_size=20),
)


@given(st.lists(numbers, min_size=1, max_size=40))
@example(["11010519491231002X", "440524188001010014", "110105194902290025", "0" * 18])
@settings(max_examples=200, deadline=None)
def test_numbers_are_right_exactly_where_the_plain_twin_says_so(given_numbers: list[str]) -> None:
    upper = pl.Series(given_numbers).str.to_uppercase().to_list()
    assert [fault is None for fault in faults(given_numbers)] == [is_right(n) for n in upper]


def test_known_numbers_are_right_and_a_small_x_is_a_capital() -> None:
    assert faults(["11010519491231002X", "11010519491231002x", "440524188001010014"]) == [None] * 3


@pytest.mark.parametrize("place", ["810000", "820000", "830000"])
def test_residence_permits_are_right(place: str) -> None:
    text = f"{place}19900307001"
    assert faults([text + check_figure(text)], "港澳台居住证") == [None]
    assert faults([text + check_figure(text)]) == [None]


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("110105194912310021", "a figure that is wrong"),
        ("110105194913310020", "."),
        ("110105491231002", "no longer valid"),
        ("11010519491231002", "is no number of a 居民身份证"),
        ("1101051949123100 2X", "is no number"),
        ("１1010519491231002X", "is no number"),
    ],
)
def test_wrong_numbers_say_what_to_do(number: str, says: str) -> None:
    (fault,) = faults([number])
    assert fault is not None
    assert re.search(says, fault)


def test_days_that_do_not_exist_are_named() -> None:
    text = "11010519490229002"
    (fault,) = faults([text + check_figure(text)])
    assert fault is not None
    assert "date of birth that does not exist" in fault


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("军官证", "军字第12345678号"),
        ("军官证", "南字第01234567号"),
        ("文职干部证", "文字第1234567号"),
        ("士兵证", "士字第20200123456号"),
        ("港澳居民来往内地通行证", "H1234567800"),
        ("港澳通行证", "m12345678"),
        ("台胞证", "12345678"),
        ("台湾通行证", "1234567890(B)"),
        ("护照", "G12345678"),
        ("护照", "ea1234567"),
        ("外国人永久居留证", "USA110190010112"),
        ("临时身份证", "11010519491231002X"),
    ],
)
def test_other_documents_are_taken(kind: str, number: str) -> None:
    assert faults([number], kind) == [None]


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_what_is_no_number_at_all_is_refused_for_every_kind(kind: str) -> None:
    for number in ("1", "有", "<script>", "1' OR '1'='1"):
        assert faults([number], kind) != [None]


def test_an_unknown_province_is_told_apart_from_a_fault() -> None:
    frame = pl.DataFrame({"kind": ["居民身份证"] * 2, "number": ["99" + "0" * 16, "37" + "0" * 16]})
    assert frame.select(place_unknown("kind", "number")).to_series().to_list() == [True, False]
