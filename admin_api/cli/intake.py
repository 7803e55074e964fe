"""`kaowu intake`: cards in."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from admin_api.acts.ledger import Signer
from admin_api.cli.desk import As, here, signer
from admin_api.errors import Refused
from admin_api.intake.crew import crew_of
from admin_api.intake.scans import BagName, Kept, Lot, lots_in
from admin_api.intake.service import Taken, take_in
from admin_api.intake.watch import bag_under, need_one_folder, watch
from admin_api.office import Office
from omr.batch import on_disk
from omr.cli_command import command
from omr.progress import shown_on
from scanner_drivers.folder import HotFolder
from scanner_drivers.places import is_url


@dataclass(frozen=True, slots=True)
class Scans:
    """Where the cards' images are, and whose they are."""

    as_: As
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="A bag's scans, in feed order; or s3://… of such."),
    ] = None
    region: Annotated[str, typer.Option(help="考区.")] = ""
    box: Annotated[str, typer.Option(help="箱号.")] = ""
    bag: Annotated[str, typer.Option(help="袋号.")] = ""
    tree: Annotated[
        bool, typer.Option("--tree", help="The one PATH holds folders region/box/bag.")
    ] = False
    watched: Annotated[
        bool, typer.Option("--watch", help="Take in what comes into PATH, until Ctrl-C.")
    ] = False

    def one_bag(self) -> BagName | None:
        """The bag that is named, if one is."""
        whole = self.region and self.box and self.bag
        return BagName(self.region, self.box, self.bag) if whole else None

    def lots(self) -> Sequence[Lot]:
        """What is to be read.

        Raises:
            Refused: it is not said which bags they are.
        """
        paths = self.paths or []
        if self.tree:
            if len(paths) != 1 or not on_disk(paths) or self.region or self.box or self.bag:
                raise Refused("with --tree name one folder, and no region, box or bag")
            return lots_in(Path(paths[0]))
        bag = self.one_bag()
        if bag is None or not paths:
            raise Refused("name the cards' --region, --box and --bag, or a folder with --tree")
        return [Lot(bag, tuple(path if is_url(path) else Path(path) for path in paths))]


@dataclass(frozen=True, slots=True)
class Machines:
    """Who reads them."""

    cluster: Annotated[
        str,
        typer.Option(
            metavar="tcp://HOST:8786",
            help="Read with a cluster; without PATH, what it has not read yet.",
        ),
    ] = ""
    cluster_keys: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The keys of a cluster at tls://…")
    ] = None


@command
def intake(scans: Scans, machines: Machines) -> None:
    """Read and store cards; an interrupted intake goes on when the command is repeated."""
    office = here()
    if scans.watched:
        one = scans.one_bag()
        if scans.tree == bool(one):
            raise Refused("with --watch name one bag, or a folder of region/box/bag with --tree")
        folder = need_one_folder(on_disk(scans.paths or []))
        _watch(office, signer(office, scans.as_), folder, one)
        return
    crew = crew_of(office.settings, machines.cluster, machines.cluster_keys)
    lots = scans.lots() if scans.paths or not crew.elsewhere else []
    taken = take_in(office, signer(office, scans.as_), lots, crew, shown_on(sys.stderr))
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
