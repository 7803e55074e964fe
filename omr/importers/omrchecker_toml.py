"""An OMRChecker sheet as design TOML that a person can go on working with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from omr.design import FindKind
from omr.importers.json_node import shown
from omr.importers.omrchecker_finds import Finder

LONG_SIDE_MM = 297.0  # the page's longer side: that of A4
STROKE_MM = 0.2
MOST_NUMBER = 2000  # the highest number that a design's `first` takes
_NUMBERED = re.compile(r"(.*?)(0|[1-9][0-9]{0,8})", re.ASCII | re.DOTALL)
_WIDTH = 96


@dataclass(frozen=True, slots=True)
class Block:
    """A field block. Pixels; `centre` is that of the first label's first bubble.

    `offsets` are the labels' distances from the first one. `digits` is set for blocks of numbers,
    `empty` is the block's own word for a blank.
    """

    name: str
    labels: tuple[str, ...]
    values: tuple[str, ...]
    vertical: bool
    centre: tuple[float, float]
    bubbles_gap: float
    offsets: tuple[float, ...]
    digits: bool
    empty: str | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A template that was found good; sizes in pixels."""

    name: str
    page: tuple[float, float]
    box: tuple[float, float]
    finders: tuple[Finder, ...]
    blocks: tuple[Block, ...]
    joined: Mapping[str, tuple[str, ...]]
    empty_values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Run:
    """Labels of a block that one table can make: [first, last) of them."""

    first: int
    last: int
    name: str
    number: int


def write_toml(sheet: Sheet, source: str) -> str:
    """The design's TOML text; `source` is named in its first comment."""
    return "\n".join(_lines(sheet, source)) + "\n"


def _lines(sheet: Sheet, source: str) -> Iterator[str]:
    scale = LONG_SIDE_MM / max(sheet.page)
    width, height = sheet.page
    yield from _comment(f"Imported from OMRChecker's {_plain(source)}.")
    yield from _comment(
        f"Its page is {width:g} × {height:g} pixels; the longer side is taken for 297 mm."
    )
    yield from _comment(
        "Bubbles' looks are a guess from the template's boxes; mend them if need be."
    )
    needless = dict.fromkeys(f.name for f in sheet.finders if f.kind is None)
    if needless:
        yield from _comment(
            f"{', '.join(needless)}: left out; bubbles are measured against the paper beside them."
        )
    words: dict[str, list[str]] = {}
    for label, empty in sheet.empty_values.items():
        words.setdefault(empty, []).append(label)
    for empty, labels in words.items():
        yield from _comment(
            f"Blank reads as {shown(empty)} there: {_plain(', '.join(_short(labels)))}"
        )
    yield f"name = {_text(sheet.name)}"
    yield f"title = {_text(sheet.name)}"
    yield 'ink = "black"'
    yield ""
    yield "[page]"
    yield f"width_mm = {_mm(width * scale)}"
    yield f"height_mm = {_mm(height * scale)}"
    yield ""
    yield "[bubble]"
    yield 'shape = "area"'
    yield f"width_mm = {_mm(sheet.box[0] * scale)}"
    yield f"height_mm = {_mm(sheet.box[1] * scale)}"
    yield f"stroke_mm = {_mm(STROKE_MM)}"
    yield "labelled = false"
    yield from _finds(sheet)
    for block in sheet.blocks:
        for run in _runs(block):
            yield from _field(block, run, scale)
    for label, parts in sheet.joined.items():
        yield from _join(label, parts, [sheet.empty_values.get(part, "") for part in parts])


def _join(label: str, parts: tuple[str, ...], blanks: list[str]) -> Iterator[str]:
    """A joined label; blanks as the template has them."""
    yield ""
    yield f"[[join]]  # {_plain(' + '.join(_short(parts)))}"
    yield f"name = {_text(label)}"
    yield f"of = {_list(parts)}"
    if any(blanks):
        yield f"blank = {_text(blanks[0]) if len(set(blanks)) == 1 else _list(tuple(blanks))}"


