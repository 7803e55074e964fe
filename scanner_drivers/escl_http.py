"""One question and its answer over HTTP, with bounds, and to one host only.

Each question has a connection of its own: an old one may have been closed by the scanner unseen,
and then nobody could tell whether a page was sent into it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from urllib.parse import urljoin, urlsplit

from omr.errors import SourceError
from scanner_drivers.errors import ScannerError, ScannerFailed, ScannerGone, ScannerSilent
from scanner_drivers.sources import HEAD_BYTES, SourceLimits, kind_of

_MOST_WORDS = 1024 * 1024
_PIECE = 64 * 1024
_CONNECT_S = 5.0
_CONNECT_TRIES = 3
_BETWEEN_TRIES_S = 0.3
_SLOWEST = 10  # a whole answer may take so many times the longest silence
_LIMITS = SourceLimits()
_PATH = re.compile(r"/[!-~]*")


class Closed(Exception):
    """The link was shut from this side."""


class Broken(Exception):
    """There is no answer to be had.

    `kind` and `detail` say what the driver is to raise; `reached` whether the scanner may have
    got the question.
    """

    def __init__(self, kind: type[ScannerError], detail: str, *, reached: bool = True) -> None:
        self.kind, self.detail, self.reached = kind, detail, reached
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    `bounded` says that its length was known beforehand or that its last chunk was marked as such;
    where not, the body may have been cut and nobody would know.
    """

    code: int
    headers: HTTPMessage
    body: bytes
    bounded: bool

    def wait_s(self, otherwise: float) -> float:
        """How long the scanner asks to wait."""
        text = (self.headers.get("Retry-After") or "").strip()
        return float(text) if text.isascii() and text.isdecimal() and len(text) < 6 else otherwise


