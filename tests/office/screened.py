"""An office where a pair copied: a hundred and twenty cards of one paper in four rooms."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from admin_api import tables
from admin_api.acts.roles import ActKind
from admin_api.intake.cards import reading_row, stored_card
from admin_api.keys import service as keys
from admin_api.registration import service as registration
from admin_api.results import service as results
from omr.pipeline import ReadPage, read_page
from omr.records import ScannedPage
from omr.score.rows import KeptPage, pack
from tests.console.doubts import draw_cards
from tests.office.papers import HEADER, key_file, right_answers
from tests.office.people import Desk

PEOPLE, ROOM = 120, 30
COPIER, SOURCE = 4, 5  # numbers from 0, neighbours in the first room


def ticket(number: int) -> str:
    return f"{370000000000 + number}"


def sit(desk: Desk, folder: Path) -> None:
    """Everybody registered, their answers stored as readings, the key in force, and scored."""
    rows, bags = [HEADER], ["考区,箱号,袋号,考点,考场,试室,科目,数量"]
    for n in range(PEOPLE):
        person = f"{ticket(n)},考生{n},军官证,军字第{n:08d}号,F{n:07d},203,师"
        rows.append(f"{person},37,01,一中,{n // ROOM + 1},{n % ROOM + 1},1")
    bags += [f"37,1,{room},01,一中,{room},1,{ROOM}" for room in range(1, PEOPLE // ROOM + 1)]
    for name, lines in (("roster", rows), ("materials", bags)):
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    registration.import_roster(desk.office, desk["sun"], folder / "roster.csv", military=False)
    registration.import_materials(desk.office, desk["sun"], folder / "materials.csv")
    _store(desk, folder, _answers())
    for person in ("kang", "kong"):
        keys.load(desk.office, desk[person], key_file(folder, "2031", "A"))
    results.score(desk.office, desk["sun"])


def _answers() -> np.ndarray:
    """Masks of honest people of many abilities, but for one who copied 70 of 100 answers."""
    chance = np.random.default_rng(8)
    right = np.array(["ABCDE".index(letter) for letter in right_answers("2031", "A")])
    ability, hard = chance.normal(size=(PEOPLE, 1)), chance.normal(-0.4, 1, (1, 100))
    knows = chance.random((PEOPLE, 100)) < 1 / (1 + np.exp(hard - ability))
    lured = (chance.random((PEOPLE, 100)) ** 1.6 * 4).astype(int)
    chosen = np.where(knows, right, (right + 1 + lured) % 5)
    taken = chance.permutation(100)[:70]
    chosen[COPIER, taken] = chosen[SOURCE, taken]
    return (1 << chosen).astype(np.uint8)


def _store(desk: Desk, folder: Path, masks: np.ndarray) -> None:
    """A drawn card stands for all: its picture and figures are everybody's, the answers each own's.

    Only the copier and the source have a picture in the vault.
    """
    content = draw_cards(folder / "drawn", 1)[0].read_bytes()
    with desk.ledger.moment() as connection:
        card = stored_card(connection, desk.office.exam.card)
    page = ScannedPage(content, ScannedPage.digest(content), "drawn", 1)
    read = read_page(page, card.design, card.policy)
    assert isinstance(read, ReadPage)
    packed = pack(KeptPage(read.reading, read.scores))
    packed.row["doubts"], packed.row["status"] = [], "read"
    image = desk.office.vault.put(content)
    pages, readings = [], []
    for n in range(PEOPLE):
        own = hashlib.sha256(f"card {n}".encode()).hexdigest()  # no two cards are one picture
        where = {"region": "37", "box": "1", "bag": str(n // ROOM + 1), "position": n % ROOM + 1}
        kept = image if n in (COPIER, SOURCE) else own
        pages.append(where | {"source": f"{n}.jpg", "frame": 0, "sha256": own, "image": kept})
    with desk.ledger.act(desk["ou"], ActKind.INTAKE, target="37/1") as act:
        first = act.add(tables.page, pages)
        for n in range(PEOPLE):
            row = reading_row(card, first + n, packed)
            told = {"ticket": ticket(n), "subject": "1", "form": "A", "barcode": ""}
            told |= {"absent": False, "violation": False, "answers": masks[n].tobytes()}
            readings.append(row | told)
        act.add(tables.reading, readings)
