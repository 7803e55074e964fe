"""The arithmetic of pairs, compiled: an item is a bit, a comparison of sixty-four is one word."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.core import config
from numba.extending import intrinsic

BOTH_RIGHT, BOTH_WRONG = 2, 3  # what a match counts in the sum that ranks outcomes
_BLOCK = 2048  # persons compared at once: their counts stay in the first-level cache

if config.DISABLE_JIT:  # type: ignore[attr-defined]

    def popcount(word: Any) -> int:
        """How many bits are set."""
        return int(word).bit_count()

else:

    @intrinsic
    def popcount(_context, _word):  # type: ignore[no-untyped-def]
        """How many bits of a uint64 are set: the processor's own instruction, or vectors of it."""

        def generate(_context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
            return builder.ctpop(arguments[0])

        return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def screen_rows(rows, people, table, limit, found, tally):  # type: ignore[no-untyped-def]
    """Compare each person i of `rows` (first, beyond) with those from i + 1 to `ends[i]`.

    `people` are `planes` as `planes_of` makes them, `scores` and `ends`. Within a group persons
    stand by rising `scores`, which are numbers of scores in `table` (score pairs, right alike,
    wrong alike) uint8. Every pair's code is tallied in `tally` (256,); pairs of at least `limit`
    are written to `found` (capacity, 2) int32. The number of these is returned; beyond the
    capacity they are counted only.
    """
    planes, scores, ends = people
    words = planes.shape[0]
    right, wrong = np.empty(_BLOCK, np.uint8), np.empty(_BLOCK, np.uint8)
    kept = 0
    for i in range(rows[0], rows[1]):
        for first in range(i + 1, ends[i], _BLOCK):
            size = min(_BLOCK, ends[i] - first)
            for word in range(words):
                a, b, c = planes[word, 0, i], planes[word, 1, i], planes[word, 2, i]
                r, w = planes[word, 3, i], planes[word, 4, i]
                # One by one and contiguous, so that the compiler makes vectors of the loop.
                low = planes[word, 0][first : first + size]
                middle = planes[word, 1][first : first + size]
                top = planes[word, 2][first : first + size]
                for j in range(size):
                    alike = ~((low[j] ^ a) | (middle[j] ^ b) | (top[j] ^ c))
                    both, neither = popcount(alike & r), popcount(alike & w)
                    if word == 0:
                        right[j], wrong[j] = both, neither
                    else:
                        right[j] += np.uint8(both)
                        wrong[j] += np.uint8(neither)
            for j in range(size):
                high = scores[first + j]
                code = table[high * (high + 1) // 2 + scores[i], right[j], wrong[j]]
                tally[code] += 1
                if code >= limit:
                    if kept < found.shape[0]:
                        found[kept, 0], found[kept, 1] = i, first + j
                    kept += 1
    return kept


@njit(cache=True, nogil=True)
def count_pairs(pairs, planes, out):  # type: ignore[no-untyped-def]
    """Count pairs (n, 2) into `out` (n, 4) int32: right alike, wrong alike, both wrong, same."""
    for n in range(pairs.shape[0]):
        i, j = pairs[n, 0], pairs[n, 1]
        right = wrong = both = 0
        for word in range(planes.shape[0]):
            own, other = planes[word, :, i], planes[word, :, j]
            alike = ~((own[0] ^ other[0]) | (own[1] ^ other[1]) | (own[2] ^ other[2]))
            right += popcount(alike & own[3])
            wrong += popcount(alike & own[4])
            both += popcount(own[4] & other[4])
        out[n, 0], out[n, 1], out[n, 2], out[n, 3] = right, wrong, both, right + wrong


@njit(cache=True, nogil=True)
def fill_matches(right, wrong, size, out):  # type: ignore[no-untyped-def]
    """The distribution of (right alike, wrong alike) over items with these chances, into `out`
    (items + 1, items + 1); only the part right + wrong <= `size` is written.
    """
    out[:] = 0.0
    out[0, 0] = 1.0
    for item in range(size):
        p, q = right[item], wrong[item]
        neither = 1.0 - p - q
        for r in range(item + 1, -1, -1):
            for w in range(item + 1 - r, -1, -1):
                chance = out[r, w] * neither
                if r:
                    chance += out[r - 1, w] * p
                if w:
                    chance += out[r, w - 1] * q
                out[r, w] = chance


@njit(cache=True, nogil=True)
def fill_total(chances, out):  # type: ignore[no-untyped-def]
    """The upper tail of the number of matches over items with these chances, into `out`
    (items + 1,): every addend is positive, so that even the far tail keeps its digits.
    """
    out[:] = 0.0
    out[0] = 1.0
    for item in range(chances.size):
        p = chances[item]
        for m in range(item + 1, 0, -1):
            out[m] = out[m] * (1.0 - p) + out[m - 1] * p
        out[0] *= 1.0 - p
    for m in range(chances.size - 1, -1, -1):
        out[m] += out[m + 1]


@njit(cache=True, nogil=True)
def fill_gbt_codes(chances, steps, out):  # type: ignore[no-untyped-def]
    """Codes of GBT into `out` (pairs of scores, items + 1, items + 1) uint8 from the chances of
    matching right and wrong, each (pairs of scores, items).
    """
    right, wrong = chances
    items = right.shape[1]
    tail = np.empty(items + 1)
    for pair in range(right.shape[0]):
        fill_total(right[pair] + wrong[pair], tail)
        for r in range(items + 1):
            for w in range(items + 1 - r):
                out[pair, r, w] = _code(tail[r + w], steps)


@njit(cache=True, nogil=True)
def fill_m4_codes(chances, steps, out):  # type: ignore[no-untyped-def]
    """The same of M4: the chance of all outcomes whose joint upper tail is no greater."""
    right, wrong = chances
    items = right.shape[1]
    exact, upper = np.zeros((items + 1, items + 1)), np.zeros((items + 2, items + 2))
    flat = np.empty((items + 1) * (items + 2) // 2)
    where = np.empty((flat.size, 2), np.int64)
    for pair in range(right.shape[0]):
        fill_matches(right[pair], wrong[pair], items, exact)
        cell = 0
        for r in range(items, -1, -1):
            along = 0.0
            for w in range(items - r, -1, -1):
                along += exact[r, w]
                upper[r, w] = upper[r + 1, w] + along
                flat[cell], where[cell, 0], where[cell, 1] = upper[r, w], r, w
                cell += 1
        order = np.argsort(flat)
        first, tail = 0, 0.0
        while first < flat.size:
            beyond = first
            while beyond < flat.size and flat[order[beyond]] <= flat[order[first]] * (1 + 1e-12):
                tail += exact[where[order[beyond], 0], where[order[beyond], 1]]
                beyond += 1
            for n in range(first, beyond):
                out[pair, where[order[n], 0], where[order[n], 1]] = _code(tail, steps)
            first = beyond


@njit(cache=True, nogil=True)
def fill_given_codes(given, steps, out):  # type: ignore[no-untyped-def]
    """The same of weighted matches given both scores; `given` are the scores (pairs of scores, 2),
    the chances of matching right (pairs of scores, items + 1), and those of missing alike
    (pairs of scores,).
    """
    scores, right, wrong = given
    items = right.shape[1] - 1
    tail = np.empty(BOTH_WRONG * items + 2)
    for pair in range(right.shape[0]):
        tail[:] = 0.0
        p = wrong[pair]
        yes, no = math.log(max(p, 1e-300)), math.log(max(1 - p, 1e-300))
        for r in range(items + 1):
            missed = items - scores[pair, 0] - scores[pair, 1] + r
            for w in range(min(missed, items - r) + 1):
                ways = math.lgamma(missed + 1) - math.lgamma(w + 1) - math.lgamma(missed - w + 1)
                chance = right[pair, r] * math.exp(ways + w * yes + (missed - w) * no)
                tail[BOTH_RIGHT * r + BOTH_WRONG * w] += chance
        for n in range(tail.size - 2, -1, -1):
            tail[n] += tail[n + 1]
        for r in range(items + 1):
            for w in range(items + 1 - r):
                out[pair, r, w] = _code(tail[BOTH_RIGHT * r + BOTH_WRONG * w], steps)


@njit(cache=True, nogil=True)
def fill_joint(chances, most, out):  # type: ignore[no-untyped-def]
    """P(first scores s, second t, right alike r) into `out` (items + 1,) * 3, for s and t up to
    `most`; `chances` are both persons' of a right answer, item by item.
    """
    one, other = chances
    out[: most[0] + 1, : most[1] + 1] = 0.0
    out[0, 0, 0] = 1.0
    for item in range(one.size):
        p, q = one[item], other[item]
        both, first, second, neither = p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)
        for s in range(min(item + 1, most[0]), -1, -1):
            for t in range(min(item + 1, most[1]), -1, -1):
                # With s and t right, at least s + t - (item + 1) are right alike.
                least = max(0, s + t - item - 1)
                for r in range(min(s, t), least - 1, -1):
                    chance = out[s, t, r] * neither
                    if s:
                        chance += out[s - 1, t, r] * first
                    if t:
                        chance += out[s, t - 1, r] * second
                    if s and t and r:
                        chance += out[s - 1, t - 1, r - 1] * both
                    out[s, t, r] = chance


@njit(cache=True, nogil=True)
def _code(chance, steps):  # type: ignore[no-untyped-def]
    """A tail as steps of its decimal logarithm, rounded down, so that it never looks smaller than
    it is listed for; 255 is everything beyond.
    """
    if chance <= 1e-300:
        return 255
    return max(0, min(255, int(np.floor(-np.log10(chance) * steps))))
