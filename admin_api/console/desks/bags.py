"""The scanning room: bags against their forms, intakes as they run, rescans, trial scans."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Annotated

import cv2
from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from admin_api.acts.roles import Role
from admin_api.console.desk import MOST_ID, Desk, Number, language_of, seated, wants_page
from admin_api.console.feeds import Feed, Feeds
from admin_api.console.intakes import Intake, Intakes, scan_folder
from admin_api.console.pages import render
from admin_api.console.uploads import laid_down, name_of
from admin_api.errors import NotFound, Refused, StoreError
from admin_api.intake.cards import stored_card
from admin_api.intake.counts import PageInBag, counts, pages_of
from admin_api.intake.page import StoredPage, find_page
from admin_api.intake.scans import BagName, Lot, lots_in
from admin_api.review.service import replace_page
from omr.batch import file_opener, list_files
from omr.errors import ImageError, SourceError
from omr.pipeline import ReadPage, read_page
from omr.records import ScannedPage
from omr.trace import overlay_of
from scanner_drivers.choose import open_driver
from scanner_drivers.profile import profile_for

router = APIRouter(tags=["scanning room"])
Operator = Annotated[Desk, seated(Role.OPERATOR, Role.SUPERVISOR)]
Onlooker = Annotated[Desk, seated(Role.OPERATOR, Role.SUPERVISOR, Role.AUDITOR)]
Looking = Annotated[
    Desk, seated(Role.OPERATOR, Role.REVIEWER, Role.SUPERVISOR, Role.RELEASE, Role.AUDITOR)
]
_TELL_S = 0.5
_WIDEST = 1400
_Name = Annotated[str, Query(max_length=20)]


class Counted(BaseModel):
    """A region, box or bag against its forms; `expected` is none where no form names it."""

    name: str
    expected: int | None
    pages: int
    read: int
    review: int
    rejected: int
    replaced: int
    agrees: bool


class Bags(BaseModel):
    """The regions, a region's boxes or a box's bags."""

    region: str
    box: str
    rows: list[Counted]


class Bag(BaseModel):
    """A bag with its pages, in the order of the feed."""

    region: str
    box: str
    bag: str
    pages: list[PageInBag]


class IntakeState(BaseModel):
    """An intake as it stands: waiting, reading, finished or failed. `rate` is pages a second."""

    number: int
    bags: list[str]
    who: str
    state: str
    total: int
    done: int
    rate: float
    counts: dict[str, int]
    reasons: dict[str, int]
    known: int
    fault: str


class FeedState(BaseModel):
    """A tray as it stands: scanning, tray empty, halted or stopped. `kind` names what stopped it,
    `words` say what to do with the paper.
    """

    scanner: str
    bag: str
    who: str
    pages: int
    state: str
    kind: str
    words: str


class IntakeStates(BaseModel):
    """The latest intakes and feeds of scanners, newest first."""

    intakes: list[IntakeState]
    feeds: list[FeedState]


class Folder(BaseModel):
    """A folder of scans under the scans' root. A tree holds region/box/bag folders; any other is
    one bag's, named by region, box and bag.
    """

    folder: str = Field(max_length=500)
    tree: bool = False
    region: str = Field(default="", max_length=8)
    box: str = Field(default="", max_length=20)
    bag: str = Field(default="", max_length=20)


class Tray(BaseModel):
    """The scanner whose tray is to be scanned."""

    scanner: str = Field(max_length=40)


class Replacement(BaseModel):
    """The later page that stands for a page, and why."""

    by: int = Field(ge=1, le=MOST_ID)
    why: str = Field(min_length=2, max_length=500)


class PageShown(BaseModel):
    """One page: where it lies, what it says, and what to do with the paper."""

    id: int
    region: str
    box: str
    bag: str
    position: int
    status: str
    ticket: str
    reason: str
    evidence: str
    advice: str
    by: int | None
    replaces: list[int]


class Trial(BaseModel):
    """What a trial scan reads; nothing of it is stored."""

    status: str
    values: dict[str, str]
    doubts: list[str]
    advice: str


@router.get("/bags")
def list_bags(desk: Onlooker, region: _Name = "", box: _Name = "") -> Bags:
    """What was scanned against the forms: regions, boxes, bags."""
    within = [one for one in (region, box) if one]
    with desk.office.ledger.moment() as connection:
        rows = [
            Counted.model_validate(one, from_attributes=True) for one in counts(connection, *within)
        ]
    root = desk.office.settings.scans
    return desk.show(
        "bags.html",
        Bags(region=region, box=box if region else "", rows=rows),
        intakes=_states(desk),
        folders=root is not None,
    )


@router.get("/bags/{region}/{box}/{bag}")
def show_bag(desk: Onlooker, region: str, box: str, bag: str) -> Bag:
    """A bag's pages; of a bag that no form names and nothing was scanned of, none."""
    with desk.office.ledger.moment() as connection:
        pages = pages_of(connection, region, box, bag)
        expected = {one.name: one.expected for one in counts(connection, region, box)}
    if not pages and bag not in expected and not _is_bag(desk, region, box, bag):
        raise NotFound(f"there is no bag {region}/{box}/{bag}")
    shown = Bag(region=region, box=box, bag=bag, pages=pages)
    return desk.show(
        "bag.html",
        shown,
        expected=expected.get(bag),
        intakes=_states(desk),
        scanners=list(desk.office.settings.scanners),
    )


