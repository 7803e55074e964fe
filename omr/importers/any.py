"""A design by name or file, whichever system's it is."""

from __future__ import annotations

from pathlib import Path

from omr.design import Design, load_design
from omr.errors import AnswerKeyError
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
    design: Design, name_or_file: str | Path, evaluation: Path | None, read: ReadKeyCard
) -> Marking | None:
    """The key in an OMRChecker evaluation.json: the one given, or that beside a JSON template.

    `read` reads the filled card that the file may name for its key.

    Raises:
        AnswerKeyError: the key cannot be used, or is given for a design that is no template.
    """
    if Path(name_or_file).suffix != ".json":
        if evaluation is not None:
            told = ("goes with OMRChecker's template.json; give that as --design",)
            raise AnswerKeyError(str(evaluation), told)
        return None
    imported = load_omrchecker(Path(name_or_file))
    file = evaluation or imported.evaluation
    return Marking.of(import_evaluation(file, imported, read), design) if file else None


def no_scans(name_or_file: str | Path) -> tuple[Path, ...]:
    """Pictures that belong to a design and lie among its scans."""
    if Path(name_or_file).suffix == ".json":
        return tuple(load_omrchecker(Path(name_or_file)).excluded)
    return ()
