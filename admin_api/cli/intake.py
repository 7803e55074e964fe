"""`kaowu intake`: cards in."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from admin_api.acts.ledger import Signer
from admin_api.cli.desk import As, here, signer
from admin_api.errors import Refused
from admin_api.intake.scans import BagName, Kept, Lot, lots_in
from admin_api.intake.service import Taken, take_in
from admin_api.intake.watch import bag_under, need_one_folder, watch
from admin_api.office import Office
from omr.pool import Limits
from omr.progress import shown_on
from scanner_drivers.folder import HotFolder


def intake(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="A bag's scans, in feed order.")
    ],
    as_: As,
    region: Annotated[str, typer.Option(help="考区.")] = "",
    box: Annotated[str, typer.Option(help="箱号.")] = "",
    bag: Annotated[str, typer.Option(help="袋号.")] = "",
    tree: Annotated[
        bool, typer.Option("--tree", help="The one PATH holds folders region/box/bag.")
    ] = False,
    watched: Annotated[
        bool, typer.Option("--watch", help="Take in what comes into PATH, until Ctrl-C.")
    ] = False,
) -> None:
    """Read and store cards; an interrupted intake goes on when the command is repeated."""
    office = here()
    if watched:
        one = BagName(region, box, bag) if region and box and bag else None
        if tree == bool(one):
            raise Refused("with --watch name one bag, or a folder of region/box/bag with --tree")
        _watch(office, signer(office, as_), need_one_folder(paths), one)
        return
    if tree:
        if len(paths) > 1 or region or box or bag:
            raise Refused("with --tree name one folder, and no region, box or bag")
        lots = lots_in(paths[0])
    else:
        if not (region and box and bag):
            raise Refused("name the cards' --region, --box and --bag, or a folder with --tree")
        lots = [Lot(BagName(region, box, bag), tuple(paths))]
    limits = Limits(office.settings.workers or len(os.sched_getaffinity(0)))
    taken = take_in(office, signer(office, as_), lots, limits, shown_on(sys.stderr))
    typer.echo(told(taken))


def _watch(office: Office, who: Signer, folder: Path, bag: BagName | None) -> None:
    def say(page: Kept | str, status: str) -> None:
        if isinstance(page, str):
            typer.echo(
                f"not taken: {page} is in no folder region/box/bag of this exam; copy it into one",
                err=True,
            )
        else:
            typer.echo(f"{page.bag} card {page.position}: {status}")

    if bag is not None and bag.region not in office.exam.regions:
        raise Refused(f"the exam has no region {bag.region}")
    driver = HotFolder(folder)
    before = {
        number: signal.signal(number, lambda *_: driver.close())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    place = (lambda _source: bag) if bag is not None else bag_under(folder, office)
    try:
        found = watch(office, who, driver, place, say)
    finally:
        driver.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    typer.echo(told(found.taken))
    if found.unplaced:
        raise typer.Exit(3)


def told(taken: Taken) -> str:
    """What an intake did, in words."""
    counts = ", ".join(f"{count} {status}" for status, count in sorted(taken.statuses.items()))
    lines = [f"{taken.pages} pages: {counts or 'nothing new'}"]
    if taken.known:
        lines.append(f"{taken.known} were there already and stay as they are")
    lines += [f"  {count:>5} {reason}" for reason, count in taken.reasons.most_common()]
    return "\n".join(lines)
