"""`kaowu cluster plan`: what a centre needs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from admin_api.errors import Refused
from admin_api.planning.measure import measure
from admin_api.planning.plan import BUSY, Demand, Figures, Need, figures_in, most_pages, need

cluster_app = typer.Typer(help="Read with many machines.", no_args_is_help=True)


@cluster_app.callback()
def _cluster() -> None:
    """The processes themselves are `omr cluster scheduler` and `omr cluster worker`."""


@cluster_app.command()
def plan(
    cards: Annotated[float, typer.Option(help="How many, such as 12e6.")],
    hours: Annotated[float, typer.Option(help="In which they are to be read.")],
    sides: Annotated[int, typer.Option(min=1, max=2, help="Pages of a card.")] = 1,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Figures of `make bench`; else measured now."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Measure on this folder's disk.")
    ] = None,
) -> None:
    """Say how many cores, disks and how much network so many cards take."""
    demand = Demand(cards * sides, hours)
    found = _stored(figures) if figures else _measured(folder)
    typer.echo(told(demand, need(demand, found), found))


def _stored(file: Path) -> Figures:
    try:
        entries = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"{file} holds no figures ({error}); name build/bench.json") from error
    return figures_in(entries if isinstance(entries, dict) else {})


def _measured(folder: Path | None) -> Figures:
    with tempfile.TemporaryDirectory(prefix="kaowu-plan-", dir=folder) as name:
        return measure(Path(name), lambda words: typer.echo(f"measuring: {words}", err=True))


def told(demand: Demand, what: Need, figures: Figures) -> str:
    """The plan in words."""
    lines = [
        f"{demand.pages:,.0f} pages in {demand.hours:g} hours: {what.pages_per_s:,.0f} pages/s",
        "",
        "measured, a page: "
        f"read in {figures.read_page_s * 1e3:.1f} ms on one core, "
        f"kept in {figures.keep_page_s * 1e3:.1f} ms, "
        f"noted and stored in {figures.store_page_s * 1e3:.2f} ms, "
        f"{figures.image_bytes / 1e3:.0f} kB as scanned",
        f"planned to be busy for {BUSY:.0%} of the time",
        "",
        f"cores that read      {what.reading_cores:>8}   omr cluster worker",
        f"intake processes     {what.intakes:>8}   kaowu intake --cluster, or consoles",
        f"the store's writer   {what.writer_busy:>8.0%}   of its time, in all processes together",
        f"vault                {what.vault_tb:>8.2f}   TB, and as much for its back-up",
        f"database             {what.database_gb:>8.1f}   GB, and as much for each back-up kept",
        f"vault's disks        {what.vault_mb_s:>8.0f}   MB/s written, and as much read",
        f"network at the vault {what.network_mbit_s:>8.0f}   Mbit/s",
        f"at the scheduler     {what.scheduler_mbit_s:>8.1f}   Mbit/s",
    ]
    if not what.feasible:
        most = most_pages(figures, demand.hours)
        lines += [
            "",
            f"The store has one writer, and it stores at most {most:,.0f} pages in that time. Take "
            "more hours, or a faster disk for the database (measure it with --folder).",
        ]
    return "\n".join(lines)
