"""Runs that are killed, stopped, starved of room or interfered with lose nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import psutil
import pytest

from omr.errors import OutputError
from omr.pool import Limits
from omr.progress import Silent
from omr.run import RunOrder, Stopped, journal_path, run
from tests.stand_ins import FileRef, fake_setup, write_pages

ROOT = Path(__file__).parents[2]
PAGES = 80
WAIT_S = 120  # a bound against hanging for ever, not a measure


def words(count: int, slow: bool = False) -> list[str]:
    """A feed of two-sided sheets with some of everything that goes wrong."""
    return [
        f"page {i}{' back' * (i % 2)}{' slow' * slow}"
        f"{' raise' * (i % 29 == 11)}{' reject' * (i % 31 == 7)}{' crash' * (i == 40)}"
        f" code S{i // 2}"
        for i in range(count)
    ]


Process = subprocess.Popen[bytes]


def start(pages: Path, out: Path, workers: int = 2, limit: int | None = None) -> Process:
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.stand_ins", str(pages), str(out), str(workers)]
    if limit is not None:
        command.append(str(limit))
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True)


def finish(process: Process) -> tuple[int, str]:
    _, told = process.communicate(timeout=WAIT_S)
    return process.returncode, told.decode()


def until(condition: Callable[[], bool], process: Process) -> bool:
    """Wait for a condition; False where the process ended first."""
    for _ in range(WAIT_S * 100):
        if condition():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    raise TimeoutError


def below(process: Process) -> list[psutil.Process]:
    """The processes that a run has started."""
    try:
        return list(psutil.Process(process.pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def until_gone(processes: list[psutil.Process]) -> None:
    """Wait for processes to end. A zombie has ended; its new parent may be slow to notice."""
    for _ in range(WAIT_S * 100):
        try:
            if all(p.status() == psutil.STATUS_ZOMBIE for p in processes if p.is_running()):
                return
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.01)
    raise TimeoutError("workers outlive their parent")


def journal_size(out: Path) -> int:
    path = journal_path(out)
    return path.stat().st_size if path.exists() else 0


def outputs(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.parent.iterdir()}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write_pages(folder, words(PAGES, slow=True))
    return folder


@pytest.fixture(scope="module")
def undisturbed(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an uninterrupted run writes: the readings and the scores, and nothing else."""
    out = tmp_path_factory.mktemp("undisturbed") / "out.parquet"
    assert finish(start(pages, out)) == (0, "")
    written = outputs(out)
    assert set(written) == {"out.parquet", "scores.parquet"}
    return written


