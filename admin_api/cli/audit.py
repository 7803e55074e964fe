"""`kaowu audit`: the chain of acts."""

from __future__ import annotations

from typing import Annotated

import typer

from admin_api.acts.verify import acts_frame, verify_chain
from admin_api.cli.desk import here
from admin_api.errors import Tampered

audit_app = typer.Typer(help="Every act: who, when, from where, what, why.", no_args_is_help=True)


@audit_app.command()
def verify(
    head: Annotated[
        str, typer.Option(help="A head noted earlier, which must still be there.")
    ] = "",
) -> None:
    """Check every link, signature and fact; names the first that does not hold."""
    with here().ledger.moment() as connection:
        state = verify_chain(connection, head)
    if not state.holds:
        raise Tampered(f"the chain is broken after {state.acts} good acts", [state.broken])
    typer.echo(f"{state.acts} acts hold; head {state.head}")


@audit_app.command("list")
def list_acts(
    last: Annotated[int, typer.Option(min=1, help="How many, the newest last.")] = 50,
) -> None:
    """List the newest acts."""
    with here().ledger.moment() as connection:
        frame = acts_frame(connection).tail(last)
    for row in frame.iter_rows(named=True):
        why = f" because {row['why']}" if row["why"] else ""
        typer.echo(
            f"{row['id']:>6} {row['at'][:19]} {row['who']:<14} {row['kind']} {row['target']}{why}"
        )
