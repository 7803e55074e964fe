"""The chain of acts: it holds when left alone and names the first link that was touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import insert, select, text

from admin_api import tables
from admin_api.acts.roles import ActKind, Role
from admin_api.acts.verify import verify_chain
from admin_api.database import open_engine, writing
from admin_api.errors import NotAllowed, NotFound, Refused, StoreError
from admin_api.settings import Settings, read_settings
from admin_api.staff.service import Newcomer, add, check, members, open_key, revoke
from tests.office.people import PASSPHRASE, STAFF, Desk


def broken(desk: Desk, head: str = "") -> str:
    with desk.ledger.moment() as connection:
        return verify_chain(connection, head).broken


def tamper(desk: Desk, *statements: str) -> None:
    """What somebody with the database's own password could do."""
    engine = open_engine(desk.office.settings.database)
    with writing(engine) as connection:
        for table in tables.metadata.sorted_tables:
            for change in ("update", "delete"):
                on = f' ON "{table.name}"' if engine.dialect.name == "postgresql" else ""
                connection.execute(text(f"DROP TRIGGER no_{change}_{table.name}{on}"))
        for statement in statements:
            connection.execute(text(statement))


def test_an_untouched_chain_holds(desk: Desk) -> None:
    with desk.ledger.moment() as connection:
        state = verify_chain(connection)
    assert state.holds
    assert state.acts == 1 + len(STAFF)
    assert broken(desk, state.head) == ""


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE act SET who = 'sun' WHERE id = 3", "act 3 "),
        ("UPDATE act SET why = 'because' WHERE id = 5", "its hash is another"),
        ("UPDATE act SET signature = previous WHERE id = 4", "the signature is not that of an"),
        ("DELETE FROM act WHERE id = 2", "act 2 is missing"),
        ("UPDATE staff SET role = 'release' WHERE name = 'ren'", "1 rows of staff"),
        ("DELETE FROM staff WHERE name = 'ren'", "facts that it entered were altered"),
    ],
)
def test_a_touched_chain_names_the_first_bad_link(desk: Desk, statement: str, says: str) -> None:
    tamper(desk, statement)
    assert says in broken(desk)


def test_rows_of_no_act_are_found(desk: Desk) -> None:
    engine = open_engine(desk.office.settings.database)
    with writing(engine) as connection:
        connection.execute(
            insert(tables.settlement),
            [{"id": 1, "act": 999, "matter": "m", "reason": "r", "who": "nobody"}],
        )
    assert "1 rows of settlement belong to no act" in broken(desk)


def test_a_chain_cut_short_is_found_by_a_head_noted_earlier(desk: Desk) -> None:
    with desk.ledger.moment() as connection:
        head = verify_chain(connection).head
    last = 1 + len(STAFF)
    tamper(desk, f"DELETE FROM staff WHERE act = {last}", f"DELETE FROM act WHERE id = {last}")
    assert broken(desk) == ""
    assert "cut short" in broken(desk, head)


@pytest.mark.parametrize("statement", ["UPDATE staff SET name = 'x'", "DELETE FROM act"])
def test_the_database_refuses_changes(desk: Desk, statement: str) -> None:
    with pytest.raises(StoreError, match="append-only"), writing(desk.ledger.engine) as connection:
        connection.execute(text(statement))


def test_an_act_is_whole_or_not_at_all(desk: Desk) -> None:
    row = {"matter": "m", "reason": "r", "who": "sun"}

    def fail() -> None:
        with desk.ledger.act(desk["sun"], ActKind.SETTLE, target="m") as act:
            act.add(tables.settlement, [row])
            raise RuntimeError("a fault after the rows went in")

    with pytest.raises(RuntimeError):
        fail()
    assert desk.ledger.read(select(tables.settlement)).is_empty()
    with desk.ledger.act(desk["sun"], ActKind.SETTLE, target="m") as act:
        act.add(tables.settlement, [row])
    assert desk.ledger.read(select(tables.settlement))["who"].to_list() == ["sun"]
    assert broken(desk) == ""