def _finds(sheet: Sheet) -> Iterator[str]:
    steps = [finder for finder in sheet.finders if finder.kind is not None]
    if not steps:
        yield ""
        yield from _comment("The template cuts nothing out: the picture itself is the page.")
        yield "[[find]]"
        yield f'kind = "{FindKind.FRAME}"'
    for finder in steps:
        yield ""
        yield f"[[find]]  # {finder.name}"
        yield f'kind = "{finder.kind}"'
        if finder.file:
            yield f'picture = "{finder.file}"'
        if finder.kind is FindKind.MARKERS:
            yield f"marker_share = {_mm(finder.marker_share)}"


def _field(block: Block, run: _Run, scale: float) -> Iterator[str]:
    count = run.last - run.first
    first, last = block.labels[run.first], block.labels[run.last - 1]
    told = first if count == 1 else f"{first} … {last}"
    yield ""
    yield f"[[front.field]]  # block {_plain(block.name)}: {_plain(told)}"
    yield f"name = {_text(run.name)}"
    yield 'kind = "single"'
    single = all(len(value) == 1 for value in block.values)
    yield f"values = {_text(''.join(block.values)) if single else _list(block.values)}"
    along, across = ("y_mm", "x_mm") if block.vertical else ("x_mm", "y_mm")
    at = dict(zip(("x_mm", "y_mm"), block.centre, strict=True))
    at[across] += block.offsets[run.first]
    yield f"at = {{ x_mm = {_mm(at['x_mm'] * scale)}, y_mm = {_mm(at['y_mm'] * scale)} }}"
    if len(block.values) > 1:
        yield f"value_step = {{ {along} = {_mm(block.bubbles_gap * scale)} }}"
    if count > 1:
        step = (block.offsets[run.last - 1] - block.offsets[run.first]) / (count - 1)
        yield f"count = {count}"
        yield f"first = {run.number}"
        yield f"field_step = {{ {across} = {_mm(step * scale)} }}"
    # Two marks of a question join to a reading there as here; two in a digit's column never do.
    yield f'several = "{"doubt" if block.digits else "reading"}"'


def _runs(block: Block) -> Iterator[_Run]:
    first = 0
    while first < len(block.labels):
        stem, number = _numbered(block.labels[first])
        last = first + 1
        while last < len(block.labels) and number is not None:
            step = block.offsets[first + 1] - block.offsets[first]
            even = abs(block.offsets[last] - block.offsets[last - 1] - step) < 1e-6
            if not even or _numbered(block.labels[last]) != (stem, number + last - first):
                break
            last += 1
        if last - first > 1 and number is not None:
            yield _Run(first, last, stem + "{n}", number)
        else:
            yield _Run(first, last, block.labels[first], 0)
        first = last


def _numbered(label: str) -> tuple[str, int | None]:
    """A label's stem and number; no number where a design could not count it."""
    found = _NUMBERED.fullmatch(label)
    if found and int(found[2]) <= MOST_NUMBER:
        return found[1], int(found[2])
    return label, None


def _short(labels: tuple[str, ...] | list[str]) -> list[str]:
    """Labels for a comment: runs of numbered ones as first … last."""
    told: list[str] = []
    run: list[str] = []
    for label in [*labels, ""]:
        stem, number = _numbered(label)
        before = _numbered(run[-1]) if run else ("", None)
        if run and (number is None or (stem, number - 1) != before):
            told += run if len(run) < 3 else [f"{run[0]} … {run[-1]}"]
            run = []
        run.append(label)
    return told


def _comment(words: str) -> Iterator[str]:
    line = "#"
    for word in words.split(" "):
        if len(line) + len(word) >= _WIDTH and line != "#":
            yield line
            line = "#  "
        line += f" {word}"
    yield line


def _plain(text: str) -> str:
    """Text that may stand in a comment."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _text(text: str) -> str:
    """A TOML text; JSON's escapes are TOML's for all that is printable."""
    return json.dumps(text, ensure_ascii=False)


def _list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(_text(value) for value in values)}]"


def _mm(value: float) -> str:
    """Six decimals at most, so that a hundred steps are still exact to a thousandth of a mm."""
    text = f"{value:.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text
