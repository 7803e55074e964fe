"""Where the pages' scripts are found: files of npm packages, put there by `make setup`."""

from __future__ import annotations

from pathlib import Path

from omr.errors import OmrError

FOLDER = Path(__file__).resolve().parents[2] / "build" / "assets"


class AssetMissing(OmrError):
    """A script of the pages is not where set-up puts it."""

    exit_code = 4

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} is missing; run `make setup`, which puts it there")


def asset(name: str) -> Path:
    """A script or style by package and file name, such as `htmx/htmx.min.js`.

    Raises:
        AssetMissing: it is not there.
    """
    path = FOLDER / name
    if not path.is_file():
        raise AssetMissing(path)
    return path
