"""From TOML text to a `Design`: strict, and every fault with its line."""

from __future__ import annotations

import hashlib
import tomllib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omr.design import (
    Bubbles,
    BubbleShape,
    Caption,
    CheckRule,
    Corner,
    CornerShape,
    Design,
    Edge,
    Field,
    FieldKind,
    Find,
    FindKind,
    Ink,
    Join,
    Role,
    SeveralRule,
    Side,
    Track,
    Zone,
    content_hash,
)
from omr.errors import DesignError
from omr.records import F64, SideName
from omr.toml_table import Lines, Table

SYMBOLOGIES = ("Code128", "Code39", "QRCode")
_INLINE = "base64:"
_STAFF_OR_GRID = {FieldKind.DIGITS: Role.IDENTITY, FieldKind.LETTERS: Role.IDENTITY}
_DEFAULT_ROLE = _STAFF_OR_GRID | {FieldKind.FLAG: Role.STAFF, FieldKind.FORM: Role.IDENTITY}


def read_design(path: Path, known: Sequence[str]) -> Design:
    """The design in a file; `known` names the built-in ones for the message."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = f"give a TOML file in UTF-8, or one of: {', '.join(known)}"
        raise DesignError(str(path), (f"cannot be read ({error}); {hint}",)) from error
    return parse_design(text, str(path), path.parent)


def parse_design(text: str, source: str, folder: Path | None = None) -> Design:
    """The design in a TOML text; `source` names it in messages.

    Pictures that it names are looked for in `folder`. Without one, as where the text is kept
    beside scores, only the SHA-256 that stands beside a picture's name is looked at.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DesignError(source, (f"not TOML: {error}",)) from error
    findings: list[str] = []
    root = Table(content, "", Lines(text), findings)
    finds = tuple(_find(table, folder) for table in root.tables("find"))
    hashed = content | {"find": [_hashed(f) for f in finds]} if finds else content
    design = replace(_design(root, content_hash(hashed), source, bool(finds)), finds=finds)
    if findings:
        raise DesignError(source, tuple(dict.fromkeys(findings)))
    return design


def with_pictures(text: str, folder: Path) -> str:
    """The design's text with the pictures that it names in it, so that it can stand alone."""
    for find in tomllib.loads(text).get("find", []):
        name = find.get("picture", _INLINE)
        if not name.startswith(_INLINE):
            inline = _INLINE + b64encode((folder / name).read_bytes()).decode()
            text = text.replace(f'"{name}"', f'"{inline}"')
    return text


def _find(t: Table, folder: Path | None) -> Find:
    kind = t.choice("kind", FindKind)
    needs = kind in (FindKind.MARKERS, FindKind.REFERENCE)
    name = t.text("picture") if needs else ""
    share = t.number("marker_share", 17.0, low=1.0) if kind is FindKind.MARKERS else 0.0
    t.done()
    picture = b""
    if name.startswith(_INLINE):
        try:
            picture = b64decode(name.removeprefix(_INLINE), validate=True)
        except ValueError:
            t.fault("what follows base64: is not base64", "picture")
    elif name and folder is not None:
        try:
            picture = (folder / name).read_bytes()
        except OSError as error:
            t.fault(
                f"{name} cannot be read ({error.strerror}); put it beside the design", "picture"
            )
    elif name:
        t.fault(f"{name}: a design without a folder must hold its pictures itself", "picture")
    return Find(kind, picture, share)


def _hashed(find: Find) -> dict[str, str | float]:
    digest = hashlib.sha256(find.picture).hexdigest()
    return {"kind": find.kind, "picture": digest, "marker_share": find.marker_share}


def _design(root: Table, content: str, source: str, found: bool) -> Design:
    name, title = root.text("name"), root.text("title")
    ink = root.choice("ink", Ink)
    page = root.table("page")
    width, height = page.number("width_mm", low=20), page.number("height_mm", low=20)
    page.done()
    look = root.table("bubble")
    bubbles = Bubbles(
        look.choice("shape", BubbleShape),
        look.number("width_mm", low=0.5),
        look.number("height_mm", low=0.5),
        look.number("stroke_mm", 0.15, low=0.01),
        look.flag("labelled", False),
    )
    look.done()
    lettered = bubbles.shape is BubbleShape.AREA or (bubbles.labelled and ink is Ink.BLACK)
    faces = {"front": SideName.FRONT} | ({"back": SideName.BACK} if root.has("back") else {})
    sides = [_SideParser(root.table(f), n, found, lettered).side() for f, n in faces.items()]
    joins = tuple(_join(t, sides) for t in root.tables("join"))
    root.done()
    names = [f.name for s in sides for f in s.fields] + [z.name for s in sides for z in s.zones]
    names += [join.name for join in joins]
    for double in sorted({n for n in names if names.count(n) > 1}):
        root.fault(f"two fields are named {double!r}; give each a name of its own")
    look_of = (ink, bubbles)
    return Design(name, title, width, height, *look_of, tuple(sides), content, source, joins=joins)


