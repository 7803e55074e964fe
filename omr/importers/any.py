"""A design by name or file, whichever system's it is."""

from __future__ import annotations

from pathlib import Path

from omr.design import Design, load_design
from omr.importers.omrchecker import load_omrchecker


def load_any(name_or_file: str | Path) -> Design:
    """A built-in design, or that of a TOML file or of one of OMRChecker's JSON templates.

    Raises:
        DesignError: as `load_design`; or the template has a fault.
    """
    if Path(name_or_file).suffix == ".json":
        return load_omrchecker(Path(name_or_file)).design()
    return load_design(name_or_file)


def no_scans(name_or_file: str | Path) -> tuple[Path, ...]:
    """Pictures that belong to a design and lie among its scans."""
    if Path(name_or_file).suffix == ".json":
        return tuple(load_omrchecker(Path(name_or_file)).excluded)
    return ()
