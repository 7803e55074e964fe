"""Scans of real sheets with what stands on them, and how a reading compares with that.

The scans are not part of the project: they lie beside it, in `../shared/scans`, or are absent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from omr.batch import engine
from omr.design import Design, load_design
from omr.pipeline import ReadPage
from omr.policy import Policy
from omr.records import RejectedPage, ScannedPage

DESIGNS = Path(__file__).resolve().parent / "designs"
SCANS = DESIGNS.parents[2] / "shared" / "scans"


@dataclass(frozen=True)
class Sheet:
    """A scan, the name of its template, and what stands on it: a field's options by its name."""

    folder: Path
    image: str
    template: str
    expected: dict[str, list[str]] = field(hash=False)

    def read(self, design: Path, policy: Policy) -> ReadPage | RejectedPage:
        """What is read of it; once, however often it is asked for."""
        return _read(self, design, policy)


@cache
def sheets(folder: Path) -> tuple[Sheet, ...]:
    """The sheets of a folder, in the order of its truth.json."""
    told = json.loads((folder / "truth.json").read_text("utf-8"))["cases"]
    return tuple(Sheet(folder, c["image"], c["template"], c["expected"]) for c in told)


@cache
def design_in(path: Path) -> Design:
    return load_design(path)


@cache
def _read(sheet: Sheet, design: Path, policy: Policy) -> ReadPage | RejectedPage:
    image = (sheet.folder / sheet.image).read_bytes()
    page = ScannedPage(image, ScannedPage.digest(image), sheet.image, 0)
    return engine(page, design_in(design), policy, None)


@dataclass
class Compared:
    """Names of fields whose reading is right, or wrong; and of those that are in doubt."""

    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)


def compared(page: ReadPage, design: Design, expected: dict[str, list[str]]) -> Compared:
    """The fields of a front that `expected` names, against what it says of them."""
    found = Compared()
    doubted = {doubt.field for doubt in page.reading.doubts}
    for one in design.sides[0].fields:
        if one.name not in expected:
            continue
        mask = int(page.reading.masks[one.groups[0]])
        got = {value for k, value in enumerate(one.values) if mask >> k & 1}
        said = got == set(expected[one.name]) & set(one.values)
        where = found.right if said else found.wrong
        (found.doubtful if one.name in doubted else where).append(one.name)
    return found
