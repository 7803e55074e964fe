"""`kaowu review`: what the engine doubts, settled by people."""

from __future__ import annotations

from typing import Annotated

import typer

from admin_api.cli.desk import As, here, signer
from admin_api.errors import NotFound
from admin_api.office import Office
from admin_api.review import service
from admin_api.review.decisions import Standing

review_app = typer.Typer(help="Doubted fields, and who settles them.", no_args_is_help=True)
Page = Annotated[
    str, typer.Argument(metavar="PAGE", help="REGION/BOX/BAG/CARD, or the page's number.")
]


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
        place = f"{one.place} (page {one.page})"
        typer.echo(f"{place:<30} {one.field:<10} {one.read!r:<8} {one.why} {mark}".rstrip())
    typer.echo(f"{len(fields)} fields on {len({one.page for one in fields})} pages to settle")


@review_app.command()
def show(page: Page) -> None:
    """Show where a page lies, its doubts, and where its image is."""
    office = here()
    with office.ledger.moment() as connection:
        number = service.find_page(connection, page)
        fields = service.open_fields(connection, office.exam, number)
        image = service.image_of(connection, number)
        typer.echo(_told(office, number))
    if image:
        typer.echo(f"image: {office.vault.path_of(image)}")
    for one in fields:
        typer.echo(f"{one.field}: reads {one.read!r}; {one.why}; {one.standing.value}")
    if not fields:
        typer.echo("nothing on it is to be settled")


@review_app.command()
def decide(
    page: Page,
    field: Annotated[str, typer.Argument(help="The doubted field.")],
    value: Annotated[str, typer.Argument(help="What it reads; '' for blank.")],
    as_: As,
) -> None:
    """Say what a doubted field reads; two people must agree, else a supervisor settles."""
    office = here()
    number = _find(office, page)
    found = service.decide(office, signer(office, as_), number, field, value)
    words = {
        Standing.WAITING: "waits for another grader",
        Standing.DIFFERING: "graders differ; a supervisor settles it",
        Standing.SETTLED: f"settled as {found.value!r}",
    }
    typer.echo(f"{_told(office, number)} {field}: {words[found.standing]}")


@review_app.command()
def replace(
    page: Page,
    by: Annotated[str, typer.Option(metavar="PAGE", help="The rescan, named likewise.")],
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    as_: As,
) -> None:
    """Let a later scan of the same sheet stand for a page."""
    office = here()
    old, new = _find(office, page), _find(office, by)
    if old == new:
        raise NotFound("a page cannot stand for itself; name the rescan's page")
    service.replace_page(office, signer(office, as_), old, new, why)
    typer.echo(f"{_told(office, new)} stands for {_told(office, old)}")


def _find(office: Office, named: str) -> int:
    with office.ledger.moment() as connection:
        return service.find_page(connection, named)


def _told(office: Office, page: int) -> str:
    with office.ledger.moment() as connection:
        return f"{service.place_of(connection, page)} (page {page})"
