"""What truly happened at a rehearsed sitting, as JSON, and what a grader would say of its cards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from admin_api.rehearsal.scans import Scan, counted_in, drawn_by, scans_of
from admin_api.rehearsal.world import (
    ITEMS,
    LINES,
    MERGED,
    ROLLING_YEARS,
    YEAR,
    Candidate,
    Mishap,
    World,
)

NAME = "truth.json"


class Script:
    """What a grader reads on each card: the same for every grader."""

    def __init__(self, truth: Mapping[str, Any]) -> None:
        self._says: dict[str, dict[str, str]] = {}
        for page in truth["pages"]:
            answers = {f"q{n}": answer for n, answer in enumerate(page["answers"], 1)}
            self._says[page["scan"]] = page["says"] | answers
        self.replacements: list[tuple[str, str]] = [
            (page["stands_for"], page["scan"]) for page in truth["pages"] if page["stands_for"]
        ]
        """Scans with the later scan that stands for each, by their names."""

    @classmethod
    def read(cls, folder: Path) -> Script:
        """The script of the sitting that was written to a folder."""
        return cls(json.loads((folder / NAME).read_text(encoding="utf-8")))

    def value(self, scan: str, field: str) -> str:
        """What a field reads on a scan, named as in the truth: `scans/REGION/BOX/BAG/FILE`."""
        return self._says[scan].get(field, "")


def truth_of(world: World) -> dict[str, Any]:
    """Everything that an oracle needs to work out every result; plain JSON values."""
    scans = scans_of(world)
    return {
        "year": YEAR,
        "items": ITEMS,
        "pass_lines": LINES,
        "rolling": {"years": ROLLING_YEARS, "merged": MERGED},
        "keys": {f"{paper}{form}": asdict(key) for (paper, form), key in world.keys.items()},
        "people": [_person(one) for one in world.candidates],
        "history": world.history,
        "pages": [_page(scan) for scan in scans],
        "bags": [{"bag": "/".join(bag), "cards": many} for bag, many in bag_counts(world).items()],
        "doubts": [
            {"scan": scan.name, "field": field, "value": scan.says[field]}
            for scan in scans
            for field in scan.faint
        ],
        "troubles": [asdict(one) for one in world.troubles],
        "drawn_by": drawn_by(),
    }


def truth_text(world: World) -> str:
    """The truth as it is written."""
    return json.dumps(truth_of(world), ensure_ascii=False, separators=(",", ":")) + "\n"


def bag_counts(world: World) -> dict[tuple[str, str, str], int]:
    """The cards that each room counted into its bag: no spoiled ones, and those still there that
    were misfiled or lost afterwards.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for person in world.candidates:
        for sitting in person.sittings.values():
            good = sum(card.mishap is not Mishap.SPOILED for card in sitting.cards)
            if good or sitting.lost:
                counts[counted_in(person, sitting)] += good + sitting.lost
    return dict(sorted(counts.items()))


def _person(person: Candidate) -> dict[str, Any]:
    told = {
        "ticket": person.ticket,
        "name": person.name,
        "id_number": person.id_number,
        "file_number": person.file_number,
        "specialty": person.specialty,
        "region": person.region,
        "military": person.military,
    }
    sittings = {
        one.subject: {
            "paper": one.paper,
            "form": one.form,
            "answers": one.answers,
            "present": one.present,
            "void": one.void,
            "unscored": one.lost or any(card.room for card in one.cards),
        }
        for one in person.sittings.values()
    }
    return told | person.right | {"sittings": sittings}


def _page(scan: Scan) -> dict[str, Any]:
    said = {name: value for name, value in scan.says.items() if not name.startswith("q")}
    return {
        "scan": scan.name,
        "ticket": scan.ticket,
        "subject": scan.subject,
        "says": said,
        "answers": [scan.says[f"q{n}"] for n in range(1, ITEMS + 1)],
        "mishap": scan.mishap.value,
        "stands_for": scan.stands_for,
    }
