"""An imported design as files: the TOML and, beside it, the pictures that it names."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from omr.design import load_design
from omr.errors import DesignError, OutputError
from omr.importers.imported import ImportedDesign


def write_design(imported: ImportedDesign, out: Path, *, overwrite: bool) -> list[Path]:
    """Write a design and its pictures, and see that they can be read back; the files written.

    Files that are there with the same content are left alone. Either all are written or none.

    Raises:
        OutputError: another file is in the way and `overwrite` is not set, the file is not named
            for TOML, or the folder cannot be written to.
        DesignError: what was written cannot be used; it is taken away again.
    """
    if out.suffix.lower() != ".toml":
        raise OutputError(f"{out}: a design's file name must end in .toml")
    folder = out.parent
    files = {folder / name: content for name, content in imported.pictures.items()}
    files[out] = imported.text.encode()
    try:
        before = {path: path.read_bytes() for path in files if path.exists()}
        if not overwrite:
            _refuse_to_replace(files, before)
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [path for path, content in files.items() if before.get(path) != content]
        for path in wanted:
            path.write_bytes(files[path])
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error}); choose another folder") from error
    try:
        load_design(out)
    except DesignError:
        _restore(wanted, before)
        raise
    return wanted


def _refuse_to_replace(files: Mapping[Path, bytes], before: Mapping[Path, bytes]) -> None:
    for path, content in before.items():
        if content != files[path]:
            raise OutputError(
                f"{path} is there already and holds something else; choose another name for "
                "--out, or overwrite it with --force"
            )


def _restore(paths: list[Path], before: Mapping[Path, bytes]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if path in before:
                path.write_bytes(before[path])
            else:
                path.unlink(missing_ok=True)
