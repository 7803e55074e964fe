"""Runs a sitting through the office, from files to a published release, with a clock of its own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from admin_api import tables
from admin_api.acts.ledger import Signer
from admin_api.acts.roles import Role
from admin_api.clock import CST
from admin_api.clock import now as now_here
from admin_api.corrections import service as corrections
from admin_api.corrections.records import Standing, Verdict, standings
from admin_api.errors import NotAllowed, Refused, TooLate, Unsettled
from admin_api.intake.scans import lots_in
from admin_api.intake.service import Taken, take_in
from admin_api.keys import service as keys
from admin_api.office import Office, found_office, open_office
from admin_api.registration import service as registration
from admin_api.rehearsal.files import write_sitting
from admin_api.rehearsal.scans import AGAIN, FIRST
from admin_api.rehearsal.troubles import make_world
from admin_api.rehearsal.truth import Script
from admin_api.rehearsal.world import SittingPlan, World
from admin_api.release import service as release
from admin_api.release.service import Release
from admin_api.release.verify import verify
from admin_api.results import service as results
from admin_api.review import service as review
from admin_api.settings import Settings
from admin_api.settling.service import settle
from admin_api.staff.service import Newcomer, add, open_key
from admin_api.violations import service as violations
from omr.pool import Limits
from omr.progress import Progress, Silent

PHRASE = "a rehearsal, nothing secret"
PEOPLE: dict[str, tuple[Role, str]] = {
    "supervisor-1": (Role.SUPERVISOR, ""),
    "supervisor-2": (Role.SUPERVISOR, ""),
    "operator": (Role.OPERATOR, ""),
    "reviewer-1": (Role.REVIEWER, ""),
    "reviewer-2": (Role.REVIEWER, ""),
    "keyholder-1": (Role.KEYHOLDER, ""),
    "keyholder-2": (Role.KEYHOLDER, ""),
    "release-1": (Role.RELEASE, ""),
    "release-2": (Role.RELEASE, ""),
    "shandong-1": (Role.REGION, "37"),
    "shandong-2": (Role.REGION, "37"),
    "xizang": (Role.REGION, "54"),
    "auditor": (Role.AUDITOR, ""),
}
Say = Callable[[str], None]
READY = "rehearsed"  # a file in a home that was made whole
LEFT_TO_SCAN = "66"
_MORNING = datetime(2026, 6, 2, 9, 0, tzinfo=CST)


@dataclass
class Moment:
    """A clock that is moved by hand."""

    now: datetime = field(default_factory=lambda: _MORNING)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Rehearsal:
    """A rehearsal as it stands: the office, who works there, what truly happened."""

    office: Office
    world: World
    folder: Path
    clock: Moment
    say: Say
    released: list[Release] = field(default_factory=list)
    _keys: dict[str, Signer] = field(default_factory=dict)

    def person(self, name: str) -> Signer:
        """A staff member with the key open."""
        if name not in self._keys:
            self._keys[name] = open_key(self.office.ledger, name, PHRASE)
        return self._keys[name]


def begin(settings: Settings, folder: Path, people: int, workers: int, say: Say) -> Rehearsal:
    """Make the sitting's files and found an office for it; an earlier one's home is deleted."""
    world = write_sitting(SittingPlan(people), folder, workers)
    cards = sum(1 for _ in world.cards())
    say(f"{people} candidates, {cards} cards drawn, {len(world.troubles)} troubles among them")
    shutil.rmtree(settings.home, ignore_errors=True)
    clock = Moment()
    chief = Newcomer("administrator", Role.ADMINISTRATOR, PHRASE)
    office = found_office(settings, folder / "EXAM.toml", chief, clock)
    rehearsal = Rehearsal(office, world, folder, clock, say)
    for name, (role, region) in PEOPLE.items():
        add(
            office.ledger,
            rehearsal.person("administrator"),
            Newcomer(name, role, PHRASE, region),
            office.exam,
        )
    return rehearsal


def resume(settings: Settings, folder: Path, people: int, say: Say) -> Rehearsal:
    """Take up a rehearsal that was stopped at any moment; every step may be run again."""
    clock = Moment()
    return Rehearsal(
        open_office(settings, clock), make_world(SittingPlan(people)), folder, clock, say
    )


def _once(do: Callable[..., object], *given: object) -> None:
    """Do what an earlier, stopped run may have done already: then it is refused, and stands."""
    with contextlib.suppress(Refused, NotAllowed):
        do(*given)


def register(now: Rehearsal) -> None:
    """Rosters, lists, answers given on computers, earlier years."""
    office, who, folder = now.office, now.person("supervisor-1"), now.folder
    for path in sorted((folder / "rosters").iterdir()):
        registration.import_roster(office, who, path, military=path.stem == "military")
    for path in sorted((folder / "attendance").iterdir()):
        registration.import_attendance(office, who, path)
    for path in sorted((folder / "materials").iterdir()):
        registration.import_materials(office, who, path)
    registration.import_computer_answers(office, who, folder / "cbt" / "answers.csv")
    registration.import_history(office, who, folder / "history.csv")
    now.say("rosters (DBF, XLSX, GB18030 CSV, military), lists and earlier years imported")


def report(now: Rehearsal) -> None:
    """What regions report in time, and what comes too late."""
    office, reports = now.office, now.folder / "corrections"
    done = corrections.submit(office, now.person("shandong-1"), reports / "37.csv")
    with office.ledger.moment() as connection:
        every = corrections.corrections(connection)
        found = standings(every, corrections.verdicts(connection))
    for number in (one.id for one in every if found[one.id] is Standing.PROPOSED):
        corrections.judge(office, now.person("supervisor-1"), number, Verdict.APPROVED)
    lists = now.folder / "violations"
    violations.enter(office, now.person("shandong-1"), lists / "37.csv")
    with office.ledger.moment() as connection:
        entered = [one.id for one in violations.violations(connection) if not one.verdict]
    for number in entered:
        violations.review(office, now.person("shandong-2"), number, violations.REVIEWED)
    document = lists / "37-document.csv"
    assert violations.compare(office, now.person("shandong-1"), "37", document).agrees
    now.clock.now = datetime(2026, 6, 13, 0, 0, tzinfo=CST)
    for name in ("late-54.csv", "refused-54.csv"):
        try:
            corrections.submit(office, now.person("xizang"), reports / name)
        except TooLate as error:
            now.say(f"{name}: {str(error).splitlines()[0]}")
    late = reports / "late-54.csv"
    for name in ("supervisor-1", "supervisor-2"):
        who = now.person(name)
        _once(corrections.override, office, who, late, "the letter came in time")
    now.say(f"{len(done.new)} corrections in force, one late one let in by two people")


def read(now: Rehearsal, limits: Limits, progress: Progress) -> Taken:
    """Read the cards, and once more those that could not be read."""
    office, who = now.office, now.person("operator")
    taken = take_in(office, who, lots_in(now.folder / FIRST), limits, progress)
    take_in(office, who, lots_in(now.folder / AGAIN), limits, progress)
    now.say(f"cards read: {dict(taken.statuses)}")
    _replace(now)
    return taken


def review_doubts(now: Rehearsal) -> int:
    """Two graders settle every doubt by what the card truly says."""
    office, script = now.office, Script.read(now.folder)
    names = _names(now)
    with office.ledger.moment() as connection:
        waiting = review.open_fields(connection, office.exam)
    for one in waiting:
        value = script.value(names[one.page], one.field)
        for name in ("reviewer-1", "reviewer-2"):
            who = now.person(name)
            review.decide(office, who, one.page, one.field, value)
    now.say(f"{len(waiting)} doubted fields settled by two graders")
    return len(waiting)


def finish(now: Rehearsal) -> list[Release]:
    """Keys, scores, freeze, two signatures, publication."""
    office = now.office
    load_keys(now)
    run = results.score(office, now.person("supervisor-1"))
    now.say(f"{run.results} results, {run.outcomes} outcomes")
    _settle_the_rest(now)
    now.released = release.freeze(office, now.person("release-1"))
    for one in now.released:
        for name in ("release-1", "release-2"):
            who = now.person(name)
            _once(release.sign, office, who, one.hash)
    _once(release.publish, office, now.person("release-1"), now.released[0].hash)
    with office.ledger.moment() as connection:
        public = release.release_keys(connection)
    for one in now.released:
        checked = verify(release.folder_of(office, one.hash), public)
        now.say(f"{one.kind.value} release {one.hash[:16]}: {checked.candidates} candidates, holds")
    return now.released


def load_keys(now: Rehearsal) -> None:
    """Two people load every paper's key."""
    for path in sorted((now.folder / "keys").iterdir()):
        for name in ("keyholder-1", "keyholder-2"):
            who = now.person(name)
            _once(keys.load, now.office, who, path)


