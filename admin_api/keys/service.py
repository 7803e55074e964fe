"""Answer keys (标准答案): loaded by two people, stored sealed, never told."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, Row, select

from admin_api import tables
from admin_api.acts.ledger import Signer
from admin_api.acts.roles import ActKind
from admin_api.errors import Refused, StoreError
from admin_api.exam.terms import Exam
from admin_api.office import Office
from admin_api.staff.keys import seal, unseal
from omr.score.key_file import PaperKey, parse_key_file


class KeyState(StrEnum):
    """Where the key of a paper's form stands."""

    MISSING = "missing"
    ONCE = "loaded by one person"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One paper's form: the newest version that two people loaded alike, if any."""

    paper: str
    form: str
    state: KeyState
    version: int
    waiting: int  # a version that only one person loaded yet; 0 for none
    who: tuple[str, ...]


def load(office: Office, signer: Signer, path: Path) -> KeyStatus:
    """Load a key's file; it counts when another person has loaded the same content.

    Raises:
        Refused: the file has faults, is not of this exam, or differs from what the other person
            loaded under the same version.
        AnswerKeyError: the file is no key; the message tells no answers.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    key = parse_key_file(content, path.name)
    _check(key, office.exam)
    mark = _mark(office.secret, key)
    target = f"key {key.paper}{key.form} version {key.version}"
    with office.ledger.act(signer, ActKind.KEY_LOAD, target=target) as act:
        entries = _entries(act.connection, key.paper, key.form)
        same = [row for row in entries if row.version == key.version]
        if any(row.who == signer.name for row in same):
            raise Refused(f"{signer.name} loaded {target} before; another person must load it")
        if any(row.mark != mark for row in same):
            raise Refused(
                f"{target} differs from what {same[0].who} loaded; compare the two files, and "
                f"load the right one twice as version {key.version + 1}"
            )
        if any(row.version > key.version for row in entries):
            raise Refused(f"there is a newer version than {target}; load that one")
        if len(same) >= 2:
            raise Refused(f"{target} is loaded by two people already")
        row = {"paper": key.paper, "form": key.form, "version": key.version, "mark": mark}
        sealed = seal(office.secret, content, _purpose(key.paper, key.form, key.version))
        act.add(tables.key_entry, [row | {"sealed": sealed.hex(), "who": signer.name}])
        return _status(_entries(act.connection, key.paper, key.form), key.paper, key.form)


def status(connection: Connection, exam: Exam) -> list[KeyStatus]:
    """Where every key that the exam needs stands."""
    return [
        _status(_entries(connection, paper, form), paper, form) for paper, form in exam.keys_needed
    ]


def ready_keys(office: Office, connection: Connection) -> dict[tuple[str, str], PaperKey]:
    """The keys in force, by paper and form: the newest versions that two people loaded alike.

    Raises:
        StoreError: a key cannot be opened, since the secret is another or the entry was altered.
    """
    keys = {}
    for one in status(connection, office.exam):
        if one.version:
            entries = _entries(connection, one.paper, one.form)
            row = next(row for row in entries if row.version == one.version)
            try:
                content = unseal(
                    office.secret,
                    bytes.fromhex(row.sealed),
                    _purpose(one.paper, one.form, one.version),
                )
            except InvalidTag as error:
                raise StoreError(
                    f"the key of {one.paper}{one.form} does not open; "
                    f"is {office.settings.secret} the one it was sealed under?"
                ) from error
            keys[one.paper, one.form] = parse_key_file(content, f"key {one.paper}{one.form}")
    return keys


def marks(connection: Connection, exam: Exam) -> list[dict[str, Any]]:
    """The keys in force by version and keyed digest, for a release's manifest."""
    found = []
    for one in status(connection, exam):
        rows = [r for r in _entries(connection, one.paper, one.form) if r.version == one.version]
        if rows:
            listed = {"paper": one.paper, "form": one.form, "version": one.version}
            found.append(listed | {"mark": rows[0].mark})
    return found


def _check(key: PaperKey, exam: Exam) -> None:
    if (key.paper, key.form) not in set(exam.keys_needed):
        needed = ", ".join(f"{paper}{form}" for paper, form in exam.keys_needed)
        raise Refused(f"the exam needs no key of {key.paper}{key.form}; it needs {needed}")
    paper = exam.papers[key.paper]
    names = [item.name for item in key.key.items]
    wanted = [str(number) for number in range(1, paper.items + 1)]
    if sorted(names) != sorted(wanted):
        lost = [name for name in wanted if name not in names]
        extra = [name for name in names if name not in wanted]
        raise Refused(
            f"the key of {key.paper}{key.form} does not fit its {paper.items} items",
            [f"item {n} is missing" for n in lost] + [f"there is no item {n}" for n in extra],
        )


def _mark(secret: bytes, key: PaperKey) -> str:
    """Tells whether two keys are the same, and nothing else."""
    content = f"{key.paper}\0{key.form}\0{key.version}\0{key.key.hash}"
    return hmac.new(secret, content.encode(), hashlib.sha256).hexdigest()


def _purpose(paper: str, form: str, version: int) -> str:
    return f"answer key {paper} {form} {version}"


def _entries(connection: Connection, paper: str, form: str) -> list[Row[Any]]:
    table = tables.key_entry
    return list(
        connection.execute(
            select(table)
            .where(table.c.paper == paper, table.c.form == form)
            .order_by(table.c.version, table.c.id)
        )
    )


def _status(entries: list[Row[Any]], paper: str, form: str) -> KeyStatus:
    people: dict[tuple[int, str], list[str]] = {}
    for row in entries:
        people.setdefault((row.version, row.mark), []).append(row.who)
    agreed = {version: who for (version, _), who in people.items() if len(set(who)) >= 2}
    version = max(agreed, default=0)
    waiting = max((v for v, _ in people if v > version), default=0)
    state = KeyState.ONCE if waiting else KeyState.READY if version else KeyState.MISSING
    who = agreed.get(version, [row.who for row in entries])
    return KeyStatus(paper, form, state, version, waiting, tuple(who))
