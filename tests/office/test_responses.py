"""The answers of a sitting: everybody who answered, once, where they sat, and right by the key."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl

from admin_api.office import open_office
from admin_api.results.present import present
from admin_api.results.responses import PERSONS, responses
from admin_api.results.service import current
from admin_api.settings import settings_in
from omr.score.marking import mark_cards
from tests.office.walk import CARDS, Walk


def test_the_answers_are_those_that_were_scored(walk: Walk) -> None:
    office = open_office(settings_in(walk.line.folder / "home"))
    with office.ledger.moment() as connection:
        scored = current(office, connection)
        sat = responses(office, connection, scored.present)
    assert sat.without_key == {}
    assert sum(one.answers.persons for one in sat.responses) == CARDS
    assert len({(one.paper, one.form) for one in sat.responses}) == len(sat.responses)
    marks = {}
    for one in sat.responses:
        assert dict(one.persons.schema) == PERSONS
        table = one.answers.table()
        units = mark_cards(one.answers.masks, table)
        for enrolment, got in zip(one.persons["enrolment"], units, strict=True):
            marks[enrolment] = Fraction(int(got), table.denominator)
        assert one.answers.right().sum(axis=1).tolist() == (units // table.denominator).tolist()
    raw = scored.results.filter(pl.col("state") == "scored").select("enrolment", "raw")
    assert raw.height == CARDS - 1, "one is void"
    assert {e: Fraction(text) for e, text in raw.iter_rows()}.items() <= marks.items()


def test_who_sat_where(walk: Walk) -> None:
    office = open_office(settings_in(walk.line.folder / "home"))
    with office.ledger.moment() as connection:
        sat = responses(office, connection, present(office, connection))
    persons = pl.concat(one.persons for one in sat.responses).sort("seat")
    assert set(persons["ticket"]) == set(walk.tickets)
    places = persons.select("region", "site", "venue", "medium").unique().rows()
    assert places == [("37", "01", "一中", "card")]
    assert persons["room"].to_list() == persons["subject"].to_list(), "each subject in its room"
    assert persons.filter("void")["ticket"].to_list() == [walk.tickets[1]]
    assert not np.isin(0, persons["room_id"].to_numpy())
