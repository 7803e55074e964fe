"""What the page draws: the tables of fields as boxes with their bubbles, marks, and findings."""

from __future__ import annotations

import re
from typing import Any

from admin_api.errors import Refused
from admin_api.studio.blocks import Block, blocks_of
from admin_api.studio.document import Document
from omr.design import Design, Side
from omr.records import SideName
from omr.toml_table import Lines

_LINE = re.compile(r"^line (\d+): ")


def state_of(document: Document) -> dict[str, Any]:
    """Everything that the page shows, as JSON."""
    blocks = blocks_of(document.text)
    return {
        "file": document.path.name,
        "text": document.text,
        "dirty": document.dirty,
        "usable": document.usable,
        "canUndo": document.can_undo,
        "canRedo": document.can_redo,
        "earlier": bool(document.earlier),
        "earlierIsOlder": bool(document.earlier) and document.earlier_is_older,
        "findings": [_finding(words, document.text) for words in document.findings()],
        "page": _page(document.design),
        "sides": _sides(document, blocks),
    }


def _page(design: Design | None) -> dict[str, Any] | None:
    if design is None:
        return None
    look = design.bubbles
    return {
        "width": design.width_mm,
        "height": design.height_mm,
        "bubble": [look.width_mm, look.height_mm],
        "shape": look.shape.value,
        "title": design.title,
        "bubbles": sum(side.bubble_count for side in design.sides),
        "fields": sum(len(side.fields) + len(side.zones) for side in design.sides),
    }


def _sides(document: Document, blocks: list[Block]) -> list[dict[str, Any]]:
    """The boxes of the newest usable design. While the text is none, places may be old, but what
    the tables say is new, so that a person can mend what is wrong.
    """
    design = document.design
    if design is None:
        return []
    lines = Lines(document.design_text)
    old = blocks_of(document.design_text)
    if [block.name for block in old] != [block.name for block in blocks]:
        blocks = old  # tables came or went: nothing tells which is which
    return [
        {
            "face": side.name.value,
            "marks": [[round(x, 3), round(y, 3)] for x, y in side.marks_mm().tolist()],
            "sizes": [[round(w, 3), round(h, 3)] for w, h in side.marks_size_mm().tolist()],
            "boxes": _boxes(side, blocks, lines),
            "pitch": [document.pitch_mm(side.name.value, axis) for axis in ("column", "row")],
        }
        for side in design.sides
    ]


def _boxes(side: Side, blocks: list[Block], lines: Lines) -> list[dict[str, Any]]:
    name = f"{side.name.value}.field"
    return [
        _box(side, block, lines.of(name, block.index)) for block in blocks if block.name == name
    ]


def _box(side: Side, block: Block, line: int) -> dict[str, Any]:
    fields = [field for field in side.fields if field.line == line]
    zones = [zone for zone in side.zones if zone.line == line]
    bubbles = []
    for field in fields:
        for group in range(*field.groups):
            first, last = side.group_start[group], side.group_start[group + 1]
            for (x, y), value in zip(side.centres_mm[first:last], field.values, strict=True):
                bubbles.append([round(float(x), 3), round(float(y), 3), value])
    try:
        table = block.table()
    except Refused:  # shown among the findings
        table = {}
    return {
        "face": "back" if side.name is SideName.BACK else "front",
        "index": block.index,
        "line": line,
        "names": [field.name for field in fields] or [zone.name for zone in zones],
        "bubbles": bubbles,
        "toRename": block.to_rename,
        "zone": [[z.x_mm, z.y_mm, z.width_mm, z.height_mm] for z in zones],
        "table": {key: value for key, value in table.items() if key != "places"},
    }


def _finding(words: str, text: str) -> dict[str, Any]:
    """A finding with the table of fields that its line lies in, if any."""
    match = _LINE.match(words)
    line = int(match[1]) if match else 0
    found: dict[str, Any] = {"words": words, "line": line, "face": "", "index": -1}
    at = 1
    for block in blocks_of(text):
        below = at + block.text.count("\n")
        if at <= line < below and block.name.endswith(".field"):
            found |= {"face": block.name.split(".")[0], "index": block.index}
        at = below
    return found
