"""A TOML table that is used up key by key, so that every fault has its line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

E_ = TypeVar("E_", bound=StrEnum)
_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z_.]+)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z_]+)\s*=")


class Lines:
    """Where tables and keys stand in the text; tomllib does not tell."""

    def __init__(self, text: str) -> None:
        self._at: dict[tuple[str, int, str], int] = {}
        counts: dict[str, int] = {}
        name, index = "", 0
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.match(line):
                name = header[2]
                index = counts[name] = counts.get(name, -1) + 1
                self._at[name, index, ""] = number
            elif key := _KEY.match(line):
                self._at.setdefault((name, index, key[1]), number)

    def of(self, name: str, index: int, key: str = "") -> int:
        return self._at.get((name, index, key)) or self._at.get((name, index, ""), 1)


@dataclass
class Table:
    """A TOML table being used up; what is left over at the end is a fault."""

    content: dict[str, Any]
    name: str
    lines: Lines
    findings: list[str]
    index: int = 0
    used: set[str] = field(default_factory=set)

    @property
    def line(self) -> int:
        return self.lines.of(self.name, self.index)

    def fault(self, message: str, key: str = "") -> None:
        self.findings.append(f"line {self.lines.of(self.name, self.index, key)}: {message}")

    def has(self, key: str) -> bool:
        return key in self.content

    def _take(self, key: str, default: Any) -> Any:
        self.used.add(key)
        if key in self.content:
            return self.content[key]
        if default is None:
            self.fault(f"{key} is missing in [{self.name or 'the top'}]")
        return default

    def number(self, key: str, default: float | None = None, low: float = -1e4) -> float:
        value = self._take(key, default)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not low <= value <= 1e4:
            if key in self.content:
                self.fault(f"{key} must be a number from {low:g}, got {value!r}", key)
            return 1.0
        return float(value)

    def whole(self, key: str, default: int | None = None, low: int = 1, high: int = 2000) -> int:
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            if key in self.content:
                self.fault(f"{key} must be a whole number from {low} to {high}, got {value!r}", key)
            return low
        return value

    def day(self, key: str) -> date:
        value = self._take(key, None)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if key in self.content:
            self.fault(f"{key} must be a date, written 2026-06-12 without quotes", key)
        return date(2000, 1, 1)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if isinstance(value, str):
            return value
        if key in self.content:
            self.fault(f"{key} must be a text, got {value!r}", key)
        return ""

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.fault(f"{key} must be true or false, got {value!r}", key)
            return default
        return value

    def choice(self, key: str, of: type[E_], default: E_ | None = None) -> E_:
        value = self._take(key, default)
        try:
            return of(value)
        except ValueError:
            if key in self.content:
                self.fault(f"{key} must be one of {', '.join(of)}, got {value!r}", key)
            return next(iter(of))

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._take(key, default)
        if isinstance(value, str):
            return tuple(value)
        if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
            return tuple(value)
        if key in self.content:
            self.fault(f"{key} must be a text or a list of texts, got {value!r}", key)
        return ()

    def pair(self, key: str, default: tuple[float, float] | None = None) -> tuple[float, float]:
        value = self._take(key, default)
        if isinstance(value, list | tuple) and len(value) == 2:
            a, b = value
            if all(isinstance(v, int | float) and 0 < v < 1e4 for v in value):
                return float(a), float(b)
        if key in self.content:
            self.fault(f"{key} must be two positive numbers, got {value!r}", key)
        return 1.0, 1.0

    def whole_list(self, key: str) -> tuple[int, ...]:
        value = self._take(key, ())
        if isinstance(value, list | tuple) and all(type(v) is int for v in value):
            return tuple(value)
        self.fault(f"{key} must be a list of whole numbers, got {value!r}", key)
        return ()

    def place(self, key: str, default: dict[str, Any] | None = None) -> dict[str, float]:
        value = self._take(key, default)
        keys = {"x_mm", "y_mm", "column", "row"}
        numbers = isinstance(value, dict) and all(type(v) in (int, float) for v in value.values())
        if numbers and set(value) <= keys:
            return {k: float(v) for k, v in value.items()}
        if key in self.content:
            self.fault(f"{key} takes numbers for {', '.join(sorted(keys))}; got {value!r}", key)
        return {}

    def places(self, key: str, count: int) -> list[dict[str, float]]:
        value = self._take(key, ())
        if not isinstance(value, list | tuple) or (value and len(value) != count):
            self.fault(f"{key} must name one place for each of the {count} values", key)
            return []
        tables = [Table({key: v}, self.name, self.lines, self.findings, self.index) for v in value]
        return [t.place(key) for t in tables]

    def table(self, key: str, default: dict[str, Any] | None = None) -> Table:
        value = self._take(key, default)
        name = f"{self.name}.{key}".strip(".")
        if not isinstance(value, dict):
            if key in self.content:
                self.fault(f"{key} must be a table", key)
            value = {}
        return Table(value, name, self.lines, self.findings)

    def tables(self, key: str) -> list[Table]:
        value = self._take(key, ())
        name = f"{self.name}.{key}".strip(".")
        if not isinstance(value, list | tuple) or not all(isinstance(v, dict) for v in value):
            self.fault(f"write {key} as [[{name}]]", key)
            return []
        return [Table(v, name, self.lines, self.findings, i) for i, v in enumerate(value)]

    def done(self) -> None:
        for key in sorted(set(self.content) - self.used):
            self.fault(f"{key} is not known here; known: {', '.join(sorted(self.used))}", key)
