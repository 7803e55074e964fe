"""A full disk: nothing half stored, and the same command again goes through when there is room."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from sqlalchemy import event, select

from admin_api import tables
from admin_api.acts.roles import ActKind
from admin_api.acts.verify import verify_chain
from admin_api.errors import NotFound, StoreError, Tampered
from admin_api.settings import settings_in
from admin_api.vault import Vault
from tests.office.papers import EXAM
from tests.office.people import Desk, new_desk, with_cheap_keys

ROWS = [{"matter": f"matter {n}", "reason": "r" * 500, "who": "sun"} for n in range(4000)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    with_cheap_keys(monkeypatch.setattr)
    return new_desk(settings_in(tmp_path / "home"), EXAM)


def store(desk: Desk) -> None:
    with desk.ledger.act(desk["sun"], ActKind.SETTLE, target="many") as act:
        act.add(tables.settlement, ROWS)


def test_a_full_database_keeps_nothing_of_the_act(desk: Desk) -> None:
    limited = True

    def limit(connection: object, _record: object, _proxy: object) -> None:
        pages = 200 if limited else 1 << 30
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    event.listen(desk.ledger.engine, "checkout", limit)
    with pytest.raises(StoreError, match="free some space and run the same command again"):
        store(desk)
    assert desk.ledger.read(select(tables.settlement.c.id)).is_empty()
    limited = False
    store(desk)
    assert desk.ledger.read(select(tables.settlement.c.id)).height == len(ROWS)
    with desk.ledger.moment() as connection:
        assert verify_chain(connection).holds


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_vault_keeps_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    vault = Vault(tmp_path / "vault")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(StoreError, match="free some space"):
            vault.put(b"an image")
    assert [path for path in vault.folder.rglob("*") if path.is_file()] == []
    name = vault.put(b"an image")
    assert vault.put(b"an image") == name
    assert vault.get(name) == b"an image"


def test_a_vault_tells_what_is_lost_or_altered(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    name = vault.put(b"evidence")
    vault.path_of(name).write_bytes(b"other!!!")
    with pytest.raises(Tampered, match="restore it"):
        vault.get(name)
    vault.path_of(name).unlink()
    with pytest.raises(NotFound):
        vault.get(name)
