"""Judging: any card under any policy."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from omr.design import CheckRule, Field, FieldKind, Role, SeveralRule, Side
from omr.policy import (
    Calibration,
    EvidenceRules,
    MarkRules,
    Policy,
    RivalRules,
    SeveralRules,
)
from omr.records import SideName
from omr.score.judge import judge_many
from tests.kernels.examples import SEEDS, STRICT, fixed
from tests.oracle import judging as twin

pytestmark = STRICT


@st.composite
def policies(draw):
    """Any policy that makes sense: shares above 0 and below 1, limits in their order."""
    rng = np.random.default_rng(draw(SEEDS))
    faint, filled = sorted(rng.uniform(0.05, 0.7, 2))
    erased, several = sorted(rng.uniform(0.1, 0.95, 2))
    return Policy(
        "random",
        MarkRules(
            floor=rng.uniform(0.02, 0.25),
            faint_from=faint,
            filled_from=filled,
            filled_least=rng.uniform(0.05, 0.5),
            weak_sigmas=rng.uniform(1, 6),
            quiet=rng.uniform(0.005, 0.1),
            letter_left=rng.uniform(0.005, 0.2),
            bitonal_floor=rng.uniform(0.1, 1),
            bitonal_quiet=rng.uniform(0.05, 1),
            hand_low=rng.uniform(0.01, 0.3),
            hand_default=rng.uniform(0.2, 0.9),
            light_below=rng.uniform(0.2, 0.8),
            thin_below=rng.uniform(0.2, 0.8),
            swallowed_below=rng.uniform(0, 0.4),
            swallowed_sigmas=rng.uniform(1, 12),
        ),
        RivalRules(erased, several, draw(st.sampled_from([0.0, 0.1, 0.3]))),
        SeveralRules(*(draw(st.sampled_from(["reading", "doubt"])) for _ in range(3))),
        EvidenceRules(*rng.uniform(0.05, 0.95, len(fields(EvidenceRules)))),
        Calibration(-1.0, 8.0, 1.0, 1e-9),
        "",
    )


KINDS = (FieldKind.SINGLE, FieldKind.MULTIPLE, FieldKind.FLAG, FieldKind.DIGITS)


@st.composite
def sides(draw):
    """A side of random fields, for judging only: its bubbles have no place."""
    made, starts = [], [0]
    for n in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(KINDS))
        length = draw(st.integers(1, 6)) if kind is FieldKind.DIGITS else 1
        count = 1 if kind is FieldKind.FLAG else draw(st.integers(1, 10))
        first = len(starts) - 1
        starts += [starts[-1] + count * (k + 1) for k in range(length)]
        made.append(
            Field(
                name=f"f{n}",
                title="",
                kind=kind,
                role=draw(st.sampled_from(Role)),
                groups=(first, first + length),
                values=tuple("0123456789"[:count]),
                required=False,
                allowed=(),
                several=draw(st.sampled_from(SeveralRule)),
                check=CheckRule.NONE,
                same_as="",
                line=0,
            )
        )
    return Side(
        SideName.FRONT,
        (),
        (),
        tuple(made),
        (),
        (),
        np.zeros((starts[-1], 2)),
        np.array(starts),
        (),
        np.full(starts[-1], -1),
    )


def card(rng, side):
    """Figures of one card, (4, bubbles): a hand with its weak marks, residues, smudges, noise."""
    n = side.bubble_count
    style = rng.integers(4)
    if style == 0:
        return rng.integers(0, 256, (4, n), np.uint8)
    hand = rng.uniform(0.1, 1, 2)
    strength = np.where(rng.random(n) < 0.25, rng.lognormal(0, rng.uniform(0, 0.8), n), 0.0)
    strength += np.where(rng.random(n) < 0.1, rng.uniform(0, 0.8, n), 0.0)
    apart = rng.normal(1, 0.05, (2, n)) if style < 3 else rng.uniform(0, 1.5, (2, n))
    figures = hand[:, None] * strength * apart + np.abs(rng.normal(0, 0.02, (2, n)))
    smudged = rng.random(n) < 0.2
    grey = hand[:, None] * rng.uniform(0.1, 0.5, n) * [rng.uniform(0.4, 0.8, n), np.ones(n)]
    figures[:, smudged] = grey[:, smudged]
    edges = rng.random((2, n)) * (rng.random((2, n)) < 0.2)
    return (255 * np.concatenate([figures, edges]).clip(0, 1)).astype(np.uint8)


@fixed(150)
@given(sides(), policies(), SEEDS)
def test_judging(side, policy, seed):
    rng = np.random.default_rng(seed)
    cards = [card(rng, side) for _ in range(4)]
    bitonal = rng.random(4) < 0.3
    figures = tuple(np.array([c[k] for c in cards]) for k in range(4))
    said = judge_many(side, policy, figures, bitonal)
    for n, one in enumerate(cards):
        rows = twin.rows_of(side, policy, one.tolist())
        expected = twin.judge(rows, policy, bool(bitonal[n]))
        hand = [expected.hand.fill, expected.hand.darkness]
        assert np.allclose(said.hand[n], hand, rtol=0, atol=1e-6)
        if expected.close:  # one card in twenty-five
            continue
        assert said.masks[n].tolist() == [v.mask for v in expected.rows]
        assert said.doubts[n].tolist() == [int(v.doubts) for v in expected.rows]
        margins = [v.margin for v in expected.rows]
        assert np.allclose(said.margin[n], margins, rtol=1e-5, atol=1e-5)
