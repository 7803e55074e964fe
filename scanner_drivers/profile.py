"""How a design's cards are to be scanned: a profile a design, a TOML file of one table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from omr.errors import OmrError

LEAST_DPI, MOST_DPI = 75, 1200
PROFILES = Path(__file__).with_name("profiles")


class Colour(StrEnum):
    """What a pixel says."""

    COLOUR = "colour"
    GREY = "grey"
    BITONAL = "bitonal"


class Paper(StrEnum):
    """Where the device takes sheets from."""

    FEEDER = "feeder"
    FLATBED = "flatbed"


class DropOut(StrEnum):
    """The ink that the lamp leaves out, for grey and bitonal scans."""

    NONE = "none"
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class ProfileError(OmrError):
    """A scan profile cannot be used; names the file and what to mend."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class ScanProfile:
    """What a device is asked for.

    `width_mm` and `height_mm` bound the sheet as it is fed; 0 leaves the device's own size.
    """

    paper: Paper = Paper.FEEDER
    duplex: bool = False
    dpi: int = 200
    colour: Colour = Colour.GREY
    drop_out: DropOut = DropOut.NONE
    width_mm: float = 0.0
    height_mm: float = 0.0

    def __post_init__(self) -> None:
        if not LEAST_DPI <= self.dpi <= MOST_DPI:
            raise ValueError(f"dpi must be {LEAST_DPI} to {MOST_DPI}, not {self.dpi}")
        if not (0 <= self.width_mm <= 1000 and 0 <= self.height_mm <= 1000):
            raise ValueError("width_mm and height_mm must be 0 to 1000")
        if self.duplex and self.paper is Paper.FLATBED:
            raise ValueError("a flatbed has no duplex")
        if self.colour is Colour.COLOUR and self.drop_out is not DropOut.NONE:
            raise ValueError("drop_out needs grey or bitonal")


def load_profile(path: Path) -> ScanProfile:
    """The profile in a TOML file. Raises ProfileError."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ProfileError(f"{path} cannot be used as a scan profile: {error}") from error
    kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(ScanProfile)}
    unknown = sorted(set(table) - set(kinds))
    if unknown:
        raise ProfileError(f"{path}: unknown {', '.join(unknown)}; there are {', '.join(kinds)}")
    try:
        return ScanProfile(**{name: _typed(kinds[name], value) for name, value in table.items()})
    except ValueError as error:
        raise ProfileError(f"{path}: {error}") from error


def profile_for(design: str, *, two_sided: bool) -> ScanProfile:
    """The built-in profile of a design; for others grey at 200 dpi, both sides where it has two."""
    path = PROFILES / f"{design}.toml"
    if design.replace("-", "").replace("_", "").isalnum() and path.is_file():
        return load_profile(path)
    return ScanProfile(duplex=two_sided)


def _typed(kind: Any, value: object) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if issubclass(kind, StrEnum):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{value!r} is none of {', '.join(kind)}") from None
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value
