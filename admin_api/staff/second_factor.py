"""The second factor (动态口令): one-time codes by time, RFC 6238."""

from __future__ import annotations

import base64
from datetime import datetime

import pyotp
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.ledger import Ledger, Signer
from admin_api.acts.roles import ActKind
from admin_api.errors import NotAllowed
from admin_api.staff.keys import seal, unseal
from admin_api.staff.service import number_of

STEP_S = 30
_AROUND = (-1, 0, 1)  # a telephone's clock may be a step off


def new_secret() -> str:
    """A secret for an authenticator, base32."""
    return pyotp.random_base32()


def address_of(name: str, secret: str, exam: str) -> str:
    """What an authenticator's camera reads: an otpauth address."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=exam)


def step_of(secret: str, code: str, moment: datetime) -> int | None:
    """The time step whose code this is, at or next to a moment; None where it is none's."""
    now = int(moment.timestamp()) // STEP_S
    for step in (now + around for around in _AROUND):
        if pyotp.utils.strings_equal(pyotp.TOTP(secret).at(step * STEP_S), code):
            return step
    return None


def enrol(ledger: Ledger, signer: Signer, office: bytes, secret: str) -> None:
    """Give oneself a second factor, or another one; sealed under the office's secret."""
    with ledger.act(signer, ActKind.SECOND_FACTOR, target=signer.name) as act:
        sealed = base64.b64encode(seal(office, secret.encode(), _purpose(signer.name))).decode()
        number = number_of(act.connection, signer.name)
        act.add(tables.second_factor, [{"staff": number, "sealed": sealed}])


def reset(ledger: Ledger, signer: Signer, name: str, why: str) -> None:
    """Take away somebody's second factor: a lost telephone. The person sets up another.

    Raises:
        NotFound: there is no such person.
        NotAllowed: it is one's own; another administrator must.
    """
    if signer.name == name:
        raise NotAllowed("another administrator takes away your second factor")
    with ledger.act(signer, ActKind.SECOND_FACTOR_RESET, target=name, why=why) as act:
        number = number_of(act.connection, name)
        act.add(tables.second_factor, [{"staff": number, "sealed": ""}])


def secret_of(connection: Connection, name: str, office: bytes) -> str:
    """A person's secret, "" where there is none."""
    table, staff = tables.second_factor, tables.staff
    query = select(table.c.sealed).join(staff, staff.c.id == table.c.staff)
    query = query.where(staff.c.name == name).order_by(table.c.id.desc()).limit(1)
    sealed = connection.scalar(query)
    if not sealed:
        return ""
    return unseal(office, base64.b64decode(sealed), _purpose(name)).decode()


def _purpose(name: str) -> str:
    return f"second factor of {name}"
