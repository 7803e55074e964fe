"""Intake while the scanners run: each page is stored as soon as its file is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from admin_api.acts.ledger import Signer, need_role
from admin_api.acts.roles import ActKind
from admin_api.errors import Refused
from admin_api.intake.cards import stored_card
from admin_api.intake.scans import BagName, Kept, KeptOpener, unopened
from admin_api.intake.service import Taken, known_pages, store_pages
from admin_api.office import Office
from omr.batch import WorkerSetup
from omr.journal import unpack_record
from omr.records import ScannedPage
from scanner_drivers.base import Driver

BagOf = Callable[[str], BagName | None]


@dataclass
class Watched:
    """What came so far. `unplaced` are files in no bag's folder: not taken, and told."""

    taken: Taken = field(default_factory=Taken)
    unplaced: list[str] = field(default_factory=list)


def bag_under(root: Path, office: Office) -> BagOf:
    """Tells a file's bag by its folder, `root/region/box/bag/…`; None for any other place."""

    def bag_of(source: str) -> BagName | None:
        parts = source.removeprefix(f"{os.path.abspath(root)}/").split("/")
        if len(parts) < 4 or parts[0] not in office.exam.regions:
            return None
        return BagName(*parts[:3])

    return bag_of


def watch(
    office: Office,
    signer: Signer,
    driver: Driver,
    bag_of: BagOf,
    told: Callable[[Kept | str, str], None],
) -> Watched:
    """Take in what a driver delivers, one page an act, until it ends.

    `told` hears of each page with its status once it is stored, and of each file that is in no
    bag's folder. A page that its bag has already is passed over. The driver is asked for the next
    page only when the last one is stored, so that a kill at any moment loses nothing.

    Raises:
        NotAllowed: the signer is no operator.
        ScannerError: the driver stops; what came before is stored.
        StoreError: the vault or the database cannot be written.
    """
    need_role(signer, ActKind.INTAKE)
    with office.ledger.moment() as connection:
        card = stored_card(connection, office.exam.card)
    read = WorkerSetup(card.design, card.policy, opener=KeptOpener)()
    known: dict[BagName, dict[str, int]] = {}
    found, seen = Watched(), 0

    def take(source: str, kept_at: Callable[[BagName, int], Kept]) -> None:
        bag = bag_of(source)
        if bag is None:
            found.unplaced.append(source)
            told(source, "unplaced")
            return
        if bag not in known:
            known[bag] = known_pages(office, bag)
        kept = kept_at(bag, max(known[bag].values(), default=0) + 1)
        if kept.sha256 in known[bag]:
            found.taken.known += 1
            return
        packed = unpack_record(read(kept))
        store_pages(office, signer, card, bag, [(kept, packed)])
        known[bag][kept.sha256] = kept.position
        found.taken.count(packed)
        told(kept, str(packed.row["status"]))

    def take_refused() -> None:
        nonlocal seen
        refused = getattr(driver, "refused", [])
        for ref, fault in refused[seen:]:
            take(ref.source, partial(unopened, ref, fault))
            seen += 1

    def kept_in_vault(page: ScannedPage, bag: BagName, position: int) -> Kept:
        image = office.vault.put(page.image)
        place = office.vault.path_of(image)
        return Kept(page.source, page.frame, position, page.sha256, image, place, bag)

    for page in driver.pages():
        take_refused()
        take(page.source, partial(kept_in_vault, page))
    take_refused()
    return found


def need_one_folder(paths: list[Path]) -> Path:
    """The folder to watch.

    Raises:
        Refused: there are several, or it is none.
    """
    if len(paths) != 1 or not paths[0].is_dir():
        raise Refused("with --watch name the one folder that the scanners write to")
    return paths[0]
