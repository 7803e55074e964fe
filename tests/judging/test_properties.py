"""What holds of judging for any card."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.judging.exam import SIDE, Card


def random_card(seed, hand):
    """A card whose rows hold anything from nothing to two marks; no two boxes of a row alike."""
    rng = np.random.default_rng(seed)
    card = Card(hand)
    for g in range(SIDE.group_count):
        span = slice(SIDE.group_start[g], SIDE.group_start[g + 1])
        count = span.stop - span.start
        figures = 3.0 + rng.permutation(count)
        marks = rng.choice(count, min(count, rng.integers(0, 3)), replace=False)
        figures[marks] = 255 * hand * rng.uniform(0.1, 1.2, len(marks))
        while len(set(figures.astype(int))) < count:
            figures[marks] += rng.uniform(-2, 2, len(marks))
        card.figures[0, span] = figures.clip(0, 254)
        card.figures[1, span] = (figures * rng.uniform(0.8, 1)).clip(0, 254)
    return card


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 1 << 32), st.floats(0.15, 0.8), st.floats(0, 1), st.booleans())
def test_a_darker_mark_never_turns_a_reading_into_another(seed, hand, more, bitonal):
    card = random_card(seed, hand)
    before = card.judged(bitonal=bitonal)
    rows = [g for g in range(SIDE.group_count) if not before.doubts[0, g]]
    for g in rows[:: max(1, len(rows) // 6)]:
        mask = int(before.masks[0, g])
        if mask.bit_count() != 1:
            continue
        at = SIDE.group_start[g] + mask.bit_length() - 1
        darker = Card(hand)
        darker.figures = card.figures.copy()
        old = darker.figures[:2, at].astype(float)
        darker.figures[:2, at] = old + more * (255 - old)
        after = darker.judged(bitonal=bitonal)
        assert after.masks[0, g] == mask or after.doubts[0, g]


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 1 << 32), st.floats(0.15, 0.8), st.booleans())
def test_the_order_of_options_does_not_matter(seed, hand, bitonal):
    card = random_card(seed, hand)
    rng = np.random.default_rng(seed + 1)
    orders = [rng.permutation(n) for n in np.diff(SIDE.group_start)]
    shuffled = Card(hand)
    for g, order in enumerate(orders):
        start = SIDE.group_start[g]
        span = slice(start, SIDE.group_start[g + 1])
        shuffled.figures[:, span] = card.figures[:, start + order]
    one, other = card.judged(bitonal=bitonal), shuffled.judged(bitonal=bitonal)
    for g, order in enumerate(orders):
        mask = sum(1 << k for k, old in enumerate(order) if one.masks[0, g] >> old & 1)
        assert other.masks[0, g] == mask
    assert np.array_equal(one.doubts, other.doubts)
    assert np.array_equal(one.margin, other.margin)
    assert np.array_equal(one.hand, other.hand)
