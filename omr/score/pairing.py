"""Which two pages of a feed are the two sides of one sheet.

A sheet is two pages next to each other, one front and one back. A feed has a habit: front first,
or back first where the stack lay face down; a single sheet may lie the other way round. When a
page is lost, all that follow would be joined to a stranger's; so a pair is believed only where
what is printed on both sides (`same_as`) agrees, or where it stands in the feed's habit. All else
is for a person. What cannot be seen without marks printed on both sides: two sheets fed as one,
the front of the first and the back of the second in their usual order.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from omr.design import Design, Field, FieldKind, Side, Zone
from omr.records import Doubt, DoubtKind, SideName
from omr.score.rows import BACK, FRONT

_PAGE = re.compile(r"#\d+$")  # how drivers name a page of a file of several


@dataclass(frozen=True, slots=True)
class Face:
    """One page of the feed. `side` is None where it was rejected; `said` maps names to values."""

    position: int
    source: str
    side: SideName | None
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pairing:
    """What pairing adds to a page: the position of its sheet's other side, and doubts."""

    partner: int | None
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Twins:
    """Names, (on the front, on the back), whose values must agree on every sheet."""

    names: tuple[tuple[str, str], ...]

    def flat(self) -> tuple[str, ...]:
        """All the names."""
        return tuple(name for pair in self.names for name in pair)

    def clashes(self, one: Face, other: Face) -> tuple[tuple[str, str], ...] | None:
        """The pairs of names that differ; None where nothing can be compared."""
        said = {**one.said, **other.said}
        both = [(a, b) for a, b in self.names if _known(said, a) and _known(said, b)]
        return tuple((a, b) for a, b in both if said[a] != said[b]) if both else None


def twins_of(design: Design) -> Twins:
    """The names that the design declares to be the same across the two sides."""
    sides = {item.name: side.name for side in design.sides for item in _named(side)}
    found = [
        (item.name, item.same_as)
        for side in design.sides
        for item in _named(side)
        if item.same_as in sides and sides[item.same_as] is not side.name
    ]
    return Twins(tuple((a, b) if sides[a] is SideName.FRONT else (b, a) for a, b in found))


def usual_first(tags: bytes | bytearray) -> SideName:
    """The side that comes first in most sheets of a feed, given each page's tag (rows.FRONT…)."""
    front_first = tags.count(bytes((FRONT, BACK)))
    back_first = tags.count(bytes((BACK, FRONT)))
    return SideName.FRONT if front_first >= back_first else SideName.BACK


def pair_sheets(faces: Iterable[Face], twins: Twins, first: SideName) -> Iterator[Pairing]:
    """One pairing a face, in feed order; looks two faces ahead."""
    feed = iter(faces)
    window: deque[Face] = deque(islice(feed, 3))
    while window:
        here = window[0]
        after = window[1] if len(window) > 1 else None
        later = window[2] if len(window) > 2 else None
        if after is not None and _one_sheet(here, after, later, twins, first):
            yield from _sheet(here, after, twins, first)
            window.popleft()
        else:
            yield _alone(here)
        window.popleft()
        window.extend(islice(feed, 3 - len(window)))


def _one_sheet(here: Face, after: Face, later: Face | None, twins: Twins, first: SideName) -> bool:
    if _file_ends(here.source, after.source):
        return False
    if here.side is not None and here.side is after.side:
        return False
    clashes = twins.clashes(here, after)
    if clashes == ():
        return True
    if clashes is None and here.side is first:
        return True
    return not (later is not None and _fits(after, later, twins, first))


def _file_ends(here: str, after: str) -> bool:
    """True between a file of several pages (`box.tif#2`) and another file."""
    one, other = _PAGE.sub("", here), _PAGE.sub("", after)
    return one != other and (one != here or other != after)


def _fits(after: Face, later: Face, twins: Twins, first: SideName) -> bool:
    """True where the two pages that follow make a better sheet than the first two."""
    if after.side is None or later.side is None or after.side is later.side:
        return False
    clashes = twins.clashes(after, later)
    return clashes == () or (clashes is None and after.side is first)


def _sheet(one: Face, other: Face, twins: Twins, first: SideName) -> Iterator[Pairing]:
    clashes = twins.clashes(one, other)
    said = {**one.said, **other.said}
    for face, partner in ((one, other), (other, one)):
        doubts: tuple[Doubt, ...] = ()
        if face.side is None:
            pass
        elif partner.side is None:
            doubts = (_missing(f"the other side, page {partner.position}, was rejected"),)
        elif clashes:
            place = 0 if face.side is SideName.FRONT else 1
            doubts = tuple(
                Doubt(
                    DoubtKind.IDENTITY_CLASH,
                    pair[place],
                    f"front {pair[0]} says {said[pair[0]]!r}, back {pair[1]} {said[pair[1]]!r}",
                )
                for pair in clashes
            )
        elif clashes is None and one.side is not first:
            reason = f"the {one.side} came first and nothing printed on both sides confirms that"
            doubts = (_missing(f"{reason} pages {one.position} and {other.position} are a sheet"),)
        yield Pairing(partner.position, doubts)


def _alone(face: Face) -> Pairing:
    if face.side is None:
        return Pairing(None)
    other = SideName.BACK if face.side is SideName.FRONT else SideName.FRONT
    return Pairing(None, (_missing(f"no {other} of this sheet is next to it in the feed"),))


def _missing(evidence: str) -> Doubt:
    return Doubt(DoubtKind.SIDE_MISSING, "", evidence)


def _named(side: Side) -> tuple[Field | Zone, ...]:
    return (*side.fields, *side.zones_of(FieldKind.BARCODE))


def _known(said: Mapping[str, str], name: str) -> bool:
    value = said.get(name, "")
    return value != "" and "?" not in value
