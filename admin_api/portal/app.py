"""The portal's pages: a form, an answer, a transcript. Bare Starlette; works without script."""

from __future__ import annotations

import asyncio
import functools
import html
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from admin_api.pages.catalogue import translations
from admin_api.portal.challenge import Challenges
from admin_api.portal.limits import Kind, Limits
from admin_api.portal.printed import transcript
from admin_api.portal.sealed import Found
from admin_api.portal.settings import PortalSettings
from admin_api.portal.shown import Shown

_HERE = Path(__file__).parent
_LANGUAGES = {"zh": "中文", "en": "English"}
_MOST_BODY = 4096
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
        """A page in the person's language, with a fresh token for its form."""
        language = request.query_params.get("lang", "zh")
        language = language if language in _LANGUAGES else "zh"
        header = self.shown.now.header
        shown = {
            "language": language,
            "languages": _LANGUAGES,
            "year": header["statement"]["year"],
            "exam": header["statement"]["exam"],
            "token": self.challenges.make(self._clock()),
            "bits": self.settings.work_bits,
            "notice": "",
            "wait_s": 0,
        }
        text = _template(language, template).render(shown | more)
        return HTMLResponse(text, status, _HEADERS)

    async def asked(self, request: Request) -> tuple[Response | None, Found | None]:
        """What a question finds; a page instead where it may not be asked."""
        said = await _form(request)
        now_s = self._clock()
        ticket, id_number = said.get("ticket", ""), said.get("id_number", "")
        token = said.get("token", "")
        # Counted before anything is looked at, and whether there is such a candidate or not.
        address = _address(request, self.settings.proxies)
        by_address = self.limits.count(Kind.ADDRESS, address, int(now_s) // _ADDRESS_S)
        by_number = self.limits.count(Kind.NUMBER, ticket.strip(), int(now_s) // _NUMBER_S)
        if by_address > self.settings.per_address or by_number > self.settings.per_number:
            _ASKED.labels("limited").inc()
            page = self.page(request, "form.html", 429, notice="too many")
            page.headers["Retry-After"] = str(_ADDRESS_S)
            return page, None
        wait = self.challenges.wait(token, said.get("work", ""), now_s)
        if wait is None or self._used(token) > self.settings.per_form:
            _ASKED.labels("stale").inc()
            return self.page(request, "form.html", 400, notice="stale"), None
        if wait:
            _ASKED.labels("early").inc()
            return self.page(request, "form.html", 425, notice="early", wait_s=wait), None
        found = self.shown.now.find(ticket[:40], id_number[:40])
        if found is None:
            _ASKED.labels("none").inc()
            return self.page(request, "form.html", 404, notice="none"), None
        _ASKED.labels("found").inc()
        return None, found

    def _used(self, token: str) -> int:
        """How often a good token was sent, with this time."""
        return self.limits.count(Kind.TOKEN, token, self.challenges.made_s(token))

    async def printed(self, found: Found) -> bytes | None:
        """A transcript as PDF; None where others are being made."""
        if self._printing.locked():
            return None
        async with self._printing:
            shown = self.shown.now
            return await asyncio.to_thread(transcript, shown.header, found)


def build_app(settings: PortalSettings, clock: Clock) -> Starlette:
    """The portal as an ASGI app. `clock` gives seconds that all its processes share."""
    portal = Portal(settings, clock)

    async def form(request: Request) -> Response:
        return portal.page(request, "form.html")

    async def result(request: Request) -> Response:
        page, found = await portal.asked(request)
        if page is not None or found is None:
            return page or Response(status_code=500)
        names = portal.shown.now.header["names"]
        return portal.page(request, "result.html", one=found.record, names=names)

    async def pdf(request: Request) -> Response:
        page, found = await portal.asked(request)
        if page is not None or found is None:
            return page or Response(status_code=500)
        content = await portal.printed(found)
        if content is None:
            busy = portal.page(request, "form.html", 503, notice="busy")
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
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _STATIC:
            return PlainTextResponse("not found", 404, _HEADERS)
        headers = _HEADERS | {"Cache-Control": "public, max-age=3600"}
        return FileResponse(_HERE / "static" / name, media_type=_STATIC[name], headers=headers)

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    return Starlette(
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
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=10))
    except (ValueError, UnicodeDecodeError):
        return {}


def _address(request: Request, proxies: frozenset[str]) -> str:
    """Whom limits count: an IPv4 address, or the half of an IPv6 one that a household has."""
    host = request.client.host if request.client else ""
    if host in proxies:
        host = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or host
    return ":".join(host.split(":")[:4]) if host.count(":") > 1 else host


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