def test_killed_again_and_again(pages: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    out, dice = tmp_path / "o" / "out.parquet", random.Random(0)
    for workers in (2, 1):
        process = start(pages, out, workers)
        wanted = journal_size(out) + dice.randrange(1, 60_000)
        until(lambda size=wanted: journal_size(out) >= size, process)
        time.sleep(dice.random() / 20)
        started = below(process)
        process.kill()
        process.wait(WAIT_S)
        until_gone(started)
        if journal_size(out):
            with journal_path(out).open("ab") as file:
                file.write(dice.randbytes(dice.randrange(50)))  # what a torn write leaves
    assert finish(start(pages, out)) == (0, "")
    assert outputs(out) == undisturbed


def test_killed_while_the_tables_are_written(
    pages: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "o" / "out.parquet"
    for partial in (".out.parquet.partial", ".scores.parquet.partial"):
        process = start(pages, out)
        path = out.parent / partial
        until(path.exists, process)
        process.kill()
        process.wait(WAIT_S)
    assert finish(start(pages, out)) == (0, "")
    assert outputs(out) == undisturbed


def test_the_engine_itself_killed(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for number in range(12):
        for scan in (ROOT / "sample_scans" / "clean_quiz").glob("quiz-*"):
            (scans / f"{number:02d}-{scan.name}").write_bytes(scan.read_bytes())
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    command = [sys.executable, "-m", "omr.cli", "read", str(scans), "--design", "quiz-a5", "--out"]
    whole, out = tmp_path / "whole" / "r.jsonl", tmp_path / "killed" / "r.jsonl"
    alone = [*command, str(whole), "--workers", "1"]
    subprocess.run(alone, cwd=ROOT, check=True, capture_output=True)
    with subprocess.Popen([*command, str(out)], cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert until(lambda: journal_size(out) > 2000, process)
        workers = below(process)
        process.kill()
    until_gone(workers)
    assert not out.exists()
    again = subprocess.run([*command, str(out)], cwd=ROOT, check=True, capture_output=True)
    assert b"of them from the run before" in again.stdout
    assert outputs(out) == outputs(whole)


def test_killed_workers_cost_no_page(
    pages: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "o" / "out.parquet"
    process = start(pages, out)
    parent = psutil.Process(process.pid)
    for _ in range(3):
        more = journal_size(out) + 1
        until(lambda more=more: journal_size(out) > more, process)
        for child in parent.children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
                break
    assert finish(process) == (0, "")
    assert outputs(out) == undisturbed


def test_stopped_by_hand(pages: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "o" / "out.parquet"
    process = start(pages, out)
    assert until(lambda: journal_size(out) > 5000, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    code, told = finish(process)
    assert code == 130
    assert "run the same command again" in told
    assert "Traceback" not in told
    assert not out.exists()
    assert finish(start(pages, out)) == (0, "")
    assert outputs(out) == undisturbed


def test_a_full_disk(pages: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "o" / "out.parquet"
    for limit in (2_000, 20_000):  # before the first page, and among the pages
        code, told = finish(start(pages, out, limit=limit))
        assert code == OutputError.exit_code
        assert "no room left" in told
        assert "run the same command again" in told
        assert "Traceback" not in told
        assert set(outputs(out)) <= {"out.parquet.journal", "out.parquet"}
        assert journal_size(out) <= limit
    assert finish(start(pages, out)) == (0, "")
    assert outputs(out) == undisturbed


def test_a_disk_that_is_full_when_the_tables_are_written(
    pages: Path, undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "o" / "out.parquet"
    out.parent.mkdir()
    refs = [FileRef(at, str(path)) for at, path in enumerate(sorted(pages.glob("*.page")))]
    with monkeypatch.context() as patch:
        patch.setattr("omr.run._write", interrupt)
        with pytest.raises(Stopped):
            run(refs, replace(order(out), crew=Limits(2)), Silent())
    journal = journal_path(out).read_bytes()
    for limit in (2_000, len(undisturbed["out.parquet"])):  # the second has no room for the scores
        code, told = finish(start(pages, out, limit=limit))
        # That there is no room is not always told: see test_tables.
        assert (code, "run the same command again" in told) == (OutputError.exit_code, True), told
        assert journal_path(out).read_bytes() == journal
    assert finish(start(pages, out)) == (0, "")
    assert outputs(out) == undisturbed


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def order(out: Path, restart: bool = False) -> RunOrder:
    return RunOrder(out, fake_setup("two-sided-60"), Limits(0), "design", None, restart)


def test_a_file_changed_between_runs_is_noticed(tmp_path: Path) -> None:
    refs = write_pages(tmp_path / "pages", [*words(30), "no_room"])
    out = tmp_path / "out.parquet"
    with pytest.raises(Exception, match="trace cannot"):
        run(refs, order(out), Silent())
    assert journal_size(out)
    Path(refs[3].source).write_text("another card")
    with pytest.raises(OutputError, match="other input files"):
        run(refs, order(out), Silent())
    Path(refs[30].source).write_text("mended")
    assert run(refs, order(out, restart=True), Silent()).fresh == 31


def test_a_page_given_twice_is_read_twice(tmp_path: Path) -> None:
    one, two = write_pages(tmp_path / "pages", ["one", "two back"])
    feed = [one, two, FileRef(2, one.source), FileRef(3, two.source)]
    out = tmp_path / "out.parquet"
    assert run(feed, order(out), Silent()).pages == 4
    frame = pl.read_parquet(out)
    assert frame["position"].to_list() == [0, 1, 2, 3]
    assert frame["sha256"].n_unique() == 2


def test_run_again_after_the_end_gives_the_same(tmp_path: Path) -> None:
    refs = write_pages(tmp_path / "pages", words(20))
    out = tmp_path / "out.csv"
    run(refs, order(out), Silent())
    first = out.read_bytes()
    assert run(refs, order(out), Silent()).fresh == 20
    assert out.read_bytes() == first
    assert not journal_path(out).exists()