@router.post("/bags/{region}/{box}/{bag}/scans")
def hand_in(
    desk: Operator,
    region: str,
    box: str,
    bag: str,
    files: Annotated[list[UploadFile], File(description="the bag's scans, in feed order")],
) -> IntakeState:
    """Hand in a bag's scans; they are read beside, in the order of their names."""
    _need_bag(desk, region, box, bag)
    with laid_down(desk.office, files) as folder:
        kept = Path(tempfile.mkdtemp(dir=_incoming(desk)))
        for one in files:
            shutil.move(folder / name_of(one), kept / name_of(one))
    lot = Lot(BagName(region, box, bag), (kept,))
    made = _intakes(desk).ask(
        desk.office, desk.signer, [lot], lambda: shutil.rmtree(kept, ignore_errors=True)
    )
    return desk.done(_state(made), f"/bags/{region}/{box}/{bag}", "the scans are being read")


@router.post("/bags/{region}/{box}/{bag}/feed")
def start_scan(
    desk: Operator, region: str, box: str, bag: str, said: Annotated[Tray, Form()]
) -> FeedState:
    """Scan what lies in a scanner's tray into a bag; after a jam the same goes on."""
    _need_bag(desk, region, box, bag)
    driver = desk.office.settings.scanners.get(said.scanner)
    if driver is None:
        raise NotFound(f"there is no scanner {said.scanner!r}; KAOWU_SCANNERS names them")
    with desk.office.ledger.moment() as connection:
        design = stored_card(connection, desk.office.exam.card).design
    opened = open_driver(driver, profile_for(design.name, two_sided=len(design.sides) > 1))
    made = _feeds(desk).start(
        desk.office, desk.signer, BagName(region, box, bag), said.scanner, opened
    )
    return desk.done(_feed(made), f"/bags/{region}/{box}/{bag}", "the scanner is scanning")


@router.post("/scanners/{scanner}/halt")
def halt_scan(desk: Operator, scanner: str) -> IntakeStates:
    """Halt a scanner; what was scanned is read."""
    _feeds(desk).halt(scanner)
    return desk.done(_states(desk), "/bags", "the scanner was halted")


@router.post("/intakes")
def read_folder(desk: Operator, said: Annotated[Folder, Form()]) -> IntakeState:
    """Read a folder under the scans' root."""
    root = desk.office.settings.scans
    found = scan_folder(root, said.folder) if root is not None else None
    if found is None:
        where = root if root is not None else "no folder: KAOWU_SCANS is not set"
        raise Refused(f"{said.folder!r} is no folder under the scans' root ({where})")
    if said.tree:
        lots = list(lots_in(found))
    elif not (said.region and said.box and said.bag):
        raise Refused("name the bag's region, box and bag, or a folder of region/box/bag folders")
    else:
        lots = [Lot(BagName(said.region, said.box, said.bag), (found,))]
    if unknown := {lot.bag.region for lot in lots} - set(desk.office.exam.regions):
        raise Refused(f"the exam has no region {', '.join(sorted(unknown))}")
    made = _intakes(desk).ask(desk.office, desk.signer, lots, lambda: None)
    return desk.done(_state(made), "/bags", "the scans are being read")


@router.get("/intakes")
def intakes(desk: Onlooker) -> IntakeStates:
    """The latest intakes."""
    return desk.show("intakes.html", _states(desk))


@router.get("/intakes/live", response_class=EventSourceResponse)
async def live(desk: Onlooker) -> AsyncIterable[ServerSentEvent]:
    """The latest intakes, again whenever one gets on."""
    found, feeds, seen = _intakes(desk), _feeds(desk), None
    page = wants_page(desk.request) or desk.request.query_params.get("as") == "page"
    while not await desk.request.is_disconnected():
        if (now := (found.version, feeds.version)) != seen:
            seen = now
            states = _states(desk)
            if page:
                html = render("intakes_live.html", language_of(desk.request), {"it": states})
                yield ServerSentEvent(raw_data=html)
            else:
                yield ServerSentEvent(data=states.model_dump())
        await asyncio.sleep(_TELL_S)


