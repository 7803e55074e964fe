"""Other people's scans: grid ballots with timing marks on three edges and ovals between them.

Their licence keeps them out of this repository; where they lie beside it they must all be read
right, or be refused for what is wrong with them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omr.corpus import FamilyResult, check_corpus
from omr.pipeline import ReadPage
from omr.policy import default_policy
from omr.records import RejectedPage, RejectReason
from tests.real_sheets import DESIGNS, SCANS, Sheet, compared, design_in, sheets

BALLOTS = SCANS / "timing-mark-ballots"
TEMPLATES = ("amherst-front", "amherst-back")
# What was done to the two that need not be read: a mark 2.5 times as long, a pitch 10 % off.
BEYOND = {
    "scan-marked-stretch-mark-back": {
        RejectReason.TOO_STRETCHED,
        RejectReason.MARK_MISSING,
        RejectReason.FOLDED_OR_TORN,
    },
    "scan-marked-stretch-extra-back": {RejectReason.TOO_STRETCHED},
}

pytestmark = pytest.mark.skipif(
    not BALLOTS.is_dir(), reason="../shared/scans/timing-mark-ballots is not here"
)


def design_of(template: str) -> Path:
    return DESIGNS / f"{template}.toml"


def whole(sheet: Sheet) -> dict[str, list[str]]:
    """What stands in every field, in its own order: nothing, where the truth names none."""
    found = {}
    for field in design_in(design_of(sheet.template)).sides[0].fields:
        filled = sheet.expected.get(field.name, ())
        assert set(filled) <= set(field.values)
        found[field.name] = [value for value in field.values if value in filled]
    assert set(sheet.expected) <= set(found)
    return found


def short(image: str) -> str:
    return Path(image).stem.split("__")[-1]


def outcomes() -> list[tuple[Sheet, ReadPage | RejectedPage]]:
    return [(s, s.read(design_of(s.template), default_policy())) for s in sheets(BALLOTS)]


def test_nothing_is_misread() -> None:
    wrong = {
        short(sheet.image): compared(page, design_in(design_of(sheet.template)), whole(sheet)).wrong
        for sheet, page in outcomes()
        if isinstance(page, ReadPage)
    }
    assert not any(wrong.values()), wrong


def test_all_but_two_are_read() -> None:
    pages = outcomes()
    refused = [(sheet, page) for sheet, page in pages if isinstance(page, RejectedPage)]
    assert len(pages) == 18
    assert len(refused) <= 2
    for sheet, page in refused:
        assert page.reason in BEYOND[short(sheet.image)], page.evidence


def as_corpus(out: Path) -> Path:
    """The ballots as a corpus for `omr corpus`: a family a side, its scans as links."""
    tables = []
    for template in TEMPLATES:
        folder = out / template
        folder.mkdir(parents=True)
        lines = []
        for sheet in (s for s in sheets(BALLOTS) if s.template == template):
            image = BALLOTS / sheet.image
            (folder / image.name).symlink_to(image)
            values = {name: "".join(options) for name, options in whole(sheet).items()}
            lines.append(json.dumps({"file": image.name, "values": values}))
        (folder / "expected.jsonl").write_text("\n".join(lines), "utf-8")
        path = design_of(template)
        tables.append(f'[[family]]\nname = "{template}"\ndesign = "{path}"\nleast_read = 7\n')
    (out / "corpus.toml").write_text("\n".join(tables), "utf-8")
    return out


def test_the_ballots_make_a_corpus(tmp_path: Path) -> None:
    results: list[FamilyResult] = check_corpus(as_corpus(tmp_path), workers=0)
    assert sum(result.pages for result in results) == 18
    assert [one for result in results for one in result.differs] == []
    assert sum(result.misread for result in results) == 0
    assert sum(result.rejected for result in results) <= 2
    assert not any(result.broken() for result in results)
