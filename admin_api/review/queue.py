"""The queue (判读队列): which doubted field a person looks at next.

Facts only ever come in, each with a higher id, so the queue reads what is new since it last looked.
Nobody is shown what others said. Some fields that others settled are mixed in, to measure graders.
"""

from __future__ import annotations

import hashlib
import json
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row, func, select

from admin_api import tables
from admin_api.exam.terms import Exam
from admin_api.intake.cards import stored_card
from admin_api.review.decisions import Decision, Settled, Standing, standing_of
from omr.design import Side
from omr.score.rows import cut, value_names

LEASE_S = 120.0  # how long a field is kept for the person who was given it
KNOWN_EVERY = 20  # one field of so many is a known one
_UNTOLD = 0.5  # error probability of what has no bubbles, such as a barcode
Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Doubted:
    """A field in doubt. `read` is the engine's value; `why` each doubt's kind and figures."""

    page: int
    place: str
    image: str
    field: str
    read: str
    why: tuple[tuple[str, str], ...]
    error_probability: float

    @property
    def key(self) -> Key:
        """The page's id and the field's name."""
        return self.page, self.field


class _For(Enum):
    """What a field is before a person for."""

    DECISION = "decision"
    MEASURE = "measure"  # others settled it
    UNDO = "undo"  # the person decided it, and takes it up again


@dataclass(slots=True)
class _Lease:
    key: Key
    until_s: float
    purpose: _For