@router.post("/trial")
def trial(desk: Operator, file: Annotated[UploadFile, File()]) -> Trial:
    """Read one scan with the exam's card, to try a scanner; nothing is stored."""
    with desk.office.ledger.moment() as connection:
        card = stored_card(connection, desk.office.exam.card)
    with laid_down(desk.office, [file]) as folder:
        try:
            ref = next(iter(list_files([folder])), None)
            if ref is None:
                raise Refused(f"{name_of(file)} is no scan; hand in JPEG, PNG, TIFF or PDF")
            page = file_opener().open(ref)
        except (ImageError, SourceError) as error:
            raise Refused(str(error)) from error
        outcome = read_page(page, card.design, card.policy)
    if isinstance(outcome, ReadPage):
        reading = outcome.reading
        found = Trial(
            status=reading.status.value,
            values=dict(zip(reading.fields, reading.values, strict=True)),
            doubts=[f"{one.field}: {one.kind.value}, {one.evidence}" for one in reading.doubts],
            advice="",
        )
    else:
        found = Trial(
            status="rejected",
            values={},
            doubts=[f"{outcome.reason.value}: {outcome.evidence}"],
            advice=outcome.advice,
        )
    return desk.show("trial.html", found)


@router.get("/pages/{page}")
def show_page(desk: Looking, page: Number) -> PageShown:
    """One page, and what to do with the paper."""
    with desk.office.ledger.moment() as connection:
        found = find_page(connection, page)
    return desk.show("page.html", _shown(found))


@router.post("/pages/{page}/replace")
def replace(desk: Operator, page: Number, said: Annotated[Replacement, Form()]) -> PageShown:
    """Let a later scan of the same sheet stand for a page."""
    replace_page(desk.office, desk.signer, page, said.by, said.why)
    with desk.office.ledger.moment() as connection:
        found = find_page(connection, page)
    to = f"/bags/{found.region}/{found.box}/{found.bag}"
    return desk.done(_shown(found), to, "the rescan stands for it")


@router.get("/pages/{page}/image.jpg", response_class=Response)
def page_image(desk: Looking, page: Number, overlay: bool = False) -> Response:
    """A page's picture, with what was read drawn over it if asked."""
    with desk.office.ledger.moment() as connection:
        found = find_page(connection, page)
        card = stored_card(connection, desk.office.exam.card)
    if not found.image:
        raise NotFound(f"page {page} could not be opened; there is no picture of it")
    content = desk.office.vault.get(found.image)
    scan = ScannedPage(content, ScannedPage.digest(content), f"page {page}", 0)
    outcome = read_page(scan, card.design, card.policy)
    drawn = overlay_of(scan, outcome, card.design)
    if not overlay and drawn.shape[1] > _WIDEST:
        size = (_WIDEST, round(drawn.shape[0] * _WIDEST / drawn.shape[1]))
        drawn = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return Response(jpeg, media_type="image/jpeg")


@router.get("/day")
def day_report(desk: Onlooker) -> Bags:
    """The end of the day: every region against its forms, to print."""
    with desk.office.ledger.moment() as connection:
        rows = [Counted.model_validate(one, from_attributes=True) for one in counts(connection)]
    return desk.show("day.html", Bags(region="", box="", rows=rows), intakes=_states(desk))


def _incoming(desk: Desk) -> Path:
    folder = desk.office.settings.home / "incoming"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}") from error
    return folder


def _is_bag(desk: Desk, region: str, box: str, bag: str) -> bool:
    return region in desk.office.exam.regions and _is_place(box) and _is_place(bag)


def _need_bag(desk: Desk, region: str, box: str, bag: str) -> None:
    if not _is_bag(desk, region, box, bag):
        raise Refused(f"{region}/{box}/{bag} names no bag of this exam")


def _is_place(name: str) -> bool:
    return name.isalnum() and len(name) <= 20


def _intakes(desk: Desk) -> Intakes:
    found = desk.console.desks.setdefault(Intakes, Intakes())
    assert isinstance(found, Intakes)
    return found


def _feeds(desk: Desk) -> Feeds:
    found = desk.console.desks.setdefault(Feeds, Feeds(_intakes(desk)))
    assert isinstance(found, Feeds)
    return found


def _states(desk: Desk) -> IntakeStates:
    return IntakeStates(
        intakes=[_state(one) for one in reversed(_intakes(desk).latest)],
        feeds=[_feed(one) for one in reversed(_feeds(desk).latest)],
    )


def _feed(one: Feed) -> FeedState:
    return FeedState.model_validate(one, from_attributes=True)


def _state(one: Intake) -> IntakeState:
    taken = one.taken
    return IntakeState(
        number=one.number,
        bags=list(one.bags),
        who=one.who,
        state=one.state,
        total=one.total,
        done=one.done,
        rate=round(one.rate, 1),
        counts=dict(one.counts),
        reasons=dict(taken.reasons) if taken else {},
        known=taken.known if taken else 0,
        fault=one.fault,
    )


def _shown(found: StoredPage) -> PageShown:
    return PageShown.model_validate(found, from_attributes=True)
