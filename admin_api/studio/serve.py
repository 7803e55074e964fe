"""Runs the studio on this machine until Ctrl-C."""

from __future__ import annotations

import sys
import webbrowser
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import uvicorn

from admin_api.errors import NotFound, Refused
from admin_api.pages.listener import listen
from admin_api.studio.app import build_app
from admin_api.studio.background import blank_beside
from admin_api.studio.document import Document
from admin_api.studio.studio import Studio
from omr.design import builtin_names

_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Opening:
    """What to open: a design's file, and with `out` the new file that its changes go to.

    `background` is the blank sheet, where it is not what the design was traced from.
    """

    file: str
    out: Path | None = None
    background: Path | None = None


def run_studio(opening: Opening, port: int, *, browser: bool) -> None:
    """Open a design in the browser; returns when the person stops it.

    Raises:
        Refused: it is a built-in design, no TOML file, or the port is taken; says what to do.
        NotFound: a file is not there.
        StoreError: the file cannot be read.
    """
    document = open_document(opening)
    blank = opening.background
    if blank is not None and not blank.is_file():
        raise NotFound(f"{blank} does not exist; check the path")
    studio = Studio(document, blank or blank_beside(document.path, document.text))
    listener = listen(_HOST, port)
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


def open_document(opening: Opening) -> Document:
    """The document of what was asked for.

    Raises:
        Refused, NotFound, StoreError: as `run_studio`.
    """
    file, out = opening.file, opening.out
    if out is not None and out.suffix.lower() != ".toml":
        raise Refused(f"{out}: a design's file name ends in .toml")
    if out is not None and out.exists():
        raise Refused(f"{out} is there already; open it without --out, or choose another name")
    if file in builtin_names():
        if out is None:
            raise Refused(
                f"{file} is built in and stays as it is; name the file for your own: "
                f"omr design studio {file} --out my-card.toml"
            )
        source = resources.files("omr") / "designs" / f"{file}.toml"
        return Document(out, source.read_text("utf-8"))
    path = Path(file)
    if path.suffix.lower() == ".json":
        raise Refused(f"import it first: omr design import omrchecker {file} --out FILE.toml")
    if path.suffix.lower() != ".toml":
        raise Refused(f"{file}: a design's file name ends in .toml")
    if not path.is_file():
        raise NotFound(f"{file} does not exist; trace a blank sheet or copy a design first")
    return Document(path) if out is None else Document(out, Document(path).text)
