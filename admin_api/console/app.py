"""Puts the console together: desks, guard, errors, assets, what watches it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from admin_api.console.desk import (
    Console,
    SignInNeeded,
    is_partial,
    page_of,
    wants_page,
)
from admin_api.console.desks import DESKS
from admin_api.console.guard import Guard
from admin_api.console.problems import Problem, problem_of, status_of
from admin_api.database import need_answer
from admin_api.errors import KaowuError
from admin_api.pages.assets import asset
from omr.errors import OmrError
from omr.fonts import chinese_font

_STATIC = Path(__file__).parent / "static"
_ASSETS = {
    "htmx.js": ("htmx/htmx.min.js", "text/javascript"),
    "sse.js": ("htmx/hx-sse.min.js", "text/javascript"),
    "swagger.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript"),
    "swagger.css": ("swagger-ui/swagger-ui.css", "text/css"),
}
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {}}},
    **{
        status: {"model": Problem, "description": words}
        for status, words in (
            (400, "the request cannot be parsed"),
            (401, "nobody is signed in"),
            (403, "not this person, or not from the console's pages"),
            (404, "there is no such thing for this person"),
            (409, "too late, or something else must be settled first"),
            (422, "a rule is broken; nothing was stored"),
            (503, "the store cannot be used"),
        )
    },
}


def build_app(console: Console) -> ASGIApp:
    """The console as an ASGI app."""
    app = FastAPI(
        title="考务 console",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses=PROBLEMS,
    )
    app.state.console = console
    for router in DESKS:
        app.include_router(router)
    _told(app)
    _watched(app, console)
    _served(app)
    return Guard(app, console.rules, console.visits)


def _told(app: FastAPI) -> None:
    """Errors as problems, and as notices on pages."""

    @app.exception_handler(OmrError)
    def refused(request: Request, error: OmrError) -> Response:
        return _problem(request, status_of(error), problem_of(error))

    @app.exception_handler(SignInNeeded)
    def nobody(request: Request, error: SignInNeeded) -> Response:
        if is_partial(request):
            return Response(status_code=204, headers={"HX-Redirect": error.to})
        if wants_page(request):
            return RedirectResponse(error.to, 303)
        return JSONResponse(Problem(kind="SignInNeeded", error=str(error)).model_dump(), 401)

    @app.exception_handler(RequestValidationError)
    def misunderstood(request: Request, error: RequestValidationError) -> Response:
        findings = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
        problem = Problem(kind="Refused", error="that cannot be taken", findings=findings)
        return _problem(request, 422, problem)

    @app.exception_handler(HTTPException)
    def other(request: Request, error: HTTPException) -> Response:
        kind = "NotFound" if error.status_code in (404, 405) else "Refused"
        return _problem(request, error.status_code, Problem(kind=kind, error=str(error.detail)))


def _problem(request: Request, status: int, problem: Problem) -> Response:
    if not wants_page(request):
        return JSONResponse(problem.model_dump(), status)
    answer = page_of(request, "problem.html", {"problem": problem, "status": status}, status)
    if is_partial(request):
        answer.headers["HX-Retarget"] = "#notices"
        answer.headers["HX-Reswap"] = "innerHTML"
    return answer


def _watched(app: FastAPI, console: Console) -> None:
    """Health, readiness and metrics: for the machine beside, without a session."""

    @app.get("/healthz", include_in_schema=False)
    def healthy() -> Response:
        return Response("alive\n", media_type="text/plain")

    @app.get("/readyz", include_in_schema=False)
    def ready() -> Response:
        try:
            need_answer(console.office.ledger.engine)
        except KaowuError as error:
            return Response(f"{error}\n", 503, media_type="text/plain")
        return Response("ready\n", media_type="text/plain")

    @app.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        if request.client is not None and request.client.host not in ("127.0.0.1", "::1"):
            raise HTTPException(404)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _served(app: FastAPI) -> None:
    """The pages' own files, and the API's description."""

    @app.get("/openapi.json", include_in_schema=False)
    def description() -> dict[str, Any]:
        return app.openapi()

    @app.get("/api", include_in_schema=False)
    def api(request: Request) -> Response:
        return page_of(request, "api.html", {})

    @app.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        found = _files().get(name)
        if found is None:
            raise HTTPException(404)
        age = 86_400 if name.endswith(".ttf") else 300
        headers = {"Cache-Control": f"private, max-age={age}"}
        return FileResponse(found[0], media_type=found[1], headers=headers)


@functools.cache
def _files() -> dict[str, tuple[Path, str]]:
    own = {
        file.name: (file, _KINDS[file.suffix])
        for file in _STATIC.iterdir()
        if file.suffix in _KINDS
    }
    fonts = {"regular.ttf": chinese_font(), "bold.ttf": chinese_font(bold=True)}
    return (
        own
        | {name: (asset(path), kind) for name, (path, kind) in _ASSETS.items()}
        | {name: (path, "font/ttf") for name, path in fonts.items()}
    )
