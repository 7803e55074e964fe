"""`kaowu explain`: the whole chain of a score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import here
from admin_api.registration.service import subjects_of
from admin_api.results.explain import Explained
from admin_api.results.explain import explain as explained
from admin_api.results.explain_html import as_html
from omr.outputs import whole_file


def explain(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="准考证号.")],
    subject: Annotated[str, typer.Argument(metavar="[SUBJECT]", help="科目; else every one.")] = "",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it, with the card, for one subject.")
    ] = None,
) -> None:
    """Say what a score rests on, from the pixels to the release."""
    office = here()
    with office.ledger.moment() as connection:
        wanted = [subject] if subject else subjects_of(connection, ticket)
        found = [explained(office, connection, ticket, one) for one in wanted]
        page = as_html(office, connection, found[0]) if html else ""
    for one in found:
        typer.echo(told(one))
    if html:
        with whole_file(html) as partial:
            partial.write_text(page, encoding="utf-8")
        typer.echo(f"{html}: subject {found[0].subject}, with the card")


def told(found: Explained) -> str:
    """A chain in lines."""
    lines = [f"{found.ticket} subject {found.subject}: {found.state} {found.score}".rstrip()]
    for step in found.steps:
        lines.append(f"  {step.title}")
        lines += [f"    {line}" for line in step.lines]
    return "\n".join(lines)
