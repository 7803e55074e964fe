"""An office: the store, the vault and the exam of one home, opened together."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select

from admin_api import tables
from admin_api.acts.ledger import Ledger, Signer
from admin_api.acts.roles import ActKind, Role
from admin_api.clock import Clock, now
from admin_api.database import create_tables, is_created, open_engine, reading
from admin_api.errors import NotFound, Refused, StoreError
from admin_api.exam.parse import load_exam, parse_exam
from admin_api.exam.terms import Exam
from admin_api.intake.cards import card_artefacts
from admin_api.settings import Settings
from admin_api.staff.keys import new_key, unlock
from admin_api.staff.service import Newcomer, check, enter
from admin_api.vault import Vault

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Office:
    """What every service works with."""

    settings: Settings
    ledger: Ledger
    vault: Vault
    exam: Exam
    secret: bytes = field(repr=False)


def found_office(
    settings: Settings, exam_file: Path, administrator: Newcomer, clock: Clock = now
) -> Office:
    """Set up a home: database, vault, secret, the exam and its first administrator.

    Raises:
        Refused: the exam's file has faults, or the home is in use already.
        StoreError: the home or the database cannot be written.
    """
    exam, text = load_exam(exam_file)
    if administrator.role is not Role.ADMINISTRATOR:
        raise Refused("the first person of an office is its administrator")
    check(administrator, exam)
    engine = open_engine(settings.database)
    if is_created(engine) and _is_founded(engine):
        raise Refused(f"there is an office in {settings.home} already; choose another KAOWU_HOME")
    _make_home(settings)
    create_tables(engine)
    ledger = Ledger(engine, clock, via_here())
    public, sealed = new_key(administrator.name, administrator.passphrase)
    key = unlock(administrator.name, sealed, administrator.passphrase)
    signer = Signer(administrator.name, Role.ADMINISTRATOR, "", "", key)
    with ledger.act(signer, ActKind.INIT, target=exam.name, exam=exam.sha256) as act:
        act.add(tables.exam, [{"text": text, "sha256": exam.sha256}])
        act.add(tables.artefact, card_artefacts(exam.card, exam_file.parent))
        enter(act, administrator, public, sealed)
    engine.dispose()
    return open_office(settings, clock)


def open_office(settings: Settings, clock: Clock = now) -> Office:
    """Open a home that was set up before.

    Raises:
        NotFound: there is none.
        StoreError: it cannot be read, or its secret is missing.
    """
    engine = open_engine(settings.database)
    if not is_created(engine):
        raise NotFound(f"there is no office in {settings.home}; begin with kaowu init EXAM.toml")
    create_tables(engine)
    ledger = Ledger(engine, clock, via_here())
    exams = ledger.read(select(tables.exam).order_by(tables.exam.c.id.desc()).limit(1))
    if exams.is_empty():
        raise NotFound(f"setting up {settings.home} was cut short; run kaowu init EXAM.toml again")
    try:
        secret = settings.secret.read_bytes()
    except OSError as error:
        raise StoreError(
            f"{settings.secret} cannot be read ({error.strerror}); copy it from the machine "
            "where the office was set up"
        ) from error
    exam = parse_exam(exams["text"][0], "the stored exam")
    return Office(settings, ledger, Vault(settings.vault), exam, secret)


def via_here() -> str:
    """From where an act at the command line comes."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_founded(engine: Engine) -> bool:
    """Whether the first act was stored; a set-up that was cut short before it can be run again."""
    with reading(engine) as connection:
        return connection.execute(select(tables.act.c.id).limit(1)).first() is not None


def _make_home(settings: Settings) -> None:
    try:
        settings.vault.mkdir(parents=True, exist_ok=True)
        if not settings.secret.exists():
            mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with open(os.open(settings.secret, mode, 0o600), "wb") as file:
                file.write(os.urandom(_SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"{settings.home} cannot be set up: {error.strerror}") from error
