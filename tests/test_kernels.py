"""Every kernel against its twin in tests/oracle.py.

`make test` runs this file compiled and, with NUMBA_DISABLE_JIT=1, as plain Python.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.design import CheckRule, Field, FieldKind, Role, SeveralRule, Side
from omr.detect import fax
from omr.detect.fax import FaxCoding
from omr.detect.geometry import (
    curve_beyond,
    displace,
    follow_track,
    keep_whole,
    left_over,
    map_points,
    settle_centres,
    track_regularity,
    uncrop,
)
from omr.detect.kernels import (
    SUB,
    column_darkness,
    find_blobs,
    histogram_lattice,
    refine_marks,
    sample_bubbles,
    snap_to_outline,
)
from omr.detect.plane import upright_plane
from omr.policy import (
    Calibration,
    EvidenceRules,
    MarkRules,
    Policy,
    RivalRules,
    SeveralRules,
)
from omr.records import Raster, SideName, Turn
from omr.score.judge import judge_many
from tests import oracle

# What wraps round or divides by nothing in plain Python would do so silently when compiled.
pytestmark = pytest.mark.filterwarnings("error")

SEEDS = st.integers(0, 1 << 32)


def fixed(examples: int):
    """The same examples on every run and every machine."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None)


@st.composite
def pages(draw):
    """A page of dark rectangles, grain and specks: its upright plane, and plain picture."""
    height, width = draw(st.integers(16, 44)), draw(st.integers(16, 44))
    rng = np.random.default_rng(draw(SEEDS))
    paper, ink = rng.integers(150, 256), rng.integers(0, 100)
    picture = np.full((height, width), paper, float)
    for _ in range(draw(st.integers(0, 6))):
        y, x = rng.integers(0, height), rng.integers(0, width)
        picture[y : y + rng.integers(1, 12), x : x + rng.integers(1, 16)] = ink
    picture += rng.normal(0, draw(st.sampled_from([0, 1, 4, 60])), picture.shape)
    specks = rng.random(picture.shape) < draw(st.sampled_from([0, 0.03]))
    picture[specks] = rng.integers(0, 256, specks.sum())
    black_and_white = draw(st.booleans())
    if black_and_white:
        picture = np.where(picture < 128, 0, 255)
    turn = draw(st.sampled_from(Turn))
    grey = np.rot90(picture.clip(0, 255).astype(np.uint8), -(turn // 90))
    channel = draw(st.sampled_from([None, 0, 1, 2]))
    pixels = np.ascontiguousarray(grey)
    if channel is not None:
        pixels = rng.integers(0, 256, (*grey.shape, 3), np.uint8)
        pixels[:, :, channel] = grey
    raster = Raster(pixels, black_and_white)
    plane = upright_plane(raster, channel or 0, turn)
    return plane, oracle.upright(raster, channel or 0, turn)


def boxes(draw, plane):
    """x0, y0, x1, y1 of some pixels of the plane."""
    x0, y0 = draw(st.integers(0, plane.width - 1)), draw(st.integers(0, plane.height - 1))
    return np.array(
        [
            x0,
            y0,
            draw(st.integers(x0 + 1, plane.width)),
            draw(st.integers(y0 + 1, plane.height)),
        ]
    )


def size_of(plane):
    return np.array([plane.width, plane.height])


# ── pages ────────────────────────────────────────────────────────────────────────────────────


@fixed(80)
@given(st.data())
def test_lattices(data):
    plane, picture = data.draw(pages())
    assert picture.shape == (plane.height, plane.width)
    box = boxes(data.draw, plane)
    x0, _, x1, _ = box.tolist()
    step, threshold = data.draw(st.integers(1, 5)), data.draw(st.floats(0, 256))
    counts = np.ones(256, np.int64)
    histogram_lattice(plane.data, plane.view, box, step, counts)
    assert (counts - 1).tolist() == oracle.histogram(picture, box.tolist(), step)
    columns = np.full(x1 - x0, np.nan)
    column_darkness(plane.data, plane.view, box, threshold, step, columns)
    expected = oracle.column_darkness(picture, box.tolist(), threshold, step)
    assert np.allclose(columns, expected, rtol=0, atol=1e-12)


@fixed(30)
@given(pages(), st.tuples(*[st.floats(-9, 60)] * 4))
def test_a_planes_window_is_cut_at_the_pages_edges(page, sides):
    plane, picture = page
    left, top, right, bottom = sides
    rows = slice(max(0, int(top)), max(0, int(bottom) + 1))
    columns = slice(max(0, int(left)), max(0, int(right) + 1))
    expected = picture[rows, columns]
    seen = plane.window(*sides)
    assert seen.tobytes() == expected.tobytes()
    assert seen.shape == expected.shape or not expected.size


# ── marks ────────────────────────────────────────────────────────────────────────────────────


@fixed(150)
@given(st.data())
def test_blobs(data):
    plane, picture = data.draw(pages())
    whole = np.array([0, 0, plane.width, plane.height])
    box = whole if data.draw(st.booleans()) else boxes(data.draw, plane)
    least, flat = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    limits = np.array(
        [
            least,
            least + data.draw(st.integers(0, 14)),
            flat,
            flat + data.draw(st.integers(0, 10)),
            data.draw(st.integers(0, 3)),
            data.draw(st.integers(0, 3)),
            data.draw(st.integers(1, 3)),
        ]
    )
    threshold = data.draw(st.floats(60, 240))
    out = np.full((data.draw(st.sampled_from([2, 40])), 5), np.nan)
    found = find_blobs(plane.data, plane.view, box, threshold, limits, out)
    expected = oracle.blobs(picture, box.tolist(), threshold, limits.tolist())
    assert found == min(len(expected), len(out))
    places = {tuple(np.round(row, 6)) for row in expected}
    assert {tuple(np.round(row, 6)) for row in out[:found]} <= places
    assert np.isnan(out[found:]).all()


@fixed(150)
@given(st.data())
def test_mark_edges(data):
    plane, picture = data.draw(pages())
    place = st.tuples(
        st.floats(0, plane.width), st.floats(0, plane.height), st.floats(1, 16), st.floats(1, 12)
    )
    marks = np.array(data.draw(st.lists(place, min_size=1, max_size=4)))
    out = np.full((len(marks), 5), np.nan)
    refine_marks(plane.data, plane.view, size_of(plane), marks, out)
    for mark, seen in zip(marks, out, strict=True):
        expected = oracle.edges(picture, mark)
        if expected is None:
            assert seen[0] == -1
        else:
            assert np.allclose(seen, expected, rtol=0, atol=1e-9)
    centres = np.full((len(marks), 2), np.nan)
    settle_centres(marks, out, centres)
    assert np.allclose(centres, oracle.settled(marks, out), rtol=0, atol=1e-9)


@fixed(80)
@given(st.integers(1, 12), SEEDS)
def test_settled_centres(count, seed):
    """Marks of one size with a few nicked, shifted or lost."""
    rng = np.random.default_rng(seed)
    marks = np.concatenate([rng.uniform(0, 99, (count, 2)), rng.uniform(3, 30, (count, 2))], axis=1)
    half = rng.uniform(2, 12, 2)
    edges = np.concatenate([marks[:, :2] - half, marks[:, :2] + half, marks[:, :1]], axis=1)
    edges += rng.normal(0, 2, edges.shape) * (rng.random((count, 1)) < 0.3)
    edges[rng.random(count) < 0.2, :4] = -1
    centres = np.full((count, 2), np.nan)
    settle_centres(marks, edges, centres)
    assert np.allclose(centres, oracle.settled(marks, edges), rtol=0, atol=1e-9)


@fixed(40)
@given(st.integers(2, 30), SEEDS)
def test_track_regularity(count, seed):
    rng = np.random.default_rng(seed)
    along = np.cumsum(rng.uniform(2, 9, count))
    px = np.stack([rng.normal(50, 1, count), 6 * along + rng.normal(0, 2, count)], axis=1)
    said = track_regularity(along, px, 6.1)
    assert said == pytest.approx(oracle.regularity(along, px, 6.1), abs=1e-9)


@fixed(80)
@given(st.integers(3, 24), SEEDS)
def test_walks_along_a_track(count, seed):
    rng = np.random.default_rng(seed)
    expected = 20 * np.arange(count) + 10 * (rng.random(count) < 0.1).cumsum()
    stretch = np.cumsum(rng.normal(0, rng.choice([0.4, 2.5]), count))
    seen = rng.random(count) < rng.choice([0.7, 0.95, 1.0])
    along = (expected * rng.uniform(0.95, 1.05) + stretch)[seen]
    across = (rng.uniform(-0.08, 0.08) * expected + rng.normal(0, 0.5, count))[seen]
    clutter = rng.integers(0, 1 + count // 2)
    along = np.append(along, rng.uniform(-40, 20 * count + 40, clutter))
    across = np.append(across, rng.uniform(-9, 9, clutter))
    if not len(along):
        along, across = np.zeros(1), np.zeros(1)
    order = np.argsort(along, kind="stable")
    limits = np.array([10.0, rng.uniform(1, 6), 0.11, 0.25])
    best = np.full(count, -1)
    axis = seed % 2
    blobs = np.zeros((len(along), 5))
    blobs[:, axis], blobs[:, 1 - axis] = along[order], across[order]
    follow_track(blobs, axis, expected.astype(float), limits, best)
    assert best.tolist() == oracle.walk(
        along[order].tolist(), across[order].tolist(), expected.tolist(), limits.tolist()
    )


@fixed(80)
@given(st.integers(0, 12), SEEDS)
def test_blobs_that_the_strip_did_not_cut(count, seed):
    rng = np.random.default_rng(seed)
    box, size = np.array([20, 0, 80, 90]), np.array([rng.choice([80, 120]), 90])
    blobs = np.round(rng.uniform(0, [100, 90, 24, 24, 1], (count, 5)), rng.choice([0, 3]))
    rules = np.array([seed % 2, 0.55])
    seen = blobs.copy()
    kept = keep_whole(seen, count, box, size, rules)
    assert seen[:kept].tolist() == oracle.whole_blobs(blobs.tolist(), box, size, *rules)


@fixed(60)
@given(st.integers(1, 9), st.sampled_from([-1.0, 1.0]), SEEDS)
def test_marks_that_a_crop_cut(count, inward, seed):
    rng = np.random.default_rng(seed)
    nominal, axis = np.array([40.0, 20.0]), seed % 2
    marks = rng.uniform([0, 0, 20, 10], [99, 99, 44, 24], (count, 4))
    centres = marks[:, :2] + rng.normal(0, 1, (count, 2))
    said = centres.copy()
    uncrop(marks, nominal, axis, inward, said)
    expected = oracle.uncropped(marks, nominal, axis, inward, centres)
    assert np.allclose(said, expected, rtol=0, atol=1e-9)


@fixed(60)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 30), SEEDS)
def test_paper_to_pixels(near_marks, far_marks, count, seed):
    rng = np.random.default_rng(seed)
    axis, matrix = seed % 2, np.eye(3)
    matrix[:2] = rng.normal(0, 8, (2, 3))
    mm = rng.uniform(-20, 320, (count, 2))
    near, far = (
        np.concatenate([np.sort(rng.uniform(0, 300, (n, 1)), axis=0), rng.normal(0, 9, (n, 2))], 1)
        for n in (near_marks, far_marks)
    )
    across = (float(rng.uniform(0, 90)), float(rng.uniform(120, 210)))
    if near_marks == far_marks:
        across = (across[0], across[0])
    plain, said = np.empty((count, 2)), np.empty((count, 2))
    map_points(mm, matrix, plain)
    assert np.allclose(plain, oracle.placed(mm, matrix), rtol=0, atol=1e-9)
    said[:] = plain
    displace(mm, near, far, across, axis, said)
    expected = oracle.displaced(mm, plain, (near, far, across), axis)
    assert np.allclose(said, expected, rtol=0, atol=1e-9)
    curve = np.empty((count, 3))
    left_over(mm, said, matrix, axis, curve)
    moved = expected - plain
    assert np.allclose(curve, np.c_[mm[:, axis], moved], rtol=0, atol=1e-9)
    beyond = np.empty_like(near)
    curve_beyond(near, far, beyond)
    assert np.allclose(beyond, oracle.beyond(near, far), rtol=0, atol=1e-9)


# ── bubbles ──────────────────────────────────────────────────────────────────────────────────


@st.composite
def lattices(draw):
    """Samples of a small bubble at a random slant and scale; some are not used."""
    rng = np.random.default_rng(draw(SEEDS))
    rows, columns, margin = draw(st.integers(1, 7)), draw(st.integers(1, 9)), 2
    v, u = np.mgrid[-margin : rows + margin, -margin : columns + margin]
    angle, scale = rng.uniform(-0.1, 0.1), rng.uniform(0.6, 1.6)
    u, v = u - (columns - 1) / 2, v - (rows - 1) / 2
    x = scale * (np.cos(angle) * u - np.sin(angle) * v)
    y = scale * (np.sin(angle) * u + np.cos(angle) * v)
    across, down = np.abs(u) <= (columns - 1) / 2, np.abs(v) <= (rows - 1) / 2
    kinds = np.where(across & down, 1, np.where(across | down, 2, 0))
    unused = rng.random(kinds.shape) < draw(st.sampled_from([0, 0.2]))
    unused[margin, margin] = False
    kinds[unused] = 0
    if draw(st.integers(0, 9)) == 0:
        kinds[kinds == 2] = 0
    return np.stack([np.rint(x), np.rint(y), kinds], axis=-1).astype(np.int64)


@fixed(200)
@given(st.data())
def test_bubbles(data):
    plane, picture = data.draw(pages())
    lattice = data.draw(lattices())
    place = st.tuples(st.floats(-8, plane.width + 8), st.floats(-8, plane.height + 8))
    centres = np.array(data.draw(st.lists(place, min_size=1, max_size=8)))
    paper = data.draw(st.floats(60, 255))
    levels = oracle.Believed(
        0.0 if plane.bitonal else data.draw(st.floats(0, 140)),
        data.draw(st.sampled_from([0.2, 0.35])),
        0.45 * paper,
        min(255.0, paper + 12),
        plane.bitonal,
    )
    out = np.full((len(centres), 5), 7, np.uint8)
    values = [levels.ink, levels.dark_from, levels.paper_low, levels.paper_high, plane.bitonal]
    outside = sample_bubbles(
        plane.data, plane.view, size_of(plane), centres, lattice, np.array(values, float), out
    )
    expected = [oracle.bubble(picture, centre, lattice, levels) for centre in centres]
    assert outside == expected.count(None)
    for seen, figures in zip(out.tolist(), expected, strict=True):
        if figures is None:
            assert seen == [0] * 5
            continue
        assert np.allclose(seen[:4], 255 * np.array(figures[:4]), rtol=0, atol=0.5 + 1e-6)
        assert seen[4] == int(figures[4])


def test_a_line_is_looked_for_where_at_least_a_fiftieth_is_dark():
    y, x = np.mgrid[-4:5, -4:5]
    inside, beside = (abs(y) <= 3) & (abs(x) <= 3), (abs(y) <= 3) | (abs(x) <= 3)
    lattice = np.stack([x, y, np.where(inside, 1, np.where(beside, 2, 0))], axis=-1)
    page = np.full((20, 20), 255, np.uint8)
    page[[6, 14], 10] = 0  # ink above and below the box, and some of the way through it
    said = []
    for dark in range(4):
        page[7 : 7 + dark, 10] = 0
        plane = upright_plane(Raster(page.copy(), True), 0, Turn.UPRIGHT)
        levels = np.array([0.0, 0.2, 100.0, 255.0, 1.0])
        out = np.zeros((1, 5), np.uint8)
        centre = np.array([[10.5, 10.5]])
        sample_bubbles(plane.data, plane.view, size_of(plane), centre, lattice, levels, out)
        said.append(out[0, [0, 3]].tolist())
    assert said == [[0, 0], [5, 36], [10, 73], [16, 109]]


@fixed(80)
@given(st.data())
def test_outlines(data):
    plane, picture = data.draw(pages())
    offset = st.integers(-3 * SUB, 3 * SUB)
    points = st.lists(st.tuples(*[offset] * 4), min_size=1, max_size=12)
    outline = np.array(data.draw(points))
    radius = data.draw(st.integers(0, 3))
    place = st.tuples(st.floats(-4, plane.width + 4), st.floats(-4, plane.height + 4))
    centres = np.array([[plane.width / 2, plane.height / 2], data.draw(place)])
    out = np.full((2, 3), np.nan)
    snap_to_outline(plane.data, plane.view, size_of(plane), centres, outline, radius, out)
    for centre, (dx, dy, contrast) in zip(centres, out, strict=True):
        fits = oracle.outline_fits(picture, centre, outline, radius)
        if not fits:
            assert (dx, dy, contrast) == (0, 0, 0)
            continue
        # Of two that fit alike it is the nearer one.
        scores = {place: fit - 0.25 * np.hypot(*place) for place, fit in fits.items()}
        assert scores[dx, dy] >= max(scores.values()) - 1e-9
        assert contrast == pytest.approx(max(fits[dx, dy], 0), abs=1e-9)


@pytest.mark.parametrize(("darker", "shift"), [(7, 0), (8, 3)])
def test_a_farther_outline_must_fit_better_by_a_quarter_level_a_pixel(darker, shift):
    outline = SUB * np.array([[k, 0, k, 2] for k in range(10)])
    page = np.full((40, 40), 200, np.uint8)
    page[20, 20 + 9 + 3] -= darker  # under the last of ten points, if they are moved by 3
    plane = upright_plane(Raster(page, False), 0, Turn.UPRIGHT)
    out = np.empty((1, 3))
    centre = np.array([[20.5, 20.5]])
    snap_to_outline(plane.data, plane.view, size_of(plane), centre, outline, 3, out)
    assert out[0, :2].tolist() == [shift, 0]


# ── judging ──────────────────────────────────────────────────────────────────────────────────


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
        rows = oracle.rows_of(side, policy, one.tolist())
        expected = oracle.judge(rows, policy, bool(bitonal[n]))
        hand = [expected.hand.fill, expected.hand.darkness]
        assert np.allclose(said.hand[n], hand, rtol=0, atol=1e-6)
        if expected.close:  # one card in twenty-five
            continue
        assert said.masks[n].tolist() == [v.mask for v in expected.rows]
        assert said.doubts[n].tolist() == [int(v.doubts) for v in expected.rows]
        margins = [v.margin for v in expected.rows]
        assert np.allclose(said.margin[n], margins, rtol=1e-5, atol=1e-5)


# ── fax ──────────────────────────────────────────────────────────────────────────────────────

WORDS = [{length: code for code, length in codes.items()} for codes in oracle.RUN_CODES]
MODE_CODES, RUN_CODES = list(fax._MODES), [list(codes.values()) for codes in WORDS]
MODES = {mode: code for code, mode in fax._MODES.items()}


def written_run(length, colour):
    """Make-up codes and the terminating code."""
    most = 2560 * (length // 2560)
    rest = length - most
    long = WORDS[colour][2560] * (most // 2560)
    make_up = WORDS[colour][rest // 64 * 64] if rest >= 64 else ""
    return long + make_up + WORDS[colour][rest % 64]


def written_flat(row):
    """A row by itself."""
    text, colour, at = "", 0, 0
    while at < len(row):
        end = next((i for i in range(at, len(row)) if row[i] != colour), len(row))
        text += written_run(end - at, colour)
        colour, at = 1 - colour, end
    return text


def written_against(rng, row, above):
    """A row against the row above, choosing among the modes that would do."""
    text, a0, colour, width = "", -1, 0, len(row)
    while a0 < width:
        at = max(a0, 0)
        a1 = next((i for i in range(at, width) if row[i] != colour), width)
        a2 = next((i for i in range(a1, width) if row[i] == colour), width)
        b1, b2 = oracle.reference(above, a0, colour)
        if b2 < a1 or (b2 == a1 == width and rng.random() < 0.2):
            text, a0 = text + MODES[fax._PASS], b2
        elif abs(a1 - b1) <= 3 and a1 > a0 and rng.random() < 0.8:
            text, a0, colour = text + MODES[a1 - b1 + 3], a1, 1 - colour
        else:
            runs = written_run(a1 - at, colour) + written_run(a2 - a1, 1 - colour)
            text, a0 = text + MODES[fax._HORIZONTAL] + runs, a2
    return text


LINE_CODE = "000000000001"


def written(rng, rows, coding):
    """A strip of rows, with or without its end code."""
    text, above = "", [0] * rows.shape[1]
    for row in rows.tolist():
        if coding is FaxCoding.GROUP_3 and rng.random() < 0.5:
            text += "0" * rng.integers(0, 9) + LINE_CODE
        flat = coding is not FaxCoding.GROUP_4
        if coding is FaxCoding.GROUP_3_2D:
            flat = rng.random() < 0.5
            text += LINE_CODE + "01"[flat]
        text += written_flat(row) if flat else written_against(rng, row, above)
        if coding is FaxCoding.MODIFIED_HUFFMAN:
            text += "0" * (-len(text) % 8)
        above = row
    if coding is not FaxCoding.MODIFIED_HUFFMAN and rng.random() < 0.7:
        count = 2 if coding is FaxCoding.GROUP_4 else 6
        text += (LINE_CODE + "1" * (coding is FaxCoding.GROUP_3_2D)) * count
    return text + "0" * (-len(text) % 8)


def unfaxed(text, spans, coding, shape, white):
    bits = np.packbits([int(c) for c in text + "0" * 64])
    out = np.full(shape, white, np.uint8)
    status = fax.unfax(bits, np.array(spans), fax._CODES, int(coding), out)
    return status, (out != white).astype(int).tolist()


@fixed(100)
@given(
    st.sampled_from(FaxCoding),
    st.integers(1, 5),
    st.sampled_from([1, 7, 20, 40, 64, 200, 2700]),
    st.booleans(),
    st.integers(0, 3),
    SEEDS,
)
def test_fax(coding, height, width, dark_paper, damage, seed):
    rng = np.random.default_rng(seed)
    dense = rng.choice([0, 0.02, 0.5, 1])
    rows = (rng.random((2 * height, width)) < (dense if width < 999 else dense // 1)).astype(int)
    rows[:, width // 3 : width // 2] = 1
    rows[1::2] = np.roll(rows[::2], rng.integers(-4, 5), axis=1)
    strips = [written(rng, part, coding) for part in np.split(rows, 2)]
    ends = np.cumsum([len(s) for s in strips])
    spans = [(int(end - len(s)), int(end), height) for s, end in zip(strips, ends, strict=True)]
    text = list("".join(strips))
    for _ in range(damage):
        text[rng.integers(len(text))] = "01"[rng.integers(2)]
    if damage and rng.random() < 0.3:
        spans[1] = (spans[1][0], spans[1][1] - 8, height)
    white = 0 if dark_paper else 255
    status, picture = unfaxed("".join(text), spans, coding, rows.shape, white)
    expected, read = oracle.unfax("".join(text) + "0" * 64, spans, coding, width)
    assert status == expected
    assert picture[: len(read)] == read
    assert not any(map(any, picture[len(read) :]))
    if not damage:
        assert status == 0
        assert picture == rows.tolist()


@fixed(150)
@given(
    st.sampled_from(FaxCoding),
    st.lists(st.one_of(map(st.sampled_from, [MODE_CODES, *RUN_CODES, [LINE_CODE]]))),
    st.integers(1, 70),
    st.integers(1, 4),
)
def test_any_fax_codes(coding, codes, width, height):
    text = "".join(codes)
    text += "0" * (-len(text) % 8)
    spans = [(0, len(text), height)]
    status, picture = unfaxed(text, spans, coding, (height, width), 255)
    expected, read = oracle.unfax(text + "0" * 64, spans, coding, width)
    assert (status, picture[: len(read)]) == (expected, read)
