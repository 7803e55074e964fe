"""Intake (读卡): cards into the vault and the store, taken up where a kill left it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from sqlalchemy import Select, select

from admin_api import tables
from admin_api.acts.ledger import Signer, need_role
from admin_api.acts.roles import ActKind
from admin_api.errors import Refused
from admin_api.intake.cards import Card, reading_row, stored_card
from admin_api.intake.scans import BagName, Kept, KeptOpener, Lot, keep
from admin_api.office import Office
from omr.batch import WorkerSetup, list_files, read_records
from omr.journal import unpack_record
from omr.pool import Limits
from omr.progress import Progress
from omr.score.rows import Packed

TOGETHER = 64  # pages that one act enters


@dataclass(slots=True)
class Taken:
    """What an intake did: pages by status, and how many were there already."""

    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    known: int = 0

    def count(self, packed: Packed) -> None:
        """One more page was read."""
        self.statuses[packed.row["status"]] += 1
        if reason := packed.row.get("reason"):
            self.reasons[reason] += 1

    @property
    def pages(self) -> int:
        """Pages that were read now."""
        return sum(self.statuses.values())


def take_in(
    office: Office, signer: Signer, lots: Sequence[Lot], limits: Limits, progress: Progress
) -> Taken:
    """Read the bags' cards and store pages and readings, `TOGETHER` pages an act.

    A page that is stored in its bag already is passed over, so the same command again goes on
    where an earlier one was stopped, and after that changes nothing.

    Raises:
        Refused: a region that the exam does not have, a path where nothing is, or no scans at all.
        NotAllowed: the signer is no operator.
    """
    need_role(signer, ActKind.INTAKE)
    # A mistyped path must not become a page that could not be opened: pages stay for ever.
    if missing := [str(path) for lot in lots for path in lot.paths if not path.exists()]:
        raise Refused("nothing is there; check the paths. Nothing was taken in:", missing)
    unknown = {lot.bag.region for lot in lots} - set(office.exam.regions)
    if unknown:
        known = ", ".join(office.exam.regions)
        raise Refused(f"the exam has no region {', '.join(sorted(unknown))}; known: {known}")
    with office.ledger.moment() as connection:
        card = stored_card(connection, office.exam.card)
    taken = Taken()
    files = sum(len(list_files(lot.paths)) for lot in lots)
    if not files:
        named = ", ".join(str(path) for lot in lots for path in lot.paths)
        raise Refused(f"{named} holds no scans; name the folder that the scanner wrote to")
    progress.begin(files, 0)
    setup = WorkerSetup(card.design, card.policy, opener=KeptOpener)
    read = _read(_new_pages(office, lots, taken), setup, limits)
    for bag, pairs in groupby(read, key=lambda pair: pair[0].bag):
        waiting: list[tuple[Kept, Packed]] = []
        for pair in pairs:
            waiting.append(pair)
            if len(waiting) == TOGETHER:
                store_pages(office, signer, card, bag, waiting)
                _count(taken, waiting, progress)
                waiting = []
        if waiting:
            store_pages(office, signer, card, bag, waiting)
            _count(taken, waiting, progress)
    return taken


def _new_pages(office: Office, lots: Sequence[Lot], taken: Taken) -> Iterator[Kept]:
    """The pages that are not stored yet, each kept before it is given on."""
    for lot in lots:
        known = known_pages(office, lot.bag)
        last = max(known.values(), default=0)
        mine = list(keep(lot, office.vault))
        # Scans that come later go behind those that are there; a resumed feed keeps its places.
        places = (known[page.sha256] - page.position for page in mine if page.sha256 in known)
        behind = max(0, next(places, last))
        for page in mine:
            if page.sha256 in known:
                taken.known += 1
                continue
            known[page.sha256] = page.position
            yield _moved(page, behind)


def _moved(page: Kept, behind: int) -> Kept:
    return replace(page, position=page.position + behind) if behind else page


def known_pages(office: Office, bag: BagName) -> dict[str, int]:
    """The stored pages of a bag, by SHA-256, and their positions."""
    frame = office.ledger.read(_pages_of(bag))
    return dict(zip(frame["sha256"], frame["position"], strict=True))


def _pages_of(bag: BagName) -> Select[Any]:
    page = tables.page
    return select(page.c.sha256, page.c.position).where(
        page.c.region == bag.region, page.c.box == bag.box, page.c.bag == bag.bag
    )


def _read(
    pages: Iterable[Kept], setup: WorkerSetup, limits: Limits
) -> Iterator[tuple[Kept, Packed]]:
    due: deque[Kept] = deque()

    def watched() -> Iterator[Kept]:
        for page in pages:
            due.append(page)
            yield page

    for record in read_records(watched(), setup, limits):
        yield due.popleft(), unpack_record(record)


def store_pages(
    office: Office, signer: Signer, card: Card, bag: BagName, pairs: list[tuple[Kept, Packed]]
) -> None:
    """One act: pages and their readings. Pages that somebody stored meanwhile are left out."""
    with office.ledger.act(signer, ActKind.INTAKE, target=str(bag)) as act:
        known = set(act.read(_pages_of(bag))["sha256"])
        fresh = [(page, packed) for page, packed in pairs if page.sha256 not in known]
        act.details["pages"] = len(fresh)
        first = act.add(tables.page, [_page_row(page) for page, _ in fresh])
        rows = [reading_row(card, first + n, packed) for n, (_, packed) in enumerate(fresh)]
        act.add(tables.reading, rows)


def _page_row(page: Kept) -> dict[str, object]:
    return {
        "region": page.bag.region,
        "box": page.bag.box,
        "bag": page.bag.bag,
        "position": page.position,
        "source": page.source,
        "frame": page.frame,
        "sha256": page.sha256,
        "image": page.image,
    }


def _count(taken: Taken, pairs: list[tuple[Kept, Packed]], progress: Progress) -> None:
    for _, packed in pairs:
        taken.count(packed)
    progress.advance(len(pairs))
