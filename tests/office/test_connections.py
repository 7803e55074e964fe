"""A process asks for more connections than it has: it says so after a bounded wait."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Connection, Engine

from admin_api.database import create_tables, open_engine, reading, writing
from admin_api.errors import StoreError
from admin_api.settings import Settings

_MORE_THAN_THE_POOL = 100
Ask = Callable[[Engine], AbstractContextManager[Connection]]


def hold_all(engine: Engine, held: contextlib.ExitStack) -> None:
    for _ in range(_MORE_THAN_THE_POOL):
        held.enter_context(reading(engine))


@pytest.mark.parametrize("ask", [reading, writing])
def test_a_process_whose_connections_are_all_in_use_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    engine = open_engine(settings.database)
    create_tables(engine)
    monkeypatch.setattr(engine.pool, "_timeout", 0.01)
    with contextlib.ExitStack() as held:
        with pytest.raises(StoreError, match="connections are in use"):
            hold_all(engine, held)
        with pytest.raises(StoreError, match="connections are in use"), ask(engine):
            pass
    with ask(engine):
        pass
    engine.dispose()
