"""`kaowu review`: what the engine doubts, settled by people."""

from __future__ import annotations

from typing import Annotated

import typer

from admin_api.cli.desk import As, here, signer
from admin_api.errors import NotFound
from admin_api.review import service
from admin_api.review.decisions import Standing

review_app = typer.Typer(help="Doubted fields, and who settles them.", no_args_is_help=True)
Page = Annotated[int, typer.Argument(metavar="PAGE", help="The page's number.")]


@review_app.command("list")
def list_open(
    last: Annotated[int, typer.Option("--most", min=1, help="How many to list.")] = 100,
) -> None:
    """List the fields that wait for a decision."""
    office = here()
    with office.ledger.moment() as connection:
        fields = service.open_fields(connection, office.exam)
    for one in fields[:last]:
        mark = "differ" if one.standing is Standing.DIFFERING else ""
        typer.echo(
            f"{one.page:>7} {one.place:<24} {one.field:<10} {one.read!r:<8} {one.why} {mark}"
        )
    typer.echo(f"{len(fields)} fields on {len({one.page for one in fields})} pages to settle")


@review_app.command()
def show(page: Page) -> None:
    """Show a page's doubts, and where its image is."""
    office = here()
    with office.ledger.moment() as connection:
        fields = service.open_fields(connection, office.exam, page)
        image = service.image_of(connection, page)
    if image:
        typer.echo(f"image: {office.vault.path_of(image)}")
    for one in fields:
        typer.echo(f"{one.field}: reads {one.read!r}; {one.why}; {one.standing.value}")
    if not fields:
        typer.echo(f"page {page} has nothing to settle")


@review_app.command()
def decide(
    page: Page,
    field: Annotated[str, typer.Argument(help="The doubted field.")],
    value: Annotated[str, typer.Argument(help="What it reads; '' for blank.")],
    as_: As,
) -> None:
    """Say what a doubted field reads; two people must agree, else a supervisor settles."""
    office = here()
    found = service.decide(office, signer(office, as_), page, field, value)
    words = {
        Standing.WAITING: "waits for another grader",
        Standing.DIFFERING: "graders differ; a supervisor settles it",
        Standing.SETTLED: f"settled as {found.value!r}",
    }
    typer.echo(f"page {page} {field}: {words[found.standing]}")


@review_app.command()
def replace(
    page: Page,
    by: Annotated[int, typer.Option(help="The rescan's page number.")],
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    as_: As,
) -> None:
    """Let a later scan of the same sheet stand for a page."""
    office = here()
    if page == by:
        raise NotFound("a page cannot stand for itself; name the rescan's page")
    service.replace_page(office, signer(office, as_), page, by, why)
    typer.echo(f"page {page}: page {by} stands for it")
