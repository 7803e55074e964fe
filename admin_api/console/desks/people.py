"""People: who is on the staff, new ones, lost telephones, farewells."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BaseModel, Field

from admin_api.acts.roles import Role
from admin_api.console.desk import Desk, seated
from admin_api.errors import Refused
from admin_api.staff import second_factor, service

router = APIRouter(prefix="/people", tags=["people"])
Administrator = Annotated[Desk, seated(Role.ADMINISTRATOR)]
Onlooker = Annotated[Desk, seated(Role.ADMINISTRATOR, Role.AUDITOR)]


class Person(BaseModel):
    """Somebody on the staff. `second_factor`: whether one is set up."""

    name: str
    role: Role
    region: str
    site: str
    public_key: str
    revoked: bool
    second_factor: bool


class People(BaseModel):
    """Everybody who is or was on the staff."""

    people: list[Person]
    roles: list[Role]
    regions: dict[str, str]


class NewPerson(BaseModel):
    """Somebody new. The passphrase is the new person's own, typed by that person, twice."""

    name: str = Field(max_length=40)
    role: Role
    region: str = Field(default="", max_length=8)
    site: str = Field(default="", max_length=40)
    passphrase: str = Field(max_length=200)
    again: str = Field(max_length=200)


class Why(BaseModel):
    """A reason, for the audit."""

    why: str = Field(min_length=4, max_length=500)


@router.get("")
def people(desk: Onlooker) -> People:
    """Everybody who is or was on the staff."""
    return desk.show("people.html", _people(desk))


@router.post("")
def add_person(desk: Administrator, said: Annotated[NewPerson, Form()]) -> People:
    """Add a person, with a key under the person's own passphrase."""
    if said.passphrase != said.again:
        raise Refused("the passphrase was not repeated as it was given")
    person = service.Newcomer(said.name, said.role, said.passphrase, said.region, said.site)
    service.add(desk.office.ledger, desk.signer, person, desk.office.exam)
    return desk.done(_people(desk), "/people", "added to the staff")


@router.post("/{name}/revoke")
def revoke_person(desk: Administrator, name: str, said: Annotated[Why, Form()]) -> People:
    """End a person's power to act; what was signed stays signed."""
    service.revoke(desk.office.ledger, desk.signer, name, said.why)
    return desk.done(_people(desk), "/people", "revoked")


@router.post("/{name}/second-factor/reset")
def reset_second_factor(desk: Administrator, name: str, said: Annotated[Why, Form()]) -> People:
    """Take away a lost second factor; the person sets up another when signing in."""
    second_factor.reset(desk.office.ledger, desk.signer, name, said.why)
    return desk.done(_people(desk), "/people", "the second factor is taken away")


def _people(desk: Desk) -> People:
    office = desk.office
    with office.ledger.moment() as connection:
        found = [
            Person(
                name=one.name,
                role=one.role,
                region=one.region,
                site=one.site,
                public_key=one.public_key,
                revoked=one.revoked,
                second_factor=bool(second_factor.secret_of(connection, one.name, office.secret)),
            )
            for one in service.members(connection)
        ]
    return People(people=found, roles=list(Role), regions=dict(office.exam.regions))
