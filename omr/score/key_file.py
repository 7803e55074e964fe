"""Answer key files (标准答案): the key of one paper and form, as TOML.

    paper = "2031"
    form = "A"                   # 卷型; left out where there is one form only
    version = 1                  # a mended key is a new version
    options = "ABCDE"            # the letters of the options in order; ABCDE where left out

    [[section]]                  # 大题; items are numbered through all sections, from 1
    name = "A1"
    kind = "single"              # or "multiple" (多选题)
    answers = "ABCDE BCDEA"      # a letter an item; for multiple a list such as ["A", "BD"]
    accept = { "7" = ["A", "C"] }                      # any of these is right, not answers' own
    right = "1"                  # marks, exact: 2, "0.5", "1/3"; 1, 0 and 0 where left out
    wrong = "-0.25"
    blank = "0"
    weight = "1"                 # 权重: times all marks of the section
    weights = { "3" = "2" }      # an item's own weight instead
    partial = "none"             # 少选 in multiple: marks where some right options and no wrong
                                 # one are picked: "0.5" whatever their number, "each 0.5" for
                                 # each, or "each" for each its share of right
    void = { "12" = "credited", "31" = "left_out" }    # 作废题

The content is secret: no message shows a value of it, only where it stands and what is allowed.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from omr.errors import AnswerKeyError
from omr.score.key import MARKS_ALLOWED, Accepted, Item, Key, Void, parse_marks
from omr.toml_table import Lines

MOST_BYTES = 1_000_000
MOST_ITEMS = 1_000
MOST_OPTIONS = 16
MOST_PARTIAL = 10  # right options of an item with partial credit: a thousand subsets
DEFAULT_OPTIONS = "ABCDE"

_CODE = re.compile(r"[0-9A-Za-z_-]{0,32}", re.ASCII)
_OPTIONS = re.compile(rf"[A-Z]{{2,{MOST_OPTIONS}}}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_PLACE = re.compile(r"at (line \d+, column \d+|end of document)")
_PLAIN_KEY = re.compile(r"[a-z_]{1,20}", re.ASCII)
_TOP = ("paper", "form", "version", "options", "section")
_SECTION = (
    *("name", "kind", "answers", "accept", "right", "wrong", "blank", "weight", "weights"),
    *("partial", "void"),
)
_VOIDS = {void.value: void for void in (Void.CREDITED, Void.LEFT_OUT)}


@dataclass(frozen=True, slots=True)
class PaperKey:
    """The key of a paper's form. Its items are named by their numbers, "1" and up, in order.

    `options` are the letters of the options; bit k of a mask is the k-th of them.
    """

    paper: str
    form: str
    version: int
    options: str
    key: Key = field(repr=False)


def load_key_file(file: Path | bytes, source: str = "the key file") -> PaperKey:
    """The key in a file, or in its content; `source` names content in messages.

    Raises:
        AnswerKeyError: it cannot be read or has faults. Every finding names line and key and says
            what is allowed; none shows an answer.
    """
    if isinstance(file, bytes):
        return parse_key_file(file, source)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise AnswerKeyError(str(file), (f"cannot be read: {error.strerror}",)) from None
    return parse_key_file(content, str(file))


def parse_key_file(content: bytes, source: str) -> PaperKey:
    """The key in a file's content: see `load_key_file`."""
    if len(content) > MOST_BYTES:
        raise AnswerKeyError(source, (f"has over {MOST_BYTES} bytes; is it a key file?",))
    # `from None` throughout: what these errors were raised from holds pieces of the content.
    try:
        text = content.decode("utf-8-sig")
        top = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise AnswerKeyError(
            source, (f"byte {error.start}: not UTF-8; save it as UTF-8",)
        ) from None
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        where = place[1] if place else "somewhere"
        told = f"{where}: no TOML; look for a missing quote, bracket or =, or a key given twice"
        raise AnswerKeyError(source, (told,)) from None
    except RecursionError:
        raise AnswerKeyError(source, ("brackets nested too deeply for a key file",)) from None
    findings: list[str] = []
    found = _paper_key(_Place(top, "", 0, Lines(text), findings))
    if found is None or findings:
        raise AnswerKeyError(source, tuple(findings))
    return found


