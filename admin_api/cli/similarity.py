"""`kaowu similarity`: pairs of cards alike beyond chance (雷同), for the expert group."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import here, signer
from admin_api.errors import Refused
from admin_api.similarity import service
from admin_api.similarity.honesty_report import write_honesty
from admin_api.similarity.service import Within
from omr.score.similarity.honesty import Trial, honesty

similarity_app = typer.Typer(help="Identical answers: pairs of cards alike beyond chance.")
Out = Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet.")]


@similarity_app.callback(invoke_without_command=True)
def screen(
    context: typer.Context,
    within: Annotated[Within, typer.Option(help="Whose pairs are compared.")] = Within.ROOM,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder that is not there yet.")
    ] = None,
    as_: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who acts: a staff member.")
    ] = "",
) -> None:
    """Compare all pairs of the last scoring; write the list and a dossier a flagged pair."""
    if context.invoked_subcommand:
        return
    if out is None or not as_:
        raise Refused("say where the list goes (--out DIR) and who acts (--as NAME)")
    _check(out)
    office = here()
    found = service.run(office, signer(office, as_), within)
    shutil.copytree(found.folder, out)
    flagged = int(found.pairs["flagged"].sum())
    typer.echo(
        f"screening {found.number}: {found.about['compared']} pairs within {within.value} "
        f"compared, {flagged} flagged, {len(found.about['groups'])} groups; {out}/pairs.html"
    )
    for form in found.about["forms"]:
        if not form["judged"]:
            name = f"{form['paper']}{form['form']}"
            typer.echo(f"  {name}: only {form['persons']} persons, nothing is judged by so few")
    for name, persons in found.about["without_key"].items():
        typer.echo(f"  {name}: no key is in force; {persons} persons were not compared")
    typer.echo("this voids nothing: what the expert group confirms is entered as violation 401")


@similarity_app.command(name="honesty")
def honesty_(
    out: Out,
    persons: Annotated[int, typer.Option(min=300, help="Honest people of a sitting.")] = 20_000,
    sittings: Annotated[int, typer.Option(min=1, help="How many sittings.")] = 2,
    copying: Annotated[int, typer.Option(min=10, help="Pairs of each share copied.")] = 1_000,
    items: Annotated[int, typer.Option(min=10, max=200, help="Items of the exam.")] = 100,
    seed: int = 1,
) -> None:
    """Simulate honest and copying pairs: how often each method flags the one and the other."""
    _check(out)
    trial = Trial(persons=persons, sittings=sittings, items=items, copying=copying, seed=seed)
    write_honesty(honesty(trial), trial, out)
    typer.echo(f"{out}/honesty.html")


def _check(out: Path) -> None:
    if out.exists():
        raise Refused(f"{out} is there already; name a new folder")
    if not out.parent.is_dir():
        raise Refused(f"{out.parent} is no folder; create it, or choose another --out")
