"""What a page costs on this machine, measured on simulated cards of the exam's design.

The store is an office of its own with SQLite, in the folder that is given: put that on the disk
that will be used.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from admin_api.acts.ledger import Signer
from admin_api.acts.roles import Role
from admin_api.intake.cards import Card, stored_card
from admin_api.intake.scans import BagName, Kept
from admin_api.intake.service import TOGETHER, store_pages
from admin_api.intake.work import note
from admin_api.office import Office, found_office
from admin_api.planning.plan import Figures
from admin_api.rehearsal.exam_files import exam_text
from admin_api.rehearsal.world import REGIONS
from admin_api.settings import settings_in
from admin_api.staff.service import Newcomer, add, open_key
from omr.batch import WorkerSetup, file_opener, list_files
from omr.journal import unpack_record
from omr.records import ScannedPage
from omr.simulate import load_mix, simulate

_SEED, _WARM = 71, 2


def measure(folder: Path, told: Callable[[str], None], cards: int = 48, acts: int = 12) -> Figures:
    """Measure in an empty folder; some 30 seconds with the defaults.

    Raises:
        StoreError: the folder cannot be written.
    """
    told("setting up an office")
    office, operator = _office(folder)
    with office.ledger.moment() as connection:
        card = stored_card(connection, office.exam.card)
    told(f"drawing {cards} cards")
    simulate(card.design, load_mix("everyday"), cards, _SEED, folder / "cards")
    opener = file_opener()
    pages = [opener.open(ref) for ref in list_files([folder / "cards"])]
    told("reading them")
    records, read_s = _read(folder / "cards", card)
    told("keeping and storing them")
    keep_s, store_s, row_bytes = _store(office, operator, card, (pages, records, acts))
    office.ledger.engine.dispose()
    return Figures(
        read_page_s=read_s,
        keep_page_s=keep_s,
        store_page_s=store_s,
        image_bytes=statistics.mean(len(page.image) for page in pages),
        row_bytes=row_bytes,
        result_bytes=statistics.mean(map(len, records)),
    )


def _office(folder: Path) -> tuple[Office, Signer]:
    phrase = secrets.token_hex(8)
    file = folder / "EXAM.toml"
    file.write_text(exam_text(), "utf-8")
    chief = Newcomer("chief", Role.ADMINISTRATOR, phrase)
    office = found_office(settings_in(folder / "home"), file, chief)
    signer = open_key(office.ledger, "chief", phrase)
    add(office.ledger, signer, Newcomer("operator", Role.OPERATOR, phrase), office.exam)
    return office, open_key(office.ledger, "operator", phrase)


def _read(folder: Path, card: Card) -> tuple[list[bytes], float]:
    """The pages' records, and the seconds that one takes on one core: opened, read and packed."""
    work = WorkerSetup(card.design, card.policy)()
    records, times = [], []
    for ref in list_files([folder]):
        start = time.perf_counter()
        records.append(work(ref))
        times.append(time.perf_counter() - start)
    return records, statistics.mean(times[_WARM:])


def _store(
    office: Office,
    operator: Signer,
    card: Card,
    given: tuple[list[ScannedPage], list[bytes], int],
) -> tuple[float, float, float]:
    """Seconds to keep a page, seconds to store one, and the bytes that it takes in the database."""
    pages, records, acts = given
    region = next(iter(REGIONS))
    packs = [unpack_record(record) for record in records]
    kept_s: list[float] = []
    stored_s: list[float] = []
    sizes: list[int] = []
    for number in range(acts):
        bag = BagName(region, "1", str(number))
        pairs = []
        for position in range(TOGETHER):
            page = pages[position % len(pages)]
            image = page.image + secrets.token_bytes(8)  # no two alike
            start = time.perf_counter()
            name = office.vault.put(image)
            kept_s.append(time.perf_counter() - start)
            source = f"{position:04d}.jpg"
            place = office.vault.path_of(name)
            kept = Kept(source, 0, position + 1, name, name, place, bag)
            pairs.append((kept, packs[position % len(packs)]))
        start = time.perf_counter()
        note(office, operator, card, bag, [page for page, _ in pairs])
        store_pages(office, operator, card, bag, pairs)
        stored_s.append((time.perf_counter() - start) / TOGETHER)
        sizes.append(_database_bytes(office))
    rows = (sizes[-1] - sizes[0]) / (TOGETHER * (acts - 1))
    return statistics.median(kept_s), statistics.median(stored_s), max(rows, 1.0)


def _database_bytes(office: Office) -> int:
    """What it comes to once its log is emptied into it."""
    with office.ledger.engine.connect() as connection:
        connection.rollback()
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (office.settings.home / "kaowu.db").stat().st_size
