"""The scans of a rehearsed sitting: a box a subject, a bag a room, cards in the order of seats."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import resources
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from admin_api.rehearsal.world import Candidate, Card, Mishap, Sitting, World
from omr.design import load_design
from omr.simulate import Mix, load_mix
from omr.simulate.plan import plan_card
from omr.simulate.render import render_card

DESIGN = "cn-health-203"
FIRST, AGAIN = "scans", "rescans"
_SEED = 2026
_RESCANNED = (Mishap.TORN, Mishap.FACE_DOWN)
_TOGETHER = 8  # cards that a worker draws at a time


class Bag(NamedTuple):
    """Where a card lies: region (考区), box (箱) and bag (袋)."""

    region: str
    box: str
    bag: str


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan. `name` is its path within the sitting's folder, `says` what every field reads.

    `stands_for` names the earlier scan that the office replaces by this one, "" where none.
    """

    name: str
    bag: Bag
    number: int
    ticket: str
    subject: str
    says: dict[str, str]
    mishap: Mishap = Mishap.NONE
    faint: tuple[str, ...] = ()
    stands_for: str = ""


Filed = tuple[Candidate, Sitting, Card]


def counted_in(person: Candidate, sitting: Sitting) -> Bag:
    """The bag in which a room handed in its cards."""
    return Bag(person.region, sitting.subject, person.room)


def filed(world: World) -> dict[Bag, list[Filed]]:
    """Every card in the bag it came in; one from another room lies last."""
    bags: dict[Bag, list[Filed]] = {}
    strays: list[tuple[Bag, Filed]] = []
    for person, sitting, card in world.cards():
        bag = counted_in(person, sitting)
        if card.room:
            strays.append((bag._replace(bag=card.room), (person, sitting, card)))
        else:
            bags.setdefault(bag, []).append((person, sitting, card))
    for bag, one in strays:
        bags.setdefault(bag, []).append(one)
    return dict(sorted(bags.items()))


def scans_of(world: World) -> list[Scan]:
    """Every scan, bag by bag in feed order; then those that were scanned again."""
    first: list[Scan] = []
    again: list[Scan] = []
    for bag, cards in filed(world).items():
        spoiled = ""
        for position, (person, sitting, card) in enumerate(cards, 1):
            name = "/".join((FIRST, *bag, f"{position:04d}.jpg"))
            number, said = len(first) + len(again), says(card)
            owner = (person.ticket, sitting.subject)
            first.append(Scan(name, bag, number, *owner, said, card.mishap, card.faint, spoiled))
            spoiled = name if card.mishap is Mishap.SPOILED else ""
            if card.mishap in _RESCANNED:
                other = "/".join((AGAIN, *bag, f"{position:04d}.jpg"))
                again.append(Scan(other, bag, number + 1, *owner, said, stands_for=name))
    return first + again


def places(world: World) -> dict[int, str]:
    """Where each card lies, as a correction names it (BOX/BAG/CARD), by the card's id()."""
    return {
        id(card): f"{bag.box}/{bag.bag}/{position}"
        for bag, cards in filed(world).items()
        for position, (_, _, card) in enumerate(cards, 1)
    }


def says(card: Card) -> dict[str, str]:
    """What a card's fields read, by name, for whoever looks at the picture."""
    said = {"ticket": card.ticket, "subject": card.subject, "form": card.form}
    said |= {"absent": card.absent, "violation": card.violation, "barcode": card.barcode}
    return said | {f"q{n}": answer for n, answer in enumerate(card.answers, 1)}


def drawn_by() -> str:
    """A digest of all that decides what scans look like, beside what they say."""
    mix = resources.files("admin_api.rehearsal") / "mild.toml"
    return hashlib.sha256(mix.read_bytes() + load_design(DESIGN).hash.encode()).hexdigest()


def draw_scans(scans: Iterable[Scan], folder: Path, workers: int) -> None:
    """Draw the scans that are not there yet."""
    missing = [scan for scan in scans if not (folder / scan.name).is_file()]
    for bag in {(folder / scan.name).parent for scan in missing}:
        bag.mkdir(parents=True, exist_ok=True)
    draw = functools.partial(_draw, folder)
    if workers < 2 or len(missing) < 2 * _TOGETHER:
        for scan in missing:
            draw(scan)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(draw, missing, chunksize=_TOGETHER):
            pass


def _draw(folder: Path, scan: Scan) -> None:
    """Draw one card and look at it through a scanner; a torn one's file ends in the middle."""
    mix = _mix("blank_sheet" if scan.mishap is Mishap.FACE_DOWN else "")
    plan = plan_card(load_design(DESIGN), mix, _SEED, scan.number, scan.says, scan.faint)
    image = render_card(plan)[0].image
    path = folder / scan.name
    partial = path.with_suffix(".part")
    partial.write_bytes(image[: len(image) // 2] if scan.mishap is Mishap.TORN else image)
    partial.rename(path)


@functools.cache
def _mix(name: str) -> Mix:
    with resources.as_file(resources.files("admin_api.rehearsal") / "mild.toml") as mild:
        return load_mix(name or mild)
