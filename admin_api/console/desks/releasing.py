"""The release desk: what still blocks, scores, results, and releases signed by two people."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, func, select

from admin_api import tables
from admin_api.acts.roles import Role
from admin_api.console.desk import Desk, seated
from admin_api.release import service as release
from admin_api.release.records import ReleaseKind
from admin_api.results import service as results
from admin_api.results.explain import explain
from admin_api.results.figures import Changes, SubjectFigures, changes, figures
from admin_api.results.service import Scored
from admin_api.settling import service as settling

router = APIRouter(tags=["release desk"])
Settler = Annotated[Desk, seated(Role.SUPERVISOR, Role.RELEASE)]
Clerk = Annotated[Desk, seated(Role.RELEASE)]
Onlooker = Annotated[Desk, seated(Role.SUPERVISOR, Role.RELEASE, Role.AUDITOR)]
_MOST = 500
_LINKS = {"page": "/pages/{}", "correction": "/corrections", "violation": "/violations"}


class MatterRow(BaseModel):
    """Something open. `kind` is a page's state, or what else it is about. `said`: who let it stand
    so far. `link` leads to where it is settled.
    """

    key: str
    kind: str
    words: str
    may_stand: bool
    said: list[str]
    link: str


class Matters(BaseModel):
    """What blocks a release; `listed` of `open` are here."""

    open: int
    matters: list[MatterRow]


class Settled(BaseModel):
    """How many people said by now that the matter may stand; two must."""

    people: int


class Stand(BaseModel):
    """A matter that may stand, and why."""

    matter: str = Field(max_length=300)
    reason: str = Field(min_length=4, max_length=500)


class Reason(BaseModel):
    """A reason, for the audit and the release."""

    why: str = Field(min_length=4, max_length=500)


class Freezing(BaseModel):
    """`supersedes` names the published release that this one replaces, with the reason."""

    supersedes: str = Field(default="", max_length=64)
    reason: str = Field(default="", max_length=500)


class ScoreRun(BaseModel):
    """What a scoring changed."""

    results: int
    outcomes: int
    open: int


class Statistics(BaseModel):
    """Results as all facts have them now. `fresh`: they are what was stored last."""

    subjects: list[SubjectFigures]
    qualified: int
    candidates: int
    open: int


class BeforeAndAfter(BaseModel):
    """Results before and after what the regions reported."""

    changes: Changes


class ResultRow(BaseModel):
    """One result. `score` is exact; "" where there is none."""

    subject: str
    state: str
    score: str
    passed: bool
    evidence: str


class CandidateResults(BaseModel):
    """One candidate's results as all facts have them now."""

    ticket: str
    results: list[ResultRow]


class StepShown(BaseModel):
    """One link of a score's chain."""

    title: str
    lines: list[str]


class ExplainedScore(BaseModel):
    """What a score rests on, from the pixels to the release."""

    ticket: str
    subject: str
    state: str
    score: str
    page: int | None
    steps: list[StepShown]


class ReleaseRow(BaseModel):
    """A release. `steps`: published, exported."""

    hash: str
    kind: ReleaseKind
    supersedes: str
    reason: str
    signed_by: list[str]
    steps: list[str]
    in_force: bool


class Releases(BaseModel):
    """Every release, newest first."""

    releases: list[ReleaseRow]


class _Present:
    """The fold over all facts, kept until another act is stored."""

    def __init__(self) -> None:
        self._act = -1
        self._scored: Scored | None = None
        self._changes: Changes | None = None

    def of(self, desk: Desk, connection: Connection) -> Scored:
        last = connection.scalar(select(func.max(tables.act.c.id))) or 0
        if self._scored is None or last != self._act:
            self._scored, self._act = results.current(desk.office, connection), last
            self._changes = None
        return self._scored

    def changes(self, desk: Desk, connection: Connection) -> Changes:
        now = self.of(desk, connection)
        if self._changes is None:
            self._changes = changes(desk.office, connection, now, most=_MOST)
        return self._changes


@router.get("/matters")
def matters(desk: Onlooker) -> Matters:
    """What still blocks a release."""
    with desk.office.ledger.moment() as connection:
        found = _present(desk).of(desk, connection).open
        said: dict[str, list[str]] = {}
        for row in connection.execute(select(tables.settlement)):
            said.setdefault(row.matter, []).append(f"{row.who}: {row.reason}")
    rows = [
        MatterRow(
            key=one.key,
            kind=_kind(one.key),
            words=one.words,
            may_stand=one.may_stand,
            said=said.get(one.key, []),
            link=_link(one.key),
        )
        for one in found[:_MOST]
    ]
    return desk.show("matters.html", Matters(open=len(found), matters=rows))


@router.post("/matters/settle")
def let_stand(desk: Settler, said: Annotated[Stand, Form()]) -> Settled:
    """Let an open matter stand as it is, with a reason; two people must."""
    people = results.let_stand(desk.office, desk.signer, said.matter, said.reason).people
    words = "it stands" if people >= settling.PEOPLE else "another person must agree"
    return desk.done(Settled(people=people), "/matters", words)


@router.post("/scores")
def score(desk: Settler) -> ScoreRun:
    """Score everything; stores exactly what is new or other than before."""
    run = results.score(desk.office, desk.signer)
    found = ScoreRun(results=run.results, outcomes=run.outcomes, open=run.open)
    return desk.done(found, "/results", "everything is scored")


