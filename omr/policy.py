"""Policies: what counts as a mark. Loaded from TOML, validated, hashed."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from omr.design import content_hash
from omr.errors import PolicyError


@dataclass(frozen=True, slots=True)
class MarkRules:
    """When a box counts as filled. Figures are 0-1; "hand" is the card's own level of marks.

    A box is blank while both its figures are below `faint_from` of the hand, and filled from
    where both reach `filled_from` of it; between them a person looks. On a clean card whatever
    stands out from the paper, but never under `quiet`, is not taken for blank either; on a card
    with an uneven hand `filled_from` goes down to the card's own weak marks, `weak_sigmas`
    standard deviations below its usual one, but not below `filled_least`. `letter_left` stands
    for `quiet`, and `filled_from` for `filled_least`, where black letters are printed in the
    bubbles.

    A hand is light where its darkness is below `light_below`; its marks are thin strokes where
    they fill less than `thin_below`. Strokes of a light hand that are not thin fill a box by
    chance, so the mean of both figures counts.

    `floor` holds whatever the hand: nothing weaker tells about the hand. `hand_low` is the
    lightest hand that is believed. Black and white has no grain, so shares `bitonal_floor` of
    `floor` and `bitonal_quiet` of `quiet` hold there. A bitonal card whose marks are so uneven
    that nothing at all is within `swallowed_sigmas` standard deviations of them, or that fill
    less than `swallowed_below`, may have lost marks whole: all of it goes to a person.
    `hand_default` stands in where fewer than three marks are clear.
    """

    floor: float
    faint_from: float
    filled_from: float
    filled_least: float
    weak_sigmas: float
    quiet: float
    letter_left: float
    bitonal_floor: float
    bitonal_quiet: float
    hand_low: float
    hand_default: float
    light_below: float
    thin_below: float
    swallowed_below: float
    swallowed_sigmas: float


@dataclass(frozen=True, slots=True)
class RivalRules:
    """What the second darkest box of a row means, as a share of the darkest or of a usual mark,
    whichever is less. On cards of thin strokes `erased_from` is halved and `several_from` moved
    half way to 1.

    Below `erased_from` it is nothing (or a well erased mark); from `several_from` on both are
    marks; between them a person looks.
    """

    erased_from: float
    several_from: float
    classic_margin: float


@dataclass(frozen=True, slots=True)
class SeveralRules:
    """Whether several clearly filled boxes are a reading ("reading") or a doubt ("doubt")."""

    answer: str
    identity: str
    staff: str


@dataclass(frozen=True, slots=True)
class EvidenceRules:
    """Limits for ink where none is expected: round the box, and straight through it.

    `around_from` is for the boxes of a blank row; a filled box is a blot where its margin has
    `blot_from` more ink than the card's marks usually have, or than `margin_usual`, which any
    hand may have. Shares of the hand: a mark whose darkness is below `pale_below` of its fill
    may be a rubbed out one, as may, where it is under `weak_below` of the usual darkness, one
    that is paler than that and `weak_pale_more`. Grey whose fill is below `smudge_below` of its
    darkness is a smudge without strokes, nothing beside a mark that stands for itself.

    A hole onto something black has `hole_from` more ink in its margin than usual, fills more
    than `hole_fill`, evenly (darkness at least `hole_even` of fill), and its fill is below
    `hole_below` of its darkness, as shares of the hand. One of several marks that fills less
    than `beside_below` of the hand, and whose margin has `beside_from` of the ink inside, is a
    blot over both. A line through box and margins is only a doubt where the box holds little
    else: up to `line_fill`.
    """

    around_from: float
    margin_usual: float
    blot_from: float
    pale_below: float
    weak_below: float
    weak_pale_more: float
    smudge_below: float
    hole_from: float
    hole_fill: float
    hole_even: float
    hole_below: float
    beside_below: float
    beside_from: float
    through_from: float
    line_fill: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The map from a field's safety margin to its error probability.

    A logistic curve from `most`, deep in doubt, down to `least`.
    """

    intercept: float
    slope: float
    most: float
    least: float


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. `hash` is over its parsed content."""

    name: str
    marks: MarkRules
    rivals: RivalRules
    several: SeveralRules
    evidence: EvidenceRules
    calibration: Calibration
    hash: str

    def __hash__(self) -> int:
        return hash(self.hash)  # tables are kept for each policy and looked up for each page


def _section(kind: type[Any], content: dict[str, Any], name: str, source: str) -> Any:
    table = content.get(name)
    known = {f.name: f.type for f in fields(kind)}
    if not isinstance(table, dict) or set(table) != set(known):
        raise PolicyError(f"{source}: [{name}] must hold exactly: {', '.join(known)}")
    for key, value in table.items():
        if known[key] == "str":
            if value not in ("reading", "doubt"):
                raise PolicyError(f'{source}: {name}.{key} must be "reading" or "doubt"')
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise PolicyError(f"{source}: {name}.{key} must be a number, got {value!r}")
        elif name == "calibration" or key.endswith("_sigmas"):
            continue
        elif not 0.0 <= value <= 1.0:
            raise PolicyError(f"{source}: {name}.{key} must be from 0 to 1, got {value!r}")
    return kind(**table)


def parse_policy(text: str, source: str) -> Policy:
    """The policy in a TOML text.

    Raises:
        PolicyError: not TOML, a key missing or unknown, or a value out of its range.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{source}: not TOML: {error}") from error
    sections = {"marks", "rivals", "several", "evidence", "calibration"}
    if unknown := set(content) - sections - {"name"}:
        raise PolicyError(f"{source}: unknown: {', '.join(sorted(unknown))}")
    policy = Policy(
        str(content.get("name", source)),
        _section(MarkRules, content, "marks", source),
        _section(RivalRules, content, "rivals", source),
        _section(SeveralRules, content, "several", source),
        _section(EvidenceRules, content, "evidence", source),
        _section(Calibration, content, "calibration", source),
        content_hash(content),
    )
    if not policy.marks.faint_from <= policy.marks.filled_from:
        raise PolicyError(f"{source}: marks.faint_from must not be above marks.filled_from")
    marks = policy.marks
    needed = ("floor", "bitonal_floor", "quiet", "hand_default", "filled_from")
    if min(getattr(marks, key) for key in needed) <= 0.0:
        raise PolicyError(f"{source}: marks.{', '.join(needed)} must be above 0")
    if policy.rivals.several_from >= 1.0:
        raise PolicyError(f"{source}: rivals.several_from must be below 1")
    if not policy.rivals.erased_from <= policy.rivals.several_from:
        raise PolicyError(f"{source}: rivals.erased_from must not be above rivals.several_from")
    return policy


@functools.cache
def default_policy() -> Policy:
    """The policy that comes with the package."""
    file = resources.files("omr") / "policies" / "default.toml"
    return parse_policy(file.read_text("utf-8"), "default.toml")


def load_policy(path: Path | None) -> Policy:
    """The policy in a file, or the default one.

    Raises:
        PolicyError: the file cannot be read or used.
    """
    if path is None:
        return default_policy()
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} cannot be read: {error}") from error
    return parse_policy(text, str(path))
