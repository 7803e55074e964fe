"""The command `omr scan`: from a scanner's tray to readings."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omr.cli_command import command
from omr.cli_read import DesignName, PolicyFile, design_text, told
from omr.errors import OmrError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omr.batch import PageRef
    from omr.design import Design

SCANS, READINGS = "scans", "readings.parquet"


@dataclass(frozen=True, slots=True)
class Scanner:
    """What scans, and how."""

    driver: Annotated[
        str,
        typer.Option(metavar="KIND:NAME", help="sane:…, escl:…, folder:…, files:… or replay:…"),
    ]
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="How to scan; else the design's own.")
    ] = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the cards are, and where everything goes."""

    design: DesignName
    out: Annotated[Path, typer.Option(metavar="DIR", help="For the scans and their readings.")]
    policy: PolicyFile = None
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=256, help="Processes, else one a core; 0 for none."),
    ] = None


@command
def scan(scanner: Scanner, reading: Reading) -> None:
    """Scan until the tray is empty, keep every page, then read all that the folder holds.

    The same command again goes on behind what was scanned, as after a jam.
    """
    from omr.importers.any import load_any
    from scanner_drivers.choose import open_driver
    from scanner_drivers.errors import ScannerError
    from scanner_drivers.profile import load_profile, profile_for
    from scanner_drivers.replay import Recorder, recorded

    design = load_any(reading.design)
    if scanner.profile is not None:
        profile = load_profile(scanner.profile)
    else:
        profile = profile_for(design.name, two_sided=len(design.sides) > 1)
    source = open_driver(scanner.driver, profile)
    recorder = Recorder(source, reading.out / SCANS, tick=time.monotonic)
    stop: OmrError | None = None
    count = 0
    try:
        for _ in recorder.pages():
            count += 1
            _show(count)
    except ScannerError as error:
        stop = error
    except KeyboardInterrupt:
        typer.echo("\nstopped; what was scanned is kept and read now", err=True)
    finally:
        recorder.close()
    _show(count, last=True)
    refused = getattr(source, "refused", [])
    for ref, why in refused:
        typer.echo(f"not taken: {ref.source}: {why}", err=True)
    refs = recorded(reading.out / SCANS)
    typer.echo(f"{count} pages scanned, {len(refs)} in {reading.out / SCANS}")
    if refs:
        _read(refs, design, reading)
    if stop is not None:
        raise stop
    if refused:
        raise typer.Exit(3)


def _read(refs: Sequence[PageRef], design: Design, reading: Reading) -> None:
    from omr.batch import WorkerSetup
    from omr.cli_read import cores
    from omr.policy import load_policy
    from omr.pool import Limits
    from omr.progress import shown_on
    from omr.run import RunOrder, run

    out = reading.out / READINGS
    setup = WorkerSetup(design, load_policy(reading.policy))
    limits = Limits(cores() if reading.workers is None else reading.workers)
    # Anew, for there are other pages than the last time.
    order = RunOrder(out, setup, limits, design_text(design, reading.design), restart=True)
    typer.echo(told(run(refs, order, shown_on(sys.stderr))))
    typer.echo(f"readings: {out}")


def _show(pages: int, *, last: bool = False) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\rscanned {pages} pages" + ("\n" if last else ""))
        sys.stderr.flush()