@router.get("/results")
def statistics(desk: Onlooker, ticket: Annotated[str, Query(max_length=40)] = "") -> Statistics:
    """Results by subject, as all facts have them now."""
    with desk.office.ledger.moment() as connection:
        found = _present(desk).of(desk, connection)
    shown = Statistics(
        subjects=figures(desk.office.exam, found.present.enrolments, found.results),
        qualified=int(found.outcomes["qualified"].sum()),
        candidates=found.candidates.height,
        open=len(found.open),
    )
    return desk.show("results.html", shown, ticket=ticket, own=_own(found, ticket))


@router.get("/results/changes")
def before_and_after(desk: Onlooker) -> BeforeAndAfter:
    """Results before and after what the regions reported, and each result that it changed."""
    with desk.office.ledger.moment() as connection:
        found = _present(desk).changes(desk, connection)
    return desk.show("changes.html", BeforeAndAfter(changes=found))


@router.get("/results/{ticket}")
def candidate(desk: Onlooker, ticket: str) -> CandidateResults:
    """One candidate's results as all facts have them now."""
    with desk.office.ledger.moment() as connection:
        found = _present(desk).of(desk, connection)
    shown = CandidateResults(ticket=ticket, results=_own(found, ticket))
    return desk.show("candidate.html", shown)


@router.get("/results/{ticket}/{subject}")
def explained(desk: Onlooker, ticket: str, subject: str) -> ExplainedScore:
    """What a score rests on, from the pixels to the release."""
    with desk.office.ledger.moment() as connection:
        found = explain(desk.office, connection, ticket, subject)
    steps = [StepShown(title=step.title, lines=list(step.lines)) for step in found.steps]
    shown = ExplainedScore(
        ticket=ticket,
        subject=subject,
        state=found.state,
        score=found.score,
        page=found.page,
        steps=steps,
    )
    return desk.show("explained.html", shown)


@router.get("/releases")
def releases(desk: Onlooker) -> Releases:
    """Every release, newest first."""
    return desk.show("releases.html", _releases(desk))


@router.post("/releases/freeze")
def freeze(desk: Clerk, said: Annotated[Freezing, Form()]) -> Releases:
    """Freeze the results; refused while anything is open."""
    release.freeze(desk.office, desk.signer, supersedes=said.supersedes, reason=said.reason)
    return desk.done(_releases(desk), "/releases", "frozen")


@router.post("/releases/{hash}/sign")
def sign(desk: Clerk, hash: str) -> Releases:
    """Sign a release after checking every byte of it; two people must."""
    release.sign(desk.office, desk.signer, hash)
    return desk.done(_releases(desk), "/releases", "signed")


@router.post("/releases/{hash}/publish")
def publish(desk: Clerk, hash: str) -> Releases:
    """Publish a release that two people signed."""
    release.publish(desk.office, desk.signer, hash)
    return desk.done(_releases(desk), "/releases", "published")


@router.post("/releases/{hash}/withdraw")
def withdraw(desk: Clerk, hash: str, said: Annotated[Reason, Form()]) -> Releases:
    """Make the release that takes a published one's place; it is signed and published like any."""
    release.withdraw(desk.office, desk.signer, hash, said.why)
    return desk.done(_releases(desk), "/releases", "the withdrawal is made; sign and publish it")


@router.post("/releases/{hash}/military", response_class=Response)
def military(desk: Clerk, hash: str) -> Response:
    """The signed military results (军队) as one file, for the 干部局 alone."""
    with tempfile.TemporaryDirectory(dir=desk.office.settings.home) as folder:
        out = Path(folder) / "military"
        release.export_military(desk.office, desk.signer, hash, out)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(out.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(out).as_posix())
    headers = {"Content-Disposition": 'attachment; filename="military.zip"'}
    return Response(packed.getvalue(), media_type="application/zip", headers=headers)


def _present(desk: Desk) -> _Present:
    found = desk.console.desks.setdefault(_Present, _Present())
    assert isinstance(found, _Present)
    return found


def _own(found: Scored, ticket: str) -> list[ResultRow]:
    if not ticket:
        return []
    names = found.present.enrolments.select("enrolment", "ticket", "subject")
    rows = found.results.join(names.filter(pl.col("ticket") == ticket), on="enrolment")
    return [
        ResultRow(
            subject=row["subject"],
            state=row["state"],
            score=row["score"],
            passed=row["passed"],
            evidence=row["evidence"],
        )
        for row in rows.sort("subject").iter_rows(named=True)
    ]


def _releases(desk: Desk) -> Releases:
    with desk.office.ledger.moment() as connection:
        every = release.releases(connection)
        shown = release.published(connection)
    return Releases(
        releases=[
            ReleaseRow(
                hash=one.hash,
                kind=one.kind,
                supersedes=one.supersedes,
                reason=one.reason,
                signed_by=list(one.signed_by),
                steps=list(one.steps),
                in_force=shown is not None and shown.hash == one.hash,
            )
            for one in reversed(every)
        ]
    )


def _kind(key: str) -> str:
    """What a matter is about, as a code: a page's state, or what else is open."""
    kind, _, rest = key.partition(" ")
    if kind == "page":
        return rest.rpartition(" ")[2]
    return f"{kind.rstrip('s')}_matter"


def _link(key: str) -> str:
    """Where a matter can be settled properly."""
    kind, _, rest = key.partition(" ")
    if kind == "page":
        return _LINKS["page"].format(rest.split(" ")[0])
    return _LINKS.get(kind.rstrip("s"), {"key": "/keys", "scores": "/results"}.get(kind, ""))
