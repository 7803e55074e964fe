"""`kaowu violations`: entered, reviewed, compared with the formal document (违纪)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import As, Encoding, here, signer
from admin_api.errors import Refused, Unsettled
from admin_api.violations import service

violations_app = typer.Typer(help="Violations and what they cost.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The list.")]


@violations_app.command()
def enter(file: File, as_: As, encoding: Encoding = None) -> None:
    """Enter a list of violations, whole or not at all."""
    office = here()
    new = service.enter(office, signer(office, as_), file, encoding=encoding)
    typer.echo(f"{file}: {len(new)} violations entered")


@violations_app.command()
def review(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The violation.")],
    verdict: Annotated[str, typer.Argument(metavar="reviewed|rejected")],
    as_: As,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")] = "",
) -> None:
    """Confirm or reject what another person entered."""
    if verdict not in (service.REVIEWED, service.REJECTED):
        raise Refused(f"say {service.REVIEWED} or {service.REJECTED}")
    office = here()
    found = service.review(office, signer(office, as_), number, verdict, why)
    typer.echo(f"{found}, {found.verdict}")


@violations_app.command()
def compare(
    file: File,
    region: Annotated[str, typer.Option(help="考区.")],
    as_: As,
    encoding: Encoding = None,
) -> None:
    """Compare the formal document's list with the system's; no difference closes the region."""
    office = here()
    found = service.compare(office, signer(office, as_), region, file, encoding=encoding)
    if not found.agrees:
        raise Unsettled(f"{file} and the system differ; nothing was closed", found.words)
    typer.echo(f"{region}: the lists agree record by record; closed")


@violations_app.command("list")
def list_violations(
    region: Annotated[str, typer.Option(help="One region's only.")] = "",
) -> None:
    """List violations."""
    with here().ledger.moment() as connection:
        for one in service.violations(connection, region):
            typer.echo(f"{one.id:>5} {'/'.join(one.record)} {one.verdict or 'to review'}")
