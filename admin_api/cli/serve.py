"""`kaowu serve`: the console."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import here
from admin_api.console.serve import Listening, console_for, run_console


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
) -> None:
    """Serve the console until Ctrl-C."""
    listening = Listening(host, port, tuple(name or ()), certificate, key, authority)
    console = console_for(here(), listening, second_factor=second_factor)
    run_console(console, listening, lambda address: typer.echo(f"The console is at {address}"))
