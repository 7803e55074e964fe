"""Key files: what they say, and that nothing tells an answer."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from omr.errors import AnswerKeyError
from omr.score.key import Key, Void
from omr.score.key_file import load_key_file
from omr.score.marking import compile_key, mark_cards, masks_of_values, pack_answers

FILE = """
paper = "2031"
form = "A"
version = 2

[[section]]
name = "A1"
answers = "ABC DE"
accept = { "3" = ["A", "C"] }
void = { "5" = "left_out" }

[[section]]
name = "X"
kind = "multiple"
answers = ["BD", "A", "ABE"]
right = 2
wrong = "-0.25"
weights = { "8" = "3/2" }
partial = "each 0.5"
void = { "7" = "credited" }
"""


def _key(text: str = FILE) -> Key:
    return load_key_file(text.encode()).key


def _earns(key: Key, number: int) -> dict[str, Fraction]:
    return {a.value: a.marks for a in key.items[number - 1].accepted}


def test_a_file_with_all_there_is(tmp_path: Path) -> None:
    path = tmp_path / "key.toml"
    path.write_text(FILE)
    found = load_key_file(path)
    assert found == load_key_file(FILE.encode())
    assert (found.paper, found.form, found.version, found.options) == ("2031", "A", 2, "ABCDE")
    key = found.key
    assert [item.name for item in key.items] == [str(n) for n in range(1, 9)]
    assert key.sections == ("A1", "X")
    assert _earns(key, 1) == {"A": 1}
    assert _earns(key, 3) == {"A": 1, "C": 1}
    assert [i.void for i in key.items[4:7]] == [Void.LEFT_OUT, Void.NO, Void.CREDITED]
    half, three_quarters = Fraction(1, 2), Fraction(3, 4)
    assert _earns(key, 6) == {"BD": 2, "B": half, "D": half}
    parts = {"A": 1, "B": 1, "E": 1, "AB": 2, "AE": 2, "BE": 2}
    assert _earns(key, 8) == {"ABE": 3} | {k: v * three_quarters for k, v in parts.items()}
    assert (key.items[7].wrong, key.items[5].wrong) == (Fraction(-3, 8), Fraction(-1, 4))
    assert key.full == 4 + 2 + 2 + 3
    table = compile_key(key, found.options)
    cards = pack_answers(["ABCDE[BD]A[ABE]", "CBA--DE[AC]"], 8, "ABCDE").masks
    totals = [Fraction(int(u), table.denominator) for u in mark_cards(cards, table)]
    assert totals == [11, 2 + half + 2 - Fraction(3, 8)]


@pytest.mark.parametrize(
    ("partial", "earned"),
    [
        ('"none"', {}),
        ('"each"', {1: Fraction(2, 3), 2: Fraction(4, 3)}),
        ('"0.5"', {1: Fraction(1, 2), 2: Fraction(1, 2)}),
        ("0.5", {1: Fraction(1, 2), 2: Fraction(1, 2)}),
        ('"each 1/3"', {1: Fraction(1, 3), 2: Fraction(2, 3)}),
    ],
)
def test_what_a_part_of_the_right_options_earns(partial: str, earned: dict) -> None:
    key = _key(
        'paper = "1"\nversion = 1\n[[section]]\nkind = "multiple"\nright = 2\n'
        f'answers = ["ACE"]\npartial = {partial}\n'
    )
    marks = {len(value): marks for value, marks in _earns(key, 1).items()}
    assert marks == {3: 2} | earned
    assert set(_earns(key, 1)) <= {"A", "C", "E", "AC", "AE", "CE", "ACE"}


def test_the_best_of_several_right_answers_counts() -> None:
    key = _key(
        'paper = "1"\nversion = 1\n[[section]]\nkind = "multiple"\nright = 3\npartial = "each"\n'
        'answers = ["A"]\naccept = { "1" = ["ABC", "DA"] }\n'
    )
    half = Fraction(3, 2)
    assert _earns(key, 1) == {"ABC": 3, "AD": 3, "A": half, "D": half} | {
        **dict.fromkeys(("AB", "AC", "BC"), Fraction(2)),
        **dict.fromkeys(("B", "C"), Fraction(1)),
    }


def test_the_order_of_letters_does_not_matter() -> None:
    assert _key(FILE.replace('"BD"', '"DB"')).hash == _key().hash
    assert _key(FILE.replace('"BD"', '"BE"')).hash != _key().hash


SECTION = "[[section]]\n"
WRONG = [
    (('paper = "2031"', ""), "paper must be a code"),
    (('paper = "2031"', "paper = 2031"), "line 2: paper must be a code"),
    (("version = 2", ""), "version must be a whole number"),
    (("version = 2", "version = 0"), "line 4: version must be"),
    (("version = 2", "version = true"), "version must be"),
    (("version = 2", 'version = 2\noptions = "AAB"'), "line 5: options must be 2 to 16"),
    (("version = 2", "version = 2\nfoo = 2"), "foo is not known here; known: paper"),
    (('name = "X"', 'name = "A1"'), "name is that of another section"),
    (('name = "X"', "name = 2"), "name must be a text"),
    (('"multiple"', '"several"'), 'line 14: kind must be "single" or "multiple"'),
    (("ABC DE", "ABC DF"), "line 8: answers of item 5 is wrong; it must be a letter an item"),
    (('"ABC DE"', "3"), "line 8: answers must be a letter an item"),
    (('"ABC DE"', '""'), "line 8: answers must be"),
    (('["BD", "A", "ABE"]', '"BDAABE"'), "line 15: answers must be a list with the right options"),
    (('"BD"', '"BB"'), "answers of item 6 is wrong"),
    (('"BD"', '""'), "answers of item 6 is wrong"),
    (('["A", "C"]', '"AC"'), "line 9: accept of item 3 must be a list"),
    (('["A", "C"]', '["AC"]'), "accept of item 3 must be a list"),
    (('["A", "C"]', '["A", "A"]'), "accept of item 3 must be a list of different"),
    (('{ "3" = ["A", "C"] }', '["A", "C"]'), "accept must be a table by item number"),
    (('"3" =', '"6" ='), r"accept names an item that is not of this section \(1 to 5\)"),
    (('"3" =', '"AC" ='), "accept names an item"),
    (('"left_out"', '"AC"'), "void must be one of credited, left_out for item 5"),
    (("right = 2", 'right = "AC"'), "right must be a number or a fraction"),
    (("right = 2", "right = -1"), "right must be more than 0, wrong and blank"),
    (('"3/2"', "0"), "weights must be more than 0"),
    (('"each 0.5"', '"each AC"'), 'partial must be "none"'),
    (('"each 0.5"', "2"), "partial must be more than 0 and less than right"),
    (('"each 0.5"', '"each 1"'), "partial earns as much for a part as for the whole"),
    (('name = "A1"', 'partial = "each"'), 'partial is for kind = "multiple" only'),
    (('name = "A1"', "name = "), "line 7, column 8: no TOML"),
    (("[[section]]", "[section]"), "no TOML"),
]


@pytest.mark.parametrize(("change", "told"), WRONG)
def test_faults_name_the_key_and_what_is_allowed(change: tuple[str, str], told: str) -> None:
    assert change[0] in FILE
    with pytest.raises(AnswerKeyError, match=told):
        _key(FILE.replace(*change))


def test_what_is_no_key_file_at_all(tmp_path: Path) -> None:
    for content, told in (
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 1_000_001, "over 1000000 bytes"),
        (b'paper = "1"\nversion = 1', "section is missing"),
        (b'paper = "1"\nversion = 1\nsection = 3', "section is missing"),
        (b"a = " + b"[" * 5000, "no TOML|too deeply"),
    ):
        with pytest.raises(AnswerKeyError, match=told):
            load_key_file(content)
    with pytest.raises(AnswerKeyError, match=r"nowhere.toml.*\n.*cannot be read"):
        load_key_file(tmp_path / "nowhere.toml")


def test_no_message_shows_what_was_given() -> None:
    """The file broken in a thousand ways; answers are letters that no message is made of."""
    file = FILE.replace('form = "A"', 'form = "8"').replace('"A1"', '"one"').replace('"X"', '"two"')
    file = file.replace("version = 2", 'version = 2\noptions = "QWZJV"')
    file = file.translate(str.maketrans("ABCDE", "QWZJV"))
    assert load_key_file(file.encode()).key.full == 11
    head = file.index("[[section]]")  # what stands before it is told freely
    chance = random.Random(5)
    for _ in range(1000):
        at, end = sorted(chance.sample(range(head, len(file)), 2))
        end = min(end, at + chance.randint(0, 4))
        broken = file[:at] + chance.choice(["", "QWQ", '"', "[", "=", "3", "\n"]) + file[end:]
        shown = _shown(broken).replace("QWZJV", "").replace("TOML", "")
        assert not set("QWZJ") & set(shown), broken


def _shown(file: str) -> str:
    """Whatever is told of a file: its key's repr, or why it is none."""
    try:
        return repr(load_key_file(file.encode(), "key"))
    except AnswerKeyError as error:
        return f"{error}{error.__cause__ or ''}"


def test_a_paper_key_shows_no_answer() -> None:
    shown = repr(load_key_file(FILE.encode()))
    assert shown == "PaperKey(paper='2031', form='A', version=2, options='ABCDE')"
    table = compile_key(_key(), "ABCDE")
    assert "units" not in repr(table)
    assert mark_cards(masks_of_values([[""] * 8], "ABCDE"), table) == [2 * table.denominator]
