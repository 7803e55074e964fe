"""JSON from strangers: read with limits, then used up key by key, every fault naming its key.

The counterpart of `omr.toml_table` for files that other systems wrote. A fault does not stop the
reading: all are collected, so that one look at the message mends the file.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

MOST_BYTES = 4_000_000
MOST_UNKNOWN = 100  # keys of one object that are told
MOST_SHOWN = 60  # characters of a faulty value in a message
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Refuses what the JSON standard does not know (NaN, Infinity) and keys that are given twice.

    Raises:
        ValueError: unreadable, over 4 MB, or no JSON; the message is fit for a finding.
    """
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"has over {MOST_BYTES} bytes; that is no template")
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read as UTF-8 text ({error})") from error
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        times = Counter(name for name, _ in pairs)
        double = next(name for name in content if times[name] > 1)
        raise ValueError(f"the key {shown(double)} is given twice in one object")
    return content


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def shown(value: object) -> str:
    """A value as it may stand in a message, whatever it is."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError, TypeError):
        text = type(value).__name__
    text = text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return f'"{text}"' if isinstance(value, str) else text


def is_number(value: object) -> bool:
    """A finite number of bearable size; JSON knows no other, but Python does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -1e6 <= value <= 1e6 and math.isfinite(value)


@dataclass
class Node:
    """A JSON object being used up. Keys may be spelt `likeThis` or `like_this`."""

    content: dict[str, Any]
    where: str
    findings: list[str]
    known: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    @classmethod
    def root(cls, content: Any, findings: list[str]) -> Node:
        """The whole file, which must be an object."""
        if not isinstance(content, dict):
            findings.append(f"the file must hold an object {{…}}, got {shown(content)}")
            content = {}
        return cls(content, "", findings)

    def path(self, key: str) -> str:
        """Where that key stands, from the top of the file."""
        short = key if len(key) <= MOST_SHOWN else key[:MOST_SHOWN] + "…"
        plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)
        return f"{self.where}.{plain}" if self.where else plain

    def fault(self, key: str, message: str) -> None:
        """Note what is wrong with the value of that key."""
        self.findings.append(f"{self.path(key)}: {message}")

    def wrong(self, key: str, allowed: str, value: object) -> None:
        """Note a value that is not as it must be."""
        self.fault(key, f"must be {allowed}, got {shown(value)}")

    def has(self, key: str) -> bool:
        """Whether that key is there, in either spelling."""
        return bool(self._spelt(key))

    def take(self, key: str, allowed: str = "", default: Any = None) -> Any:
        """The key's value; None, with a fault unless there is a default, where it is missing."""
        self.known.add(key)
        spelt = self._spelt(key)
        self.used.update(spelt)
        if len(spelt) > 1:
            self.fault(key, f"is given twice, as {' and '.join(spelt)}; keep one")
        if spelt:
            return self.content[spelt[0]]
        if default is None and allowed:
            self.fault(key, f"is missing; it must be {allowed}")
        return default

    def _spelt(self, key: str) -> tuple[str, ...]:
        forms = dict.fromkeys((key, _HUMP.sub(lambda m: "_" + m[1].lower(), key)))
        return tuple(form for form in forms if form in self.content)

    def number(self, key: str, low: float, high: float) -> float:
        """A number within these; `low` where there is none."""
        allowed = f"a number from {low:g} to {high:g}"
        value = self.take(key, allowed)
        if is_number(value) and low <= value <= high:
            return float(value)
        if value is not None or self.has(key):
            self.wrong(key, allowed, value)
        return low

    def pair(self, key: str, low: float, high: float) -> tuple[float, float] | None:
        """Two numbers within these, or None."""
        allowed = f"two numbers from {low:g} to {high:g}"
        value = self.take(key, allowed)
        if isinstance(value, list) and len(value) == 2:
            a, b = value
            if all(is_number(v) and low <= v <= high for v in value):
                return float(a), float(b)
        if self.has(key):
            self.wrong(key, allowed, value)
        return None

    def text(self, key: str, default: str | None = None) -> str:
        """A text; "" where there is none."""
        value = self.take(key, "a text", default)
        if isinstance(value, str):
            return value
        if self.has(key):
            self.wrong(key, "a text", value)
        return ""

    def choice(self, key: str, of: Iterable[str]) -> str:
        """One of these texts, or "" with a fault."""
        allowed = f"one of {', '.join(of)}"
        value = self.take(key, allowed)
        if isinstance(value, str) and value in of:
            return value
        if self.has(key):
            self.wrong(key, allowed, value)
        return ""

    def texts(self, key: str, allowed: str = "a list of texts") -> list[str]:
        """A list of texts that is not empty; empty, with a fault, where it is none."""
        value = self.take(key, allowed)
        if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
            return value
        if self.has(key):
            self.wrong(key, f"{allowed}, not empty", value)
        return []

    def node(self, key: str, *, optional: bool = False) -> Node:
        """An object; an empty one, with a fault unless optional, where it is none."""
        value = self.take(key, "an object {…}", {} if optional else None)
        if not isinstance(value, dict):
            if self.has(key):
                self.wrong(key, "an object {…}", value)
            value = {}
        return Node(value, self.path(key), self.findings)

    def nodes(self, key: str) -> list[Node]:
        """A list of objects."""
        allowed = "a list of objects [{…}, …]"
        value = self.take(key, allowed)
        if isinstance(value, list) and all(isinstance(v, dict) for v in value):
            at = self.path(key)
            return [Node(v, f"{at}[{i}]", self.findings) for i, v in enumerate(value)]
        if self.has(key):
            self.wrong(key, allowed, value)
        return []

    def named(self) -> Iterator[tuple[str, Node]]:
        """Every member of an object whose keys are names, as an object."""
        for name in self.content:
            self.used.add(name)
            value = self.content[name]
            if isinstance(value, dict):
                yield name, Node(value, self.path(name), self.findings)
            else:
                self.wrong(name, "an object {…}", value)

    def done(self) -> None:
        """Note every key that nothing asked for."""
        left = [key for key in self.content if key not in self.used]
        for key in left[:MOST_UNKNOWN]:
            self.fault(key, f"is not known here; known: {', '.join(sorted(self.known))}")