@dataclass(slots=True)
class _Place:
    """One table of the file. Unlike `toml_table.Table`, its faults never show what was given."""

    content: dict[str, Any]
    name: str
    index: int
    lines: Lines
    findings: list[str]

    def fault(self, key: str, told: str) -> None:
        line = self.lines.of(self.name, self.index, key)
        self.findings.append(f"line {line}: {key or 'the file'} {told}")

    def text(
        self, key: str, pattern: re.Pattern[str], allowed: str, default: str = ""
    ) -> str | None:
        value = self.content.get(key, default)
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.fault(key, f"must be {allowed}")
        return None

    def marks(self, key: str, default: str) -> Fraction:
        return self.exact(key, self.content.get(key, default))

    def exact(self, key: str, value: object) -> Fraction:
        try:
            return parse_marks(value)
        except ValueError:
            self.fault(key, f"must be {MARKS_ALLOWED}")
            return Fraction(1)

    def by_item(self, key: str, numbers: range) -> Iterable[tuple[int, object]]:
        """A table's values by item; what is no item of this section is a fault."""
        table = self.content.get(key, {})
        example = f'a table by item number, as in {key} = {{ "{numbers.start}" = … }}'
        if not isinstance(table, dict):
            self.fault(key, f"must be {example}")
            return
        for name, value in table.items():
            if _NUMBER.fullmatch(name) and int(name) in numbers:
                yield int(name), value
            else:
                self.fault(
                    key,
                    f"names an item that is not of this section ({numbers.start} to "
                    f"{numbers.stop - 1}); it must be {example}",
                )

    def only(self, known: tuple[str, ...]) -> None:
        for key in self.content:
            if key not in known:
                shown = key if _PLAIN_KEY.fullmatch(key) else "a key"
                told = f"is not known here; known: {', '.join(known)}"
                self.fault(shown, told)


def _paper_key(top: _Place) -> PaperKey | None:
    top.only(_TOP)
    code = "a code of at most 32 letters, digits, - and _, in quotes"
    paper = top.text("paper", _CODE, code)
    if paper == "":
        top.fault("paper", f"must be {code}")
    form = top.text("form", _CODE, f'{code}, or "" where there is one form only')
    version = top.content.get("version")
    if type(version) is not int or not 1 <= version <= 10_000:
        top.fault("version", "must be a whole number from 1")
    letters = f"2 to {MOST_OPTIONS} different capital letters, as in {DEFAULT_OPTIONS}"
    options = top.text("options", _OPTIONS, letters, DEFAULT_OPTIONS) or DEFAULT_OPTIONS
    if len(set(options)) < len(options):
        top.fault("options", f"must be {letters}")
    sections = top.content.get("section")
    if (
        not isinstance(sections, list)
        or not sections
        or not all(isinstance(section, dict) for section in sections)
    ):
        top.fault("section", "is missing; give at least one [[section]] with its answers")
        return None
    items: list[Item] = []
    for index, content in enumerate(sections):
        place = _Place(content, "section", index, top.lines, top.findings)
        section = _Section(place, options, len(items) + 1)
        if any(section.name == item.section for item in items):
            place.fault("name", "is that of another section too; give each its own")
        items += section.items()
    if len(items) > MOST_ITEMS:
        top.fault("section", f"has over {MOST_ITEMS} items in all")
    if top.findings:
        return None
    return PaperKey(paper or "", form or "", int(version or 0), options, Key.of(items))


@dataclass(frozen=True, slots=True)
class _Partial:
    """What a part of the right options (少选) earns before weights.

    `marks_any` whatever the part; else `marks_each` option, or its share of right where None.
    """

    marks_each: Fraction | None
    marks_any: Fraction | None = None

    def marks(self, right: Fraction, picked: int, of: int) -> Fraction:
        """Marks for so many of the right options and no wrong one."""
        if self.marks_any is not None:
            return self.marks_any
        return right * picked / of if self.marks_each is None else self.marks_each * picked


