"""A whole rehearsal, small: every released result is what truly happened, worked out apart."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.verify import verify_chain
from admin_api.corrections.records import Standing, standings
from admin_api.corrections.service import corrections, verdicts
from admin_api.rehearsal import run
from admin_api.rehearsal.run import Rehearsal
from admin_api.rehearsal.truth import NAME
from admin_api.release import service as release
from admin_api.results.explain import explain
from admin_api.results.explain_html import as_html
from admin_api.results.service import current
from admin_api.settings import settings_in
from omr.pool import Limits
from omr.progress import Silent
from tests.office.oracle_results import outcome
from tests.office.people import with_cheap_keys

PEOPLE = 60


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    with pytest.MonkeyPatch.context() as patch:
        with_cheap_keys(patch.setattr)
        folder = tmp_path_factory.mktemp("rehearsal")
        now = run.begin(settings_in(folder / "home"), folder / "files", PEOPLE, 2, lambda _: None)
        run.register(now)
        run.report(now)
        run.read(now, Limits(2), Silent())
        run.review_doubts(now)
        run.finish(now)
        return now


def released(done: Rehearsal) -> dict[str, dict[str, Any]]:
    found = {}
    for one in done.released:
        folder = release.folder_of(done.office, one.hash)
        for row in pl.read_parquet(folder / "results.parquet").iter_rows(named=True):
            found[row["ticket"]] = row | {"kind": one.kind.value}
    return found


def raw_marks(done: Rehearsal) -> dict[tuple[str, str], Fraction | None]:
    """Marks before scaling, by ticket and subject."""
    with done.office.ledger.moment() as connection:
        marked = current(done.office, connection).results
    people = done.office.ledger.read(
        select(tables.candidate.c.id.label("candidate"), tables.candidate.c.ticket)
    )
    rows = marked.join(people, on="candidate").select("ticket", "subject", "raw").iter_rows()
    return {(ticket, subject): Fraction(raw) if raw else None for ticket, subject, raw in rows}


def test_every_released_result_is_what_truly_happened(done: Rehearsal) -> None:
    truth = json.loads((done.folder / NAME).read_text(encoding="utf-8"))
    records, raw = released(done), raw_marks(done)
    assert len(records) == len(truth["people"]) == PEOPLE
    states: Counter[str] = Counter()
    for person in truth["people"]:
        record, expected = records[person["ticket"]], outcome(person, truth)
        assert record["name"] == person["name"]
        assert record["kind"] == ("military" if person["military"] else "public")
        assert record["qualified"] == expected["qualified"], person["ticket"]
        for said in record["subjects"]:
            where = f"{person['ticket']} {said['subject']}"
            result = expected["results"][said["subject"]]
            assert (said["state"], said["passed"]) == (result.state, result.passed), where
            assert (Fraction(said["score"]) if said["score"] else None) == result.score, where
            assert raw[person["ticket"], said["subject"]] == result.raw, where
            assert said["carried"] == expected["carried"].get(said["subject"], ""), where
            states[result.state] += 1
            states["carried"] += bool(said["carried"])
            states["qualified"] += expected["qualified"]
    assert (states["void"], states["none"]) == (6, 2)
    assert min(states[s] for s in ("scored", "absent", "carried", "qualified")) > 0


def test_nothing_was_open_and_the_chain_holds(done: Rehearsal) -> None:
    with done.office.ledger.moment() as connection:
        assert verify_chain(connection).holds
        found = standings(corrections(connection), verdicts(connection))
        late = [one for one in corrections(connection) if one.late]
    assert set(found.values()) == {Standing.IN_FORCE}
    assert len(late) == 1, "one was let in, the other never stored"


def test_freezing_again_gives_the_same_releases(done: Rehearsal) -> None:
    folder = release.folder_of(done.office, done.released[0].hash)
    before = {path: path.read_bytes() for path in Path(folder).glob("*.parquet")}
    shown = done.released[0].hash
    again = release.freeze(done.office, done.person("release-2"), supersedes=shown[:12])
    assert again[0].supersedes == shown
    for path in before:
        twin = release.folder_of(done.office, again[0].hash) / path.name
        assert twin.read_bytes() == before[path]


def test_every_kind_of_score_is_explained(done: Rehearsal) -> None:
    records = released(done)
    by_state = {
        said["state"]: (ticket, said["subject"])
        for ticket, record in records.items()
        for said in record["subjects"]
    }
    fixed = done.world.trouble("unregistered number").ticket
    with done.office.ledger.moment() as connection:
        for state, (ticket, subject) in by_state.items():
            found = explain(done.office, connection, ticket, subject)
            assert found.state == state
        found = explain(done.office, connection, fixed, "1")
        page = as_html(done.office, connection, found)
    steps = {step.title: step.lines for step in found.steps}
    assert f": ticket of {fixed} subject 1: '379999999998'" in steps["Corrections"][0]
    items = next(lines for title, lines in steps.items() if title.startswith("Items by key 2031"))
    assert items[11].split()[-2:] == ["credited", "1"]
    assert done.released[0].hash in steps["Release"][0]
    marks = sum(Fraction(line.split()[-1]) for line in items)
    assert marks == Fraction(found.score)
    assert found.score in page
    assert "data:image/jpeg;base64," in page
    assert "<script" not in page
