"""What an importer hands back: a design in our format, and what that format has no place for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from omr.design import Design
from omr.design_parse import parse_design


@dataclass(frozen=True, slots=True)
class CardLabels:
    """What the values on a card are called where several fields may be put together to one.

    `joined` has each such label with its fields in order. `empty_values` are the words for a blank
    field where that is not "".
    """

    fields: tuple[str, ...]
    joined: Mapping[str, tuple[str, ...]]
    empty_values: Mapping[str, str]

    @classmethod
    def of(cls, design: Design) -> CardLabels:
        """The labels of a design of ours: its fields, and what it joins of them."""
        fields = tuple(field.name for side in design.sides for field in side.fields)
        return cls(fields, {join.name: join.parts for join in design.joins}, {})

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels: fields that stand alone, and joined ones where their first field stands."""
        return tuple(self._labels())

    def _labels(self) -> Iterator[str]:
        label_of = {part: label for label, parts in self.joined.items() for part in parts}
        told: set[str] = set()
        for name in self.fields:
            label = label_of.get(name, name)
            if label not in told:
                told.add(label)
                yield label

    def parts(self, label: str) -> tuple[str, ...]:
        """Our fields that make up a label."""
        return self.joined.get(label, (label,))

    def labelled(self, values: Mapping[str, str], *, fill: bool) -> dict[str, str]:
        """A reading's values by label.

        With `fill` blank fields read as `empty_values` has them; without, as "", which is what
        a key wants to see. Labels of which a field was not read are left out.
        """
        empty = self.empty_values if fill else {}
        return {
            label: "".join(values[part] or empty.get(part, "") for part in self.parts(label))
            for label in self.labels
            if all(part in values for part in self.parts(label))
        }


@dataclass(frozen=True, slots=True)
class ImportedDesign(CardLabels):
    """A design that came from another system, with that system's labels.

    `text` is design TOML; `pictures` what it names, which must stand beside it. `columns` are the
    labels to be shown, in order; `excluded` files that lie among the scans and are none.
    """

    name: str
    text: str
    pictures: Mapping[str, bytes]
    columns: tuple[str, ...]
    source: Path
    evaluation: Path | None
    excluded: tuple[Path, ...]

    def standalone(self) -> str:
        """The design's text with its pictures in it."""
        text = self.text
        for name, content in self.pictures.items():
            inline = "base64:" + b64encode(content).decode()
            text = text.replace(f'picture = "{name}"', f'picture = "{inline}"')
        return text

    def design(self) -> Design:
        """The design, parsed.

        Raises:
            DesignError: our parser refuses it; an importer should not have let that through.
        """
        return parse_design(self.standalone(), str(self.source))
