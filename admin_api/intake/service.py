"""Intake (读卡): cards into the vault and the store, taken up where a kill left it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, groupby, islice
from typing import Any, TypeVar

from sqlalchemy import Select, exists, select

from admin_api import tables
from admin_api.acts.ledger import Signer, need_role
from admin_api.acts.roles import ActKind
from admin_api.errors import Refused, StoreLost
from admin_api.intake.cards import Card, reading_row, stored_card
from admin_api.intake.scans import BagName, Kept, KeptOpener, Lot, keep
from admin_api.intake.work import note, noted, open_work
from admin_api.office import Office
from omr.batch import WorkerSetup, list_files, not_there, read_records
from omr.journal import unpack_record
from omr.pool import Crew
from omr.progress import Progress
from omr.score.rows import Packed

TOGETHER = 64  # pages that one act enters
_TRIES = 3  # of an act whose database went away
_One = TypeVar("_One")


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
    office: Office, signer: Signer, lots: Sequence[Lot], crew: Crew, progress: Progress
) -> Taken:
    """Read the bags' cards and store pages and readings, `TOGETHER` pages an act.

    A page that is stored in its bag already is passed over, so the same command again goes on
    where an earlier one was stopped, and after that changes nothing.

    Pages that other machines are to read are noted first. What is noted and unread, by whomever, is
    read before anything else; there may be no lots but that.

    Raises:
        Refused: a region that the exam does not have, a path where nothing is, or no scans at all.
        NotAllowed: the signer is no operator.
    """
    need_role(signer, ActKind.INTAKE)
    # A mistyped path must not become a page that could not be opened: pages stay for ever.
    if missing := not_there([path for lot in lots for path in lot.paths]):
        raise Refused("nothing is there; check the paths. Nothing was taken in:", missing)
    unknown = {lot.bag.region for lot in lots} - set(office.exam.regions)
    if unknown:
        known = ", ".join(office.exam.regions)
        raise Refused(f"the exam has no region {', '.join(sorted(unknown))}; known: {known}")
    with office.ledger.moment() as connection:
        card = stored_card(connection, office.exam.card)
    taken = Taken()
    waiting = list(open_work(office)) if crew.elsewhere else []
    files = sum(len(list_files(lot.paths)) for lot in lots)
    if lots and not files:
        named = ", ".join(str(path) for lot in lots for path in lot.paths)
        raise Refused(f"{named} holds no scans; name the folder that the scanner wrote to")
    progress.begin(files, 0)
    setup = WorkerSetup(card.design, card.policy, opener=KeptOpener)
    pages = _new_pages(office, lots, {(page.bag, page.sha256) for page in waiting}, taken)
    if crew.elsewhere:
        setup = replace(setup, sees=(office.vault.folder,))
        pages = chain(waiting, _noted(office, signer, card, pages))
    read = _read(pages, setup, crew)
    for bag, pairs in groupby(read, key=lambda pair: pair[0].bag):
        for some in _parts(pairs):
            _patiently(partial(store_pages, office, signer, card, bag, some))
            for _, packed in some:
                taken.count(packed)
            progress.advance(len(some))
    return taken


def _parts(whole: Iterable[_One]) -> Iterator[list[_One]]:
    """What one act enters, again and again."""
    left = iter(whole)
    while part := list(islice(left, TOGETHER)):
        yield part


def _patiently(act: Callable[[], None]) -> None:
    """An act that leaves out what is stored already, so that it may be done again: a database that
    is started anew costs an intake of hours nothing.
    """
    for _ in range(_TRIES - 1):
        try:
            return act()
        except StoreLost:
            continue
    act()


def _noted(office: Office, signer: Signer, card: Card, pages: Iterable[Kept]) -> Iterator[Kept]:
    """The pages, each noted before it is given on; one that has no image needs nobody to read."""
    for bag, mine in groupby(pages, key=lambda page: page.bag):
        for some in _parts(mine):
            whole = [page for page in some if page.image]
            _patiently(partial(note, office, signer, card, bag, whole))
            yield from some


def _new_pages(
    office: Office, lots: Sequence[Lot], waiting: set[tuple[BagName, str]], taken: Taken
) -> Iterator[Kept]:
    """The pages that are not stored yet and not `waiting`, each kept before it is given on."""
    for lot in lots:
        stored = known_pages(office, lot.bag)
        known = noted(office, lot.bag) | stored
        last = max(known.values(), default=0)
        mine = list(keep(lot, office.vault))
        # Scans that come later go behind those that are there; a resumed feed keeps its places.
        places = (known[page.sha256] - page.position for page in mine if page.sha256 in known)
        behind = max(0, next(places, last))
        for page in mine:
            if page.sha256 in stored:
                taken.known += 1
            elif (lot.bag, page.sha256) not in waiting:
                stored[page.sha256] = page.position
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


def _read(pages: Iterable[Kept], setup: WorkerSetup, crew: Crew) -> Iterator[tuple[Kept, Packed]]:
    due: deque[Kept] = deque()

    def watched() -> Iterator[Kept]:
        for page in pages:
            due.append(page)
            yield page

    for record in read_records(watched(), setup, crew):
        yield due.popleft(), unpack_record(record)


def store_pages(
    office: Office, signer: Signer, card: Card, bag: BagName, pairs: list[tuple[Kept, Packed]]
) -> None:
    """One act: pages and their readings. What somebody stored meanwhile is left out: a page by its
    SHA-256, a reading by its page, design and policy.
    """
    with office.ledger.act(signer, ActKind.INTAKE, target=str(bag)) as act:
        there = act.read(_read_pages_of(bag, card))
        ids = dict(zip(there["sha256"], there["id"], strict=True))
        done = set(there.filter("read")["sha256"])
        due = [(page, packed) for page, packed in pairs if page.sha256 not in done]
        fresh = [page for page, _ in due if page.sha256 not in ids]
        act.details["pages"] = len(fresh)
        first = act.add(tables.page, [page.row() for page in fresh])
        ids |= {page.sha256: first + n for n, page in enumerate(fresh)}
        rows = [reading_row(card, ids[page.sha256], packed) for page, packed in due]
        act.add(tables.reading, rows)


def _read_pages_of(bag: BagName, card: Card) -> Select[Any]:
    page, reading = tables.page, tables.reading
    by_card = exists(
        select(reading.c.id).where(
            reading.c.page == page.c.id,
            reading.c.design == card.design.hash,
            reading.c.policy == card.policy.hash,
        )
    )
    return select(page.c.sha256, page.c.id, by_card.label("read")).where(
        page.c.region == bag.region, page.c.box == bag.box, page.c.bag == bag.bag
    )
