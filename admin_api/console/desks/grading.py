"""Grading (判读): one doubted field at a time, decided by one key."""

from __future__ import annotations

import functools
import time
from typing import Annotated

import cv2
import numpy as np
from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from admin_api.acts.roles import Role
from admin_api.console.desk import MOST_ID, Console, Desk, Number, seated
from admin_api.errors import NotFound
from admin_api.intake.cards import stored_card
from admin_api.review import service
from admin_api.review.decisions import Standing
from admin_api.review.queue import Doubted, Key, Queue
from admin_api.review.service import GraderFigures
from omr.crop import PX_PER_MM, LaidPage, crop, field_box, lay
from omr.design import Design, FieldKind
from omr.records import U8, ScannedPage

router = APIRouter(tags=["grading"])
Grader = Annotated[Desk, seated(Role.REVIEWER, Role.SUPERVISOR)]
Onlooker = Annotated[Desk, seated(Role.SUPERVISOR, Role.AUDITOR)]
_AROUND_MM, _ROW_MM = 12.0, 5.0
_BLUE = (200, 90, 20)
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 88]
_LAID_KEPT = 16


class Doubt(BaseModel):
    """A doubt's kind and its figures."""

    kind: str
    evidence: str


class FieldToGrade(BaseModel):
    """A field to look at. `options` may be picked, several where `several`; `length` characters
    where a number is to be typed, 0 where not. `crop`, `row` and `card` are pictures' addresses.
    """

    page: int
    field: str
    title: str
    place: str
    read: str
    doubts: list[Doubt]
    error_probability: float
    options: list[str]
    several: bool
    length: int
    crop: str
    row: str
    card: str


class Grading(BaseModel):
    """What comes now, none where nothing waits; the picture that most likely comes next."""

    now: FieldToGrade | None
    then: str
    waiting: int
    undo: bool
    said: str


class Word(BaseModel):
    """What a person says that a field reads; "" for blank, ? for a digit that cannot be told."""

    page: int = Field(ge=1, le=MOST_ID)
    field: str = Field(max_length=60)
    value: str = Field(default="", max_length=100)


class Graders(BaseModel):
    """How the graders do, and how much waits."""

    graders: list[GraderFigures]
    waiting: int


class GradingRoom:
    """The queue of one console, the last word of each person, and pages that were laid lately."""

    def __init__(self, console: Console) -> None:
        self.queue = Queue(console.office.exam, time.monotonic)
        self.last: dict[str, Key] = {}
        self.laid = functools.lru_cache(maxsize=_LAID_KEPT)(self._lay)
        self._console = console

    def _lay(self, image: str, design: Design) -> LaidPage | None:
        content = self._console.office.vault.get(image)
        return lay(ScannedPage(content, ScannedPage.digest(content), image[:12], 0), design)


@router.get("/grading")
def grading(desk: Grader) -> Grading:
    """The field to look at now."""
    return desk.show("grading.html", _now(desk, ""))


@router.post("/grading")
def grade(desk: Grader, said: Annotated[Word, Form()]) -> Grading:
    """Say what a field reads; answers with the next one."""
    room, key = _room(desk), (said.page, said.field)
    if room.queue.is_known(desk.visit.name, key):
        shown = (said.page, said.field, room.queue.settled_as(key))
        service.note_known(desk.office, desk.signer, shown, said.value)
        words = "waiting"
    else:
        found = service.decide(desk.office, desk.signer, said.page, said.field, said.value)
        # Whether the other grader agreed is nothing that a grader may learn.
        arbiter = desk.signer.role is Role.SUPERVISOR
        words = found.standing.value if arbiter else Standing.WAITING.value
    room.last[desk.visit.name] = key
    room.queue.done(desk.visit.name, key)
    return desk.show("grading.html", _now(desk, words))


@router.post("/grading/undo")
def undo(desk: Grader) -> Grading:
    """Take one's last field up again; what is said then takes the earlier word's place."""
    room = _room(desk)
    key = room.last.pop(desk.visit.name, None)
    with desk.office.ledger.moment() as connection:
        room.queue.refresh(connection)
    if key is None or room.queue.again(desk.visit.name, key) is None:
        raise NotFound("there is nothing to undo: it is settled, or was long ago")
    return desk.show("grading.html", _now(desk, "undone"))


@router.get("/grading/{page}/{field}/crop.jpg", response_class=Response)
def field_crop(desk: Grader, page: Number, field: str) -> Response:
    """The field as it lies on the scan, its boxes outlined."""
    return _picture(desk, (page, field), whole_row=False)


