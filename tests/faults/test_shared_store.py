"""Several processes on one PostgreSQL: nothing lost and nothing twice, whoever is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from admin_api import database, migrations, tables
from admin_api.acts import ledger
from admin_api.acts.roles import ActKind
from admin_api.acts.verify import verify_chain
from admin_api.database import create_tables, is_created, open_engine, reading
from admin_api.errors import StoreError, StoreLost
from admin_api.settings import Settings, settings_in
from tests.office.papers import EXAM
from tests.office.people import Desk, new_desk, with_cheap_keys
from tests.office.postgres import Server, running

NAMES = ("sun", "song", "lin", "luo")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cheap_keys(monkeypatch.setattr)


@pytest.fixture
def desk(server: Server, tmp_path: Path) -> Desk:
    home = settings_in(tmp_path / "home")
    return new_desk(Settings(home.home, server.database()), EXAM)


@contextmanager
def writer(desk: Desk, name: str, count: int, *more: object) -> Iterator[subprocess.Popen[str]]:
    where = desk.office.settings
    words = [str(where.home), where.database, name, str(count), *map(str, more)]
    command = [sys.executable, "-m", "tests.faults.shared_writer", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def holds(desk: Desk) -> int:
    """The acts there are; the chain holds."""
    with desk.ledger.moment() as connection:
        state = verify_chain(connection)
    assert state.holds, state.broken
    return state.acts


def settled(desk: Desk) -> list[tuple[str, str]]:
    table = tables.settlement
    rows = desk.ledger.read(select(table.c.who, table.c.matter).order_by(table.c.id))
    return list(rows.iter_rows())


def test_four_processes_write_while_one_reads_and_the_server_dies_twice(
    server: Server, desk: Desk
) -> None:
    before = holds(desk)
    with (
        writer(desk, "sun", 15) as one,
        writer(desk, "song", 15) as two,
        writer(desk, "sun", 15) as three,  # the same person at another machine, the same acts
    ):
        for _ in range(2):
            time.sleep(0.3)
            server.stop()
            server.start()
            assert holds(desk) >= before  # the console's own connections come again
        said = [process.communicate(timeout=60)[0].split() for process in (one, two, three)]
        assert [process.returncode for process in (one, two, three)] == [0, 0, 0]
    assert said == [[str(n) for n in range(15)]] * 3
    found = settled(desk)
    assert sorted(found) == sorted((w, str(n)) for w in ("sun", "song") for n in range(15))
    assert len(set(found)) == len(found)
    assert holds(desk) >= before + 45


def test_a_process_that_is_killed_with_the_lock_lets_it_go(desk: Desk) -> None:
    before = holds(desk)
    with writer(desk, "sun", 1, 60) as process:
        while _waits_or_holds(desk) == 0:
            time.sleep(0.01)
        process.kill()
        process.wait()
    with desk.ledger.act(desk["song"], ActKind.SETTLE, target="x") as act:
        act.add(tables.settlement, [{"matter": "x", "reason": "after it", "who": "song"}])
    assert settled(desk) == [("song", "x")]
    assert holds(desk) == before + 1


def _waits_or_holds(desk: Desk) -> int:
    with desk.ledger.engine.connect() as connection:
        found = connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
    return int(found or 0)


def test_who_waits_too_long_is_told_whom_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 100)
    with (
        desk.ledger.act(desk["sun"], ActKind.SETTLE, target="long"),
        pytest.raises(StoreError, match="another command is writing: wait for it"),
        desk.ledger.act(desk["song"], ActKind.SETTLE, target="short"),
    ):
        pass
    assert holds(desk)


def test_a_server_that_stays_away_is_told_and_nothing_is_stored(
    desk: Desk, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, sun = holds(desk), desk["sun"]
    monkeypatch.setattr(database, "_AWAY_S", 0.3)
    server.stop()
    try:
        with pytest.raises(StoreError, match="the database cannot be written"):
            desk.ledger.act(sun, ActKind.SETTLE, target="x").__enter__()
    finally:
        server.start()
    assert holds(desk) == before


@pytest.mark.parametrize("stored", [True, False])
def test_an_answer_that_is_lost_at_the_very_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """The commit came through, or did not: the database is asked, and an act is never repeated."""
    before = holds(desk)
    real = ledger.writing

    @contextmanager
    def cut(engine: object) -> Iterator[object]:
        monkeypatch.setattr(ledger, "writing", real)  # for the next time
        with real(engine) as connection:  # type: ignore[arg-type]
            yield connection
            if not stored:
                raise OperationalError("", None, OSError("cable"), connection_invalidated=True)
        raise StoreLost("the connection broke before the answer came")

    monkeypatch.setattr(ledger, "writing", cut)
    row = {"matter": "x", "reason": "for a test", "who": "sun"}
    if stored:
        with desk.ledger.act(desk["sun"], ActKind.SETTLE, target="x") as act:
            act.add(tables.settlement, [row])
        assert settled(desk) == [("sun", "x")]
        assert holds(desk) == before + 1
        return
    with (
        pytest.raises(StoreLost),
        desk.ledger.act(desk["sun"], ActKind.SETTLE, target="x") as act,
    ):
        act.add(tables.settlement, [row])
    assert settled(desk) == []
    assert holds(desk) == before


def test_first_tables_made_by_three_at_once(server: Server) -> None:
    url = server.database()
    code = (
        "import sys; from admin_api.database import create_tables, open_engine\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "create_tables(open_engine(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", code, url]
    pipe = subprocess.PIPE
    makers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for maker in makers:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("\n")
        maker.stdin.flush()
    for maker in makers:
        maker.communicate(timeout=60)
    assert [maker.returncode for maker in makers] == [0, 0, 0]
    engine = open_engine(url)
    assert is_created(engine)
    with reading(engine) as connection:
        assert migrations.revision_of(connection) == migrations.newest()
    engine.dispose()


def test_a_migration_while_older_processes_write(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the act that is on; the older processes then say that they are too old."""
    from alembic import command

    def first_only(engine: object) -> None:
        with engine.connect() as connection:  # type: ignore[attr-defined]
            if migrations.revision_of(connection) == "0001":
                return
        config = migrations._config()
        with engine.connect() as connection:  # type: ignore[attr-defined]
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")

    home = settings_in(tmp_path / "home")
    settings = Settings(home.home, server.database())
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "upgrade", first_only)
        patch.setattr(ledger, "newest", lambda: "0001")
        desk = new_desk(settings, EXAM)
    with writer(desk, "sun", 1000, 0.05, "0001") as old:
        assert old.stdout is not None
        assert old.stdout.readline() == "0\n"
        create_tables(desk.ledger.engine)  # as any command of a newer program does
        said = old.communicate(timeout=60)[0].splitlines()
    assert old.returncode == 3
    assert "changed to version 0002 meanwhile" in said[-1]
    done = [str(n) for n in range(len(said))]
    assert settled(desk) == [("sun", n) for n in done]
    assert said[:-1] == done[1:]
    with desk.ledger.act(desk["song"], ActKind.SETTLE, target="new") as act:
        act.add(tables.settlement, [{"matter": "n", "reason": "the newer one", "who": "song"}])
    assert holds(desk)
