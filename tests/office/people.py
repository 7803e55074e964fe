"""An office with people in it, for tests: every role, two of those that must act in twos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from admin_api.acts.ledger import Signer
from admin_api.acts.roles import Role
from admin_api.clock import CST
from admin_api.office import Office, found_office
from admin_api.settings import Settings
from admin_api.staff import keys
from admin_api.staff.service import Newcomer, add, open_key

PASSPHRASE = "a long enough phrase"
STAFF: dict[str, tuple[Role, str, str]] = {
    "sun": (Role.SUPERVISOR, "", ""),
    "song": (Role.SUPERVISOR, "", ""),
    "ou": (Role.OPERATOR, "", ""),
    "ren": (Role.REVIEWER, "", ""),
    "rao": (Role.REVIEWER, "", ""),
    "kang": (Role.KEYHOLDER, "", ""),
    "kong": (Role.KEYHOLDER, "", ""),
    "lin": (Role.RELEASE, "", ""),
    "luo": (Role.RELEASE, "", ""),
    "shen": (Role.AUDITOR, "", ""),
    "lu37": (Role.REGION, "37", ""),
    "lv37": (Role.REGION, "37", ""),
    "zang54": (Role.REGION, "54", ""),
    "zhan01": (Role.SITE, "37", "01"),
}


@dataclass
class Clock:
    """A clock that stands where it is put, in China Standard Time."""

    moment: datetime = datetime(2026, 6, 1, 9, 0, tzinfo=CST)

    def __call__(self) -> datetime:
        return self.moment


class Desk:
    """An office and its people; `desk["sun"]` is a person with an open key."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self.office = office
        self.clock = clock
        self._open: dict[str, Signer] = {}

    def __getitem__(self, name: str) -> Signer:
        if name not in self._open:
            self._open[name] = open_key(self.office.ledger, name, PASSPHRASE)
        return self._open[name]

    @cached_property
    def ledger(self):
        return self.office.ledger


def new_desk(settings: Settings, exam: Path) -> Desk:
    """Found an office and hire everybody whose region the exam has. Keys are cheap to open here."""
    clock = Clock()
    office = found_office(settings, exam, Newcomer("an", Role.ADMINISTRATOR, PASSPHRASE), clock)
    desk = Desk(office, clock)
    for name, (role, region, site) in STAFF.items():
        if not region or region in office.exam.regions:
            add(
                office.ledger,
                desk["an"],
                Newcomer(name, role, PASSPHRASE, region, site),
                office.exam,
            )
    return desk


def with_cheap_keys(monkeypatch_set: Callable[[object, str, object], None]) -> None:
    """Let argon2 cost next to nothing: tests open many keys."""
    monkeypatch_set(keys, "_COST", {"time_cost": 1, "memory_cost": 8, "parallelism": 1})
