"""What every request passes, and every answer carries: host, origin, token, size, headers, a line
in the log.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admin_api.console.visits import Visit, Visits

COOKIE = "kaowu"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_BODY = 512 << 20  # a bag's scans; what is no upload is refused from MOST_FORM on
MOST_FORM = 1 << 20
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LOG = logging.getLogger("kaowu.console")
REQUESTS = Counter("kaowu_console_requests", "Requests by route and status.", ["route", "status"])
SECONDS = Histogram("kaowu_console_seconds", "Time to answer.", ["route"])


@dataclass(frozen=True, slots=True)
class Rules:
    """`hosts`: names that a browser may call this server by; `secure`: it speaks TLS."""

    hosts: Sequence[str]
    secure: bool

    @property
    def cookie(self) -> str:
        """The session cookie's name."""
        return f"__Host-{COOKIE}" if self.secure else COOKIE


class Guard:
    """Refuses what cannot come from the console's own pages before anything else sees it."""

    def __init__(self, app: ASGIApp, rules: Rules, visits: Visits) -> None:
        self._app, self._rules, self._visits = app, rules, visits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        body = _Bounded(scope, receive)
        visit = self._visit(scope)
        scope.setdefault("state", {})["visit"] = visit

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                # Whatever became of a body that was cut off, it was too long.
                status = message["status"] = 413 if body.cut else message["status"]
                self._decorate(MutableHeaders(scope=message))
            await send(message)

        try:
            refusal = self._refusal(scope, visit)
            if refusal is not None:
                await refusal(scope, receive, answered)
            else:
                await self._app(scope, body, answered)
        except _TooMuch:
            await PlainTextResponse("too much at once; send less", 413)(scope, receive, answered)
        finally:
            _tell(scope, status, time.perf_counter() - began)

    def _visit(self, scope: Scope) -> Visit | None:
        token = Request(scope).cookies.get(self._rules.cookie, "")
        return self._visits.find(token) if token else None

    def _refusal(self, scope: Scope, visit: Visit | None) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if _host(headers.get("host", "")) not in self._rules.hosts:
            return PlainTextResponse("not this host", 421)
        if _declared(headers) > _most(headers):
            return PlainTextResponse("too much at once; send less", 413)
        if visit is not None and visit.certificate != certificate_of(scope):
            return PlainTextResponse("this session began with another certificate", 403)
        if scope["method"] in SAFE:
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        if (origin is not None and urlsplit(origin).netloc != headers.get("host")) or (
            site not in ("same-origin", "none")
        ):
            return PlainTextResponse("not from the console's own pages", 403)
        if visit is not None:
            given = headers.get("x-csrf-token", "")
            if not secrets.compare_digest(given.encode(), visit.csrf.encode()):
                return PlainTextResponse("load the page again, then repeat what you did", 403)
        return None

    def _decorate(self, headers: MutableHeaders) -> None:
        headers.update(_HEADERS)
        headers.setdefault("Cache-Control", "no-store")
        if self._rules.secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"


def certificate_of(scope: Scope) -> str:
    """The name in the client's certificate (USBKEY), "" where there is none."""
    return str(scope.get("extensions", {}).get("kaowu.certificate", ""))


def address_of(scope: Scope) -> str:
    """The address that a request comes from."""
    client = scope.get("client")
    return str(client[0]) if client else "local"


class _TooMuch(Exception):
    """More came than was declared or is allowed."""


class _Bounded:
    """A request's body, cut off with `_TooMuch` where it is longer than allowed."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._left = _most(Headers(scope=scope))
        self.cut = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.cut = True
            raise _TooMuch
        return message


def _most(headers: Headers) -> int:
    upload = headers.get("content-type", "").startswith("multipart/form-data")
    return MOST_BODY if upload else MOST_FORM


def _declared(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 1 << 62


def _host(given: str) -> str:
    return (urlsplit(f"//{given}").hostname or "") if given.isprintable() else ""


def _tell(scope: Scope, status: int, seconds: float) -> None:
    """One line of JSON: the route and not the path, so that no number of a candidate is in it."""
    route = getattr(scope.get("route"), "path", "") or "-"
    REQUESTS.labels(route, str(status)).inc()
    SECONDS.labels(route).observe(seconds)
    _LOG.info(
        json.dumps(
            {
                "method": scope["method"],
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 1),
            }
        )
    )
