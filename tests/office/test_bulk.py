"""Reading in parts by other connections gives what one connection reads, of the same moment."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import select

from admin_api import bulk, tables
from admin_api.acts.roles import ActKind
from admin_api.bulk import read_frame, read_many
from admin_api.settings import settings_in
from admin_api.settling.service import settle
from tests.office.conftest import EXAM
from tests.office.people import Desk, new_desk

TABLE = tables.settlement
QUERY = select(TABLE.c.id, TABLE.c.matter, TABLE.c.reason, TABLE.c.who).order_by(TABLE.c.id)


@pytest.fixture
def many(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Twenty rows, read seven ids at a time."""
    monkeypatch.setattr(bulk, "_PART", 7)
    for n in range(20):
        settle(desk.office, desk["sun"], f"matter {n}", f'why "{n}", 因为')
    return desk


def _in_one(*_: object) -> None:
    raise AssertionError("read by one connection: the others did not answer")


def test_the_parts_make_up_the_whole(many: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    some = QUERY.where(TABLE.c.matter == "matter 9")
    with many.ledger.moment() as connection:
        whole, one = read_frame(connection, QUERY), read_frame(connection, some)
        monkeypatch.setattr(bulk, "read_frame", _in_one)
        assert_frame_equal(read_many(connection, QUERY, TABLE.c.id), whole)
        assert_frame_equal(read_many(connection, some, TABLE.c.id), one)
        nobody = QUERY.where(TABLE.c.who == "nobody")
        assert read_many(connection, nobody, TABLE.c.id).schema == whole.schema
    assert whole.height == 20


def test_the_database_may_lie_in_a_folder_of_any_name(
    tmp_path: Path, cheap_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = new_desk(settings_in(tmp_path / "卷 #1 100%41"), EXAM)
    settle(desk.office, desk["sun"], "one", "seen by two people")
    settle(desk.office, desk["sun"], "two", "seen by two people")
    monkeypatch.setattr(bulk, "_PART", 1)
    monkeypatch.setattr(bulk, "read_frame", _in_one)
    with desk.ledger.moment() as connection:
        assert read_many(connection, QUERY, TABLE.c.id)["matter"].to_list() == ["one", "two"]


def test_a_moment_stays_what_it_was(many: Desk) -> None:
    with many.ledger.moment() as connection:
        before = read_frame(connection, QUERY)
        settle(many.office, many["song"], "matter 3", "came in meanwhile")
        assert_frame_equal(read_many(connection, QUERY, TABLE.c.id), before)


def test_every_kind_of_column_comes_in_parts(many: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = pl.DataFrame({"bag": [str(n) for n in range(9)]}).with_columns(
        pl.lit(name).alias(column)
        for column, name in {"region": "37", "box": "1", "sha256": "'a", "image": ""}.items()
    )
    with many.ledger.act(many["ou"], ActKind.INTAKE, target="t") as act:
        act.add(tables.page, pages.with_columns(source="bag", position=1, frame=0))
        act.add(tables.replaced, [{"page": 1, "by": n if n > 7 else None} for n in range(1, 10)])
        numbers = range(1, 10)
        act.add(tables.attendance, [{"enrolment": n, "present": n > 4} for n in numbers])
        masks = [{"enrolment": n, "paper": "", "form": "", "answers": bytes([n])} for n in numbers]
        act.add(tables.computer_answers, masks)
    facts = (tables.page, tables.replaced, tables.attendance, tables.computer_answers)
    with many.ledger.moment() as connection:
        expected = {t: read_frame(connection, select(t).order_by(t.c.id)) for t in facts}
        monkeypatch.setattr(bulk, "read_frame", _in_one)
        for t in facts:
            found = read_many(connection, select(t).order_by(t.c.id), t.c.id)
            assert_frame_equal(found, expected[t])


def test_without_other_connections_one_reads(many: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_by_snapshot", lambda _c, parts, _s: [None for _ in parts])
    monkeypatch.setattr(bulk, "_by_arrow", lambda _c, parts, _s: [None for _ in parts])
    with many.ledger.moment() as connection:
        assert read_many(connection, QUERY, TABLE.c.id).height == 20


def test_an_act_sees_what_it_added_itself(many: Desk) -> None:
    with many.ledger.act(many["song"], ActKind.SETTLE, target="a matter") as act:
        assert read_many(act.connection, QUERY, TABLE.c.id).height == 20
        act.add(TABLE, [{"matter": "a matter", "reason": "seen", "who": "song"}])
        assert read_many(act.connection, QUERY, TABLE.c.id).height == 21
