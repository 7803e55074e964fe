"""People (工作人员): who they are, what they may do, and opening their keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from admin_api import tables
from admin_api.acts.ledger import Act, Ledger, Signer, need_in_office, need_reason
from admin_api.acts.roles import BOUND_TO_REGION, ActKind, Role
from admin_api.errors import NotAllowed, NotFound, Refused
from admin_api.exam.terms import Exam
from admin_api.staff.keys import new_key, sealed_key, unlock

_NAME = re.compile(r"[\w.-]{2,40}")


@dataclass(frozen=True, slots=True)
class Member:
    """One staff member. `region` and `site` are "" where the role is bound to none."""

    name: str
    role: Role
    region: str
    site: str
    public_key: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who is to be added."""

    name: str
    role: Role
    passphrase: str
    region: str = ""
    site: str = ""


def enter(act: Act, person: Newcomer, public: str, sealed: str) -> None:
    """Enter a person's row, with the key pair that was made for it, in an act."""
    row = {
        "name": person.name,
        "role": person.role.value,
        "region": person.region,
        "site": person.site,
        "public_key": public,
        "sealed_key": sealed,
    }
    act.add(tables.staff, [row])


def add(ledger: Ledger, signer: Signer, person: Newcomer, exam: Exam) -> str:
    """Add a person; returns the public key, hex.

    Raises:
        Refused: the name is taken, or role and region do not fit.
        NotAllowed: the signer is no administrator.
    """
    check(person, exam)
    public, sealed = new_key(person.name, person.passphrase)
    with ledger.act(signer, ActKind.STAFF_ADD, target=person.name) as act:
        if act.connection.execute(
            select(tables.staff.c.id).where(tables.staff.c.name == person.name)
        ).first():
            raise Refused(f"{person.name} is or was on the staff; names are not used again")
        act.details |= {"role": person.role.value, "region": person.region, "site": person.site}
        enter(act, person, public, sealed)
    return public


def check(person: Newcomer, exam: Exam | None) -> None:
    """Pass a person whose name, role and region fit together.

    Raises:
        Refused: they do not.
    """
    if not _NAME.fullmatch(person.name):
        raise Refused(f"{person.name!r}: a name is 2 to 40 letters, digits, '.', '_' or '-'")
    bound = person.role in BOUND_TO_REGION
    if bound and (exam is None or person.region not in exam.regions):
        known = ", ".join(exam.regions) if exam else ""
        raise Refused(f"{person.role.value} staff need their region; known: {known}")
    if not bound and (person.region or person.site):
        raise Refused(f"a {person.role.value} is bound to no region; leave it out")
    if (person.role is Role.SITE) != bool(person.site):
        raise Refused("site staff, and only they, need their site")


def revoke(ledger: Ledger, signer: Signer, name: str, why: str) -> None:
    """End a person's power to act; what they signed stays signed.

    Raises:
        NotFound: there is no such person, or it was done already.
        Refused: the last administrator, or no reason is given.
    """
    need_reason(why)
    with ledger.act(signer, ActKind.STAFF_REVOKE, target=name, why=why) as act:
        people = {member.name: member for member in members(act.connection)}
        if name not in people or people[name].revoked:
            raise NotFound(f"there is no {name!r} on the staff; see kaowu staff list")
        active = [m for m in people.values() if m.role is Role.ADMINISTRATOR and not m.revoked]
        if [m.name for m in active] == [name]:
            raise Refused(f"{name} is the only administrator; add another first")
        act.add(tables.staff_revoked, [{"staff": number_of(act.connection, name)}])


def members(connection: Connection) -> list[Member]:
    """Everybody who is or was on the staff, in the order in which they came."""
    staff, revoked = tables.staff, tables.staff_revoked
    gone = exists().where(revoked.c.staff == staff.c.id).label("gone")
    return [
        Member(row.name, Role(row.role), row.region, row.site, row.public_key, bool(row.gone))
        for row in connection.execute(select(staff, gone).order_by(staff.c.id))
    ]


def open_key(ledger: Ledger, name: str, passphrase: str) -> Signer:
    """A person with the key opened, ready to act.

    Raises:
        NotFound: there is no such person.
        NotAllowed: the passphrase is wrong. Whether revoked is found out at the act itself.
    """
    staff = tables.staff
    with ledger.moment() as connection:
        row = connection.execute(select(staff).where(staff.c.name == name)).one_or_none()
        if row is None:
            raise NotFound(f"there is no {name!r} on the staff; see kaowu staff list")
        later = tables.passphrase
        newest = select(later.c.sealed_key).where(later.c.staff == row.id)
        sealed = connection.scalar(newest.order_by(later.c.id.desc()).limit(1)) or row.sealed_key
    key = unlock(name, sealed, passphrase)
    return Signer(row.name, Role(row.role), row.region, row.site, key)


def change_passphrase(ledger: Ledger, signer: Signer, passphrase: str) -> None:
    """Seal one's own key under another passphrase; the earlier one signs nobody in any more.

    Raises:
        Refused: the passphrase is too short.
    """
    sealed = sealed_key(signer.name, signer.key, passphrase)
    with ledger.act(signer, ActKind.PASSPHRASE, target=signer.name) as act:
        number = number_of(act.connection, signer.name)
        act.add(tables.passphrase, [{"staff": number, "sealed_key": sealed}])


def number_of(connection: Connection, name: str) -> int:
    """A person's id.

    Raises:
        NotFound: there is no such person.
    """
    found = connection.scalar(select(tables.staff.c.id).where(tables.staff.c.name == name))
    if found is None:
        raise NotFound(f"there is no {name!r} on the staff; see kaowu staff list")
    return int(found)


def is_in_office(connection: Connection, signer: Signer) -> bool:
    """Whether a person is still on the staff, with this key."""
    try:
        need_in_office(connection, signer)
    except NotAllowed:
        return False
    return True
