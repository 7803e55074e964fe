"""The portal's pages: a form, an answer, a transcript. Bare Starlette; works without script."""

from __future__ import annotations

import asyncio
import functools
import html
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    generate_latest,
    multiprocess,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from admin_api.pages.catalogue import translations
from admin_api.portal.challenge import Challenges
from admin_api.portal.limits import Kind, Limits
from admin_api.portal.printed import transcript
from admin_api.portal.sealed import Found, spelled
from admin_api.portal.settings import PortalSettings
from admin_api.portal.shown import Shown

_HERE = Path(__file__).parent
_LANGUAGES = {"zh": "中文", "en": "English"}
_MOST_BODY, _MOST_FIELDS = 4096, 10
_WORDS = re.compile(r"""\{\{ _\((["'])(.+?)\1\) \}\}""")
_ADDRESS_S, _NUMBER_S = 600, 3600
_STATIC = {"portal.css": "text/css", "portal.js": "text/javascript"}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ASKED = Counter("kaowu_portal_questions", "Questions by what became of them.", ["outcome"])
_LOG = logging.getLogger("kaowu.portal")
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Question:
    """What a form asks: the two numbers as given, the form's token and the work done for it."""

    ticket: str
    id_number: str
    token: str
    work: str


class Portal:
    """One process of the portal: its pages and what they need."""

    def __init__(self, settings: PortalSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._shown = Shown(settings)
        self._limits = Limits(settings.state / "counts", settings.secret)
        self._challenges = Challenges(settings.secret, settings.work_bits, settings.wait_s)
        self._printing = asyncio.Lock()

    async def form(self, request: Request) -> Response:
        """The form for a question."""
        return self._form(request)

    async def result(self, request: Request) -> Response:
        """A candidate's result, or the form with the reason why there is none."""
        found = await self._asked(request)
        if isinstance(found, Response):
            return found
        said, names, language = found.record, found.header["names"], _language(request)
        rows = [
            _row(
                language,
                found.header["statement"]["release"],
                names["subjects"].get(one["subject"], one["subject"]),
                *(one[key] for key in ("state", "score", "passed", "carried")),
            )
            for one in said["subjects"]
        ]
        return self._page(
            request,
            "result.html",
            rows=Markup("".join(rows)),
            specialty=names["specialties"].get(said["specialty"], said["specialty"]),
            region=names["regions"].get(said["region"], said["region"]),
            **{key: said[key] for key in ("name", "ticket", "level", "qualified")},
        )

    async def transcript(self, request: Request) -> Response:
        """A candidate's transcript as PDF. One is made at a time, so that looks go on."""
        found = await self._asked(request)
        if isinstance(found, Response):
            return found
        if self._printing.locked():
            busy = self._form(request, 503, notice="busy")
            busy.headers["Retry-After"] = "5"
            return busy
        async with self._printing:
            content = await asyncio.to_thread(transcript, found)
        headers = _HEADERS | {"Content-Disposition": 'attachment; filename="transcript.pdf"'}
        return Response(content, media_type="application/pdf", headers=headers)

    async def ready(self, _request: Request) -> Response:
        """Which release is shown, and what is wrong with the file that lies there."""
        words = f"showing {self._shown.now.release}\n{self._shown.fault}"
        return PlainTextResponse(words, headers=_HEADERS)

    async def metrics(self, request: Request) -> Response:
        """What all processes counted; for this machine alone, and not through a proxy on it."""
        host = request.client.host if request.client else ""
        if host not in ("127.0.0.1", "::1") or "x-forwarded-for" in request.headers:
            return PlainTextResponse("not found", 404)
        counted = REGISTRY
        if self._settings.metrics.is_dir():
            counted = CollectorRegistry()
            multiprocess.MultiProcessCollector(counted, str(self._settings.metrics))  # type: ignore[no-untyped-call]
        return Response(generate_latest(counted), media_type=CONTENT_TYPE_LATEST)

    async def _asked(self, request: Request) -> Found | Response:
        """What a question finds; the form again where it may not be asked, or finds nothing."""
        asked, now_s = _question(await _body(request)), self._clock()
        # Counted before anything is looked at, and whether there is such a candidate or not.
        by_address, by_number = self._limits.count(
            (Kind.ADDRESS, _address(request, self._settings.proxies), int(now_s) // _ADDRESS_S),
            (Kind.NUMBER, spelled(asked.ticket), int(now_s) // _NUMBER_S),
        )
        if by_address > self._settings.per_address:
            return self._limited(request, "address", _ADDRESS_S)
        if by_number > self._settings.per_number:
            return self._limited(request, "number", _NUMBER_S)
        given = self._challenges.open(asked.token, now_s)
        if given is None:
            return self._stale(request)
        if wait_s := self._challenges.wait(given, asked.work, now_s):
            _ASKED.labels("early").inc()
            return self._form(request, 425, notice="early", wait_s=wait_s, token=given.text)
        (by_form,) = self._limits.count((Kind.TOKEN, given.name, given.made_s))
        if by_form > self._settings.per_form:
            return self._stale(request)
        found = self._shown.now.find(asked.ticket, asked.id_number)
        if found is None:
            _ASKED.labels("none").inc()
            return self._form(request, 404, notice="none")
        _ASKED.labels("found").inc()
        return found

    def _limited(self, request: Request, by: str, window_s: int) -> Response:
        _ASKED.labels("limited").inc()
        _LOG.warning('{"refused": "limited", "by": "%s"}', by)
        page = self._form(request, 429, notice="too many")
        page.headers["Retry-After"] = str(window_s)
        return page

    def _stale(self, request: Request) -> Response:
        _ASKED.labels("stale").inc()
        _LOG.info('{"refused": "stale"}')
        return self._form(request, 400, notice="stale")

    def _form(
        self,
        request: Request,
        status: int = 200,
        *,
        notice: str = "",
        wait_s: int = 0,
        token: str = "",
    ) -> Response:
        """The form, with a notice above it, and a fresh token unless one is to be kept."""
        return self._page(
            request,
            "form.html",
            status,
            notice=notice,
            wait_s=wait_s,
            token=token or self._challenges.make(self._clock()),
            bits=self._settings.work_bits,
        )

    def _page(self, request: Request, template: str, status: int = 200, **more: Any) -> Response:
        """A page in the person's language."""
        language = _language(request)
        statement = self._shown.now.header["statement"]
        before, after = _frame(language, statement["year"], statement["exam"])
        main = _template(language, template).render(language=language, **more)
        return HTMLResponse(f"{before}{main}{after}", status, _HEADERS)


def build_app(settings: PortalSettings, clock: Clock) -> ASGIApp:
    """The portal as an ASGI app. `clock` gives seconds that all its processes share.

    Raises:
        PortalError: the sealed file is not there or does not hold.
    """
    portal = Portal(settings, clock)
    others = Starlette(
        routes=[
            Route("/", portal.form),
            Route("/transcript", portal.transcript, methods=["POST"]),
            Route("/static/{name}", _static),
            Route("/healthz", _alive),
            Route("/readyz", portal.ready),
            Route("/metrics", portal.metrics),
        ]
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Questions come by the million in an hour: they take the shortest way."""
        if scope["type"] == "http" and scope["path"] == "/result" and scope["method"] == "POST":
            answer = await portal.result(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await others(scope, receive, send)

    return app


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        return PlainTextResponse("not found", 404, _HEADERS)
    headers = _HEADERS | {"Cache-Control": "public, max-age=3600"}
    return FileResponse(_HERE / "static" / name, media_type=_STATIC[name], headers=headers)


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("alive\n")


async def _body(request: Request) -> bytes:
    """A request's body; nothing where it is too long for a form."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BODY:
            return b""
        parts.append(part)
    return b"".join(parts)


def _question(body: bytes) -> Question:
    """A URL-encoded form as a question; an empty one where it is none."""
    try:
        pairs = [part.split("=", 1) for part in body.decode("ascii").split("&")]
        said = {name: unquote_plus(value, errors="strict") for name, value in pairs[:_MOST_FIELDS]}
    except ValueError:
        said = {}
    return Question(*(said.get(key, "") for key in ("ticket", "id_number", "token", "work")))


def _language(request: Request) -> str:
    chosen = request.query_params.get("lang", "zh")
    return chosen if chosen in _LANGUAGES else "zh"


@functools.lru_cache(maxsize=50_000)
def _row(language: str, _release: str, name: str, *result: Any) -> Markup:
    """A subject's row. There are few different ones, so each is rendered once."""
    state, score, passed, carried = result
    one = {"name": name, "state": state, "score": score, "passed": passed, "carried": carried}
    return Markup(_template(language, "row.html").render(s=one))


def _address(request: Request, proxies: frozenset[str]) -> str:
    """Whom limits count: an IPv4 address, or the half of an IPv6 one that a household has."""
    host = request.client.host if request.client else ""
    if host in proxies:
        host = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or host
    return ":".join(host.split(":")[:4]) if host.count(":") > 1 else host


@functools.lru_cache(maxsize=64)
def _frame(language: str, year: int, exam: str) -> tuple[str, str]:
    """What stands before and after a page's own part."""
    more = {"language": language, "languages": _LANGUAGES, "year": year, "exam": exam}
    before, after = _template(language, "frame.html").render(more, main="\0").split("\0")
    return before, after


@functools.cache
def _template(language: str, name: str) -> Template:
    """A template whose words are put in once, and not at every question."""
    words = translations(_HERE / "locale", language)

    def translated(source: str) -> str:
        return _WORDS.sub(lambda found: html.escape(str(words.gettext(found[2]))), source)

    sources = {
        file.name: translated(file.read_text(encoding="utf-8"))
        for file in (_HERE / "pages").glob("*.html")
    }
    made = Environment(
        loader=DictLoader(sources),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made.get_template(name)
