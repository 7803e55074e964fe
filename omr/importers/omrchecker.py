"""OMRChecker's template.json → a design of ours. What is taken and what not: README.md here.

A template counts in pixels of a page that its pre-processors cut out; the page's longer side is
taken for that of A4. Where a card is a picture only, what a millimetre is does not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omr.errors import DesignError
from omr.importers.imported import ImportedDesign
from omr.importers.json_node import Node, is_number, read_json, shown
from omr.importers.omrchecker_finds import read_finders
from omr.importers.omrchecker_labels import MOST_LABELS, Labels
from omr.importers.omrchecker_toml import Block, Sheet, write_toml

TEMPLATE, CONFIG, EVALUATION = "template.json", "config.json", "evaluation.json"

ALIKE = 1.2  # bubbles of blocks may differ by this factor, as a card has one look
MOST_OPTIONS = 30
MOST_PIXELS = 100_000.0
MOST_FINDINGS = 20
LEAST_SIDE = 0.07  # of the page's other side: a design's sides are 20 mm at least
LEAST_BUBBLE_MM = 0.5

_DIGITS = tuple("0123456789")
FIELD_TYPES = {
    "QTYPE_INT": (_DIGITS, "vertical"),
    "QTYPE_INT_FROM_1": ((*_DIGITS[1:], "0"), "vertical"),
    "QTYPE_MCQ4": (tuple("ABCD"), "horizontal"),
    "QTYPE_MCQ5": (tuple("ABCDE"), "horizontal"),
    "QTYPE_MCQ4_RTL": (tuple("DCBA"), "horizontal"),
    "QTYPE_MCQ5_RTL": (tuple("EDCBA"), "horizontal"),
}
DIRECTIONS = ("horizontal", "vertical")


def is_omrchecker(path: Path) -> bool:
    """Whether a file looks like an OMRChecker template; never raises."""
    if path.suffix.lower() != ".json":
        return False
    try:
        content = read_json(path)
    except ValueError:
        return False
    if not isinstance(content, dict):
        return False
    root = Node(content, "", [])
    return root.has("fieldBlocks") or (root.has("pageDimensions") and root.has("bubbleDimensions"))


def load_omrchecker(path: Path) -> ImportedDesign:
    """The template in a file, or in a folder, with the config.json and evaluation.json beside it.

    Raises:
        DesignError: as `import_template`.
    """
    template = path / TEMPLATE if path.is_dir() else path
    config = template.parent / CONFIG
    return import_template(template, config if config.is_file() else None)


def import_template(template: Path, config: Path | None) -> ImportedDesign:
    """The design that a template.json describes.

    config.json is looked at only so far as that it can be read: it sets sizes for processing and
    display, thresholds and outputs, none of which mean anything to our reader.

    Raises:
        DesignError: not a template, or one that cannot be used; every fault names its key and what
            is allowed.
    """
    if config is not None:
        _refuse(config, _config_faults(config))
    try:
        content = read_json(template)
    except ValueError as error:
        raise DesignError(str(template), (str(error),)) from error
    findings: list[str] = []
    read = _Template(Node.root(content, findings), template.parent).read(_name_of(template))
    _refuse(template, findings)
    assert read is not None
    sheet, parts = read
    evaluation = template.parent / EVALUATION
    imported = ImportedDesign(
        name=sheet.name,
        text=write_toml(sheet, f"{template.resolve().parent.name}/{template.name}"),
        pictures={f.file: f.picture for f in sheet.finders if f.file},
        fields=tuple(label for block in sheet.blocks for label in block.labels),
        joined=sheet.joined,
        empty_values=sheet.empty_values,
        columns=parts,
        source=template,
        evaluation=evaluation if evaluation.is_file() else None,
        excluded=tuple(f.path for f in sheet.finders if f.path is not None),
    )
    imported.design()
    return imported


def _refuse(path: Path, findings: list[str]) -> None:
    if findings:
        told = tuple(dict.fromkeys(findings))
        more = (f"… and {len(told) - MOST_FINDINGS} more",) if len(told) > MOST_FINDINGS else ()
        raise DesignError(str(path), told[:MOST_FINDINGS] + more)


def _config_faults(config: Path) -> list[str]:
    findings: list[str] = []
    try:
        Node.root(read_json(config), findings)
    except ValueError as error:
        findings.append(str(error))
    return findings


def _name_of(template: Path) -> str:
    own = template.resolve()
    name = own.parent.name if own.name == TEMPLATE else own.stem
    return re.sub(r"[^\w-]+", "-", name).strip("-")[:40] or "omrchecker"


@dataclass(slots=True)
class _Template:
    """Uses up the template's keys; faults gather in the root's findings."""

    root: Node
    folder: Path
    page: tuple[float, float] = (1.0, 1.0)
    box: tuple[float, float] = (1.0, 1.0)
    labels: Labels = field(default_factory=Labels)

    def read(self, name: str) -> tuple[Sheet, tuple[str, ...]] | None:
        """The sheet and the labels to be shown; None where there are faults."""
        root = self.root
        page = root.pair("pageDimensions", 1, MOST_PIXELS)
        box = root.pair("bubbleDimensions", 1, MOST_PIXELS)
        if page and box:
            self.page, self.box = page, box
            self._check_sizes()
        finders = read_finders(root, self.folder, page)
        empty = root.text("emptyValue", "")
        blocks = [b for n, node in root.node("fieldBlocks").named() if (b := self._block(n, node))]
        if not blocks and not root.findings:
            root.fault("fieldBlocks", "must hold at least one block of fields")
        fields = self._all_labels(blocks)
        joined = self._joined(fields)
        columns = self._columns(fields, joined)
        root.done()
        if root.findings:
            return None
        empties = {
            label: words
            for block in blocks
            for label in block.labels
            if (words := empty if block.empty is None else block.empty)
        }
        sheet = Sheet(name, self.page, self.box, tuple(finders), tuple(blocks), joined, empties)
        return sheet, columns

    def _check_sizes(self) -> None:
        short, long = sorted(self.page)
        if short < LEAST_SIDE * long:
            self.root.wrong(
                "pageDimensions",
                f"a page whose sides differ by no more than {1 / LEAST_SIDE:.0f} to 1",
                list(self.page),
            )
        if min(self.box) * 0.8 * 297.0 < LEAST_BUBBLE_MM * long:
            least = LEAST_BUBBLE_MM / 0.8 / 297.0 * long
            self.root.wrong(
                "bubbleDimensions", f"at least {least:.3g} each on this page", list(self.box)
            )

    # ── blocks ───────────────────────────────────────────────────────────────────────────────

    def _block(self, name: str, node: Node) -> Block | None:
        before = len(node.findings)
        values, direction = self._options(node)
        origin = node.pair("origin", 0, MOST_PIXELS)
        labels = self.labels.of(node, "fieldLabels", node.texts("fieldLabels"))
        bubbles_gap = node.number("bubblesGap", 0, MOST_PIXELS)
        steps = self._label_steps(node, len(labels))
        box = (
            node.pair("bubbleDimensions", 1, MOST_PIXELS) if node.has("bubbleDimensions") else None
        )
        node.known.add("bubbleDimensions")
        node.used.update({"bubbleDimensions", "bubble_dimensions"})
        box = box or self.box
        empty = node.text("emptyValue", "") if node.has("emptyValue") else None
        node.known.add("emptyValue")
        node.done()
        if len(values) > 1 and bubbles_gap <= 0 and node.has("bubblesGap"):
            node.fault("bubblesGap", "must be over 0 where a field has several bubbles")
        if len(node.findings) > before or origin is None:
            return None
        if not all(a <= ALIKE * b and b <= ALIKE * a for a, b in zip(box, self.box, strict=True)):
            node.fault(
                "bubbleDimensions",
                f"{box[0]:g} × {box[1]:g} is too far from the page's {self.box[0]:g} × "
                f"{self.box[1]:g}; a design has one look for all its bubbles, so keep every "
                "block's within 20 % of the page's, or make two designs",
            )
            return None
        offsets = [0.0]
        for step in steps:
            offsets.append(offsets[-1] + step)
        number = node.content.get("fieldType", node.content.get("field_type", ""))
        block = Block(
            name,
            tuple(labels),
            values,
            direction == "vertical",
            (origin[0] + box[0] / 2, origin[1] + box[1] / 2),
            bubbles_gap,
            tuple(offsets),
            str(number).startswith("QTYPE_INT"),
            empty,
        )
        self._check_on_page(node, block, origin, box)
        return block

    def _options(self, node: Node) -> tuple[tuple[str, ...], str]:
        """A block's bubble values and their direction."""
        if node.has("fieldType"):
            known = node.choice("fieldType", FIELD_TYPES)
            values, direction = FIELD_TYPES.get(known, ((), "vertical"))
            for key in ("bubbleValues", "direction"):
                if node.has(key):
                    node.take(key)
                    node.fault(key, "must not stand beside fieldType, which says it already")
            return values, direction
        if not node.has("bubbleValues") and not node.has("direction"):
            node.fault(
                "fieldType",
                f"is missing; it must be one of {', '.join(FIELD_TYPES)}, or give bubbleValues "
                "and direction instead",
            )
            return (), "vertical"
        allowed = f"a list of at most {MOST_OPTIONS} different texts"
        listed = node.texts("bubbleValues", allowed)
        good = all(v and v.isprintable() and len(v) <= 100 for v in listed)
        if len(listed) > MOST_OPTIONS or len(set(listed)) != len(listed) or not good:
            node.wrong("bubbleValues", allowed, listed)
        return tuple(listed), node.choice("direction", DIRECTIONS)

    def _label_steps(self, node: Node, count: int) -> list[float]:
        """Distances from label to label, one fewer than there are labels."""
        allowed = "a number from 0, or a list of one number fewer than there are labels"
        value: Any = node.take("labelsGap", allowed)
        if not node.has("labelsGap"):
            return []
        listed = value if isinstance(value, list) else [value] * max(count - 1, 0)
        single = [value] if not isinstance(value, list) else value
        if not all(is_number(v) and 0 <= v <= MOST_PIXELS for v in single):
            node.wrong("labelsGap", allowed, value)
            return []
        if count and len(listed) != count - 1:
            node.wrong("labelsGap", f"{allowed}: here {count - 1}", value)
            return []
        if any(v <= 0 for v in listed):
            node.fault("labelsGap", "must be over 0 where a block has several labels")
        return [float(v) for v in listed]

    def _check_on_page(
        self, node: Node, block: Block, origin: tuple[float, float], box: tuple[float, float]
    ) -> None:
        bubbles = (len(block.values) - 1) * block.bubbles_gap
        labels = block.offsets[-1]
        across, down = (labels, bubbles) if block.vertical else (bubbles, labels)
        right, foot = origin[0] + across + box[0], origin[1] + down + box[1]
        if right > self.page[0] or foot > self.page[1]:
            node.fault(
                "origin",
                f"from {shown(list(origin))} the block's bubbles reach to [{right:g}, {foot:g}], "
                f"off the page; all must lie within pageDimensions, [{self.page[0]:g}, "
                f"{self.page[1]:g}]: mend origin, bubblesGap or labelsGap",
            )

    # ── labels ───────────────────────────────────────────────────────────────────────────────

    def _all_labels(self, blocks: list[Block]) -> list[str]:
        owner: dict[str, str] = {}
        for block in blocks:
            for label in block.labels:
                if label in owner:
                    self.root.fault(
                        f"fieldBlocks.{block.name}.fieldLabels",
                        f"the label {shown(label)} is also in the block {shown(owner[label])}; "
                        "give each field its own",
                    )
                owner[label] = block.name
        if len(owner) > MOST_LABELS:
            self.root.fault("fieldBlocks", f"name over {MOST_LABELS} fields; no sheet has so many")
        return list(owner)

    def _joined(self, fields: list[str]) -> dict[str, tuple[str, ...]]:
        node = self.root.node("customLabels", optional=True)
        joined: dict[str, tuple[str, ...]] = {}
        owner: dict[str, str] = {}
        known = set(fields)
        for name in node.content:
            parts = self.labels.of(node, name, node.texts(name, "a list of field labels"))
            for part in parts:
                if part not in known:
                    node.fault(name, f"joins {shown(part)}, which is no label of any fieldBlock")
                elif part in owner:
                    node.fault(name, f"joins {shown(part)}, as {shown(owner[part])} does already")
                owner[part] = name
            if not name.strip() or not name.isprintable() or len(name) > 100:
                node.fault(name, "is no name for a label; use letters and digits")
            if name in known and name not in parts:
                node.fault(name, "is a field's label too; a joined label needs a name of its own")
            joined[name] = tuple(parts)
        return joined

    def _columns(self, fields: list[str], joined: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        gone = {part for parts in joined.values() for part in parts}
        known = dict.fromkeys([*joined, *(f for f in fields if f not in gone)])
        if not self.root.has("outputColumns"):
            self.root.known.add("outputColumns")
            return tuple(known)
        listed = self.root.take("outputColumns")
        if listed == []:
            return tuple(known)
        columns = self.labels.of(self.root, "outputColumns", self.root.texts("outputColumns"))
        for column in columns:
            if column not in known:
                self.root.fault(
                    "outputColumns",
                    f"names {shown(column)}, which is neither a field that stands alone nor a "
                    "custom label",
                )
        return tuple(columns)
