"""A design by name or file, whichever system's it is."""

from __future__ import annotations

from pathlib import Path

from omr.design import Design, load_design
from omr.importers.imported import CardLabels
from omr.importers.omrchecker import load_omrchecker
from omr.importers.omrchecker_evaluation import ReadKeyCard, import_evaluation, key_card_of
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
    file = _evaluation_for(name_or_file, evaluation)
    if file is None:
        return None
    return Marking.of(import_evaluation(file, CardLabels.of(design), read), design)


def no_scans(name_or_file: str | Path, evaluation: Path | None = None) -> tuple[Path, ...]:
    """Pictures that lie among the scans and are none: a design's own, and a filled card that holds
    the key, which must not get into the readings."""
    file = _evaluation_for(name_or_file, evaluation)
    card = key_card_of(file) if file else None
    own: tuple[Path, ...] = (card,) if card else ()
    if Path(name_or_file).suffix == ".json":
        own += load_omrchecker(Path(name_or_file)).excluded
    return own


def _evaluation_for(name_or_file: str | Path | None, evaluation: Path | None) -> Path | None:
    """The evaluation.json that was given, or else the one beside a JSON template."""
    if evaluation is None and name_or_file and Path(name_or_file).suffix == ".json":
        return load_omrchecker(Path(name_or_file)).evaluation
    return evaluation