def _join(t: Table, sides: Sequence[Side]) -> Join:
    name, parts = t.text("name"), t.texts("of")
    blank = t.texts("blank", ("",) * len(parts))
    if isinstance(t.content.get("blank"), str):
        blank = (t.content["blank"],) * len(parts)
    t.done()
    if len(blank) != len(parts):
        t.fault(f"blank must be one text, or one for each of the {len(parts)} fields", "blank")
        blank = ("",) * len(parts)
    fields = [{field.name for field in side.fields} for side in sides]
    if not parts or not any(set(parts) <= known for known in fields):
        t.fault("of must name fields, all of one side", "of")
    return Join(name, parts, blank, t.line)


class _SideParser:
    """Turns one side's tables into a `Side`."""

    def __init__(self, table: Table, name: SideName, found: bool, lettered: bool) -> None:
        self.table = table
        self.lettered = lettered
        self.found = found  # by [[find]], so that no marks are needed
        self.name = name
        self.tracks: list[Track] = []
        self.fields: list[Field] = []
        self.zones: list[Zone] = []
        self.centres: list[tuple[float, float]] = []
        self.starts = [0]
        self.group_lines: list[int] = []
        self.columns: dict[int, float] | tuple[float, float] | None = None
        self.rows: dict[int, float] | tuple[float, float] | None = None

    def side(self) -> Side:
        for table in self.table.tables("track"):
            self._track(table)
        corners = [self._corner(t) for t in self.table.tables("corner")]
        for key in ("columns", "rows"):
            if self.table.has(key):
                pitch = self.table.table(key)
                setattr(self, key, (pitch.number("first_mm"), pitch.number("pitch_mm", low=0.1)))
                pitch.done()
        for table in self.table.tables("field"):
            self._field(table)
        captions = [self._caption(t) for t in self.table.tables("text")]
        self.table.done()
        if not self.tracks and len(corners) < 3 and not (self.found and not corners):
            self.table.fault("needs a timing track or at least three corner marks to be found by")
        return Side(
            self.name,
            tuple(self.tracks),
            tuple(corners),
            tuple(self.fields),
            tuple(self.zones),
            tuple(captions),
            _frozen(np.array(self.centres, np.float64).reshape(-1, 2)),
            np.array(self.starts, np.int64),
            tuple(self.group_lines),
            self._letters(),
        )

    def _letters(self) -> NDArray[np.int64]:
        values = [v for f in self.fields for _ in range(f.length) for v in f.values]
        known = {value: at for at, value in enumerate(sorted(set(values)))}
        return np.array([known[v] if self.lettered else -1 for v in values], np.int64)

    def _track(self, t: Table) -> None:
        edge = t.choice("edge", Edge)
        at, first = t.number("at_mm"), t.number("first_mm")
        pitch, count = t.number("pitch_mm", low=0.5), t.whole("count", low=3)
        size = t.pair("mark_mm")
        absent = t.whole_list("absent")
        t.done()
        numbers = np.array([i for i in range(1, count + 1) if i not in absent], np.int64)
        along = first + pitch * (numbers - 1.0)
        across = np.full(len(numbers), at)
        centres = np.stack([across, along] if edge.vertical else [along, across], axis=1)
        places = {i: first + pitch * (i - 1) for i in range(1, count + 1)}
        if edge.vertical and self.rows is None:
            self.rows = places
        if not edge.vertical and self.columns is None:
            self.columns = places
        self.tracks.append(Track(edge, _frozen(centres), numbers, size, t.line))

    def _corner(self, t: Table) -> Corner:
        corner = Corner(
            t.choice("shape", CornerShape),
            t.number("x_mm"),
            t.number("y_mm"),
            t.number("size_mm", low=1),
            t.line,
            t.flag("grey", False),
        )
        t.done()
        return corner

    def _caption(self, t: Table) -> Caption:
        caption = Caption(
            t.text("text", ""),
            t.number("x_mm"),
            t.number("y_mm"),
            t.number("size_mm", 3.0, low=0.5),
            t.flag("black", False),
            t.flag("centred", False),
            t.pair("frame_mm") if t.has("frame_mm") else None,
        )
        t.done()
        return caption

    def _grid(self, t: Table, key: str, axis: str, number: float) -> float:
        grid = self.columns if axis == "column" else self.rows
        if grid is None:
            t.fault(f"{key} counts in {axis}s, but the side has no track or pitch for them", key)
            return 0.0
        if isinstance(grid, tuple):
            return grid[0] + grid[1] * (number - 1.0)
        low, high = min(grid), max(grid)
        if not low <= number <= high:
            t.fault(f"{key}: {axis} {number:g} is off the track, which has {low} to {high}", key)
            return 0.0
        base = int(min(np.floor(number), high - 1))
        return grid[base] + (grid[base + 1] - grid[base]) * (number - base)

    def _point(self, t: Table, at: dict[str, float]) -> tuple[float, float]:
        return self._along(t, at, "x_mm", "column"), self._along(t, at, "y_mm", "row")

    def _along(self, t: Table, at: dict[str, float], mm: str, number: str) -> float:
        """Where a place lies on one axis, which it says in mm or by its number, not by both."""
        if mm in at and number in at:
            t.fault(
                f"a place and its steps say {mm} and {number}; use {mm} in all of them, or "
                f"{number} in all of them",
                "at",
            )
        elif number in at:
            return self._grid(t, "at", number, at[number])
        elif mm not in at:
            t.fault(f"at needs {mm} or {number}", "at")
        return at.get(mm, 0.0)

    def _field(self, t: Table) -> None:
        kind = t.choice("kind", FieldKind)
        if kind in (FieldKind.BARCODE, FieldKind.PICTURE):
            self._zone(t, kind)
            return
        name, title = t.text("name"), t.text("title", "")
        grid = kind in (FieldKind.DIGITS, FieldKind.LETTERS)
        plain = {FieldKind.DIGITS: "0123456789", FieldKind.FLAG: "1"}.get(kind)
        values = t.texts("values", tuple(plain) if plain else None)
        if len(values) > 30 or len(set(values)) != len(values) or "" in values:
            t.fault("values must be at most 30 different, non-empty texts", "values")
        if grid and any(len(v) != 1 for v in values):
            t.fault("values of a digit or letter grid must be single characters", "values")
        length = t.whole("length") if grid else 1
        count, first = t.whole("count", 1), t.whole("first", 1, low=0)
        if count > 1 and "{n}" not in name:
            t.fault("name must hold {n} where count is over 1", "name")
        places = t.places("places", len(values))
        at = t.place("at", {} if places else None)
        value_step = t.place("value_step", {} if len(values) == 1 or places else None)
        char_step = t.place("character_step", None if length > 1 else {})
        field_step = t.place("field_step", None if count > 1 else {})
        role = t.choice("role", Role, _DEFAULT_ROLE.get(kind, Role.ANSWER))
        required = t.flag("required", role is Role.IDENTITY)
        allowed = t.texts("allowed", ())
        several = t.choice("several", SeveralRule, SeveralRule.POLICY)
        check = t.choice("check", CheckRule, CheckRule.NONE)
        same_as = t.text("same_as", "")
        t.done()
        for i in range(count):
            start = len(self.group_lines)
            for c in range(length):
                for v in range(len(values)):
                    steps = ((i, field_step), (c, char_step), (v, value_step))
                    start_at = places[v] if places else at
                    self.centres.append(self._point(t, _moved(start_at, steps)))
                self.starts.append(len(self.centres))
                self.group_lines.append(t.line)
            own = name.replace("{n}", str(first + i))
            groups = (start, start + length)
            self.fields.append(
                Field(
                    own,
                    title.replace("{n}", str(first + i)),
                    kind,
                    role,
                    groups,
                    values,
                    required,
                    allowed,
                    several,
                    check,
                    same_as.replace("{n}", str(first + i)),
                    t.line,
                )
            )

    def _zone(self, t: Table, kind: FieldKind) -> None:
        name, title = t.text("name"), t.text("title", "")
        x, y = self._point(t, t.place("at"))
        width, height = t.pair("size_mm")
        barcode = kind is FieldKind.BARCODE
        symbologies = t.texts("symbologies", ("Code128",)) if barcode else ()
        for unknown in set(symbologies) - set(SYMBOLOGIES):
            t.fault(f"{unknown!r} is not read; known: {', '.join(SYMBOLOGIES)}", "symbologies")
        required = t.flag("required", barcode) if barcode else False
        same_as = t.text("same_as", "") if barcode else ""
        t.done()
        self.zones.append(
            Zone(name, title, kind, x, y, width, height, symbologies, required, same_as, t.line)
        )


def _moved(at: dict[str, float], steps: Sequence[tuple[int, dict[str, float]]]) -> dict[str, float]:
    moved = dict(at)
    for times, step in steps:
        for key, value in step.items():
            moved[key] = moved.get(key, 0.0) + times * value
    return moved


def _frozen(array: F64) -> F64:
    array.flags.writeable = False
    return array
