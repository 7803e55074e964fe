"""Pairs compared the slow plain way, item by item, and tails in exact fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction


def counts(one, other, right):
    """Right alike, wrong alike, both wrong, same; options by item, 0 none; `right` sets by item."""
    both_right = both_wrong_alike = both_wrong = 0
    for a, b, ok in zip(one, other, right, strict=True):
        if a and a == b:
            both_right += a in ok
            both_wrong_alike += a not in ok
        both_wrong += bool(a) and bool(b) and a not in ok and b not in ok
    return both_right, both_wrong_alike, both_wrong, both_right + both_wrong_alike


def pairs_of(groups):
    """All pairs within groups."""
    people = range(len(groups))
    return [(i, j) for i, j in itertools.combinations(people, 2) if groups[i] == groups[j]]


def matches(right, wrong):
    """P(R = r, W = w) as fractions, from fractions by item."""
    found = {(0, 0): Fraction(1)}
    for p, q in zip(right, wrong, strict=True):
        new: dict[tuple[int, int], Fraction] = {}
        for (r, w), chance in found.items():
            for to, by in (((r + 1, w), p), ((r, w + 1), q), ((r, w), 1 - p - q)):
                new[to] = new.get(to, Fraction(0)) + chance * by
        found = new
    return found


def joint_of(one, other):
    """P(first scores s, second t, right alike r), by every pattern of answers."""
    found: dict[tuple[int, int, int], float] = {}
    for own in itertools.product((0, 1), repeat=len(one)):
        for their in itertools.product((0, 1), repeat=len(other)):
            chance = 1.0
            for a, b, p, q in zip(own, their, one, other, strict=True):
                chance *= (p if a else 1 - p) * (q if b else 1 - q)
            at = sum(own), sum(their), sum(a & b for a, b in zip(own, their, strict=True))
            found[at] = found.get(at, 0.0) + chance
    return found
