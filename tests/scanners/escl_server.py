"""A network scanner that speaks eSCL, on loopback."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree import ElementTree

from tests.scanners.escl_device import STOPS, EsclDevice, Fault, Job, Model

__all__ = ["BOMB", "EsclScanner", "Fault", "Job", "Model"]

BOMB = (
    b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]><b>&d;</b>'
)


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        # A driver that hangs up on nonsense is what is being tested.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class EsclScanner(EsclDevice):
    """The device on the network, from entering it to leaving it.

    `answers` sets an answer for a request like "GET ScannerStatus": code (0: none ever), headers,
    body. `waiting` is set once a request waits for ever.
    """

    def __init__(
        self,
        sheets: Sequence[Sequence[bytes]],
        model: Model | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(sheets, model)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.requests: list[str] = []
        self.released = threading.Event()
        self.waiting = threading.Event()
        self._server = _QuietServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> EsclScanner:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/eSCL"


def _handler_of(scanner: EsclScanner) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        device = scanner

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    device: EsclScanner

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        device = self.device
        if self._prepared():
            return
        if self.path == "/eSCL/ScannerCapabilities":
            self._send(200, device.capabilities().encode(), "text/xml")
        elif self.path == "/eSCL/ScannerStatus":
            with device.lock:
                words = device.status()
            self._send(200, words.encode(), "text/xml")
        elif self.path.endswith("/NextDocument"):
            job = device.jobs.get(self.path.split("/")[-2])
            time.sleep(device.model.page_s)
            with device.lock:
                chosen = 404 if job is None else device.next_document(job)
            if isinstance(chosen, int):
                self._send(chosen, headers={"Retry-After": device.retry_after})
            else:
                self._send_page(*chosen)
        else:
            self._send(404)

    def do_POST(self) -> None:
        device = self.device
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._prepared():
            return
        settings = {
            element.tag.rpartition("}")[2]: element.text or ""
            for element in ElementTree.fromstring(body).iter()
        }
        with device.lock:
            device.settings.append(settings)
            job = device.new_job(settings)
        if isinstance(job, int):
            self._send(job, headers={"Retry-After": device.retry_after})
            return
        path = f"/eSCL/ScanJobs/{job.name}"
        named = {
            "relative": path,
            "absolute": f"http://127.0.0.1:{device.port}{path}",
            "other host": f"http://scanner.invalid:80{path}/",
            "none": "",
        }[device.model.location]
        self._send(201, headers={"Location": named})

    def do_DELETE(self) -> None:
        if self._prepared():
            return
        with self.device.lock:
            job = self.device.jobs.get(self.path.rstrip("/").split("/")[-1])
            if job is not None and job.state == "Processing":
                job.state, job.reason = "Canceled", "JobCanceledByUser"
                job.ready.clear()
        self._send(200 if job else 404)

    def _prepared(self) -> bool:
        """Notes the request; answers it where a test has set the answer."""
        self.device.requests.append(f"{self.command} {self.path}")
        answer = self.device.answers.get(f"{self.command} {self.path.rpartition('/')[2]}")
        if answer is None:
            return False
        code, headers, body = answer
        if code == 0:
            self._stall()
        else:
            self._send(code, body, headers.get("Content-Type", ""), headers)
        return True

    def _send(
        self,
        code: int,
        body: bytes = b"",
        content: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(code)
        named: dict[str, Any] = {"Content-Length": len(body), **(headers or {})}
        if content:
            named["Content-Type"] = content
        for name, value in named.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def _stall(self) -> None:
        self.device.waiting.set()
        self.device.released.wait()
        self.close_connection = True

    def _send_page(self, sheet: int, side: int) -> None:
        device = self.device
        body, content = device.sheets[sheet][side], device.content_type
        kinds = [kind for kind in Fault if kind not in (*STOPS, Fault.CUT_AT_BACK, Fault.NO_BACK)]
        with device.lock:
            fault = device.take(sheet, Fault.CUT_AT_BACK) if side else device.take(sheet, *kinds)
        half = body[: len(body) // 2]
        if fault is None:
            self._send(200, body, content)
        elif fault is Fault.STALL:
            self._stall()
        elif fault is Fault.WRONG:
            self._send(200, b"\0" * 4096, content)
        elif fault is Fault.HTML:
            self._send(200, b"<html>busy</html>", "text/html")
        elif fault is Fault.RESET:
            self._hang_up(hard=True)
        else:
            self.send_response(200)
            self.send_header("Content-Type", content)
            if fault is Fault.CUT_CHUNKED:
                self.send_header("Transfer-Encoding", "chunked")
                half = f"{len(body):x}\r\n".encode() + half
            elif fault is not Fault.CUT_UNBOUNDED:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(half)
            self._hang_up()

    def _hang_up(self, *, hard: bool = False) -> None:
        self.wfile.flush()
        if hard:
            # No farewell: what is still on its way is thrown away.
            now = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        self.close_connection = True
