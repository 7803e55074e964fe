"""Apps served for a while in a thread of the test, on loopback and a port of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from admin_api.pages.listener import listen


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """An app's address, until the block ends."""
    with running(uvicorn.Config(app, log_level="warning", lifespan="off")) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(config: uvicorn.Config) -> Iterator[int]:
    """The port of a server, until the block ends."""
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()
