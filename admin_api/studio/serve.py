"""Runs the studio on this machine until Ctrl-C."""

from __future__ import annotations

import socket
import sys
import webbrowser
from pathlib import Path

import uvicorn

from admin_api.errors import NotFound, Refused
from admin_api.studio.app import Studio, build_app
from admin_api.studio.background import blank_beside
from admin_api.studio.document import Document
from omr.design import builtin_names

_HOST = "127.0.0.1"


def run_studio(file: str, background: Path | None, port: int, *, browser: bool) -> None:
    """Open a design's file in the browser; returns when the person stops it.

    Raises:
        Refused: it is a built-in design or no TOML file; says what to do.
        NotFound: a file is not there.
        StoreError: the file cannot be read, or the port is taken.
    """
    path = _checked(file)
    if background is not None and not background.is_file():
        raise NotFound(f"{background} does not exist; check the path")
    document = Document(path)
    studio = Studio(document, background or blank_beside(path, document.text))
    listener = _listen(port)
    address = f"http://{_HOST}:{listener.getsockname()[1]}/{studio.token}/"
    print(f"The studio is open at {address}", flush=True)
    print("Stop it with Ctrl-C; what is not saved is kept as a draft.", flush=True)
    if browser:
        webbrowser.open(address)
    config = uvicorn.Config(build_app(studio), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()
    words = "with unsaved work, kept as a draft" if document.dirty else "everything is saved"
    print(f"\nstudio: stopped, {words}", file=sys.stderr)


def _checked(file: str) -> Path:
    if file in builtin_names():
        raise Refused(
            f"{file} is built in and stays as it is; copy omr/designs/{file}.toml under another "
            "name and open that"
        )
    path = Path(file)
    if path.suffix.lower() == ".json":
        raise Refused(f"import it first: omr design import omrchecker {file} --out FILE.toml")
    if path.suffix.lower() != ".toml":
        raise Refused(f"{file}: a design's file name ends in .toml")
    if not path.is_file():
        raise NotFound(f"{file} does not exist; trace a blank sheet or copy a design first")
    return path


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen()  # from here on the browser may come
    except OSError as error:
        listener.close()
        raise Refused(f"port {port} cannot be used ({error.strerror}); leave --port out") from error
    return listener
