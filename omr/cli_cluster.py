"""The commands `omr cluster …`: the processes that let many machines read."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer

cluster_app = typer.Typer(help="Read with many machines.", no_args_is_help=True)

Keys = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The cluster's keys; then it speaks TLS.")
]
Host = Annotated[str, typer.Option(help="The address to listen on; else all.")]
Silence = Annotated[
    int, typer.Option(min=1, help="Seconds of silence after which a machine is given up.")
]


@cluster_app.command()
def scheduler(
    host: Host = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any.")] = 8786,
    keys: Keys = None,
    silence_s: Silence = 30,
) -> None:
    """Hand out pages to the machines that read. It keeps nothing: it may be killed at any time."""
    from omr.cluster.serve import Place, run_scheduler

    run_scheduler(Place(host, keys, silence_s), port, _say)


@cluster_app.command()
def worker(
    address: Annotated[str, typer.Argument(metavar="tcp://HOST:8786", help="The scheduler.")],
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Pages read at once, else one a core.")
    ] = None,
    host: Host = "",
    keys: Keys = None,
    silence_s: Silence = 30,
) -> None:
    """Read pages for a scheduler, until Ctrl-C. A scheduler that is away is waited for."""
    from omr.cli_read import cores
    from omr.cluster.serve import Place, run_worker

    run_worker(address, Place(host, keys, silence_s), processes or cores(), _say)


@cluster_app.command("keys")
def make(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    days: Annotated[int, typer.Option(min=1, max=4000, help="How long they hold.")] = 400,
) -> None:
    """Make the keys of a cluster; copy the folder to each of its machines, and nowhere else."""
    from omr.cluster.keys import make_keys

    make_keys(folder, datetime.datetime.now(datetime.UTC), days)
    typer.echo(f"{folder}: copy it to every machine of the cluster, and nowhere else")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
