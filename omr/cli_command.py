"""Commands with many options: each option is a field of a noun that the command takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints


def command(act: Callable[..., None]) -> Callable[..., None]:
    """`act`, all of whose parameters are dataclasses, as a function of their fields.

    The function has the fields' names, types and defaults as its own parameters, as typer wants
    them, and `act`'s name and docstring. No two of the dataclasses may have a field in common.
    """
    nouns = {name: noun for name, noun in get_type_hints(act).items() if name != "return"}

    def run(**given: Any) -> None:
        act(
            **{
                name: noun(**{field.name: given[field.name] for field in fields(noun)})
                for name, noun in nouns.items()
            }
        )

    parameters = []
    for noun in nouns.values():
        types = get_type_hints(noun, include_extras=True)
        parameters += [
            one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=types[one.name])
            for one in inspect.signature(noun).parameters.values()
        ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__name__, run.__doc__ = act.__name__, act.__doc__
    return run
