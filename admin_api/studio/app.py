"""The studio's endpoints: one document, one person, this machine only."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, unquote

from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse

from admin_api.errors import Refused
from admin_api.studio.document import Changed
from admin_api.studio.edits import Edit
from admin_api.studio.studio import State, Studio
from omr.errors import OmrError
from omr.fonts import chinese_font

_PAGE = Path(__file__).parent / "page"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".html": "text/html"}
_MOST_SCAN = 64 << 20
_MOST_EDIT = 4 << 20
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Face = Literal["front", "back"]


def build_app(studio: Studio) -> FastAPI:
    """The app of one open document."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _guard(app, studio)
    root = f"/{studio.token}"

    @app.get(f"{root}/state")
    def state() -> State:
        return studio.state()

    @app.post(f"{root}/edit")
    def edit(asked: Annotated[Edit, Body()]) -> State:
        return studio.edit(asked)

    @app.post(f"{root}/try")
    async def try_scan(request: Request) -> State:
        content = await _received(request, _MOST_SCAN)
        name = Path(unquote(request.headers.get("x-name", ""))).name or "the scan"
        return await run_in_threadpool(studio.take_scan, content, name)

    @app.get(f"{root}/reading")
    def reading() -> State:
        return studio.reading()

    _pictures(app, studio)
    return app


def _guard(app: FastAPI, studio: Studio) -> None:
    """Only this machine's own page: its address, its host's name, its header; errors as words."""

    @app.middleware("http")
    async def guard(request: Request, onward: Callable[[Request], Awaitable[Response]]) -> Response:
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        if host not in ("127.0.0.1", "localhost"):
            return Response("not this host", 421, _HEADERS)
        if request.method not in ("GET", "HEAD"):
            given = request.headers.get("x-studio", "").encode()
            if not secrets.compare_digest(given, studio.token.encode()):
                return Response("not from the studio's page", 403, _HEADERS)
            length = request.headers.get("content-length", "")
            if request.url.path.endswith("/edit") and not _within(length, _MOST_EDIT):
                return Response("too much for one edit", 413, _HEADERS)
        response = await onward(request)
        response.headers.update(_HEADERS)
        return response

    @app.exception_handler(RequestValidationError)
    def misunderstood(_request: Request, error: RequestValidationError) -> JSONResponse:
        words = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:3])
        return JSONResponse({"error": f"that cannot be taken: {words}"}, 422)

    @app.exception_handler(OmrError)
    def told(_request: Request, error: OmrError) -> JSONResponse:
        status = 409 if isinstance(error, Changed) else 422
        return JSONResponse({"error": str(error), "state": studio.state()}, status)


def _pictures(app: FastAPI, studio: Studio) -> None:
    """The page's own files, the sheet behind the fields, and the scan."""
    root = f"/{studio.token}"

    @app.get(f"{root}/sheet/{{face}}.jpg")
    def sheet(face: Face) -> Response:
        background = studio.background()
        if background is None or face not in background.pictures:
            raise HTTPException(404)
        headers = {"X-Note": quote(background.note)}
        return Response(background.pictures[face], media_type="image/jpeg", headers=headers)

    @app.get(f"{root}/scan/{{face}}.jpg")
    def scan(face: Face) -> Response:
        picture = studio.scan_picture(face)
        if picture is None:
            raise HTTPException(404)
        return Response(picture, media_type="image/jpeg")

    @app.get(f"{root}/chinese.ttf")
    def font() -> Response:
        return FileResponse(chinese_font(), media_type="font/ttf")

    @app.get(f"{root}/{{name}}")
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise HTTPException(404)
        return FileResponse(_PAGE / name, media_type=_KINDS[Path(name).suffix])

    @app.get(f"{root}/")
    def page() -> Response:
        return FileResponse(_PAGE / "index.html", media_type="text/html")


_ASSETS = frozenset(file.name for file in _PAGE.iterdir() if file.suffix in _KINDS)


def _within(length: str, most: int) -> bool:
    return length.isdecimal() and int(length[:12]) <= most


async def _received(request: Request, most: int) -> bytes:
    """The body, up to a limit; a longer one is not read to its end."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Refused(f"a scan may have at most {most >> 20} MB; give one page")
        parts.append(part)
    return b"".join(parts)
