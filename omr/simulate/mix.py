"""Mixes: how often each defect comes, and how strong. TOML data, strictly checked."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from omr.errors import OmrError
from omr.simulate.catalogue import CONDITIONS, DEFECTS, EXCLUSIVE, Range


class MixError(OmrError):
    """A mix of defects that cannot be used."""

    exit_code = 2


class ScanMode(StrEnum):
    """What the scanner delivers."""

    GREY = "grey"  # under red light, so that red print drops out
    COLOUR = "colour"
    BITONAL = "bitonal"  # the same light, one bit a pixel


@dataclass(frozen=True, slots=True)
class ScanKind:
    """One setting of the scanner and its weight among the others of a mix.

    `quality` is the range of the JPEG quality, `threshold` that of the grey level (0-255) from
    which a bitonal pixel is white.
    """

    mode: ScanMode
    dpi: int
    weight: float
    quality: Range
    threshold: Range


@dataclass(frozen=True)
class Mix:
    """Scanner settings, conditions that always hold, and the rate of each defect.

    `figures` holds the range of every figure of every condition and defect, `rates` the share of
    cards that has the defect (0 for those that the mix does not name).
    """

    name: str
    title: str
    scans: tuple[ScanKind, ...]
    figures: Mapping[str, Mapping[str, Range]]
    rates: Mapping[str, float]

    def draw(self, rng: np.random.Generator, of: str, figure: str) -> float:
        """A figure, even in its range."""
        low, high = self.figures[of][figure]
        return float(rng.uniform(low, high))

    def whole(self, rng: np.random.Generator, of: str, figure: str) -> int:
        """A whole number, even in its range, both ends included."""
        low, high = self.figures[of][figure]
        return int(rng.integers(round(low), round(high) + 1))

    def happening(self, rng: np.random.Generator) -> frozenset[str]:
        """Which defects one card has; of those that exclude each other at most one."""
        names: list[str] = []
        for group in EXCLUSIVE:
            throw = float(rng.random())
            for name in group:
                throw -= self.rates[name]
                if throw < 0:
                    names.append(name)
                    break
        return frozenset(names)

    def scan_kind(self, rng: np.random.Generator) -> ScanKind:
        """One of the scanner settings, by weight."""
        weights = np.array([kind.weight for kind in self.scans])
        return self.scans[int(rng.choice(len(weights), p=weights / weights.sum()))]


def builtin_mixes() -> tuple[str, ...]:
    """Names of the mixes that come with the package."""
    folder = resources.files("omr.simulate") / "mixes"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml")))


@functools.cache
def _builtin(name: str) -> dict[str, Any]:
    file = resources.files("omr.simulate") / "mixes" / f"{name}.toml"
    return _content(file.read_text("utf-8"), f"{name}.toml")


def load_mix(name_or_path: str | Path) -> Mix:
    """The built-in mix of that name, or the one in that TOML file.

    Raises:
        MixError: no such mix, not TOML, or a fault in it.
    """
    name = str(name_or_path)
    if name in builtin_mixes():
        return parse_mix(_builtin(name), name)
    path = Path(name_or_path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(builtin_mixes())
        raise MixError(f"{name} cannot be read ({error}); give a TOML file, or: {known}") from error
    return parse_mix(_content(text, name), path.stem)


def _content(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MixError(f"{source}: not TOML: {error}") from error


def _merged(content: dict[str, Any], name: str) -> dict[str, Any]:
    """The content laid over that of its base."""
    base = content.get("base")
    if base is None:
        return content
    if base not in builtin_mixes() or base == name:
        raise MixError(f"{name}: base must be another built-in mix, got {base!r}")
    merged = dict(_merged(_builtin(base), base))
    for key, value in content.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _laid_over(merged[key], value)
        else:
            merged[key] = value
    return merged


def _laid_over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    result = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = {**result[key], **value} if both else value
    return result


def parse_mix(content: dict[str, Any], name: str) -> Mix:
    """A mix from parsed TOML.

    Raises:
        MixError: a key is unknown or a value out of its range.
    """
    content = _merged(content, name)
    defects = content.get("defect", {})
    _known(content, {"base", "title", "scan", "defect", *CONDITIONS}, name)
    _known(defects, set(DEFECTS), f"{name}: [defect]")
    figures: dict[str, Mapping[str, Range]] = {}
    rates = dict.fromkeys(DEFECTS, 0.0)
    for condition, ranges in CONDITIONS.items():
        figures[condition] = _figures(content.get(condition, {}), ranges, f"{name}: {condition}")
    for defect, ranges in DEFECTS.items():
        given = dict(defects.get(defect, {}))
        rate = given.pop("rate", 0.0)
        if not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise MixError(f"{name}: {defect}.rate must be from 0 to 1, got {rate!r}")
        rates[defect] = float(rate)
        figures[defect] = _figures(given, ranges, f"{name}: {defect}")
    for group in EXCLUSIVE:
        if sum(rates[defect] for defect in group) > 1 + 1e-9:
            raise MixError(f"{name}: the rates of {', '.join(group)} may not add up to over 1")
    scans = tuple(_scan(table, name) for table in content.get("scan", ()))
    if not scans:
        raise MixError(f"{name}: needs at least one [[scan]]")
    return Mix(name, str(content.get("title", name)), scans, figures, rates)


def _known(table: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(table) - known):
        raise MixError(f"{where}: unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")


def _figures(
    given: Mapping[str, Any], ranges: Mapping[str, Range], where: str
) -> Mapping[str, Range]:
    _known(given, set(ranges), where)
    return {key: _range(given.get(key, default), where, key) for key, default in ranges.items()}


def _range(value: Any, where: str, key: str) -> Range:
    pair = value if isinstance(value, list | tuple) else (value, value)
    number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in pair)
    if len(pair) != 2 or not number or not pair[0] <= pair[1]:
        raise MixError(f"{where}.{key} must be a number or [low, high], got {value!r}")
    return float(pair[0]), float(pair[1])


def _scan(table: Mapping[str, Any], name: str) -> ScanKind:
    where = f"{name}: [[scan]]"
    _known(table, {"mode", "dpi", "weight", "quality", "threshold"}, where)
    try:
        mode = ScanMode(table.get("mode", ""))
    except ValueError as error:
        raise MixError(f"{where}: mode must be one of {', '.join(ScanMode)}") from error
    dpi, weight = table.get("dpi"), table.get("weight", 1.0)
    if not isinstance(dpi, int) or not 100 <= dpi <= 600:
        raise MixError(f"{where}: dpi must be a whole number from 100 to 600, got {dpi!r}")
    if not isinstance(weight, int | float) or weight <= 0:
        raise MixError(f"{where}: weight must be above 0, got {weight!r}")
    quality = _range(table.get("quality", (75, 90)), where, "quality")
    threshold = _range(table.get("threshold", (150, 180)), where, "threshold")
    return ScanKind(mode, dpi, float(weight), quality, threshold)