def test_every_kind_of_column_comes_back_as_it_went_in(desk: Desk) -> None:
    page = {"region": "37", "box": "1", "frame": 0, "sha256": "aa", "image": "aa"}
    texts = ["", "a,b", 'quo"te', "quo'te'", "line\nfeed", "\\x41", "\\N", "䶮㐂", "null", " 1 "]
    pages = [
        page | {"position": n, "source": words, "bag": str(n)} for n, words in enumerate(texts)
    ]
    frame = pl.DataFrame(pages)
    with desk.ledger.act(desk["ou"], ActKind.INTAKE, target="t") as act:
        first = act.add(tables.page, frame)
        act.add(tables.replaced, [{"page": first, "by": None}, {"page": first, "by": first + 1}])
        answers = [
            {"enrolment": n, "paper": "", "form": "", "answers": bytes([n, 0, 255])} for n in (1, 2)
        ]
        act.add(tables.computer_answers, answers)
        act.add(
            tables.attendance,
            [{"enrolment": 1, "present": True}, {"enrolment": 2, "present": False}],
        )
    back = desk.ledger.read(select(tables.page).order_by(tables.page.c.id))
    assert back["source"].to_list() == texts
    assert back["position"].to_list() == list(range(len(texts)))
    assert desk.ledger.read(select(tables.replaced.c.by))["by"].to_list() == [None, first + 1]
    assert (
        desk.ledger.read(select(tables.computer_answers.c.answers))["answers"][1] == b"\x02\x00\xff"
    )
    assert desk.ledger.read(select(tables.attendance.c.present))["present"].to_list() == [
        True,
        False,
    ]
    # every digest holds: what is named is looked at after them all
    assert broken(desk) == "2 rows of attendance name a enrolment that is not there"


def test_roles_are_held_apart(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="needs the role administrator"):
        add(desk.ledger, desk["sun"], Newcomer("mole", Role.RELEASE, PASSPHRASE), desk.office.exam)


def test_a_revoked_person_acts_no_more_and_what_was_signed_holds(desk: Desk) -> None:
    with desk.ledger.act(desk["sun"], ActKind.SETTLE, target="m") as act:
        act.add(tables.settlement, [{"matter": "m", "reason": "r", "who": "sun"}])
    revoke(desk.ledger, desk["an"], "sun", "left")
    with pytest.raises(NotAllowed, match="was revoked"):
        desk.ledger.act(desk["sun"], ActKind.SETTLE, target="n").__enter__()
    with desk.ledger.moment() as connection:
        assert [m.name for m in members(connection) if m.revoked] == ["sun"]
    assert broken(desk) == ""


def test_the_only_administrator_stays(desk: Desk) -> None:
    with pytest.raises(Refused, match="only administrator"):
        revoke(desk.ledger, desk["an"], "an", "left")


def test_a_wrong_passphrase_opens_nothing(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="not the passphrase of sun"):
        open_key(desk.ledger, "sun", "not this phrase")
    with pytest.raises(NotFound, match="no 'nobody' on the staff"):
        open_key(desk.ledger, "nobody", PASSPHRASE)


@pytest.mark.parametrize(
    ("person", "says"),
    [
        (Newcomer("x", Role.OPERATOR, PASSPHRASE), "2 to 40 letters"),
        (Newcomer("xu", Role.REGION, PASSPHRASE), "need their region"),
        (Newcomer("xu", Role.REGION, PASSPHRASE, "99"), "need their region"),
        (Newcomer("xu", Role.OPERATOR, PASSPHRASE, "37"), "bound to no region"),
        (Newcomer("xu", Role.SITE, PASSPHRASE, "37"), "need their site"),
    ],
)
def test_who_cannot_be_added(desk: Desk, person: Newcomer, says: str) -> None:
    with pytest.raises(Refused, match=says):
        check(person, desk.office.exam)


def test_two_writers_wait_for_one_another(desk: Desk) -> None:
    """Two processes add forty settlements each: all are there, and the chain is one."""
    code = (
        "import sys; from pathlib import Path\n"
        "from admin_api.settings import Settings; from admin_api.office import open_office\n"
        "from admin_api.staff import keys\n"
        "keys._COST = {'time_cost': 1, 'memory_cost': 8, 'parallelism': 1}\n"
        "from admin_api.staff.service import open_key; from admin_api import tables\n"
        "from admin_api.acts.roles import ActKind\n"
        "office = open_office(Settings(Path(sys.argv[1]), sys.argv[2]))\n"
        f"me = open_key(office.ledger, sys.argv[3], {PASSPHRASE!r})\n"
        "for n in range(40):\n"
        "    with office.ledger.act(me, ActKind.SETTLE, target=str(n)) as act:\n"
        "        act.add(tables.settlement, [dict(matter=str(n), reason='', who=me.name)])\n"
    )
    where = desk.office.settings
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(where.home), where.database, name])
        for name in ("sun", "song")
    ]
    assert [run.wait(120) for run in runs] == [0, 0]
    assert desk.ledger.read(select(tables.settlement)).height == 80
    assert broken(desk) == ""


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    assert read_settings({"KAOWU_HOME": str(tmp_path)}).vault == tmp_path / "vault"
    with pytest.raises(Refused, match="KAOWU_HOEM"):
        read_settings({"KAOWU_HOEM": "x"})
    with pytest.raises(Refused, match="whole number"):
        read_settings({"KAOWU_WORKERS": "many"})
    with pytest.raises(StoreError, match="mysql is not served"):
        open_engine("mysql://x/y")
    assert Settings(tmp_path, "sqlite://").secret == tmp_path / "secret.key"
