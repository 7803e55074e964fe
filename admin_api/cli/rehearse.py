"""`kaowu rehearse`: a whole simulated sitting, from files to a signed release (演练)."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from admin_api.cli.explain import told
from admin_api.rehearsal import run
from admin_api.rehearsal.run import Rehearsal
from admin_api.rehearsal.world import LEAST
from admin_api.release import service as release
from admin_api.results.explain import explain
from admin_api.settings import settings_in
from omr.pool import Limits
from omr.progress import Silent

_SHOWN = 14  # lines of one step of the explained score


def rehearse(
    out: Annotated[Path, typer.Option(help="A folder for the files and the office.")],
    people: Annotated[int, typer.Option(min=LEAST, help="How many candidates.")] = 300,
) -> None:
    """Run a made-up sitting through the whole office; scans that are there are drawn no more."""
    begun = time.monotonic()
    cores = len(os.sched_getaffinity(0))

    def say(words: str) -> None:
        typer.echo(f"{time.monotonic() - begun:6.1f} s  {words}")

    now = run.begin(settings_in(out / "home"), out / "files", people, cores, say)
    run.register(now)
    run.report(now)
    run.read(now, Limits(cores), Silent())
    run.review_doubts(now)
    run.finish(now)
    Console().print(_summary(now))
    _explain_one(now)
    say(f"the office is in {out / 'home'}; try KAOWU_HOME={out / 'home'} kaowu audit verify")


def _summary(now: Rehearsal) -> Table:
    """What became of everybody, by region."""
    table = Table(title="Released results", title_justify="left")
    for name in ("region", "candidates", "scored", "absent", "void", "none", "passed", "qualified"):
        table.add_column(name, justify="left" if name == "region" else "right")
    for one in now.released:
        path = release.folder_of(now.office, one.hash) / "results.parquet"
        rows = pl.read_parquet(path)
        for region in sorted(rows["region"].unique()):
            own = rows.filter(pl.col("region") == region)
            subjects = own["subjects"].explode()
            states = Counter(subjects.struct.field("state").to_list())
            name = f"{region} {now.office.exam.regions[region]}"
            counts = (
                own.height,
                *(states[state] for state in ("scored", "absent", "void", "none")),
                int(subjects.struct.field("passed").sum()),
                int(own["qualified"].sum()),
            )
            label = f"{name} (military)" if one.kind.value == "military" else name
            table.add_row(label, *map(str, counts))
    return table


def _explain_one(now: Rehearsal) -> None:
    """The score of somebody whose number was misfilled and corrected."""
    fixed = now.world.trouble("unregistered number")
    with now.office.ledger.moment() as connection:
        found = explain(now.office, connection, fixed.ticket, fixed.subject)
    lines, step = [], 0
    for line in told(found).splitlines():
        step = step + 1 if line.startswith("    ") else 0
        if step == _SHOWN:
            lines.append("    …")
        if step < _SHOWN:
            lines.append(line)
    typer.echo("\nOne score, from the pixels to the release:\n" + "\n".join(lines))