class _Section:
    """One [[section]] being turned into items; faults gather in its place's findings."""

    def __init__(self, place: _Place, options: str, first: int) -> None:
        self.place, self.options, self.first = place, options, first
        place.only(_SECTION)
        name = place.content.get("name", "")
        if not isinstance(name, str) or not name.isprintable() or len(name) > 100:
            place.fault("name", "must be a text of at most 100 characters")
            name = ""
        self.name = name
        kind = place.content.get("kind", "single")
        if kind not in ("single", "multiple"):
            place.fault("kind", 'must be "single" or "multiple"')
        self.multiple = kind == "multiple"
        self.right, self.wrong, self.blank = (
            place.marks(key, default)
            for key, default in (("right", "1"), ("wrong", "0"), ("blank", "0"))
        )
        if self.right <= max(self.wrong, self.blank, Fraction(0)):
            place.fault("right", "must be more than 0, wrong and blank")
        self.partial = self._partial()

    def items(self) -> list[Item]:
        """The section's items; of no use where faults were noted."""
        place = self.place
        rights: list[list[str]] = [[a] for a in self._answers()]
        numbers = range(self.first, self.first + len(rights))
        for number, value in place.by_item("accept", numbers):
            rights[number - self.first] = self._accepted(number, value)
        default = self._weight("weight", place.content.get("weight", 1))
        weights = dict.fromkeys(numbers, default)
        for number, value in place.by_item("weights", numbers):
            weights[number] = self._weight("weights", value)
        voids = dict.fromkeys(numbers, Void.NO)
        for number, value in place.by_item("void", numbers):
            if isinstance(value, str) and value in _VOIDS:
                voids[number] = _VOIDS[value]
            else:
                place.fault("void", f"must be one of {', '.join(_VOIDS)} for item {number}")
        if place.findings:
            return []
        return [
            Item(
                str(number),
                self._earning(rights[number - self.first], weights[number]),
                self.wrong * weights[number],
                self.blank * weights[number],
                self.name,
                voids[number],
            )
            for number in numbers
        ]

    def _earning(self, rights: list[str], weight: Fraction) -> tuple[Accepted, ...]:
        """Every answer that earns marks: the right ones, and parts of them."""
        marks = dict.fromkeys(rights, self.right)
        partial = self.partial
        if partial is None:
            return tuple(Accepted(answer, self.right * weight) for answer in rights)
        for answer in rights:
            for picked in range(1, len(answer)):
                earned = partial.marks(self.right, picked, len(answer))
                if earned >= self.right:
                    self.place.fault(
                        "partial", "earns as much for a part as for the whole answer; give less"
                    )
                    return ()
                for letters in itertools.combinations(answer, picked):
                    part = "".join(letters)
                    marks[part] = max(earned, marks.get(part, earned))
        return tuple(Accepted(answer, earned * weight) for answer, earned in marks.items())

    def _answers(self) -> list[str]:
        allowed = (
            f'a list with the right options of every item, as in ["A", "BD"], out of {self.options}'
            if self.multiple
            else f"a letter an item in one text, out of {self.options}"
        )
        value = self.place.content.get("answers")
        if isinstance(value, str) and not self.multiple:
            value = list("".join(value.split()))
        if not isinstance(value, list) or not value or len(value) > MOST_ITEMS:
            self.place.fault("answers", f"must be {allowed}")
            return []
        found = [self._options_of(one) for one in value]
        for number, one in enumerate(found, self.first):
            if not one:
                self.place.fault("answers", f"of item {number} is wrong; it must be {allowed}")
        return found

    def _accepted(self, number: int, value: object) -> list[str]:
        listed = value if isinstance(value, list) else []
        found = [self._options_of(one) for one in listed]
        if not found or "" in found or len(set(found)) < len(found):
            each = "right options" if self.multiple else "one letter each"
            self.place.fault(
                "accept",
                f"of item {number} must be a list of different answers, {each}, out of "
                f"{self.options}",
            )
        return found

    def _options_of(self, value: object) -> str:
        """An answer's letters in the options' order; "" where it is none."""
        if not isinstance(value, str) or not value or len(set(value)) < len(value):
            return ""
        if not set(value) <= set(self.options) or (len(value) > 1 and not self.multiple):
            return ""
        if self.partial and len(value) > MOST_PARTIAL:
            self.place.fault(
                "partial", f"is for items of at most {MOST_PARTIAL} right options; leave it out"
            )
        return "".join(sorted(value, key=self.options.index))

    def _weight(self, key: str, value: object) -> Fraction:
        weight = self.place.exact(key, value)
        if weight <= 0:
            self.place.fault(key, "must be more than 0; an item that does not count is void")
        return weight

    def _partial(self) -> _Partial | None:
        value = self.place.content.get("partial", "none")
        allowed = 'must be "none", "each", or marks as in "0.5" or "each 0.5"'
        if value == "none":
            return None
        if not self.multiple:
            self.place.fault("partial", 'is for kind = "multiple" only')
            return None
        if value == "each":
            return _Partial(None)
        each = isinstance(value, str) and value.startswith("each ")
        try:
            marks = parse_marks(str(value)[5:] if each else value)
        except ValueError:
            self.place.fault("partial", allowed)
            return None
        if not 0 < marks < self.right:
            self.place.fault("partial", "must be more than 0 and less than right")
        return _Partial(marks) if each else _Partial(None, marks)
