"""Results (成绩): what all facts come to now, stored as it changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.ledger import Signer, need_reason, need_role
from admin_api.acts.roles import ActKind
from admin_api.bulk import digest_of, read_many
from admin_api.errors import NotFound, Refused
from admin_api.office import Office
from admin_api.results.marks import NO_KEY, OPEN, mark
from admin_api.results.present import Present, present
from admin_api.results.roll import roll
from admin_api.settling.service import Matter, settle, settled

BASIS = ("paper", "form", "raw", "line", "page", "reading", "key_version")
BASIS_LISTS = ("decisions", "corrections", "violations")


@dataclass(frozen=True, slots=True)
class Scored:
    """What the facts come to. `results` and `outcomes` are `frames.RESULTS` and `OUTCOMES`;
    `candidates` are as corrected; `open` is what nobody let stand.
    """

    candidates: pl.DataFrame
    results: pl.DataFrame
    outcomes: pl.DataFrame
    open: tuple[Matter, ...]
    present: Present


@dataclass(frozen=True, slots=True)
class ScoreRun:
    """What a run changed: tickets with the subjects whose results are new or other than before."""

    results: int
    outcomes: int
    open: int
    changed: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Stood:
    """A matter, and how many people by now said that it may stand."""

    matter: Matter
    people: int


def current(office: Office, connection: Connection, *, stored: bool = True) -> Scored:
    """Fold every fact into results, as of the connection's moment.

    With `stored` it is a matter of its own that the stored results are not these.
    """
    now = present(office, connection)
    results = mark(office, connection, now)
    outcomes = roll(office, connection, now, results)
    matters = list(now.matters)
    if stored and _older(connection, results, outcomes):
        words = "facts came in since the last scoring; run kaowu score"
        matters.append(Matter("scores", words, may_stand=False))
    allowed = settled(connection)
    matters += _unscored(results)
    still = tuple(m for m in matters if not (m.may_stand and m.key in allowed))
    return Scored(now.candidates, results, outcomes, still, now)


def score(office: Office, signer: Signer) -> ScoreRun:
    """Score everything and store exactly what is new or other than before."""
    need_role(signer, ActKind.SCORE)
    with (
        ThreadPoolExecutor(1) as aside,
        office.ledger.act(signer, ActKind.SCORE, target="all") as act,
    ):
        found = current(office, act.connection, stored=False)
        every = as_stored(found.results)
        inputs = aside.submit(digest_of, every, "enrolment")
        results = _changed(every, newest(act.connection, "result", "enrolment"), "enrolment")
        outcomes = _changed(
            outcomes_as_stored(found.outcomes),
            newest(act.connection, "outcome", "candidate"),
            "candidate",
        )
        act.details |= {"results": results.height, "outcomes": outcomes.height}
        changed = results.height + outcomes.height
        act.add(tables.result, results)
        act.add(tables.outcome, outcomes)
        act.add(tables.score_run, [{"inputs": inputs.result(), "changed": changed}])
    tickets = found.present.enrolments.select("enrolment", "ticket", "subject")
    named = results.join(tickets, on="enrolment", how="left", maintain_order="left")
    return ScoreRun(
        results.height,
        outcomes.height,
        len(found.open),
        named.select("ticket", "subject", "state", "score"),
    )


def let_stand(office: Office, signer: Signer, matter: str, reason: str) -> Stood:
    """Say that an open matter may stand, and why.

    Raises:
        NotFound: nothing of that key is open.
        Refused: it can be done properly, the same person said so before, or no reason is given.
    """
    need_role(signer, ActKind.SETTLE)
    need_reason(reason)
    with office.ledger.moment() as connection:
        found = {one.key: one for one in present(office, connection).matters}
    if matter not in found:
        raise NotFound(f"no matter {matter!r} may be let stand; see kaowu reconcile")
    if not found[matter].may_stand:
        raise Refused(f"{matter} cannot be let stand, only mended: {found[matter].words}")
    return Stood(found[matter], settle(office, signer, matter, reason))


def as_stored(results: pl.DataFrame) -> pl.DataFrame:
    """Results as rows of the table: enrolment, state, score, passed and, as JSON, their basis.

    Few of millions rest on what people said, so empty lists are left out.
    """
    rows = results.with_columns(pl.struct(*BASIS).struct.json_encode().alias("basis"))
    said = rows.filter(pl.any_horizontal(pl.col(name).list.len() > 0 for name in BASIS_LISTS))
    if said.height:
        lists = pl.struct(*BASIS_LISTS).struct.json_encode().str.strip_prefix("{")
        whole = pl.col("basis").str.strip_suffix("}") + "," + lists
        rows = rows.update(said.select("enrolment", whole.alias("basis")), on="enrolment")
    return rows.select("enrolment", "state", "score", "passed", "basis")


def outcomes_as_stored(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Outcomes as rows of the table."""
    carried = pl.struct("passed", "carried", "evidence").struct.json_encode()
    return outcomes.select("candidate", "qualified", carried.alias("rolling"))


def newest(connection: Connection, name: str, key: str) -> pl.DataFrame:
    """The newest row of every enrolment's result, or candidate's outcome."""
    table = tables.metadata.tables[name]
    columns = [column for column in table.columns if column.name not in ("id", "act")]
    every = read_many(connection, select(*columns).order_by(table.c.id), table.c.id)
    return every.unique(key, keep="last", maintain_order=True)


def _changed(now: pl.DataFrame, before: pl.DataFrame, key: str) -> pl.DataFrame:
    """The rows of `now` that are not in `before` as they stand."""
    if before.is_empty():
        return now.sort(key)
    return now.join(before, on=now.columns, how="anti", maintain_order="left").sort(key)


def _older(connection: Connection, results: pl.DataFrame, outcomes: pl.DataFrame) -> bool:
    stored = newest(connection, "result", "enrolment")
    if _changed(as_stored(results), stored, "enrolment").height:
        return True
    kept = newest(connection, "outcome", "candidate")
    return bool(_changed(outcomes_as_stored(outcomes), kept, "candidate").height)


def _unscored(results: pl.DataFrame) -> list[Matter]:
    """Papers with answers and without a key: scoring them can only wait."""
    lacking = results.filter((pl.col("state") == OPEN) & (pl.col("evidence") == NO_KEY))
    return [
        Matter(f"key {paper}{form}", "no key is in force; two keyholders load it", may_stand=False)
        for paper, form in sorted(set(lacking.select("paper", "form").iter_rows()))
    ]