def open_to_people(settings: Settings, folder: Path, people: int, workers: int, say: Say) -> Office:
    """A sitting that is half read and not settled: one region's cards, the rescans, the doubts, the
    reports and the release are left to people.

    An office that is there is opened as people left it. Its clock goes on from the morning of
    2 June 2026, so that nothing is late yet.
    """
    if not (settings.home / READY).is_file():
        made = begin(settings, folder, people, workers, say)
        register(made)
        lots = [lot for lot in lots_in(folder / FIRST) if lot.bag.region != LEFT_TO_SCAN]
        take_in(made.office, made.person("operator"), lots, Limits(workers), Silent())
        load_keys(made)
        made.office.ledger.engine.dispose()
        (settings.home / READY).touch()
    begun = now_here()
    return open_office(settings, lambda: _MORNING + (now_here() - begun))


def _names(now: Rehearsal) -> dict[int, str]:
    """Every page's scan, as the sitting's truth names it."""
    pages = now.office.ledger.read(select(tables.page.c.id, tables.page.c.source))
    return {
        page: Path(source).relative_to(now.folder).as_posix() for page, source in pages.iter_rows()
    }


def _replace(now: Rehearsal) -> None:
    """Rescans stand for what could not be read, a candidate's second card for the spoiled one."""
    pages = {name: page for page, name in _names(now).items()}
    for old, new in Script.read(now.folder).replacements:
        why = "spoiled and crossed out" if new.startswith(FIRST + "/") else "it could not be read"
        who = now.person("operator")
        _once(review.replace_page, now.office, who, pages[old], pages[new], why)


def _settle_the_rest(now: Rehearsal) -> None:
    """Whatever is still open is shown, and two people let it stand with a reason."""
    office = now.office
    try:
        release.freeze(office, now.person("release-1"))
    except Unsettled as blocked:
        now.say(f"freeze refused: {len(blocked.findings)} open; two people let them stand")
        for line in blocked.findings:
            now.say(f"  {line}")
            for name in ("supervisor-1", "release-2"):
                matter = line.split(": ")[0]
                _once(settle, office, now.person(name), matter, "as the room's record has it")
        results.score(office, now.person("supervisor-1"))
