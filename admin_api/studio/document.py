"""The design that is being edited: its text, its undo, its file; nothing of the web."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from admin_api.errors import KaowuError, Refused, StoreError
from admin_api.studio.blocks import Block, blocks_of, find, joined, rounded
from admin_api.studio.kinds import New, Span, new_table, retyped
from omr.design import Design, FieldKind
from omr.design_check import check_design
from omr.design_parse import parse_design
from omr.errors import DesignError
from omr.outputs import whole_file
from omr.toml_table import Lines

_MOST_UNDO = 500
_COPY_OFF_MM = 3.0
_STEPS = ("value_step", "character_step", "field_step")
_AXES = (("x_mm", "column"), ("y_mm", "row"))
EDITABLE = frozenset(
    {
        *("name", "title", "kind", "values", "length", "count", "first", "required", "role"),
        *("several", "check", "same_as", "allowed", "symbologies", "size_mm", "at", *_STEPS),
    }
)


class Changed(KaowuError):
    """The file was changed by somebody else since it was opened."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Which table of fields: its face, "front" or "back", and its place among them, from 0."""

    face: str
    index: int


class Document:
    """A design's file, open for editing.

    Every edit is one step of undo. An edit that leaves a design that cannot be used is kept, with
    its findings, as long as the text is TOML at all; a person is in the middle of something.
    """

    def __init__(self, path: Path, start: str | None = None) -> None:
        """Open a file; with `start`, a new one of that text, which is there once it is saved."""
        self.path = path
        self._disk = self._read() if start is None else self._on_disk()
        self._texts = [self._disk or "" if start is None else start]
        self._at = 0
        self._moved: tuple[Place, int] | None = None
        self._earlier = self._left_behind()
        self._design: Design | None = None
        self._design_text = ""
        self._look()

    # ── what it is ───────────────────────────────────────────────────────────────────────────

    @property
    def text(self) -> str:
        """The text as edited."""
        return self._texts[self._at]

    @property
    def dirty(self) -> bool:
        """Whether there is anything to save."""
        return self.text != self._disk

    @property
    def can_undo(self) -> bool:
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        return self._at < len(self._texts) - 1

    @property
    def design(self) -> Design | None:
        """The newest design that could be used; None where there never was one."""
        return self._design

    @property
    def design_text(self) -> str:
        """The text of `design`."""
        return self._design_text

    @property
    def usable(self) -> bool:
        """Whether the text, as it is now, is a design."""
        return self._usable

    def findings(self) -> tuple[str, ...]:
        """What `omr design check` says of the text."""
        return self._findings

    # ── edits ────────────────────────────────────────────────────────────────────────────────

    def write(self, text: str) -> None:
        """Take a whole text.

        Raises:
            Refused: unsaved work of an earlier time waits to be taken up or forgotten first.
        """
        if text == self.text:
            return
        if self._earlier:
            raise Refused("take up the unsaved work of an earlier time, or forget it, first")
        del self._texts[self._at + 1 :]
        self._texts.append(text)
        del self._texts[:-_MOST_UNDO]
        self._at = len(self._texts) - 1
        self._look()
        self._keep_draft()

    def undo(self) -> None:
        """Take the last edit back."""
        if self.can_undo:
            self._at -= 1
            self._look()
            self._keep_draft()

    def redo(self) -> None:
        """Do what was taken back once more."""
        if self.can_redo:
            self._at += 1
            self._look()
            self._keep_draft()

    def set(self, place: Place, changes: dict[str, Any]) -> None:
        """Set keys of a table of fields; None takes a key out.

        Raises:
            Refused: a key that no field has, or a value that TOML lacks.
            NotFound: there is no such table.
        """
        if unknown := set(changes) - EDITABLE:
            known = ", ".join(sorted(EDITABLE))
            raise Refused(f"{', '.join(sorted(unknown))} is no key of a field; known: {known}")
        self._replace(place, self._block(place).changed(changes))

    def retype(self, place: Place, kind: FieldKind) -> None:
        """Make another kind of field of a table, with the keys that this kind needs."""
        block = self._block(place)
        self._replace(place, block.changed(retyped(block.table(), kind, self._span(place))))

    def move(self, place: Place, right_mm: float, down_mm: float, *, further: bool = False) -> None:
        """Move a table's bubbles, or its zone, as it counts: in mm, columns or rows.

        `further` makes one step of undo of this and the move of the same table just before.

        Raises:
            Refused: each of its bubbles has a place of its own.
        """
        block = self._block(place)
        table = block.table()
        if "places" in table:
            raise Refused("its bubbles have a place each; move them in the TOML")
        at = self._shifted(place.face, table, (right_mm, down_mm))
        before, going_on = self.text, further and self._moved == (place, self._at)
        self._replace(place, block.changed({"at": at}))
        if going_on and self.text != before:
            del self._texts[self._at - 1]
            self._at -= 1
        self._moved = (place, self._at)

    def stretch(self, place: Place, across: float, down: float) -> None:
        """Widen or heighten by factors: the steps from bubble to bubble, or the zone's size."""
        if not (0.05 <= across <= 20 and 0.05 <= down <= 20):
            raise Refused("that is no size; drag less far")
        factor = {"x_mm": across, "column": across, "y_mm": down, "row": down}
        block = self._block(place)
        table = block.table()
        changes: dict[str, Any] = {
            key: {axis: rounded(step * factor[axis]) for axis, step in table[key].items()}
            for key in _STEPS
            if isinstance(table.get(key), dict)
        }
        if isinstance(table.get("size_mm"), list):
            width, height = table["size_mm"]
            changes["size_mm"] = [rounded(width * across), rounded(height * down)]
        self._replace(place, block.changed(changes))

    def delete(self, place: Place) -> None:
        """Take a table of fields out, with the comments right above it."""
        blocks = blocks_of(self.text)
        del blocks[find(blocks, f"{place.face}.field", place.index)]
        self.write(joined(blocks))

    def copy(self, place: Place) -> None:
        """Put the same table below a table, a little further down, under a name of its own."""
        blocks = blocks_of(self.text)
        at = find(blocks, f"{place.face}.field", place.index)
        table = blocks[at].table()
        name = str(table.get("name", "field"))
        stem, tail = name.replace("{n}", "").rstrip("_"), "_{n}" if "{n}" in name else ""
        taken = {str(b.table().get("name")) for b in blocks if b.name.endswith(".field")}
        fresh = next(new for n in range(2, 1000) if (new := f"{stem}_{n}{tail}") not in taken)
        changes: dict[str, Any] = {"name": fresh}
        if "at" in table:
            changes["at"] = self._shifted(place.face, table, (_COPY_OFF_MM, _COPY_OFF_MM))
        twin = blocks[at].changed(changes)
        space = "" if blocks[at].text.endswith("\n\n") else "\n"
        below = "" if twin.body.endswith("\n\n") or at + 1 == len(blocks) else "\n"
        blocks.insert(at + 1, Block(twin.name, -1, space, twin.header, twin.body + below))
        self.write(joined(blocks))

    def add(self, face: str, what: New, x_mm: float, y_mm: float) -> None:
        """Put something new at a place, as the last table of its side.

        Raises:
            Refused: the design has no such side.
        """
        blocks = blocks_of(self.text)
        last = max((n for n, b in enumerate(blocks) if b.name.startswith(f"{face}.")), default=-1)
        if face not in ("front", "back") or last < 0:
            raise Refused(f"the design has no {face}")
        names = {str(b.table().get("name")).split("_")[0] for b in blocks}
        name = next(new for n in range(1, 10_000) if (new := f"new{n}") not in names)
        look = self._design.bubbles if self._design else None
        bubble = (look.width_mm, look.height_mm) if look else (5.0, 3.0)
        table = new_table(what, name, (x_mm, y_mm), bubble)
        above = joined(blocks[: last + 1]).rstrip("\n")
        below = joined(blocks[last + 1 :])
        gap = "\n" if below else ""
        self.write(f"{above}\n\n[[{face}.field]]\n{table}{gap}{below}")

    # ── the file ─────────────────────────────────────────────────────────────────────────────

    def save(self, *, overwrite: bool = False, faulty: bool = False) -> None:
        """Write the file, whole or not at all, and drop the draft.

        Raises:
            Changed: somebody else wrote it meanwhile, and `overwrite` is not set.
            Refused: the text is no design, and `faulty` is not set.
            OutputError: it cannot be written; nothing is lost.
        """
        if not overwrite and self._on_disk() != self._disk:
            raise Changed(
                f"{self.path} was changed by another program; reload it and lose what was edited "
                "here, or save over it"
            )
        if not faulty and not self.usable:
            raise Refused("this is no design yet; mend the findings, or save it all the same")
        with whole_file(self.path) as partial:
            partial.write_text(self.text, encoding="utf-8", newline="")
        self._disk = self.text
        self._drop_draft()

    def reload(self) -> None:
        """Take the file as it is on the disk, as one step of undo."""
        text = self._read()
        self.write(text)
        self._disk = text
        self._keep_draft()

    @property
    def draft_path(self) -> Path:
        """Where unsaved work is kept, safe from a crash."""
        return self.path.with_name(f".{self.path.name}.draft")

    @property
    def earlier(self) -> str:
        """Unsaved work of an earlier time, or ""; until it is taken up or forgotten, nothing can
        be edited, so that nothing takes its place.
        """
        return self._earlier

    @property
    def earlier_is_older(self) -> bool:
        """Whether the file was saved after that work was left."""
        try:
            return self.draft_path.stat().st_mtime < self.path.stat().st_mtime
        except OSError:
            return False

    def take_earlier(self) -> None:
        """Go on with unsaved work of an earlier time, as one step of undo."""
        text, self._earlier = self._earlier, ""
        self.write(text or self.text)

    def forget_earlier(self) -> None:
        """Drop unsaved work of an earlier time."""
        self._earlier = ""
        self._drop_draft()

    def _left_behind(self) -> str:
        try:
            with open(self.draft_path, encoding="utf-8", newline="") as file:
                kept = file.read()
        except (OSError, UnicodeDecodeError):
            return ""
        return kept if kept != self.text else ""

    def _keep_draft(self) -> None:
        if not self.dirty:
            self._drop_draft()
            return
        with whole_file(self.draft_path) as partial:
            partial.write_text(self.text, encoding="utf-8", newline="")

    def _drop_draft(self) -> None:
        if not self._earlier:
            self.draft_path.unlink(missing_ok=True)

    def _on_disk(self) -> str | None:
        return self._read() if self.path.exists() else None

    def _read(self) -> str:
        try:
            with open(self.path, encoding="utf-8", newline="") as file:
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self.path} cannot be read as a design: {error}") from error

    # ── inside ───────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        """Parse and check the text once."""
        try:
            self._design = parse_design(self.text, self.path.name, self.path.parent)
        except DesignError as error:
            self._usable, self._findings = False, error.findings
        else:
            self._usable, self._findings = True, check_design(self._design)
            self._design_text = self.text

    def _block(self, place: Place) -> Block:
        blocks = blocks_of(self.text)
        return blocks[find(blocks, f"{place.face}.field", place.index)]

    def _replace(self, place: Place, block: Block) -> None:
        blocks = blocks_of(self.text)
        blocks[find(blocks, f"{place.face}.field", place.index)] = block
        self.write(joined(blocks))

    def _shifted(
        self, face: str, table: dict[str, Any], by_mm: tuple[float, float]
    ) -> dict[str, float]:
        """Where a table is `at`, so much further to the right and down, as it counts."""
        at = dict(table.get("at", {}))
        for (mm, number), by in zip(_AXES, by_mm, strict=True):
            if by and number in at:
                at[number] = rounded(at[number] + by / self.pitch_mm(face, number))
            elif by and mm in at:
                at[mm] = rounded(at[mm] + by)
        return at

    def _span(self, place: Place) -> Span:
        """Where the table's bubbles or its zone are, as far as the newest usable design tells."""
        blocks = blocks_of(self._design_text)
        nowhere = Span(20.0, 20.0, 40.0, 10.0)
        if self._design is None or place.index >= sum(
            block.name == f"{place.face}.field" for block in blocks
        ):
            return nowhere
        line = Lines(self._design_text).of(f"{place.face}.field", place.index)
        side = next(side for side in self._design.sides if side.name.value == place.face)
        for zone in side.zones:
            if zone.line == line:
                return Span(zone.x_mm, zone.y_mm, zone.width_mm, zone.height_mm)
        groups = [g for field in side.fields if field.line == line for g in range(*field.groups)]
        if not groups:
            return nowhere
        start, end = side.group_start[groups[0]], side.group_start[groups[-1] + 1]
        look, centres = self._design.bubbles, side.centres_mm[start:end]
        half = np.array([look.width_mm, look.height_mm]) / 2
        low, high = centres.min(axis=0) - half, centres.max(axis=0) + half
        return Span(*map(float, (*low, *(high - low))))

    def pitch_mm(self, face: str, number: str) -> float:
        """Millimetres from one "column" or "row" of a side to the next."""
        blocks = blocks_of(self._design_text)  # where numbers are numbers
        grid = next((b for b in blocks if b.name == f"{face}.{number}s"), None)
        if grid:
            return float(grid.table().get("pitch_mm", 1.0))
        edges = ("left", "right") if number == "row" else ("top", "bottom")
        tracks = [b.table() for b in blocks if b.name == f"{face}.track"]
        pitches = [t.get("pitch_mm", 1.0) for t in tracks if t.get("edge") in edges]
        return float(pitches[0]) if pitches else 1.0
