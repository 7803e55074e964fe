"""One way to write a value down, so that a digest of it means something."""

from __future__ import annotations

import json


def canonical(value: object) -> str:
    """JSON with sorted keys, without spaces, in UTF-8 characters.

    Raises:
        TypeError: a value that JSON lacks, or a float, which has no one spelling.
    """
    _without_floats(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _without_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float; write the number as text")
    if isinstance(value, dict):
        for one in value.values():
            _without_floats(one)
    elif isinstance(value, list | tuple):
        for one in value:
            _without_floats(one)
