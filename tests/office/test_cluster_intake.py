"""Intake by a cluster: what was kept is noted, and read once by whoever comes next."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.verify import verify_chain
from admin_api.intake import work
from admin_api.intake.crew import crew_of
from admin_api.intake.scans import BagName, Lot
from admin_api.intake.service import Taken, take_in
from admin_api.results.service import current
from admin_api.settings import settings_in
from omr.cluster.crew import Cluster, ClusterLost
from omr.errors import StoreAway
from omr.pool import Crew, Limits, Lost, Start, run_pool
from omr.progress import Silent
from tests.cluster import machines
from tests.cluster.conftest import running as running
from tests.console.doubts import draw_cards
from tests.office.papers import EXAM
from tests.office.people import Desk, new_desk

BAG = BagName("37", "1", "7")
HERE = Limits(0)


@dataclass
class Elsewhere:
    """Reads in this process as if it were a cluster; lost after so many pages."""

    until: int = 1_000_000
    given: list[str] = field(default_factory=list)
    elsewhere: bool = True

    def results(self, items: Iterable[Any], start: Start) -> Iterator[bytes | Lost]:
        ahead = list(items)  # all are out before the first comes back
        self.given += [item.source for item in ahead]
        for done, result in enumerate(run_pool(ahead, start, HERE)):
            if done == self.until:
                raise ClusterLost("the cluster was lost")
            yield result


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five cards and a file that cannot be opened."""
    folder = tmp_path_factory.mktemp("cards")
    draw_cards(folder, 5)
    zipfile.ZipFile(folder / "zz.zip", "w").close()  # without a single scan
    return folder


def taken(desk: Desk, crew: Crew, *paths: Path, bag: BagName = BAG) -> Taken:
    lots = [Lot(bag, paths)] if paths else []
    return take_in(desk.office, desk["ou"], lots, crew, Silent())


def stored(desk: Desk) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All pages and readings, but for who entered them when."""
    frames = [desk.ledger.read(select(t).order_by(t.c.id)) for t in (tables.page, tables.reading)]
    return frames[0].drop("act"), frames[1].drop("act")


def open_keys(desk: Desk) -> list[str]:
    with desk.ledger.moment() as connection:
        assert verify_chain(connection).holds
        return [one.key for one in work.open_matters(connection)]


def test_the_same_as_on_this_machine(
    desk: Desk, cards: Path, tmp_path: Path, running: machines.Cluster
) -> None:
    other = new_desk(settings_in(tmp_path / "other"), EXAM)
    by_cluster = taken(desk, Cluster(running.address, batch=2), cards)
    here = taken(other, HERE, cards)
    assert by_cluster.statuses == here.statuses
    assert by_cluster.pages == 6
    for one, two in zip(stored(desk), stored(other), strict=True):
        assert one.equals(two)
    assert open_keys(desk) == []
    assert other.ledger.read(select(tables.work.c.id)).is_empty()
    again = taken(desk, Cluster(running.address), cards)
    assert (again.pages, again.known) == (0, 6)


def test_a_lost_cluster_leaves_its_pages_noted_and_the_next_one_reads_them(
    desk: Desk, cards: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "scans"
    shutil.copytree(cards, folder)
    with pytest.raises(ClusterLost):
        taken(desk, Elsewhere(until=2), folder)
    assert stored(desk)[0].height <= 2
    assert open_keys(desk) == ["bag 37/1/7 unread"]
    with desk.ledger.moment() as connection:
        found = current(desk.office, connection, stored=False)
    unread = [one for one in found.open if one.key == "bag 37/1/7 unread"]
    assert len(unread) == 1
    assert not unread[0].may_stand
    shutil.rmtree(folder)  # the scanner's disk was emptied meanwhile
    next_one = Elsewhere()
    done = taken(desk, next_one)
    pages, readings = stored(desk)
    assert (done.pages, done.known) == (5, 0)
    assert pages["position"].to_list() == [1, 2, 3, 4, 5]
    assert readings["page"].sort().to_list() == [1, 2, 3, 4, 5]
    assert open_keys(desk) == []
    # The one that could not be opened has nothing in the vault: its file is needed.
    last = taken(desk, Elsewhere(), cards)
    assert (last.pages, last.known) == (1, 5)
    assert stored(desk)[0]["position"].to_list()[-1] == 6


def test_two_intakes_of_the_same_pages_store_each_once(desk: Desk, cards: Path) -> None:
    other = Elsewhere()

    @dataclass
    class Overtaken(Elsewhere):
        """Somebody else reads what is noted before the first result is back."""

        def results(self, items: Iterable[Any], start: Start) -> Iterator[bytes | Lost]:
            ahead = list(items)
            taken(desk, other)
            yield from run_pool(ahead, start, HERE)

    taken(desk, Overtaken(), cards)
    assert len(other.given) == 5
    pages, readings = stored(desk)
    assert pages["sha256"].n_unique() == pages.height == 6
    assert readings["page"].sort().to_list() == [1, 2, 3, 4, 5, 6]
    assert open_keys(desk) == []


def test_whoever_reads_what_was_noted_has_done_the_work(desk: Desk, cards: Path) -> None:
    with pytest.raises(ClusterLost):
        taken(desk, Elsewhere(until=0), cards)
    assert stored(desk)[0].is_empty()
    assert taken(desk, HERE, cards).pages == 6
    assert open_keys(desk) == []
    assert taken(desk, Elsewhere()).pages == 0


@pytest.mark.parametrize("hurt", ["gone", "altered"])
def test_a_vault_that_is_not_there_stops_it_and_rejects_no_page(
    desk: Desk, cards: Path, hurt: str
) -> None:
    with pytest.raises(ClusterLost):
        taken(desk, Elsewhere(until=0), cards)
    first = desk.ledger.read(select(tables.work.c.image).order_by(tables.work.c.id))["image"][0]
    file = desk.office.vault.path_of(first)
    content = file.read_bytes()
    if hurt == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-1] + b"!")
    with pytest.raises(StoreAway, match=r"mount the vault|not what was put there"):
        taken(desk, Elsewhere())
    assert stored(desk)[0].is_empty()
    file.write_bytes(content)
    assert taken(desk, Elsewhere()).pages == 5


def test_a_settings_cluster_reads_for_the_console_too(tmp_path: Path) -> None:
    from dataclasses import replace

    own = replace(settings_in(tmp_path), cluster="tcp://10.0.0.1:8786")
    assert crew_of(own).elsewhere
    assert not crew_of(settings_in(tmp_path)).elsewhere
    named = crew_of(own, "tls://10.0.0.2:1", tmp_path)
    assert isinstance(named, Cluster)
    assert (named.address, named.keys) == ("tls://10.0.0.2:1", tmp_path)
