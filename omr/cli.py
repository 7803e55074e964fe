"""The `omr` command. Every subcommand loads what it needs itself, so that help comes at once."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from omr.cli_cluster import cluster_app
from omr.cli_design import design_app
from omr.cli_read import judge, read
from omr.cli_scan import scan
from omr.errors import OmrError

app = typer.Typer(
    help="Reads scanned answer cards (答题卡) into marks, with evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(design_app, name="design")
app.add_typer(cluster_app, name="cluster")
app.command()(read)
app.command()(judge)
app.command()(scan)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def simulate(
    design: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A card design.")],
    cards: Annotated[int, typer.Option(min=1, help="How many cards.")],
    out: Annotated[Path, typer.Option(help="The folder to write scans and their truth to.")],
    defects: Annotated[str, typer.Option(metavar="MIX", help="A mix of defects.")] = "everyday",
    seed: Annotated[int, typer.Option(help="The same seed gives the same scans.")] = 1,
) -> None:
    """Make scans of filled cards, with known answers and known defects."""
    from omr.design import load_design
    from omr.simulate import load_mix
    from omr.simulate import simulate as make

    pages = make(load_design(design), load_mix(defects), cards, seed, out)
    typer.echo(f"{out}: {len(pages)} pages of {cards} cards")


@app.command()
def corpus(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Families of scans.")],
    as_json: Json = False,
) -> None:
    """Read a corpus of scans and compare with what they are known to say."""
    raise typer.Exit(importlib.import_module("omr.corpus").run(folder, as_json))


@app.command()
def accuracy(
    bubbles: Annotated[int, typer.Option(min=1, help="How many bubbles to judge.")] = 10_000_000,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="A folder for the report.")] = None,
) -> None:
    """Measure how often a bubble is misread, on simulated cards."""
    raise typer.Exit(importlib.import_module("omr.accuracy").run(bubbles, as_json, out))


@app.command()
def bench(
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="A JSON file for the figures.")] = None,
) -> None:
    """Measure how long every step takes on this machine."""
    raise typer.Exit(importlib.import_module("omr.bench").run(as_json, out))


@app.command()
def demo() -> None:
    """Read sample_scans/ and show what was found."""
    raise typer.Exit(importlib.import_module("omr.demo").run())


def main() -> None:
    """The entry point: our own errors are told in words, with their exit code."""
    try:
        app()
    except OmrError as error:
        print(f"omr: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
