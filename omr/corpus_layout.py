"""The layout of a corpus: corpus.toml and each family's expected.jsonl, strictly checked.

Described for people in sample_scans/README.md.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omr.design import Design, builtin_names
from omr.errors import CorpusError
from omr.records import RejectReason, SideName
from omr.score.rows import value_names

CORPUS_FILE = "corpus.toml"
EXPECTED_FILE = "expected.jsonl"
_FAMILY_KEYS = {
    *("name", "folder", "design", "least_read", "most_misread", "most_rejected"),
    *("dpi", "policy", "note"),
}
_LINE_KEYS = {"file", "side", "values", "unsettled", "card", "reject"}


@dataclass(frozen=True, slots=True)
class Family:
    """A folder of scans that share a design and, mostly, a defect; and its contract.

    `design_source` is what `load_design` takes: a built-in name or a file. `most_rejected` is
    None where the contract says nothing about it.
    """

    name: str
    folder: Path
    design: str
    design_source: str
    least_read: int
    most_misread: int
    most_rejected: int | None
    dpi: float | None
    policy: Path | None
    note: str

    @property
    def expected(self) -> Path:
        """Where the family's expected readings are."""
        return self.folder / EXPECTED_FILE


@dataclass(frozen=True, slots=True)
class Expected:
    """What one page should read as.

    `card` is False where nothing may be read. `values` may leave fields out; those in `unsettled`
    nobody can settle from the picture, and any value will do. `reject` lists the reasons for
    which the page may be refused; empty is any.
    """

    file: str
    card: bool
    side: SideName | None
    values: Mapping[str, str]
    unsettled: frozenset[str]
    reject: tuple[RejectReason, ...]


def read_corpus(folder: Path) -> list[Family]:
    """The families of a corpus.

    Raises:
        CorpusError: there is no corpus.toml, or a fault in it.
    """
    path = folder / CORPUS_FILE
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise CorpusError(
            f"{path} is missing; a corpus needs one (sample_scans/README.md has an example)"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"{path} cannot be used: {error}; mend it") from error
    _known(content, {"family"}, str(path))
    tables = content.get("family")
    if not isinstance(tables, list) or not tables:
        raise CorpusError(f"{path}: needs at least one [[family]]")
    families = [_family(table, folder, f"{path}: family {k}") for k, table in enumerate(tables, 1)]
    names = [family.name for family in families]
    for name in names:
        if names.count(name) > 1:
            raise CorpusError(f"{path}: two families are called {name!r}; rename one")
    return families


def read_expected(family: Family, design: Design) -> list[Expected]:
    """A family's expected readings, one a line of its file.

    Raises:
        CorpusError: the file is missing, or a line of it is at fault; names the line.
    """
    path = family.expected
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path} cannot be read ({error}); each family needs one, with a line a scan"
        ) from error
    found: dict[str, Expected] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        one = _expected(line, design, where)
        if one.file in found:
            raise CorpusError(f"{where}: {one.file!r} is listed twice; take one line out")
        found[one.file] = one
    if not found:
        raise CorpusError(f"{path}: lists no scan; give each a line")
    return list(found.values())


def _family(table: Any, corpus: Path, where: str) -> Family:
    if not isinstance(table, dict):
        raise CorpusError(f"{where}: families are written as [[family]]")
    _known(table, _FAMILY_KEYS, where)
    name = _text(table, "name", where)
    where = f"{where} ({name})"
    design = _text(table, "design", where)
    source = design if design in builtin_names() else str(corpus / design)
    folder = corpus / _text(table, "folder", where, name)
    if not folder.is_dir():
        raise CorpusError(f"{where}: {folder} is no folder; create it or mend `folder`")
    dpi = table.get("dpi")
    if dpi is not None and (isinstance(dpi, bool) or not isinstance(dpi, int | float) or dpi <= 0):
        raise CorpusError(f"{where}: dpi must be a number above 0, got {dpi!r}")
    return Family(
        name=name,
        folder=folder,
        design=design,
        design_source=source,
        least_read=_count(table, "least_read", where),
        most_misread=_count(table, "most_misread", where, 0),
        most_rejected=_count(table, "most_rejected", where) if "most_rejected" in table else None,
        dpi=None if dpi is None else float(dpi),
        policy=corpus / _text(table, "policy", where) if "policy" in table else None,
        note=_text(table, "note", where, ""),
    )


def _expected(line: str, design: Design, where: str) -> Expected:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise CorpusError(f"{where}: not JSON ({error}); write one object a line") from error
    if not isinstance(row, dict):
        raise CorpusError(f'{where}: not an object; write {{"file": …, "values": …}}')
    _known(row, _LINE_KEYS, where)
    card = row.get("card", True)
    if not isinstance(card, bool):
        raise CorpusError(f"{where}: card must be true or false, got {card!r}")
    values = row.get("values", {})
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise CorpusError(f"{where}: values must map fields to texts")
    if card is bool(not values):
        wanted = "a card needs `values`" if card else "no card has `values`; take them out"
        raise CorpusError(f"{where}: {wanted}")
    side = _side(row, design, where) if card else None
    unsettled = _texts(row, "unsettled", where)
    if side is not None:
        names = set(value_names(design.side(side)))
        for name in (*values, *unsettled):
            if name not in names:
                raise CorpusError(f"{where}: the {side} of {design.name} has no field {name!r}")
    return Expected(
        file=_text(row, "file", where),
        card=card,
        side=side,
        values=values,
        unsettled=frozenset(unsettled),
        reject=tuple(_reason(text, where) for text in _texts(row, "reject", where)),
    )


def _side(row: Mapping[str, Any], design: Design, where: str) -> SideName:
    given = row.get("side", design.sides[0].name)
    there = [side.name for side in design.sides]
    if given not in there:
        raise CorpusError(f"{where}: side must be {' or '.join(there)}, got {given!r}")
    return SideName(given)


def _reason(text: str, where: str) -> RejectReason:
    try:
        return RejectReason(text)
    except ValueError as error:
        known = ", ".join(RejectReason)
        raise CorpusError(f"{where}: no such reason: {text!r}; there are: {known}") from error


def _known(table: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(table) - known):
        raise CorpusError(
            f"{where}: unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )


def _text(table: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or (not value and default != ""):
        raise CorpusError(f"{where}: {key} must be a text, got {value!r}")
    return value


def _texts(table: Mapping[str, Any], key: str, where: str) -> list[str]:
    """A list of texts; one text alone, or the keys of an object, will do as well."""
    value = table.get(key, [])
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | dict) or not all(isinstance(v, str) for v in listed):
        raise CorpusError(f"{where}: {key} must be a list of texts, got {value!r}")
    return list(listed)


def _count(table: Mapping[str, Any], key: str, where: str, default: int | None = None) -> int:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise CorpusError(f"{where}: {key} must be a whole number from 0, got {value!r}")
    return value
