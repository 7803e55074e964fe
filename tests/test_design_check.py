"""The design check: each of its findings, on the small design with one thing changed."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from omr.design import Design
from omr.design_check import check_design
from omr.design_parse import parse_design
from omr.errors import DesignError
from omr.records import SideName
from tests.test_design import SMALL, changed, findings, line_of

BACK = SMALL[SMALL.index("[[front.track]]") : SMALL.index("[[front.field]]")].replace(
    "front.", "back."
)

TO_MM = ("value_step = { column = 1 }", "value_step = { x_mm = 7 }")

CASES = {
    "bubbles overlap within a field": (
        [("value_step = { column = 1 }", "value_step = { column = 0.5 }")],
        'name = "q{n}"',
        "bubbles q1 'A' and q1 'B' overlap",
    ),
    "bubbles overlap across fields": (
        [("column = 2, row = 15", "column = 2, row = 11")],
        'name = "ticket"',
        "and q1 'A' (the latter of line 48) overlap",
    ),
    "bubble at the page's edge": (
        [("column = 2, row = 15", "x_mm = 5.0, row = 15"), TO_MM],
        'name = "q{n}"',
        "bubble q1 'A' is 2.4 mm from the page's edge",
    ),
    "bubble at a mark": (
        [("column = 2, row = 15", "x_mm = 85.0, row = 15"), TO_MM],
        'name = "q{n}"',
        "bubble q1 'D' is 1.4 mm from a mark",
    ),
    "mark off the page": (
        [("at_mm = 112.0", "at_mm = 119.0")],
        "at_mm = 119.0",
        "is off the page",
    ),
    "mark at the page's edge": (
        [("x_mm = 8.0", "x_mm = 3.0")],
        "x_mm = 3.0",
        "1.0 mm from its edge",
    ),
    "mark too near another": (
        [("x_mm = 8.0", "x_mm = 107.0")],
        "x_mm = 107.0",
        "melt into one",
    ),
    "track marks too close": (
        [("mark_mm = [4.0, 2.0]", "mark_mm = [4.0, 4.0]")],
        "mark_mm = [4.0, 4.0]",
        "too close to be told apart",
    ),
    "marks on one line": (
        [("x_mm = 8.0", "x_mm = 112.0"), ("y_mm = 20.0", "y_mm = 150.0")],
        'edge = "right"',
        "lie on one line",
    ),
    "barcode zone on bubbles": (
        [("x_mm = 72.0, y_mm = 30.0", "x_mm = 60.0, y_mm = 30.0")],
        'name = "code"',
        "covers bubble",
    ),
    "zone on a mark": (
        [("x_mm = 72.0, y_mm = 30.0", "x_mm = 84.0, y_mm = 30.0")],
        'name = "code"',
        "covers a mark",
    ),
    "zone off the page": (
        [("x_mm = 72.0, y_mm = 30.0", "x_mm = 72.0, y_mm = 150.0")],
        'name = "code"',
        "reaches off the page",
    ),
    "barcode zone too narrow": (
        [("size_mm = [30.0, 12.0]", "size_mm = [22.0, 12.0]")],
        'name = "code"',
        "needs 22.4 mm of width for 6 characters at 10 mil",
    ),
    "barcode zone too low": (
        [("size_mm = [30.0, 12.0]", "size_mm = [30.0, 8.0]")],
        'name = "code"',
        "mm of height",
    ),
    "same_as names nothing": (
        [('kind = "barcode"', 'kind = "barcode"\nsame_as = "tickets"')],
        'name = "code"',
        "same_as names 'tickets'",
    ),
    "same_as names another structure": (
        [('kind = "single"', 'kind = "single"\nsame_as = "ticket"')],
        'name = "q{n}"',
        "another length",
    ),
    "options that join alike": (
        [('values = "ABCD"', 'values = ["1", "11", "2", "3"]')],
        'name = "q{n}"',
        "'1' and '11' begin alike",
    ),
    "an allowed value of the wrong length": (
        [("length = 6", 'length = 6\nallowed = ["12345"]')],
        'name = "ticket"',
        "'12345' cannot be filled in",
    ),
    "an allowed value of unknown options": (
        [('kind = "single"', 'kind = "single"\nallowed = ["A", "E"]')],
        'name = "q{n}"',
        "'E' cannot be filled in",
    ),
    "an allowed value that fails the check": (
        [("length = 6", 'length = 6\ncheck = "mod10"\nallowed = ["123455", "123456"]')],
        'name = "ticket"',
        "'123456' fails the check mod10",
    ),
    "a check character that has no bubble": (
        [("length = 6", 'length = 6\ncheck = "mod11-2"')],
        'name = "ticket"',
        "check character is X cannot be filled in",
    ),
    "letters under a digit check": (
        [("length = 6", 'length = 6\nvalues = "0123456789A"\ncheck = "mod10"')],
        'name = "ticket"',
        "never passes",
    ),
    "a check on one option": (
        [('kind = "single"', 'kind = "single"\ncheck = "mod10"')],
        'name = "q{n}"',
        "needs a grid",
    ),
    "a required field with no option": (
        [('values = "ABCD"', "values = []\nrequired = true")],
        'name = "q{n}"',
        "no option to fill though it is required",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_check_finds(name: str) -> None:
    pairs, table, says = CASES[name]
    text = changed(*pairs)
    found = [f for f in findings(text) if says in f]
    assert found, findings(text)
    assert found[0].startswith(f"line {line_of(text, table)}: ")


def test_the_check_finds_a_card_that_reads_the_same_upside_down() -> None:
    track = SMALL[SMALL.index("[[front.track]]") : SMALL.index("[[front.corner]]")]
    second = track.replace('"right"', '"left"').replace("112.0", "8.0")
    corner = SMALL[SMALL.index("[[front.corner]]") : SMALL.index("[front.columns]")]
    both = changed((corner, second))
    assert any("read the same upside down" in f for f in findings(both))
    shifted = both.replace("at_mm = 8.0\nfirst_mm = 20.0", "at_mm = 8.0\nfirst_mm = 20.8")
    assert any("read the same upside down" in f for f in findings(shifted)), "within half a mark"
    assert findings(both.replace("at_mm = 8.0\n", "at_mm = 8.0\nabsent = [4]\n")) == ()


def test_the_check_looks_for_quarter_turns_on_a_square_page() -> None:
    corners = "".join(
        f'[[front.corner]]\nshape = "{shape}"\nx_mm = {x}\ny_mm = {y}\nsize_mm = 5.0\n\n'
        for x, y, shape in (
            (10, 10, "square"),
            (110, 10, "square"),
            (10, 110, "square"),
            (110, 110, "square"),
        )
    )
    text = (
        'name = "s"\ntitle = "s"\nink = "red"\n[page]\nwidth_mm = 120\nheight_mm = 120\n'
        '[bubble]\nshape = "box"\nwidth_mm = 5\nheight_mm = 3\nlabelled = true\n'
        + corners
        + '[[front.field]]\nname = "a"\ntitle = "a"\nkind = "single"\nvalues = "AB"\n'
        "at = { x_mm = 50, y_mm = 50 }\nvalue_step = { x_mm = 8 }\n"
    )
    assert any("on its side" in f for f in findings(text))
    assert any("upside down" in f for f in findings(text))
    one = text.replace('"square"', '"L"', 1)
    assert findings(one) == ()
    assert not any(
        "on its side" in f for f in findings(text.replace("height_mm = 120", "height_mm = 130"))
    )


def test_the_check_finds_faces_that_look_alike() -> None:
    alike = SMALL + "\n" + BACK
    found = [f for f in findings(alike) if "the sides cannot be told apart" in f]
    assert found[0].startswith(f"line {alike.splitlines().index('[[back.track]]') + 1}: ")
    other = alike[: len(SMALL)] + alike[len(SMALL) :].replace(
        "count = 20", "count = 20\nabsent = [7]"
    )
    assert findings(other) == ()


def test_the_check_finds_black_letters_in_bubbles_and_black_captions_on_them() -> None:
    black = changed(('ink = "red"', 'ink = "black"'))
    assert any("labelled = true" in f for f in findings(black))  # letters in too few bubbles
    plain = black.replace("labelled = true", "labelled = false")
    assert findings(plain) == ()
    onto = plain.replace("y_mm = 12.0", "y_mm = 105.0")
    assert any("no. 1 (小卡) is printed in black on a bubble" in f for f in findings(onto))
    assert findings(changed(("y_mm = 12.0", "y_mm = 105.0"))) == (), "red words drop out"
    red_card = changed(("y_mm = 12.0", "y_mm = 105.0\nblack = true"))
    assert any("in black on a bubble" in f for f in findings(red_card))
    frame = plain.replace("y_mm = 12.0\n", "y_mm = 12.0\nframe_mm = [10.0, 94.0]\n")
    assert any("in black on a bubble" in f for f in findings(frame))
    assert any("off the page" in f for f in findings(changed(("x_mm = 60.0", "x_mm = 118.0"))))


def test_the_check_finds_labels_that_have_no_room() -> None:
    tight = changed(('ink = "red"', 'ink = "black"'), ("labelled = true", "labelled = false"),
                    ("column = 2, row = 15", "column = 2, row = 13"))  # fmt: skip
    assert any("no room to print the label of option 'A'" in f for f in findings(tight))


def test_the_check_finds_names_used_twice_in_a_design_not_made_by_the_parser() -> None:
    design = parse_design(SMALL, "small.toml")
    side = design.sides[0]
    fields = (*side.fields[:-1], replace(side.fields[-1], name="q1"))
    twice = replace(design, sides=(replace(side, fields=fields),))
    assert any("'q1' is line" in f for f in check_design(twice))
    with pytest.raises(DesignError, match="two fields are named"):
        parse_design(changed(('name = "code"', 'name = "ticket"')), "small.toml")


def test_the_check_is_quick_for_a_thousand_bubbles() -> None:
    design = _many_bubbles()
    check_design(design)
    start = time.perf_counter()
    assert check_design(design) == ()
    assert time.perf_counter() - start < 1.0


def _many_bubbles() -> Design:
    blocks = "".join(
        f'[[front.field]]\nname = "q{{n}}"\nkind = "single"\nvalues = "ABCD"\nfirst = {first}\n'
        f"count = 42\nat = {{ column = {column}, row = 2 }}\nvalue_step = {{ column = 1 }}\n"
        "field_step = { row = 1 }\n\n"
        for first, column in ((1, 1), (43, 6), (85, 11), (127, 16), (169, 21), (211, 26))
    )
    text = (
        SMALL[: SMALL.index("[[front.field]]")]
        .replace("width_mm = 120.0", "width_mm = 260.0")
        .replace("height_mm = 160.0", "height_mm = 297.0")
        .replace("at_mm = 112.0", "at_mm = 252.0")
        .replace("count = 20", "count = 44")
    )
    design = parse_design(text + blocks, "many.toml")
    assert design.side(SideName.FRONT).bubble_count > 1000
    assert np.isfinite(design.sides[0].centres_mm).all()
    return design
