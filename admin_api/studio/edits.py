"""What the page may ask for, and which edit of the document it is."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field, FiniteFloat

from admin_api.studio.document import Document, Place
from admin_api.studio.kinds import New
from omr.design import FieldKind

_MOST_LISTED = 200  # values of one key

Scalar = bool | int | FiniteFloat | Annotated[str, Field(max_length=2000)]
Value = (
    Scalar
    | Annotated[list[Scalar], Field(max_length=_MOST_LISTED)]
    | Annotated[dict[str, FiniteFloat | int], Field(max_length=4)]
    | None
)


class Doing(StrEnum):
    """What can be done on the page."""

    SET = "set"
    RETYPE = "retype"
    MOVE = "move"
    STRETCH = "stretch"
    DELETE = "delete"
    COPY = "copy"
    ADD = "add"
    TEXT = "text"
    UNDO = "undo"
    REDO = "redo"
    SAVE = "save"
    RELOAD = "reload"
    TAKE_EARLIER = "take_earlier"
    FORGET_EARLIER = "forget_earlier"


class Edit(BaseModel):
    """One thing done on the page; which of the others count depends on `do`."""

    do: Doing
    face: Literal["front", "back"] = "front"
    index: int = Field(0, ge=0)
    changes: dict[str, Value] = {}
    kind: FieldKind = FieldKind.SINGLE
    what: New = New.CHOICE
    x: float = Field(0.0, ge=-2000, le=2000, allow_inf_nan=False)
    y: float = Field(0.0, ge=-2000, le=2000, allow_inf_nan=False)
    further: bool = False
    text: str = ""
    overwrite: bool = False
    faulty: bool = False


def apply(document: Document, asked: Edit) -> None:
    """Do it.

    Raises:
        KaowuError: it cannot be done; says why and what to do.
    """
    place = Place(asked.face, asked.index)
    doings: dict[Doing, Callable[[], None]] = {
        Doing.SET: lambda: document.set(place, dict(asked.changes)),
        Doing.RETYPE: lambda: document.retype(place, asked.kind),
        Doing.MOVE: lambda: document.move(place, asked.x, asked.y, further=asked.further),
        Doing.STRETCH: lambda: document.stretch(place, asked.x, asked.y),
        Doing.DELETE: lambda: document.delete(place),
        Doing.COPY: lambda: document.copy(place),
        Doing.ADD: lambda: document.add(asked.face, asked.what, asked.x, asked.y),
        Doing.TEXT: lambda: document.write(asked.text),
        Doing.UNDO: document.undo,
        Doing.REDO: document.redo,
        Doing.SAVE: lambda: document.save(overwrite=asked.overwrite, faulty=asked.faulty),
        Doing.RELOAD: document.reload,
        Doing.TAKE_EARLIER: document.take_earlier,
        Doing.FORGET_EARLIER: document.forget_earlier,
    }
    doings[asked.do]()
