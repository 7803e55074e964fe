"""Runs the portal: several processes over one sealed file."""

from __future__ import annotations

import logging
import os
import time

from granian import Granian
from granian.constants import Interfaces
from starlette.applications import Starlette

from admin_api.portal.app import build_app
from admin_api.portal.settings import read_settings

TARGET = "admin_api.portal.serve:portal"


def portal() -> Starlette:
    """The app of one process, by the environment's settings."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return build_app(read_settings(os.environ), time.time)


def run_portal(host: str, port: int, processes: int) -> None:
    """Serve until stopped. A process that dies is started anew; the others serve on meanwhile."""
    read_settings(os.environ)  # tell what is wrong before any process starts
    Granian(
        TARGET,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=processes,
        factory=True,
        respawn_failed_workers=True,
        log_access=False,
        websockets=False,
    ).serve()
