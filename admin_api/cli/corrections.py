"""`kaowu corrections`: what regions say is wrong (数据修正)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import As, Encoding, here, signer
from admin_api.corrections import service
from admin_api.corrections.records import Verdict, standings

corrections_app = typer.Typer(help="Corrections that regions report.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The list; evidence lies beside it.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The correction.")]
Why = Annotated[str, typer.Option(help="The reason, for the audit.")]


@corrections_app.command()
def submit(file: File, as_: As, encoding: Encoding = None) -> None:
    """Submit a region's list: taken whole, or refused whole with every reason."""
    office = here()
    done = service.submit(office, signer(office, as_), file, encoding=encoding)
    typer.echo(f"{file}: {len(done.new)} corrections taken, {done.known} known as they stand")


@corrections_app.command()
def override(file: File, why: Why, as_: As, encoding: Encoding = None) -> None:
    """Let a late list in; two people must, and it stays marked late."""
    office = here()
    done = service.override(office, signer(office, as_), file, why, encoding=encoding)
    typer.echo(f"{file}: {len(done.new)} late corrections noted, {done.known} let in once more")


@corrections_app.command()
def approve(number: Number, as_: As) -> None:
    """Approve a correction; never one's own."""
    _judge(number, as_, Verdict.APPROVED)


@corrections_app.command()
def reject(number: Number, why: Why, as_: As) -> None:
    """Reject a correction."""
    _judge(number, as_, Verdict.REJECTED, why)


@corrections_app.command("list")
def list_corrections(
    region: Annotated[str, typer.Option(help="One region's only.")] = "",
) -> None:
    """List corrections and where each stands."""
    with here().ledger.moment() as connection:
        every = service.corrections(connection, region)
        found = standings(every, service.verdicts(connection))
    for one in every:
        typer.echo(f"{one}: {one.old!r} -> {one.new!r}, {found[one.id].value}, {one.document}")


def _judge(number: int, as_: str, verdict: Verdict, why: str = "") -> None:
    office = here()
    standing = service.judge(office, signer(office, as_), number, verdict, why)
    with office.ledger.moment() as connection:
        found = next(one for one in service.corrections(connection) if one.id == number)
    typer.echo(f"{found}: {standing.value}")
