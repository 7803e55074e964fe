"""What a setting says of itself, beside the field that holds it; SETTINGS.md is made of that."""

from __future__ import annotations

import dataclasses
from typing import Any

_KEY = "setting"


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """A variable of the environment. `default` is "" where it must be set."""

    name: str
    meaning: str
    default: str
    example: str


def said(name: str, meaning: str, example: str, default: str = "") -> dict[str, Any]:
    """A field's metadata. `default` says in words what the field's own default cannot."""
    return {_KEY: Setting(name, meaning, default, example)}


def settings_of(kind: type) -> tuple[Setting, ...]:
    """The settings of a dataclass, in the order of its fields, each with its default."""
    return tuple(
        _with_default(field.metadata[_KEY], field)
        for field in dataclasses.fields(kind)
        if _KEY in field.metadata
    )


def _with_default(setting: Setting, field: dataclasses.Field[Any]) -> Setting:
    if setting.default or field.default is dataclasses.MISSING:
        return setting
    return dataclasses.replace(setting, default=str(field.default))
