"""What a policy file may say."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from omr.errors import PolicyError
from omr.policy import (
    load_policy,
    parse_policy,
)
from tests.judging.exam import DEFAULT

TOML = (resources.files("omr") / "policies" / "default.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("line", "new", "says"),
    [
        ("[marks]", "[marks", "not TOML"),
        ("[marks]", "[mark]", "unknown: mark"),
        ("floor =", "flor = 0.06", r"\[marks\] must hold exactly: floor, faint_from"),
        ("floor =", "", r"\[marks\] must hold exactly"),
        ("floor =", 'floor = "6 %"', "marks.floor must be a number, got '6 %'"),
        ("floor =", "floor = true", "marks.floor must be a number, got True"),
        ("floor =", "floor = 6", "marks.floor must be from 0 to 1, got 6"),
        ("bitonal_floor =", "bitonal_floor = 0", "floor, .*filled_from must be above 0"),
        ("floor =", "floor = nan", "marks.floor must be from 0 to 1, got nan"),
        ("answer =", 'answer = "both"', 'several.answer must be "reading" or "doubt"'),
        ("faint_from =", "faint_from = 0.9", "faint_from must not be above marks.filled_from"),
        ("erased_from =", "erased_from = 1", "erased_from must not be above rivals.several_from"),
    ],
)
def test_a_policy_says_what_is_wrong_with_it(line, new, says):
    lines = TOML.splitlines()
    (at,) = (k for k, text in enumerate(lines) if text.startswith(line))
    lines[at] = new
    with pytest.raises(PolicyError, match=says) as caught:
        parse_policy("\n".join(lines), "strict.toml")
    assert "strict.toml" in str(caught.value)


def test_a_policy_is_known_by_its_content():
    assert parse_policy(TOML + "# a remark\n", "other.toml").hash == DEFAULT.hash
    darker = re.sub("floor = [0-9.]+", "floor = 0.05", TOML)
    assert parse_policy(darker, "other.toml").hash != DEFAULT.hash


def test_a_policy_is_loaded_from_a_file(tmp_path):
    file = tmp_path / "strict.toml"
    file.write_text(TOML, "utf-8")
    assert load_policy(file) == load_policy(None) == DEFAULT
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")
    file.write_bytes(b"\xff")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(file)
