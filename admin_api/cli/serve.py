"""`kaowu serve`: the console."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from admin_api.acts.roles import Role
from admin_api.cli.desk import here
from admin_api.console.serve import Listening, console_for, run_console
from admin_api.rehearsal.run import PEOPLE, PHRASE, open_to_people
from admin_api.rehearsal.world import LEAST
from admin_api.settings import settings_in

CHIEF = {"administrator": (Role.ADMINISTRATOR, "")}


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8600,
    name: Annotated[
        list[str] | None, typer.Option(help="A host name that browsers use; may be repeated.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    authority: Annotated[
        Path | None, typer.Option(help="Who issued the staff's certificates (USBKEY), PEM.")
    ] = None,
    second_factor: Annotated[
        bool, typer.Option(help="Whether everybody needs one-time codes.")
    ] = True,
    rehearsal: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A made-up sitting, made there if need be.")
    ] = None,
    people: Annotated[int, typer.Option(min=LEAST, help="How many candidates it has.")] = 300,
) -> None:
    """Serve the console until Ctrl-C."""
    listening = Listening(host, port, tuple(name or ()), certificate, key, authority)
    if rehearsal is not None:
        settings = replace(settings_in(rehearsal / "home"), scans=rehearsal / "files")
        workers = len(os.sched_getaffinity(0))
        office = open_to_people(settings, rehearsal / "files", people, workers, typer.echo)
        console = console_for(office, listening, second_factor=False)
        typer.echo(f"Everybody's passphrase is: {PHRASE}")
        for who, (role, region) in (CHIEF | PEOPLE).items():
            typer.echo(f"  {who:<16} {role.value} {region}".rstrip())
    else:
        console = console_for(here(), listening, second_factor=second_factor)
    run_console(console, listening, lambda address: typer.echo(f"The console is at {address}"))
