"""`kaowu staff`: people, roles, regions and their keys."""

from __future__ import annotations

from typing import Annotated

import typer

from admin_api.acts.roles import Role
from admin_api.cli.desk import As, here, passphrase_of, signer
from admin_api.staff import service

staff_app = typer.Typer(help="People, their roles and their keys.", no_args_is_help=True)


@staff_app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name that was never used here.")],
    role: Annotated[Role, typer.Option(help="What the person is here for.")],
    as_: As,
    region: Annotated[str, typer.Option(help="考区, for region and site staff.")] = "",
    site: Annotated[str, typer.Option(help="考点, for site staff.")] = "",
) -> None:
    """Add a person, with an Ed25519 key under the person's own passphrase."""
    office = here()
    service.check(service.Newcomer(name, role, "", region, site), office.exam)
    acting = signer(office, as_)
    phrase = passphrase_of(office.settings, name, new=True)
    person = service.Newcomer(name, role, phrase, region, site)
    public = service.add(office.ledger, acting, person, office.exam)
    typer.echo(f"{name}: {role.value}, public key {public}")


@staff_app.command("list")
def list_staff() -> None:
    """List everybody who is or was on the staff."""
    with here().ledger.moment() as connection:
        people = service.members(connection)
    for person in people:
        place = f"{person.region} {person.site}".strip()
        state = "revoked" if person.revoked else ""
        line = f"{person.name:<16} {person.role.value:<14} {place:<12} {person.public_key} {state}"
        typer.echo(line.rstrip())


@staff_app.command()
def revoke(
    name: str, why: Annotated[str, typer.Option(help="The reason, for the audit.")], as_: As
) -> None:
    """End a person's power to act; what was signed stays signed."""
    office = here()
    service.revoke(office.ledger, signer(office, as_), name, why)
    typer.echo(f"{name}: revoked")
