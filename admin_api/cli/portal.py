"""`kaowu portal`: the candidates' portal, its secret and its sealed files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import here
from admin_api.release import service
from admin_api.release.portal_file import new_secret, write_portal_file

portal_app = typer.Typer(help="The candidates' portal (成绩查询).", no_args_is_help=True)
Secret = Annotated[Path, typer.Option("--secret", help="The file of the portal's secret.")]


@portal_app.command()
def secret(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; keep it safe.")],
) -> None:
    """Make the portal's secret; the sealing office and the portals need the same one."""
    new_secret(file)
    typer.echo(f"{file}: keep it where only the office and the portals can read it")


@portal_app.command()
def seal(
    secret_file: Secret,
    out: Annotated[Path, typer.Option(help="The sealed file to write, or to replace.")],
) -> None:
    """Seal the release in force; a portal that reads the file takes it up by itself."""
    office = here()
    with office.ledger.moment() as connection:
        shown = service.published(connection)
        keys = service.release_keys(connection)
    if shown is None:
        typer.echo("nothing is published")
        raise typer.Exit(7)
    folder = service.folder_of(office, shown.hash)
    count = write_portal_file(folder, keys, office.exam, secret_file, out)
    typer.echo(f"{out}: {count} candidates of release {shown.hash[:12]}, {shown.kind.value}")


@portal_app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8700,
    processes: Annotated[int, typer.Option(min=1, max=64)] = 2,
) -> None:
    """Serve the portal by the PORTAL_ settings (kaowu settings) until stopped."""
    from admin_api.portal.serve import run_portal

    run_portal(host, port, processes)
