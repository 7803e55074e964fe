"""`kaowu stats`: what the answers say of the items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import As, here, signer
from admin_api.statistics.service import work_out
from omr.score.items.analysis import Analysis


def stats(
    as_: As,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new or empty folder; else for the console."),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="items.parquet of an earlier year, to see drift."),
    ] = None,
) -> None:
    """Work out item statistics and response models; pages, plots and tables that tell the keys."""
    office = here()
    done = work_out(office, signer(office, as_), out, previous)
    for one in done.study.studied:
        flagged = len({flag.item for flag in one.analysis.flags})
        words = f"{one.analysis.form.persons} people, {flagged} items to look at"
        typer.echo(f"{one.name}: {words}, {_model(one.analysis)}")
    for (paper, form), people in done.study.without_key.items():
        typer.echo(f"{paper}{form}: {people} people, no key is in force")
    typer.echo(f"{done.folder / 'index.html'}: as secret as the answer keys")


def _model(found: Analysis) -> str:
    """What became of the models."""
    if found.modelled is None:
        return found.why_not
    both = found.modelled.one.converged and found.modelled.two.converged
    return "1PL and 2PL estimated" if both else "1PL and 2PL did not converge"
