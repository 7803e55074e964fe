"""`kaowu key`: answer keys, loaded by two people and never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import As, here, signer
from admin_api.keys import service
from admin_api.keys.service import KeyStatus

key_app = typer.Typer(help="Answer keys; two people load each.", no_args_is_help=True)


@key_app.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="KEY.toml", help="One paper's form.")], as_: As
) -> None:
    """Load a key; it is in force when another person has loaded the same."""
    office = here()
    typer.echo(_line(service.load(office, signer(office, as_), file)))


@key_app.command()
def status() -> None:
    """Say which keys are in force; never what they hold."""
    office = here()
    with office.ledger.moment() as connection:
        for one in service.status(connection, office.exam):
            typer.echo(_line(one))


def _line(one: KeyStatus) -> str:
    version = f" version {one.version}" if one.version else ""
    waiting = f", version {one.waiting} waits for another person" if one.waiting else ""
    who = f" ({', '.join(one.who)})" if one.who else ""
    return f"{one.paper}{one.form:<2} {one.state.value}{version}{who}{waiting}"
