"""The studio's endpoints: one document, one person, this machine only."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from admin_api.errors import Refused
from admin_api.studio.background import backgrounds
from admin_api.studio.boxes import state_of
from admin_api.studio.document import Changed, Document, Place
from omr.errors import OmrError
from omr.fonts import chinese_font
from omr.pipeline import read_page
from omr.policy import default_policy
from omr.records import RejectedPage, ScannedPage
from omr.trace import overlay_of

_PAGE = Path(__file__).parent / "page"
_KINDS = {"studio.css": "text/css", "studio.js": "text/javascript"}
_MOST_UPLOAD = 64 << 20
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Doing(StrEnum):
    """What can be done on the page."""

    SET = "set"
    MOVE = "move"
    STRETCH = "stretch"
    DELETE = "delete"
    COPY = "copy"
    ADD = "add"
    TEXT = "text"
    UNDO = "undo"
    REDO = "redo"
    SAVE = "save"
    RELOAD = "reload"
    TAKE_DRAFT = "take_draft"
    FORGET_DRAFT = "forget_draft"


class Edit(BaseModel):
    """One thing done on the page."""

    do: Doing
    face: Literal["front", "back"] = "front"
    index: int = Field(0, ge=0)
    changes: dict[str, Any] = {}
    x: float = 0.0
    y: float = 0.0
    snap: bool = False
    text: str = ""
    overwrite: bool = False
    faulty: bool = False


@dataclass
class Studio:
    """What is open. Its token stands in every address, and in a header of whatever changes."""

    document: Document
    blank: Path | None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _pictures: dict[str, bytes] = field(default_factory=dict)
    _note: str = ""
    _drawn_for: str = ""

    def picture(self, face: str) -> bytes | None:
        """A side's background, drawn once for each page size and set of marks."""
        design = self.document.design
        if design is None:
            return None
        marks = [side.marks_mm().tolist() for side in design.sides]
        now = f"{design.width_mm} {design.height_mm} {marks}"
        if now != self._drawn_for:
            try:
                self._pictures, self._note = backgrounds(design, self.blank)
            except OmrError as error:
                self._pictures, self._note = {}, str(error)
            self._drawn_for = now
        return self._pictures.get(face)

    def state(self) -> dict[str, Any]:
        """What the page shows."""
        self.picture("front")
        return {**state_of(self.document), "note": self._note, "background": self._drawn_for}


def build_app(studio: Studio) -> FastAPI:
    """The app of one open document."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    root = f"/{studio.token}"

    @app.middleware("http")
    async def guard(request: Request, onward: Callable[[Request], Awaitable[Response]]) -> Response:
        """Only this machine's own page: its address, its host's name, its header."""
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        if host not in ("127.0.0.1", "localhost"):
            return Response("not this host", 421, _HEADERS)
        if request.method == "POST" and not secrets.compare_digest(
            request.headers.get("x-studio", ""), studio.token
        ):
            return Response("not from the studio's page", 403, _HEADERS)
        response = await onward(request)
        response.headers.update(_HEADERS)
        return response

    @app.exception_handler(OmrError)
    async def told(_request: Request, error: OmrError) -> JSONResponse:
        status = 409 if isinstance(error, Changed) else 422
        return JSONResponse({"error": str(error), "state": studio.state()}, status)

    @app.get(f"{root}/")
    def page() -> HTMLResponse:
        return HTMLResponse((_PAGE / "index.html").read_text(encoding="utf-8"))

    @app.get(f"{root}/state")
    def state() -> dict[str, Any]:
        return studio.state()

    @app.get(f"{root}/sheet/{{face}}.jpg")
    def sheet(face: Literal["front", "back"]) -> Response:
        picture = studio.picture(face)
        if picture is None:
            raise HTTPException(404)
        return Response(picture, media_type="image/jpeg")

    @app.get(f"{root}/chinese.ttf")
    def font() -> Response:
        return Response(chinese_font().read_bytes(), media_type="font/ttf")

    @app.get(f"{root}/{{name}}")
    def asset(name: str) -> Response:
        if name not in _KINDS:
            raise HTTPException(404)
        return Response((_PAGE / name).read_bytes(), media_type=_KINDS[name])

    @app.post(f"{root}/edit")
    def edit(asked: Annotated[Edit, Body()]) -> dict[str, Any]:
        _apply(studio.document, asked)
        return studio.state()

    @app.post(f"{root}/try")
    async def try_scan(request: Request) -> dict[str, Any]:
        content = await _received(request)
        return tried(studio.document, content)

    return app


async def _received(request: Request) -> bytes:
    """The body, up to a limit; a longer one is not read to its end."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_UPLOAD:
            raise Refused("a scan may have at most 64 MB; give one page")
        parts.append(part)
    return b"".join(parts)


def _apply(document: Document, asked: Edit) -> None:
    place = Place(asked.face, asked.index)
    doings: dict[Doing, Callable[[], None]] = {
        Doing.SET: lambda: document.set(place, asked.changes),
        Doing.MOVE: lambda: document.move(place, asked.x, asked.y, snap=asked.snap),
        Doing.STRETCH: lambda: document.stretch(place, asked.x, asked.y),
        Doing.DELETE: lambda: document.delete(place),
        Doing.COPY: lambda: document.copy(place),
        Doing.ADD: lambda: document.add(asked.face, asked.x, asked.y),
        Doing.TEXT: lambda: document.write(asked.text),
        Doing.UNDO: document.undo,
        Doing.REDO: document.redo,
        Doing.SAVE: lambda: document.save(overwrite=asked.overwrite, faulty=asked.faulty),
        Doing.RELOAD: document.reload,
        Doing.TAKE_DRAFT: lambda: document.write(document.draft or document.text),
        Doing.FORGET_DRAFT: document.forget_draft,
    }
    doings[asked.do]()


def tried(document: Document, content: bytes) -> dict[str, Any]:
    """What a filled scan reads under the design as it is now, and the overlay picture.

    Raises:
        Refused: there is no usable design to read it with.
    """
    design = document.design
    if design is None or not document.usable:
        raise Refused("this is no design yet; mend the findings, then try a scan")
    page = ScannedPage(content, ScannedPage.digest(content), "the scan", 0)
    outcome = read_page(page, design, default_policy())
    good, picture = cv2.imencode(".jpg", overlay_of(page, outcome, design))
    shown = base64.b64encode(picture.tobytes()).decode() if good else ""
    if isinstance(outcome, RejectedPage):
        words = f"{outcome.reason}: {outcome.evidence}. {outcome.advice}"
        return {"rejected": words, "picture": shown, "values": []}
    reading = outcome.reading
    doubts: dict[str, list[str]] = {}
    for doubt in reading.doubts:
        doubts.setdefault(doubt.field, []).append(f"{doubt.kind}: {doubt.evidence}")
    values = [
        {"field": name, "value": value, "doubts": doubts.get(name, [])}
        for name, value in zip(reading.fields, reading.values, strict=True)
    ]
    return {"rejected": "", "picture": shown, "values": values}
