"""Runs the portal: several processes over one sealed file, each of one thread (uvloop)."""

from __future__ import annotations

import logging
import os
import shutil
import time

import uvicorn
from starlette.types import ASGIApp

from admin_api.portal.sealed import SealedFile
from admin_api.portal.settings import read_settings

TARGET = "admin_api.portal.serve:portal"


def portal() -> ASGIApp:
    """The app of one process, by the environment's settings."""
    # Only now: what counts for several processes decides at its import where it counts.
    from admin_api.portal.app import build_app

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return build_app(read_settings(os.environ), time.time)


def run_portal(host: str, port: int, processes: int) -> None:
    """Serve until stopped. A process that dies is started anew; the others serve on meanwhile.

    Raises:
        PortalError: the settings or the sealed file cannot be used.
    """
    # Tell what is wrong before any process starts, or they would be started anew for ever.
    settings = read_settings(os.environ)
    SealedFile(settings.file, settings.secret, settings.keys)
    shutil.rmtree(settings.metrics, ignore_errors=True)
    settings.metrics.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics)
    uvicorn.run(
        TARGET,
        factory=True,
        host=host,
        port=port,
        workers=processes,
        access_log=False,
        log_level="warning",
        lifespan="off",
        server_header=False,
        loop="uvloop",
        http="httptools",
    )