@router.get("/grading/{page}/{field}/row.jpg", response_class=Response)
def field_row(desk: Grader, page: Number, field: str) -> Response:
    """The whole width of the card at the field."""
    return _picture(desk, (page, field), whole_row=True)


@router.get("/graders")
def graders(desk: Onlooker) -> Graders:
    """How the graders do."""
    room = _room(desk)
    with desk.office.ledger.moment() as connection:
        room.queue.refresh(connection)
        found = service.graders(connection, desk.office.exam)
    return desk.show("graders.html", Graders(graders=found, waiting=room.queue.waiting()))


def _room(desk: Desk) -> GradingRoom:
    desks = desk.console.desks
    if GradingRoom not in desks:
        desks[GradingRoom] = GradingRoom(desk.console)
    room = desks[GradingRoom]
    assert isinstance(room, GradingRoom)
    return room


def _now(desk: Desk, said: str) -> Grading:
    room, name = _room(desk), desk.visit.name
    arbiter = desk.signer.role is Role.SUPERVISOR
    with desk.office.ledger.moment() as connection:
        room.queue.refresh(connection)
        design = stored_card(connection, desk.office.exam.card).design
    found = room.queue.next_for(name, arbiter=arbiter)
    then = room.queue.after(name, arbiter=arbiter)
    return Grading(
        now=_to_grade(found, design) if found else None,
        then=_address(then, "crop") if then else "",
        waiting=room.queue.waiting(name, arbiter=arbiter),
        undo=name in room.last,
        said=said,
    )


def _to_grade(one: Doubted, design: Design) -> FieldToGrade:
    known = {field.name: field for field in design.sides[0].fields}
    found = known.get(one.field)
    picked = found is not None and found.kind not in (FieldKind.DIGITS, FieldKind.LETTERS)
    return FieldToGrade(
        page=one.page,
        field=one.field,
        title=(found.title if found else "") or one.field,
        place=one.place,
        read=one.read,
        doubts=[Doubt(kind=kind, evidence=evidence) for kind, evidence in one.why],
        error_probability=round(one.error_probability, 4),
        options=list(found.values) if found and picked else [],
        several=found is not None and found.kind is not FieldKind.FLAG and picked,
        length=found.length if found and not picked else 0,
        crop=_address(one, "crop"),
        row=_address(one, "row"),
        card=f"/pages/{one.page}/image.jpg",
    )


def _address(one: Doubted, what: str) -> str:
    return f"/grading/{one.page}/{one.field}/{what}.jpg"


def _picture(desk: Desk, key: Key, *, whole_row: bool) -> Response:
    """A crop as a JPEG, for as long as the browser keeps the page open."""
    room = _room(desk)
    found = room.queue.find(key)
    if found is None:
        raise NotFound(f"page {key[0]} has no doubted field {key[1]}")
    with desk.office.ledger.moment() as connection:
        design = stored_card(connection, desk.office.exam.card).design
    laid = room.laid(found.image, design) if found.image else None
    if laid is None:
        raise NotFound(f"page {key[0]} cannot be laid out; look at the whole page")
    box = field_box(design, laid.side, key[1])
    wide = design.width_mm if whole_row else _AROUND_MM
    part = box.grown(design, wide, _ROW_MM if whole_row else _AROUND_MM / 2)
    drawn = cv2.cvtColor(crop(laid, part), cv2.COLOR_GRAY2BGR)
    _outline(np.asarray(drawn, np.uint8), design, laid, (key[1], part.left, part.top))
    content = cv2.imencode(".jpg", drawn, _QUALITY)[1].tobytes()
    headers = {"Cache-Control": "private, max-age=600"}
    return Response(content, media_type="image/jpeg", headers=headers)


def _outline(drawn: U8, design: Design, laid: LaidPage, what: tuple[str, float, float]) -> None:
    """Draw the boxes of a field: their print drops out of many scans."""
    name, left, top = what
    half = np.array([design.bubbles.width_mm, design.bubbles.height_mm]) / 2
    for field in laid.side.fields:
        if field.name == name:
            start = laid.side.group_start
            own = laid.side.centres_mm[start[field.groups[0]] : start[field.groups[1]]]
            for n, centre in enumerate(own):
                low = np.rint((centre - half - (left, top)) * PX_PER_MM).astype(int)
                high = np.rint((centre + half - (left, top)) * PX_PER_MM).astype(int)
                cv2.rectangle(drawn, low.tolist(), high.tolist(), _BLUE, 1)
                letter = field.values[n % len(field.values)]
                at = (int(low[0]), int(low[1]) - 3)
                cv2.putText(drawn, letter, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, _BLUE, 1)
