"""A design's TOML as its tables, one piece of text each, so that an edit leaves the rest alone.

A table is edited by tomlkit on its own piece: what people wrote, comments and all, stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from admin_api.errors import NotFound, Refused

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z_.]+)\s*\]\]?\s*(?:#.*)?$")
_HINT = "# rename:"
_TO_RENAME = re.compile(rf"^name *=.*{_HINT}(.*)$", re.MULTILINE)
_DIGITS = 3  # decimals of a millimetre or a grid number that are written


@dataclass(frozen=True, slots=True)
class Block:
    """One table: the comments right above its header, the header, and the lines below.

    `name` is "" for what stands above the first header; `index` counts tables of one name from 0.
    """

    name: str
    index: int
    above: str
    header: str
    body: str

    @property
    def text(self) -> str:
        """The block as it stands in the file."""
        return self.above + self.header + self.body

    def table(self) -> dict[str, Any]:
        """Its keys and values.

        Raises:
            Refused: it is no TOML.
        """
        return dict(self._parsed().unwrap())

    def changed(self, changes: dict[str, Any]) -> Block:
        """The block with keys set, or taken out where the value is None; the rest as it stands.

        A "# rename:" behind a key that is set has been done and goes; other comments stay.

        Raises:
            Refused: it is no TOML, or a value cannot be written as TOML.
        """
        parsed = self._parsed()
        for key, value in changes.items():
            if value is None:
                parsed.pop(key, None)
                continue
            try:
                parsed[key] = _item(value)
                _drop_hint(parsed.item(key))
            except (TypeError, ValueError, TOMLKitError) as error:
                raise Refused(f"{key} cannot be {value!r}: {error}") from error
        return replace(self, body=tomlkit.dumps(parsed))

    @property
    def to_rename(self) -> str:
        """What tracing asks about the field's name, where nobody has named it yet, or ""."""
        match = _TO_RENAME.search(self.body)
        return match[1].strip() if match else ""

    def _parsed(self) -> tomlkit.TOMLDocument:
        try:
            return tomlkit.parse(self.body)
        except TOMLKitError as error:
            raise Refused(f"the table {self.header.strip()} is no TOML: {error}") from error


def blocks_of(text: str) -> list[Block]:
    """A text's blocks in order; together they are the text."""
    found: list[Block] = []
    counts: dict[str, int] = {}
    name, above, header, body = "", "", "", [""]
    for line in text.splitlines(keepends=True):
        match = _HEADER.match(line)
        if match is None:
            body.append(line)
            continue
        leading = _leading_comments(body)
        kept = body[: len(body) - len(leading)]
        found.append(_block(name, counts, (above, header, "".join(kept))))
        name, above, header, body = match[2], "".join(leading), line, []
    found.append(_block(name, counts, (above, header, "".join(body))))
    return found


def joined(blocks: Iterable[Block]) -> str:
    """The text of blocks."""
    return "".join(block.text for block in blocks)


def find(blocks: list[Block], name: str, index: int) -> int:
    """Where the table of that name and index stands among the blocks.

    Raises:
        NotFound: there is none.
    """
    for place, block in enumerate(blocks):
        if (block.name, block.index) == (name, index):
            return place
    raise NotFound(f"the design has no {index + 1}. [[{name}]]; reload the page")


def rounded(value: float) -> float | int:
    """A number as it is written: three decimals, whole numbers without a point."""
    short = round(value, _DIGITS)
    return int(short) if short == int(short) else short


def _block(name: str, counts: dict[str, int], parts: tuple[str, str, str]) -> Block:
    index = counts.get(name, 0)
    counts[name] = index + 1
    return Block(name, index, *parts)


def _leading_comments(lines: list[str]) -> list[str]:
    """The comment lines at the end, which belong to the header that follows."""
    count = 0
    for line in reversed(lines):
        if not line.lstrip().startswith("#"):
            break
        count += 1
    return lines[len(lines) - count :] if count else []


def _drop_hint(item: Any) -> None:
    if item.trivia.comment.startswith(_HINT):
        item.trivia.comment = item.trivia.comment_ws = ""


def _item(value: Any) -> Any:
    """A value for tomlkit: tables inline, numbers short."""
    if isinstance(value, dict):
        if not value:
            return tomlkit.inline_table()
        parts = ", ".join(
            f"{key} = {tomlkit.item(_item(one)).as_string()}" for key, one in value.items()
        )
        return tomlkit.value(f"{{ {parts} }}")  # with the spaces that people write
    if isinstance(value, list | tuple):
        return [_item(one) for one in value]
    if isinstance(value, float):
        return rounded(value)
    return value
