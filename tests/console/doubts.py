"""Cards that were truly read, whose doubts are what a test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from admin_api import tables
from admin_api.acts.ledger import Signer
from admin_api.acts.roles import ActKind
from admin_api.intake.cards import reading_row, stored_card
from admin_api.office import Office
from omr.design import load_design
from omr.pipeline import ReadPage, read_page
from omr.records import ScannedPage
from omr.score.rows import KeptPage, pack
from omr.simulate import load_mix, simulate

DESIGN = "cn-health-203"


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A field that is to be in doubt, and how likely its reading is wrong."""

    field: str
    error_probability: float
    kind: str = "faint"
    evidence: str = "darkest 0.31, next 0.28"


def draw_cards(folder: Path, count: int, seed: int = 5) -> list[Path]:
    """Scans of clean cards."""
    simulate(load_design(DESIGN), load_mix("clean"), count, seed, folder)
    return sorted(path for path in folder.rglob("*.*") if path.suffix in (".jpg", ".png", ".tif"))


def store_doubted(
    office: Office, operator: Signer, scans: Sequence[tuple[Path, Sequence[Doubtful]]], bag: str
) -> list[int]:
    """Read and store the scans with these doubts, and no others; the ids of their pages."""
    with office.ledger.moment() as connection:
        card = stored_card(connection, office.exam.card)
    names = [field.name for field in card.design.sides[0].fields]
    pages, packs = [], []
    for position, (path, doubts) in enumerate(scans, 1):
        content = path.read_bytes()
        page = ScannedPage(content, ScannedPage.digest(content), path.name, position)
        read = read_page(page, card.design, card.policy)
        assert isinstance(read, ReadPage), read
        chances = np.array(read.reading.error_probability)
        for one in doubts:
            chances[names.index(one.field)] = one.error_probability
        reading = replace(read.reading, error_probability=chances)
        packed = pack(KeptPage(reading, read.scores))
        told = [[one.kind, one.field, one.evidence] for one in doubts]
        packed.row["doubts"], packed.row["status"] = told, "review" if told else "read"
        packs.append(packed)
        pages.append(
            {"region": "37", "box": "1", "bag": bag, "position": position}
            | {"source": path.name, "frame": 0, "sha256": page.sha256}
            | {"image": office.vault.put(content)}
        )
    with office.ledger.act(operator, ActKind.INTAKE, target=f"37/1/{bag}") as act:
        first = act.add(tables.page, pages)
        act.add(
            tables.reading,
            [reading_row(card, first + n, packed) for n, packed in enumerate(packs)],
        )
    return list(range(first, first + len(pages)))
