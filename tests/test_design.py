"""Designs: what the parser refuses, what the check finds, and that the built-in ones are clean."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from omr.design import builtin_names, load_design
from omr.design_check import check_design
from omr.design_parse import parse_design
from omr.errors import DesignError

SMALL = """\
name = "small"
title = "小卡"
ink = "red"

[page]
width_mm = 120.0
height_mm = 160.0

[bubble]
shape = "box"
width_mm = 5.0
height_mm = 3.0
labelled = true

[[front.track]]
edge = "right"
at_mm = 112.0
first_mm = 20.0
pitch_mm = 6.0
count = 20
mark_mm = [4.0, 2.0]

[[front.corner]]
shape = "square"
x_mm = 8.0
y_mm = 20.0
size_mm = 4.0

[front.columns]
first_mm = 30.0
pitch_mm = 7.0

[[front.field]]
name = "ticket"
title = "准考证号"
kind = "digits"
length = 6
at = { column = 1, row = 3 }
character_step = { column = 1 }
value_step = { row = 1 }

[[front.field]]
name = "code"
kind = "barcode"
at = { x_mm = 72.0, y_mm = 30.0 }
size_mm = [30.0, 12.0]

[[front.field]]
name = "q{n}"
kind = "single"
values = "ABCD"
count = 5
at = { column = 2, row = 15 }
value_step = { column = 1 }
field_step = { row = 1 }

[[front.text]]
text = "小卡"
x_mm = 60.0
y_mm = 12.0
"""


def changed(*pairs: tuple[str, str]) -> str:
    """`SMALL` with each first text replaced by the second; each must be there exactly once."""
    text = SMALL
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def findings(text: str) -> tuple[str, ...]:
    return check_design(parse_design(text, "small.toml"))


def line_of(text: str, needle: str) -> int:
    """The line of the table that holds `needle`."""
    before = text[: text.index(needle)]
    return before[: before.rindex("\n[") + 1].count("\n") + 1


def test_builtin_designs_and_the_small_one_are_clean() -> None:
    for name in builtin_names():
        assert check_design(load_design(name)) == (), name
    assert findings(SMALL) == ()


# ── parsing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "digits"', 'kind = "numbers"', "kind must be one of"),
        ("length = 6\n", "", "length is missing"),
        ("pitch_mm = 6.0", 'pitch_mm = "6"', "pitch_mm must be a number"),
        ("count = 20", "count = 2", "count must be a whole number from 3"),
        ("mark_mm = [4.0, 2.0]", "mark_mm = [4.0]", "two positive numbers"),
        ("labelled = true", "labelled = 1", "true or false"),
        ("size_mm = 4.0", "size_mm = 4.0\ncolour = 3", "colour is not known here"),
        ("column = 2, row = 15", "column = 2, row = 25", "row 25 is off the track"),
        ("column = 2, row = 15", "column = 2, line = 15", "takes numbers for column, row"),
        ("column = 2, row = 15", "column = 2, row = 15, y_mm = 1", "say y_mm and row; use y_mm in"),
        ("column = 2, row = 15", "x_mm = 30, row = 15", "say x_mm and column; use x_mm in all"),
        ('name = "q{n}"', 'name = "q"', "name must hold {n}"),
        ('values = "ABCD"', 'values = "ABCA"', "different"),
        ('kind = "barcode"', 'kind = "barcode"\nsymbologies = ["EAN13"]', "'EAN13' is not read"),
    ],
)
def test_parse_errors_name_their_line(old: str, new: str, says: str) -> None:
    text = changed((old, new))
    with pytest.raises(DesignError) as caught:
        parse_design(text, "small.toml")
    finding = next(f for f in caught.value.findings if says in f)
    table = line_of(text, new or "character_step")
    rest = text.splitlines()[table:]
    end = table + next((i for i, line in enumerate(rest) if line.startswith("[")), len(rest))
    assert table <= int(finding.removeprefix("line ").split(":")[0]) <= end
    assert "small.toml" in str(caught.value)


def test_every_fault_is_listed_at_once() -> None:
    text = changed(("count = 20", "count = 2"), ('kind = "digits"', 'kind = "numbers"'))
    with pytest.raises(DesignError) as caught:
        parse_design(text, "small.toml")
    assert len(caught.value.findings) >= 2


@pytest.mark.parametrize("text", ["name = ", "\x00", "[front", "name = 1\nname = 2"])
def test_what_is_not_toml_is_refused(text: str) -> None:
    with pytest.raises(DesignError, match="not TOML"):
        parse_design(text, "small.toml")


def test_comments_and_order_do_not_change_the_hash_but_a_tenth_of_a_mm_does() -> None:
    plain = parse_design(SMALL, "a").hash
    assert parse_design("# a comment\n" + SMALL.replace("\n\n", "\n\n# and\n"), "b").hash == plain
    assert (
        parse_design(
            changed(('name = "small"\ntitle = "小卡"', 'title = "小卡"\nname = "small"')), "c"
        ).hash
        == plain
    )
    assert parse_design(changed(("at_mm = 112.0", "at_mm = 112.1")), "d").hash != plain


# ── the documentation ────────────────────────────────────────────────────────────────────────

README = (resources.files("omr") / "designs" / "README.md").read_text("utf-8")


def test_the_documented_example_is_a_clean_design() -> None:
    example = README.split("```toml\n")[1].split("```")[0]
    assert check_design(parse_design(example, "README.md")) == ()


def test_every_key_that_the_parser_knows_is_documented() -> None:
    parser = (resources.files("omr") / "design_parse.py").read_text("utf-8")
    calls = "number|whole|text|flag|choice|texts|pair|whole_list|place|table|tables|has"
    keys = set(re.findall(rf"\.(?:{calls})\(\s*\"(\w+)\"", parser))
    assert {"at_mm", "several", "frame_mm", "absent", "back"} <= keys
    tables = {"columns", "rows", "page", "bubble", "front", "back", "track", "corner", "field"}
    tables.add("find")
    for key in keys - tables - {"text"}:
        assert f"`{key}`" in README, key
    for table in tables:
        assert re.search(rf"\[{table}\]|\.{table}\]", README), table
