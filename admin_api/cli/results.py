"""`kaowu reconcile`, `score`, `results`, `settle`: what all facts come to."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from admin_api.cli.desk import As, here, signer
from admin_api.registration.service import subjects_of
from admin_api.results import service
from admin_api.results.present import present
from admin_api.settling import service as settling

_MOST = 40


def reconcile() -> None:
    """Say what does not go together: cards, people, counts."""
    office = here()
    with office.ledger.moment() as connection:
        now = present(office, connection)
    for name, frame in (("pages", now.joined.pages), ("enrolments", now.joined.enrolments)):
        counts = frame["state"].value_counts(sort=True).iter_rows()
        words = ", ".join(f"{count} {state}" for state, count in counts)
        typer.echo(f"{name}: {words or 'none'}")
    for matter in now.matters:
        typer.echo(f"{matter.key}: {matter.words}")


def score(as_: As) -> None:
    """Score everything; stores exactly what is new or other than before."""
    office = here()
    run = service.score(office, signer(office, as_))
    typer.echo(f"{run.results} results and {run.outcomes} outcomes new or changed")
    for ticket, subject, state, mark in run.changed.head(_MOST).iter_rows():
        typer.echo(f"  {ticket} {subject}: {state} {mark}".rstrip())
    if run.changed.height > _MOST:
        typer.echo(f"  and {run.changed.height - _MOST} more")
    if run.open:
        typer.echo(f"{run.open} matters are open; kaowu reconcile lists them")


def results(
    ticket: Annotated[
        str, typer.Argument(metavar="[TICKET]", help="One candidate; else all.")
    ] = "",
) -> None:
    """Show results as all facts have them now."""
    office = here()
    with office.ledger.moment() as connection:
        if ticket:
            subjects_of(connection, ticket)
        found = service.current(office, connection)
    names = found.present.enrolments.select("enrolment", "ticket")
    rows = found.results.join(names, on="enrolment").sort("ticket", "subject")
    if ticket:
        rows = rows.filter(pl.col("ticket") == ticket)
    for row in rows.iter_rows(named=True):
        passed = "passed" if row["passed"] else ""
        words = f"{row['state']} {row['score']} {passed} {row['evidence']}"
        typer.echo(" ".join(f"{row['ticket']} {row['subject']} {words}".split()))
    if rows.is_empty():
        typer.echo("nobody is enrolled yet; kaowu import roster")


def settle(
    matter: Annotated[str, typer.Argument(help="Its key, as reconcile or freeze list it.")],
    reason: Annotated[str, typer.Option(help="Why it may stand.")],
    as_: As,
) -> None:
    """Let an open matter stand, with a reason; two people must."""
    office = here()
    found = service.let_stand(office, signer(office, as_), matter, reason)
    word = "it stands" if found.people >= settling.PEOPLE else "another person must agree"
    typer.echo(f"{matter} ({found.matter.words}): {word}")
