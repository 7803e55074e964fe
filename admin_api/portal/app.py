"""The portal's pages: a form, an answer, a transcript. Bare Starlette; works without script."""

from __future__ import annotations

import asyncio
import functools
import html
import logging
import re
from collections.abc import Callable, Mapping
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
from admin_api.portal.sealed import Found
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


class Portal:
    """One process of the portal."""

    def __init__(self, settings: PortalSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self.shown = Shown(settings)
        self.limits = Limits(settings.state / "counts", settings.secret)
        self.challenges = Challenges(settings.secret, settings.work_bits, settings.wait_s)
        self._printing = asyncio.Semaphore(1)

    def page(self, request: Request, template: str, status: int = 200, **more: Any) -> Response:
        """A page in the person's language."""
        language = _language(request)
        statement = self.shown.now.header["statement"]
        before, after = _frame(language, statement["year"], statement["exam"])
        main = _template(language, template).render(language=language, **more)
        return HTMLResponse(f"{before}{main}{after}", status, _HEADERS)

    def form(
        self, request: Request, status: int = 200, notice: str = "", wait_s: int = 0
    ) -> Response:
        """The form with a fresh token, and with a notice above it."""
        token, bits = self.challenges.make(self._clock()), self.settings.work_bits
        more = {"token": token, "bits": bits, "notice": notice, "wait_s": wait_s}
        return self.page(request, "form.html", status, **more)

    async def asked(self, request: Request) -> tuple[Response | None, Found | None]:
        """What a question finds; a page instead where it may not be asked."""
        said = await _form(request)
        now_s = self._clock()
        ticket, id_number = said.get("ticket", ""), said.get("id_number", "")
        token = said.get("token", "")
        # Counted before anything is looked at, and whether there is such a candidate or not.
        address = _address(request, self.settings.proxies)
        by_address, by_number, by_form = self.limits.count(
            (Kind.ADDRESS, address, int(now_s) // _ADDRESS_S),
            (Kind.NUMBER, ticket.strip(), int(now_s) // _NUMBER_S),
            (Kind.TOKEN, token, self.challenges.made_s(token)),
        )
        if by_address > self.settings.per_address or by_number > self.settings.per_number:
            _ASKED.labels("limited").inc()
            _LOG.warning('{"refused": "limited", "by": "%s"}', _which(by_address, self.settings))
            page = self.form(request, 429, notice="too many")
            page.headers["Retry-After"] = str(_ADDRESS_S)
            return page, None
        wait = self.challenges.wait(token, said.get("work", ""), now_s)
        if wait is None or by_form > self.settings.per_form:
            _ASKED.labels("stale").inc()
            _LOG.info('{"refused": "stale"}')
            return self.form(request, 400, notice="stale"), None
        if wait:
            _ASKED.labels("early").inc()
            return self.form(request, 425, notice="early", wait_s=wait), None
        found = self.shown.now.find(ticket[:40], id_number[:40])
        if found is None:
            _ASKED.labels("none").inc()
            return self.form(request, 404, notice="none"), None
        _ASKED.labels("found").inc()
        return None, found

    async def printed(self, found: Found) -> bytes | None:
        """A transcript as PDF; None where others are being made."""
        if self._printing.locked():
            return None
        async with self._printing:
            shown = self.shown.now
            return await asyncio.to_thread(transcript, shown.header, found)


def build_app(settings: PortalSettings, clock: Clock) -> ASGIApp:
    """The portal as an ASGI app. `clock` gives seconds that all its processes share."""
    portal = Portal(settings, clock)

    async def form(request: Request) -> Response:
        return portal.form(request)

    async def result(request: Request) -> Response:
        page, found = await portal.asked(request)
        if page is not None or found is None:
            return page or Response(status_code=500)
        header = portal.shown.now.header
        names, language = header["names"], _language(request)
        release = header["statement"]["release"]
        said = found.record
        rows = [
            _row(
                language,
                release,
                names["subjects"].get(one["subject"], one["subject"]),
                *(one[key] for key in ("state", "score", "passed", "carried")),
            )
            for one in said["subjects"]
        ]
        return portal.page(
            request,
            "result.html",
            rows=Markup("".join(rows)),
            specialty=names["specialties"].get(said["specialty"], said["specialty"]),
            region=names["regions"].get(said["region"], said["region"]),
            **{key: said[key] for key in ("name", "ticket", "level", "qualified")},
        )

    async def pdf(request: Request) -> Response:
        page, found = await portal.asked(request)
        if page is not None or found is None:
            return page or Response(status_code=500)
        content = await portal.printed(found)
        if content is None:
            busy = portal.form(request, 503, notice="busy")
            busy.headers["Retry-After"] = "5"
            return busy
        headers = _HEADERS | {"Content-Disposition": 'attachment; filename="transcript.pdf"'}
        return Response(content, media_type="application/pdf", headers=headers)

    async def ready(_request: Request) -> Response:
        words = f"showing {portal.shown.now.release}\n{portal.shown.fault}"
        return PlainTextResponse(words, headers=_HEADERS)

    async def metrics(request: Request) -> Response:
        if request.client is not None and request.client.host not in ("127.0.0.1", "::1"):
            return PlainTextResponse("not found", 404)
        counted = REGISTRY
        if settings.metrics.is_dir():
            counted = CollectorRegistry()
            multiprocess.MultiProcessCollector(counted, str(settings.metrics))  # type: ignore[no-untyped-call]
        return Response(generate_latest(counted), media_type=CONTENT_TYPE_LATEST)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _STATIC:
            return PlainTextResponse("not found", 404, _HEADERS)
        headers = _HEADERS | {"Cache-Control": "public, max-age=3600"}
        return FileResponse(_HERE / "static" / name, media_type=_STATIC[name], headers=headers)

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    others = Starlette(
        routes=[
            Route("/", form),
            Route("/result", result, methods=["POST"]),
            Route("/transcript", pdf, methods=["POST"]),
            Route("/static/{name}", static),
            Route("/healthz", alive),
            Route("/readyz", ready),
            Route("/metrics", metrics),
        ]
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Questions come by the million in an hour: they take the shortest way."""
        if scope["type"] == "http" and scope["path"] == "/result" and scope["method"] == "POST":
            answer = await result(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await others(scope, receive, send)

    return app


async def _form(request: Request) -> Mapping[str, str]:
    """A small URL-encoded form; nothing where it is something else, or too long."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BODY:
            return {}
        parts.append(part)
    return _decoded(b"".join(parts))


def _decoded(body: bytes) -> Mapping[str, str]:
    """A form's fields; nothing where it is none."""
    try:
        pairs = [part.split("=", 1) for part in body.decode("ascii").split("&")]
        if len(pairs) > _MOST_FIELDS:
            return {}
        return {name: unquote_plus(value, errors="strict") for name, value in pairs}
    except ValueError:
        return {}


def _which(by_address: int, settings: PortalSettings) -> str:
    """What a limit was for; never whose."""
    return "address" if by_address > settings.per_address else "number"


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
