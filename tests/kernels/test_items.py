"""Counting answers: the compiled pass and a plain one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.score.items.kernels import count_answers, total_up
from omr.score.responses import choices
from tests.oracle import items as plain


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 12), st.integers(1, 4), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_answers_are_counted(persons: int, items: int, options: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    masks = chance.integers(0, 1 << options, (persons, items)).astype(np.uint8)
    units = chance.integers(-2, 4, (items, 1 << options)).astype(np.int64)
    right = chance.random((items, 1 << options)) < 0.3
    groups, several = chance.integers(0, 2, persons), chance.random(items) < 0.4
    totals, numbers = np.zeros(persons, np.int64), np.zeros(persons, np.int64)
    total_up(masks, units, right, totals, numbers)
    levels = chance.integers(0, 3, persons)
    shape = (2, items, options + 2)
    out = (
        *(np.zeros(shape), np.zeros(shape), np.zeros((2, items, 5))),
        *(np.zeros((3, *shape[1:])), np.zeros((3, items))),
    )
    lookups = (units, right, choices(options), several)
    count_answers(masks, (totals, groups, levels), lookups, out)
    expected = plain.counted(
        masks.tolist(), units.tolist(), right.tolist(), several.tolist(), options
    )
    assert totals.tolist() == expected.totals
    assert numbers.tolist() == expected.numbers
    for name, array, place in zip(
        ("chosen", "rests", "moments", "chosen", "rights"),
        out,
        (groups, groups, groups, levels, levels),
        strict=True,
    ):
        summed = np.zeros(array.shape)
        for n in range(persons):
            summed[place[n]] += np.array(getattr(expected, name)[n])
        np.testing.assert_allclose(array, summed)
