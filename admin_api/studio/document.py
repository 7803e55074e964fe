"""The design that is being edited: its text, its undo, its file; nothing of the web."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from admin_api.errors import KaowuError, Refused, StoreError
from admin_api.studio.blocks import Block, blocks_of, find, joined, rounded
from omr.design import Design
from omr.design_check import check_design
from omr.design_parse import parse_design
from omr.errors import DesignError
from omr.outputs import whole_file

_MOST_UNDO = 500
_STEPS = ("value_step", "character_step", "field_step")
_AXES = {"x": ("x_mm", "column"), "y": ("y_mm", "row")}
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

    def __init__(self, path: Path) -> None:
        self.path = path
        self._disk = self._read()
        self._texts = [self._disk]
        self._at = 0
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
        """Take a whole text."""
        if text == self.text:
            return
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
        self._replace(place, lambda block: block.changed(changes))

    def move(self, place: Place, right_mm: float, down_mm: float, *, snap: bool = False) -> None:
        """Move a table's bubbles, or its zone. With `snap`, to whole columns and rows where it
        counts in them, and to half millimetres where not.
        """
        table = self._block(place).table()
        pitches = self._pitches(place.face)
        by = {"x": right_mm, "y": down_mm}
        changes: dict[str, Any] = {}
        if "places" in table:
            raise Refused("its bubbles have a place each; move them in the text")
        if isinstance(table.get("at"), dict):
            at = dict(table["at"])
            for axis, (mm, number) in _AXES.items():
                if number in at:
                    moved = at[number] + by[axis] / pitches[axis]
                    at[number] = rounded(round(moved) if snap and by[axis] else moved)
                elif mm in at:
                    moved = at[mm] + by[axis]
                    at[mm] = rounded(round(2 * moved) / 2 if snap and by[axis] else moved)
            changes["at"] = at
        self._replace(place, lambda block: block.changed(changes))

    def stretch(self, place: Place, across: float, down: float) -> None:
        """Widen or heighten by factors: the steps from bubble to bubble, or the zone's size."""
        if not (0.05 <= across <= 20 and 0.05 <= down <= 20):
            raise Refused("that is no size; drag less far")
        factor = {"x_mm": across, "column": across, "y_mm": down, "row": down}
        table = self._block(place).table()
        changes: dict[str, Any] = {
            key: {axis: rounded(step * factor[axis]) for axis, step in table[key].items()}
            for key in _STEPS
            if isinstance(table.get(key), dict)
        }
        if isinstance(table.get("size_mm"), list):
            width, height = table["size_mm"]
            changes["size_mm"] = [rounded(width * across), rounded(height * down)]
        self._replace(place, lambda block: block.changed(changes))

    def delete(self, place: Place) -> None:
        """Take a table of fields out, with the comments right above it."""
        blocks = blocks_of(self.text)
        del blocks[find(blocks, f"{place.face}.field", place.index)]
        self.write(joined(blocks))

    def copy(self, place: Place) -> None:
        """Put the same table below a table, a little further down, under a name of its own."""
        blocks = blocks_of(self.text)
        at = find(blocks, f"{place.face}.field", place.index)
        name = str(blocks[at].table().get("name", "field"))
        taken = {str(b.table().get("name")) for b in blocks if b.name.endswith(".field")}
        stem = name.replace("{n}", "")
        fresh = next(
            new for n in range(2, 1000) if (new := name.replace(stem, f"{stem}_{n}_")) not in taken
        )
        fresh = fresh if "{n}" in fresh else fresh.rstrip("_")
        twin = blocks[at].changed({"name": fresh})
        space = "" if blocks[at].text.endswith("\n\n") else "\n"
        blocks.insert(at + 1, Block(twin.name, -1, space, twin.header, twin.body))
        self.write(joined(blocks))

    def add(self, face: str, x_mm: float, y_mm: float) -> None:
        """Put a new field of one row of five options at a place, as the last of its side."""
        if face not in ("front", "back"):
            raise Refused(f"there is no side {face!r}")
        names = {str(b.table().get("name")) for b in blocks_of(self.text)}
        name = next(new for n in range(1, 10_000) if (new := f"new{n}") not in names)
        body = (
            f'\n[[{face}.field]]\nname = "{name}"\nkind = "single"\nvalues = "ABCDE"\n'
            f"at = {{ x_mm = {rounded(x_mm)}, y_mm = {rounded(y_mm)} }}\n"
            "value_step = { x_mm = 7 }\n"
        )
        blocks = blocks_of(self.text)
        last = max((n for n, b in enumerate(blocks) if b.name.startswith(f"{face}.")), default=-1)
        if last < 0:
            raise Refused(f"the design has no {face}")
        text = joined(blocks[: last + 1])
        rest = joined(blocks[last + 1 :])
        newline = "" if text.endswith("\n") else "\n"
        self.write(text + newline + body + (f"\n{rest}" if rest else ""))

    # ── the file ─────────────────────────────────────────────────────────────────────────────

    def save(self, *, overwrite: bool = False, faulty: bool = False) -> None:
        """Write the file, whole or not at all, and drop the draft.

        Raises:
            Changed: somebody else wrote it meanwhile, and `overwrite` is not set.
            Refused: the text is no design, and `faulty` is not set.
            OutputError: it cannot be written; nothing is lost.
        """
        if not overwrite and self._read() != self._disk:
            raise Changed(
                f"{self.path} was changed by another program; reload it and lose what was edited "
                "here, or save over it"
            )
        if not faulty and not self.usable:
            raise Refused("this is no design yet; mend the findings, or save it all the same")
        with whole_file(self.path) as partial:
            partial.write_text(self.text, encoding="utf-8", newline="")
        self._disk = self.text
        self.draft_path.unlink(missing_ok=True)

    def reload(self) -> None:
        """Take the file as it is on the disk, as one step of undo."""
        self._disk = self._read()
        self.write(self._disk)

    @property
    def draft_path(self) -> Path:
        """Where unsaved work is kept, safe from a crash."""
        return self.path.with_name(f".{self.path.name}.draft")

    @property
    def draft(self) -> str:
        """Unsaved work of an earlier time that is not what is open now, or ""."""
        try:
            kept = self.draft_path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
        return kept if kept != self.text else ""

    def forget_draft(self) -> None:
        """Drop unsaved work of an earlier time."""
        self.draft_path.unlink(missing_ok=True)

    def _keep_draft(self) -> None:
        if not self.dirty:
            self.draft_path.unlink(missing_ok=True)
            return
        with whole_file(self.draft_path) as partial:
            partial.write_text(self.text, encoding="utf-8", newline="")

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

    def _replace(self, place: Place, change: Any) -> None:
        blocks = blocks_of(self.text)
        at = find(blocks, f"{place.face}.field", place.index)
        blocks[at] = change(blocks[at])
        self.write(joined(blocks))

    def _pitches(self, face: str) -> dict[str, float]:
        """Millimetres from one column, and row, to the next."""
        pitches = {"x": 1.0, "y": 1.0}
        blocks = blocks_of(self.text)
        tracks = [b.table() for b in blocks if b.name == f"{face}.track"]
        for track in reversed(tracks):
            axis = "y" if track.get("edge") in ("left", "right") else "x"
            pitches[axis] = float(track.get("pitch_mm", 1.0))
        for axis, name in (("x", "columns"), ("y", "rows")):
            for block in blocks:
                if block.name == f"{face}.{name}":
                    pitches[axis] = float(block.table().get("pitch_mm", 1.0))
        return pitches
