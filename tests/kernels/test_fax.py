"""Fax rows, whole and damaged."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from omr.detect import fax
from omr.detect.fax import FaxCoding
from tests.kernels.examples import SEEDS, STRICT, fixed
from tests.oracle import fax as twin

pytestmark = STRICT


WORDS = [{length: code for code, length in codes.items()} for codes in twin.RUN_CODES]
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
        b1, b2 = twin.reference(above, a0, colour)
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
    expected, read = twin.unfax("".join(text) + "0" * 64, spans, coding, width)
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
    expected, read = twin.unfax(text + "0" * 64, spans, coding, width)
    assert (status, picture[: len(read)]) == (expected, read)
