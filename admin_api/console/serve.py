"""Runs the console: plain HTTP on this machine only, TLS for everybody else."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from admin_api.clock import now
from admin_api.console.app import build_app
from admin_api.console.desk import Console
from admin_api.console.guard import Rules
from admin_api.console.lockout import Lockout
from admin_api.console.visits import Visits
from admin_api.errors import Refused
from admin_api.office import Office
from admin_api.pages.listener import listen

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, and as whom. `names` are the host names that browsers use.

    With `authority`, whoever signs in must show a certificate (USBKEY) of it in the own name.
    """

    host: str = "127.0.0.1"
    port: int = 8600
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise Refused("TLS needs both a certificate and its key")
        if self.certificate is None and (self.host not in LOOPBACK or self.authority is not None):
            raise Refused(
                f"on {self.host} the console needs --certificate and --key; without them it "
                "listens on 127.0.0.1 only"
            )

    @property
    def rules(self) -> Rules:
        """What the guard goes by."""
        return Rules((*LOOPBACK, self.host, *self.names), self.certificate is not None)


def console_for(office: Office, listening: Listening, *, second_factor: bool) -> Console:
    """A console for an office."""
    return Console(
        office,
        listening.rules,
        Visits(time.monotonic),
        Lockout(time.monotonic),
        now,
        second_factor,
        listening.authority is not None,
    )


def run_console(console: Console, listening: Listening, opened: Callable[[str], None]) -> None:
    """Serve until stopped; `opened` is told the address.

    Raises:
        Refused: the port is taken, or a certificate cannot be read.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("kaowu.console").setLevel(logging.INFO)
    listener = listen(listening.host, listening.port)
    server = uvicorn.Server(config_for(build_app(console), listening))
    scheme = "https" if listening.certificate else "http"
    opened(f"{scheme}://{listening.host}:{listener.getsockname()[1]}/")
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()


def config_for(app: ASGIApp, listening: Listening) -> uvicorn.Config:
    """The server's settings.

    Raises:
        Refused: a certificate cannot be read.
    """
    tls: dict[str, Any] = {}
    if listening.certificate is not None and listening.key is not None:
        tls = {"ssl_certfile": str(listening.certificate), "ssl_keyfile": str(listening.key)}
    if listening.authority is not None:
        tls |= {"ssl_ca_certs": str(listening.authority), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    config = uvicorn.Config(
        app,
        http=CertificateProtocol,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        **tls,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise Refused(f"the certificate, its key or the authority cannot be read: {error}") from (
            error
        )
    return config


class CertificateProtocol(H11Protocol):
    """HTTP/1.1 that hands the client's certificate name on to the app."""

    def connection_made(self, transport: Any) -> None:
        """Remember whose certificate the connection showed."""
        super().connection_made(transport)
        secured = transport.get_extra_info("ssl_object")
        shown = secured.getpeercert(binary_form=True) if secured is not None else None
        self._inner = self.app
        name = _common_name(shown) if shown else ""

        async def named(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["kaowu.certificate"] = name
            await self._inner(scope, receive, send)

        self.app = named


def _common_name(certificate: bytes) -> str:
    subject = x509.load_der_x509_certificate(certificate).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