class Link:
    """Asks one scanner. One thread asks; any thread may shut."""

    def __init__(self, address: str, silent_after_s: float) -> None:
        """Takes an address apart and does not connect. SourceError where it is none."""
        try:
            parts = urlsplit(address.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        path = parts.path.rstrip("/")
        odd = parts.username is not None or parts.query or parts.fragment
        if parts.scheme not in ("http", "https") or not host or odd or not _fits(path or "/"):
            raise SourceError(
                f"{address!r} is no scanner's address; give one like http://192.168.1.20/eSCL"
            )
        self._tls = parts.scheme == "https"
        self._host, self._port = host, port or (443 if self._tls else 80)
        self._root = path if path.lower().endswith("/escl") else f"{path}/eSCL"
        self._silent_after_s = silent_after_s
        self._shut = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.address = f"{parts.scheme}://{parts.netloc}{self._root}"

    @property
    def closed(self) -> bool:
        """Whether it was shut."""
        return self._shut.is_set()

    def again(self, silent_after_s: float) -> Link:
        """Another link to the same scanner, which is not shut."""
        return Link(self.address, min(silent_after_s, self._silent_after_s))

    def path(self, name: str) -> str:
        """The path of one of the scanner's own resources."""
        return f"{self._root}/{name}"

    def located(self, location: str) -> str | None:
        """The path that a Location header names; None where it is unusable.

        Whatever host it names is left out: devices name themselves by names that do not resolve,
        and nothing shall be fetched from anywhere but the address that was given.
        """
        try:
            path = urlsplit(urljoin(f"http://-{self._root}/ScanJobs", location.strip())).path
        except ValueError:
            return None
        return path.rstrip("/") if _fits(path) and path.strip("/") else None

    def shut(self) -> None:
        """Ends whatever waits, with Closed, and everything that is asked from now on."""
        self._shut.set()
        with self._lock:
            if self._socket is not None:
                _hang_up(self._socket)

    def wait(self, seconds: float) -> None:
        """Waits, unless the link is shut meanwhile: Closed."""
        if self._shut.wait(max(0.0, seconds)):
            raise Closed

    def ask(self, method: str, path: str, body: bytes = b"", *, document: bool = False) -> Answer:
        """The whole answer. Raises Broken, or Closed. A `document` may be as large as a scan."""
        connection = self._connected()
        try:
            headers = {"Connection": "close", "User-Agent": "omr-reader"}
            if body:
                headers["Content-Type"] = "text/xml"
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            answer = _read_whole(response, document, self._silent_after_s * _SLOWEST)
        except Broken:
            self.wait(0)
            raise
        except TimeoutError as error:
            self.wait(0)
            told = f"nothing for {self._silent_after_s:g} s"
            raise Broken(ScannerSilent, told) from error
        except (OSError, IncompleteRead) as error:
            self.wait(0)
            raise Broken(ScannerGone, f"the connection broke: {_told(error)}") from error
        except (HTTPException, ValueError) as error:
            self.wait(0)
            raise Broken(ScannerFailed, f"it does not answer in HTTP: {_told(error)}") from error
        finally:
            with self._lock:
                self._socket = None
            connection.close()
        if not answer.bounded:
            # Hanging up looks like the end of such an answer.
            self.wait(0)
        if 300 <= answer.code < 400:
            target = (answer.headers.get("Location") or "")[:120]
            raise Broken(ScannerFailed, f"it sends us on to {target!r}; give that address instead")
        return answer

    def _connected(self) -> HTTPConnection:
        for tried in range(_CONNECT_TRIES):
            self.wait(_BETWEEN_TRIES_S if tried else 0)
            try:
                there = self._plug_in()
                break
            except OSError as error:
                self.wait(0)
                why = error
        else:
            raise Broken(ScannerGone, _told(why), reached=False) from why
        connection = HTTPConnection(self._host, self._port)
        connection.sock = there
        return connection

    def _plug_in(self) -> socket.socket:
        timeout = min(self._silent_after_s, _CONNECT_S)
        there = socket.create_connection((self._host, self._port), timeout)
        try:
            if self._tls:
                there = _unchecked().wrap_socket(
                    there, server_hostname=self._host, do_handshake_on_connect=False
                )
            with self._lock:
                self._socket = there
            self.wait(0)
            if isinstance(there, ssl.SSLSocket):
                there.do_handshake()
            there.settimeout(self._silent_after_s)
        except BaseException:
            with self._lock:
                self._socket = None
            there.close()
            raise
        return there


def _fits(path: str) -> bool:
    return _PATH.fullmatch(path) is not None


def _told(error: BaseException) -> str:
    return str(error)[:120] or type(error).__name__


def _unchecked() -> ssl.SSLContext:
    """TLS without a check of the certificate: scanners sign their own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _hang_up(there: socket.socket) -> None:
    # The plain socket's own shutdown: that of TLS would drop its state under the reader's feet.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(there, socket.SHUT_RDWR)


def _read_whole(response: HTTPResponse, document: bool, longest_s: float) -> Answer:
    """The body within its bounds; Broken where there is too much, too little or too late."""
    expected, chunked = response.length, response.chunked
    until = time.monotonic() + longest_s
    body = bytearray()
    while expected is None or len(body) < expected:
        piece = response.read1(_PIECE)
        if not piece:
            break
        body += piece
        # How much there may be of a document is known with its first bytes.
        head = bytes(body[:HEAD_BYTES])
        most = _LIMITS.for_kind(kind_of(head)) if document else _MOST_WORDS
        if max(expected or 0, len(body)) > most:
            raise Broken(ScannerFailed, f"an answer of more than {most:,} bytes")
        if time.monotonic() > until:
            raise Broken(ScannerSilent, f"one answer takes more than {longest_s:g} s")
    if expected is not None and len(body) != expected:
        raise Broken(ScannerGone, f"an answer broke off after {len(body):,} of {expected:,} bytes")
    bounded = bool(chunked) or expected is not None
    return Answer(response.status, response.headers, bytes(body), bounded)
