"""A cluster reads as one machine does, to the byte, whatever happens to its machines."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omr.batch import WorkerSetup, read_batch, read_records
from omr.cluster.crew import Cluster, ClusterLost
from omr.cluster.hands import Batch, Stop
from omr.cluster.hands import read_batch as read_on_machine
from omr.cluster.keys import make_keys
from omr.errors import OmrError, OutputError
from omr.pool import Crew, Limits
from omr.progress import Silent
from omr.records import RejectedPage
from omr.run import RunOrder, run
from tests.cluster import machines
from tests.cluster.machines import PROJECT
from tests.stand_ins import FileOpener, FileRef, fake_setup, read_fake, write_pages

HERE = Limits(0)


def there(made: machines.Cluster, **more: object) -> Cluster:
    return replace(Cluster(made.address, made.keys, batch=4), **more)


def records(refs: list[FileRef], crew: Crew) -> list[bytes]:
    return list(read_records(refs, fake_setup(), crew))


def test_the_same_records_in_the_same_order(running: machines.Cluster, tmp_path: Path) -> None:
    words = [f"page {i}" + " slow" * (i % 7 == 0) for i in range(90)]
    words[3:6] = ["three reject", "four raise", "damaged"]
    refs = write_pages(tmp_path, words)
    assert records(refs, there(running)) == records(refs, HERE)


def test_a_page_that_kills_or_never_ends_is_found_out(
    running: machines.Cluster, tmp_path: Path
) -> None:
    words = [f"page {i}" for i in range(16)]
    words[2], words[5], words[11] = "crash", "hang", "x crash_once"
    refs = write_pages(tmp_path, words)
    outcomes = list(read_batch(refs, fake_setup(), there(running, item_s=1.0)))
    rejected = {o.position: o.evidence for o in outcomes if isinstance(o, RejectedPage)}
    assert sorted(rejected) == [2, 5]
    assert "SIGSEGV" in rejected[2]
    assert "no answer within 1 s" in rejected[5]
    assert all(machine.process.poll() is None for machine in running.machines)


def test_nothing_to_read(running: machines.Cluster) -> None:
    assert records([], there(running)) == []


def test_an_output_that_cannot_be_written_stops_the_run(
    running: machines.Cluster, tmp_path: Path
) -> None:
    refs = write_pages(tmp_path, ["one", "no_room", "three"])
    with pytest.raises(OmrError, match=r"the cluster's machine .*: the trace cannot be written"):
        records(refs, there(running))


def test_a_machine_without_the_folder_stops_the_run(
    running: machines.Cluster, tmp_path: Path
) -> None:
    refs = write_pages(tmp_path / "pages", ["one", "two"])
    setup = replace(fake_setup(), sees=(tmp_path / "pages", tmp_path / "gone"))
    with pytest.raises(OmrError, match=r"does not see .*gone; mount it"):
        list(read_records(refs, setup, there(running)))


def test_another_engine_is_refused(tmp_path: Path) -> None:
    refused = read_on_machine(Batch(b"", (), "another", 1.0))
    assert isinstance(refused, Stop)
    assert "another version" in refused.why
    assert refused.machine


def test_nobody_answers() -> None:
    nobody = Cluster(f"tcp://127.0.0.1:{machines.free_port()}", connect_s=1)
    with pytest.raises(ClusterLost, match="no cluster answers at tcp://127"):
        list(nobody.results([1], fake_setup()))


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(OmrError, match=r"install the extra `scale`"):
        list(Cluster("tcp://127.0.0.1:1").results([1], fake_setup()))


def test_killed_workers_cost_nothing_and_the_last_one_is_waited_for(tmp_path: Path) -> None:
    """One of two dies, then the other; the run says so, and goes on with a new one."""
    refs = write_pages(tmp_path / "pages", [f"page {i} slow" for i in range(120)])
    told: list[str] = []
    with machines.cluster(tmp_path / "c", workers=2) as made:

        def heard(words: str) -> None:
            told.append(words)
            made.worker()

        found: list[bytes] = []
        for record in read_records(refs, fake_setup(), there(made, told=heard)):
            found.append(record)
            if len(found) in (20, 60):
                made.machines[1 + len(found) // 60].kill()
    assert found == records(refs, HERE)
    assert len(told) == 1
    assert "omr cluster worker" in told[0]


def test_with_nobody_for_too_long_it_says_so(tmp_path: Path) -> None:
    refs = write_pages(tmp_path / "pages", ["one"])
    with (
        machines.cluster(tmp_path / "c", workers=0) as made,
        pytest.raises(ClusterLost, match="no machine reads"),
    ):
        records(refs, there(made, patience_s=0.1))


def test_a_killed_scheduler_ends_the_run_and_the_same_command_goes_on(tmp_path: Path) -> None:
    refs = write_pages(tmp_path / "pages", [f"page {i} slow" for i in range(150)])

    def order(crew: Crew, name: str) -> RunOrder:
        setup = WorkerSetup(*(getattr(fake_setup(), n) for n in ("design", "policy")), read_fake)
        setup = replace(setup, opener=FileOpener)
        return RunOrder(tmp_path / name, setup, crew, "design")

    with machines.cluster(tmp_path / "c", workers=2) as made:
        journal = tmp_path / "there.jsonl.journal"

        class KillsIt(Silent):
            done = 0

            def advance(self, pages: int) -> None:
                self.done += pages
                if self.done == 48:
                    made.machines[0].kill()

        with pytest.raises(ClusterLost, match="run the same command again"):
            run(refs, order(there(made), "there.jsonl"), KillsIt())
        assert journal.exists()
        again = made.scheduler()  # at the same address; the workers come by themselves
        summary = run(refs, order(there(made), "there.jsonl"), Silent())
        assert summary.pages == 150
        assert 0 < summary.fresh <= 150 - 48
        assert again.end() == 0
        for worker in made.machines[1:3]:
            worker.said("went away", 2)
            assert worker.end() == 0
    run(refs, order(HERE, "here.jsonl"), Silent())
    assert (tmp_path / "there.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()


def test_only_who_has_the_keys_gets_in(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    keys, others = tmp_path / "keys", tmp_path / "others"
    make_keys(keys, now)
    make_keys(others, now)
    assert [path.stat().st_mode & 0o077 for path in keys.iterdir()] == [0, 0, 0]
    with pytest.raises(OutputError, match="holds keys already"):
        make_keys(keys, now)
    refs = write_pages(tmp_path / "pages", ["one", "two"])
    with machines.cluster(tmp_path / "c", workers=1, keys=keys) as made:
        assert records(refs, there(made)) == records(refs, HERE)
        with pytest.raises(ClusterLost, match="no cluster answers"):
            records(refs, there(made, keys=others, connect_s=2))
        with pytest.raises(OmrError, match="go together"):
            records(refs, there(made, keys=None))
        plain = Cluster(made.address.replace("tls", "tcp"), connect_s=2)
        with pytest.raises(ClusterLost, match="no cluster answers"):
            records(refs, plain)


@pytest.fixture
def island() -> Iterator[tuple[list[str], str, str, str]]:
    """A network namespace with a cable to this machine: how to enter it, the two addresses, and
    this end of the cable.
    """
    name, near, far = f"omr{os.getpid()}", f"omrn{os.getpid()}", f"omrf{os.getpid()}"
    net = f"10.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
    steps = [
        f"ip netns add {name}",
        f"ip link add {near} type veth peer name {far} netns {name}",
        f"ip addr add {net}.1/24 dev {near}",
        f"ip link set {near} up",
        f"ip -n {name} addr add {net}.2/24 dev {far}",
        f"ip -n {name} link set {far} up",
        f"ip -n {name} link set lo up",
    ]
    if shutil.which("ip") is None:
        pytest.skip("there is no ip command")
    try:
        for step in steps:
            done = subprocess.run(step.split(), capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"network namespaces are not allowed here: {done.stderr.strip()}")
        yield ["ip", "netns", "exec", name], f"{net}.1", f"{net}.2", near
    finally:
        for step in (f"ip link del {near}", f"ip netns del {name}"):
            subprocess.run(step.split(), capture_output=True, check=False)


def test_a_cut_cable_costs_nothing(island: tuple[list[str], str, str, str], tmp_path: Path) -> None:
    inside, here, far, cable = island
    refs = write_pages(tmp_path / "pages", [f"page {i} slow" for i in range(120)])
    with machines.cluster(tmp_path / "c", workers=0, host=here) as made:
        cut_off = made.worker(far, inside)
        made.worker(here)

        found: list[bytes] = []
        for record in read_records(refs, fake_setup(), there(made)):
            found.append(record)
            if len(found) == 20:
                subprocess.run(["ip", "link", "set", cable, "down"], check=True)
        assert found == records(refs, HERE)
        # What it had begun was read by the other one, so that it was given up; it does not know.
        subprocess.run(["ip", "link", "set", cable, "up"], check=True)
        cut_off.said("reading for", 2)  # it comes back by itself


def test_the_command(running: machines.Cluster, tmp_path: Path) -> None:
    from omr.design import load_design
    from omr.simulate import load_mix, simulate

    simulate(load_design("quiz-a5"), load_mix("everyday"), 6, 3, tmp_path / "scans")
    words = ["read", "scans", "--design", "quiz-a5", "--scores"]
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    for name, more in (("here", ["--workers", "0"]), ("there", ["--cluster", running.address])):
        outputs = [f"{name}-scores.parquet", "--out", f"{name}.parquet"]
        subprocess.run(
            [sys.executable, "-m", "omr.cli", *words, *outputs, *more],
            cwd=tmp_path,
            env=env,
            check=True,
            capture_output=True,
        )
    for kind in (".parquet", "-scores.parquet"):
        assert (tmp_path / f"here{kind}").read_bytes() == (tmp_path / f"there{kind}").read_bytes()