@dataclass
class Queue:
    """Every doubted field and what was said of each; `tick` gives seconds."""

    exam: Exam
    tick: Callable[[], float]
    _fields: dict[Key, Doubted] = field(default_factory=dict)
    _said: dict[Key, list[Decision]] = field(default_factory=dict)
    _order: list[Key] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)
    _leases: dict[str, _Lease] = field(default_factory=dict)
    _given: dict[str, int] = field(default_factory=dict)
    _checked: set[tuple[str, Key]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, connection: Connection) -> None:
        """Take in what was stored since the last time."""
        with self._lock:
            self._new_readings(connection)
            self._new_words(connection)

    def next_for(self, name: str, *, arbiter: bool = False) -> Doubted | None:
        """The field to look at now; the same one until it is decided or its lease ran out.

        The likeliest to be wrong come first. An arbiter gets those on which graders differ.
        """
        with self._lock:
            now = self.tick()
            own = self._leases.pop(name, None)
            if own is not None and own.until_s > now and self._stays(own, name, arbiter):
                return self._lend(name, own.key, own.purpose)
            count = self._given.get(name, 0)
            known = None
            if not arbiter and count % KNOWN_EVERY == KNOWN_EVERY - 1:
                known = self._known_for(name)
            found = known or self._first(name, arbiter, now)
            if found is None:
                return None
            self._given[name] = count + 1
            return self._lend(name, found, _For.MEASURE if known else _For.DECISION)

    def after(self, name: str, *, arbiter: bool = False) -> Doubted | None:
        """What would most likely come next for a person, to be made ready."""
        with self._lock:
            own = self._leases.get(name)
            found = self._first(name, arbiter, self.tick(), but=own.key if own else None)
            return self._fields[found] if found else None

    def is_known(self, name: str, key: Key) -> bool:
        """Whether a field is before this person only to measure."""
        with self._lock:
            lease = self._leases.get(name)
            return lease is not None and lease.key == key and lease.purpose is _For.MEASURE

    def done(self, name: str, key: Key) -> None:
        """The person has said what this field reads."""
        with self._lock:
            lease = self._leases.get(name)
            if lease is not None and lease.key == key:
                if lease.purpose is _For.MEASURE:
                    self._checked.add((name, key))
                del self._leases[name]

    def again(self, name: str, key: Key) -> Doubted | None:
        """Give a field back to the person who decided it, while it is not settled."""
        with self._lock:
            if key not in self._fields or self._settled(key).standing is Standing.SETTLED:
                return None
            return self._lend(name, key, _For.UNDO)

    def find(self, key: Key) -> Doubted | None:
        """A doubted field."""
        return self._fields.get(key)

    def settled_as(self, key: Key) -> str:
        """What a settled field was settled as, "" where it is not."""
        return self._settled(key).value

    def waiting(self, name: str = "", *, arbiter: bool = False) -> int:
        """How many fields wait for a person, or with no name for anybody."""
        with self._lock:
            if not name:
                return sum(self._settled(k).standing is not Standing.SETTLED for k in self._order)
            return sum(self._wants(key, name, arbiter) for key in self._order)

    def _lend(self, name: str, key: Key, purpose: _For) -> Doubted:
        self._leases[name] = _Lease(key, self.tick() + LEASE_S, purpose)
        return self._fields[key]

    def _stays(self, lease: _Lease, name: str, arbiter: bool) -> bool:
        """Whether a field that a person has before them is still theirs to decide."""
        if lease.key not in self._fields:
            return False  # another scan stands for the page meanwhile
        if lease.purpose is _For.DECISION:
            return self._wants(lease.key, name, arbiter)
        if lease.purpose is _For.UNDO:
            return self._settled(lease.key).standing is not Standing.SETTLED
        return True

    def _first(self, name: str, arbiter: bool, now: float, but: Key | None = None) -> Key | None:
        taken: dict[Key, int] = {}
        for who, lease in self._leases.items():
            if who != name and lease.until_s > now and lease.purpose is _For.DECISION:
                taken[lease.key] = taken.get(lease.key, 0) + 1
        for key in self._order:
            if key == but or not self._wants(key, name, arbiter):
                continue
            free = 1 if arbiter else self.exam.review_people - self._people(key)
            if taken.get(key, 0) < free:
                return key
        return None

    def _wants(self, key: Key, name: str, arbiter: bool) -> bool:
        standing = self._settled(key).standing
        if arbiter:
            return standing is Standing.DIFFERING
        return standing is Standing.WAITING and self._is_for(key, name)

    def _is_for(self, key: Key, name: str) -> bool:
        return all(one.who != name for one in self._said.get(key, ()))

    def _people(self, key: Key) -> int:
        return len({one.who for one in self._said.get(key, ())})

    def _settled(self, key: Key) -> Settled:
        return standing_of(self._said.get(key, ()), self.exam.review_people)

    def _known_for(self, name: str) -> Key | None:
        """A field that others settled, told by chance that nobody can foresee or steer."""
        fit = [
            key
            for key in self._said
            if key in self._fields
            and self._is_for(key, name)
            and (name, key) not in self._checked
            and self._settled(key).standing is Standing.SETTLED
        ]
        if not fit:
            return None
        return min(fit, key=lambda key: hashlib.sha256(f"{name} {key}".encode()).digest())

    def _new_readings(self, connection: Connection) -> None:
        reading, page, last_seen = tables.reading, tables.page, dict(self._seen)
        query = (
            select(page, reading.c.id.label("reading"), reading.c.doubts)
            .add_columns(reading.c.record, reading.c.arrays, reading.c.status)
            .join(reading, reading.c.page == page.c.id)
            .where(reading.c.id > self._seen.get("reading", 0))
            .order_by(reading.c.id)
        )
        last = connection.scalar(select(func.max(reading.c.id))) or 0
        if last > self._seen.get("reading", 0):
            side = stored_card(connection, self.exam.card).design.sides[0]
            for row in connection.execute(query.where(reading.c.doubts != "")):
                self._take(row, side)
            self._seen["reading"] = last
        gone = tables.replaced
        for row in connection.execute(select(gone).where(gone.c.id > self._seen.get("gone", 0))):
            self._forget(row.page)
            self._seen["gone"] = max(self._seen.get("gone", 0), row.id)
        if len(self._order) != len(self._fields) or last_seen != self._seen:
            self._order = sorted(
                self._fields, key=lambda key: (-self._fields[key].error_probability, key)
            )

    def _take(self, row: Row[Any], side: Side) -> None:
        values = dict(zip(value_names(side), json.loads(row.record)["values"], strict=True))
        arrays = cut(zlib.decompress(row.arrays), 1, side)
        chances = dict(zip((one.name for one in side.fields), arrays.probability[0], strict=True))
        why: dict[str, list[tuple[str, str]]] = {}
        for kind, name, evidence in json.loads(row.doubts):
            why.setdefault(name, []).append((kind, evidence))
        place = f"{row.region}/{row.box}/{row.bag} card {row.position}"
        for name, reasons in why.items():
            self._fields[row.id, name] = Doubted(
                row.id,
                place,
                row.image,
                name,
                values.get(name, ""),
                tuple(reasons),
                float(chances.get(name, _UNTOLD)),
            )

    def _forget(self, page: int) -> None:
        for key in [key for key in self._fields if key[0] == page]:
            del self._fields[key]

    def _new_words(self, connection: Connection) -> None:
        table = tables.decision
        query = select(table).where(table.c.id > self._seen.get("decision", 0)).order_by(table.c.id)
        for row in connection.execute(query):
            one = Decision(row.id, row.page, row.field, row.value, row.who, bool(row.arbiter))
            self._said.setdefault((row.page, row.field), []).append(one)
            self._seen["decision"] = row.id
        known = tables.known_field
        query = select(known).where(known.c.id > self._seen.get("known", 0)).order_by(known.c.id)
        for row in connection.execute(query):
            self._checked.add((row.who, (row.page, row.field)))
            self._seen["known"] = row.id
