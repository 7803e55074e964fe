"""A design by name or file, whichever system's it is."""

from __future__ import annotations

from pathlib import Path

from omr.design import Design, load_design
from omr.importers.imported import CardLabels
from omr.importers.omrchecker import load_omrchecker
from omr.importers.omrchecker_evaluation import ReadKeyCard, import_evaluation
from omr.score.marked import Marking


def load_any(name_or_file: str | Path) -> Design:
    """A built-in design, or that of a TOML file or of one of OMRChecker's JSON templates.

    Raises:
        DesignError: as `load_design`; or the template has a fault.
    """
    if Path(name_or_file).suffix == ".json":
        return load_omrchecker(Path(name_or_file)).design()
    return load_design(name_or_file)


def marking_for(
    design: Design, name_or_file: str | Path | None, evaluation: Path | None, read: ReadKeyCard
) -> Marking | None:
    """The key in an OMRChecker evaluation.json: the one given, or that beside a JSON template.

    `name_or_file` is what the design was called by, if at all. `read` reads the filled card that
    the file may name for its key.

    Raises:
        AnswerKeyError: the key cannot be used, or asks for what the design does not have.
    """
    if evaluation is None and name_or_file and Path(name_or_file).suffix == ".json":
        evaluation = load_omrchecker(Path(name_or_file)).evaluation
    if evaluation is None:
        return None
    return Marking.of(import_evaluation(evaluation, CardLabels.of(design), read), design)


def no_scans(name_or_file: str | Path) -> tuple[Path, ...]:
    """Pictures that belong to a design and lie among its scans."""
    if Path(name_or_file).suffix == ".json":
        return tuple(load_omrchecker(Path(name_or_file)).excluded)
    return ()
