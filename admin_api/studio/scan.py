"""A filled scan read with the design as it stands: each field's value, marks and doubts."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from admin_api.errors import Refused
from admin_api.studio.background import as_jpeg, pages_in
from admin_api.studio.upright import draw_upright
from omr.design import Design, Side
from omr.errors import OmrError
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.records import CardReading, RejectedPage, ScannedPage
from omr.trace import overlay_of

_MOST_PAGES = 4


@dataclass(frozen=True, slots=True)
class Tried:
    """What a scan says: `reading` as JSON for the page, and the sides' pictures (JPEG)."""

    reading: dict[str, Any]
    pictures: dict[str, bytes]


def pages_of(content: bytes, name: str) -> list[ScannedPage]:
    """The pages of a handed in file: a picture, or the first few of a TIFF, PDF or zip.

    Raises:
        Refused: nothing in it can be opened; says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan"
        path.write_bytes(content)
        try:
            pages = pages_in(path, _MOST_PAGES)
        except OmrError as error:
            words = str(error).replace(str(path), name)
            raise Refused(f"{name} is no scan that can be opened: {words}") from error
    if not pages:
        raise Refused(f"{name} holds no page")
    return pages


def try_pages(pages: list[ScannedPage], design: Design) -> Tried:
    """Read each page; of several pages of one side the first one counts."""
    sides: dict[str, Any] = {}
    pictures: dict[str, bytes] = {}
    refused: list[dict[str, str]] = []
    for page in pages:
        outcome = read_page(page, design, default_policy())
        if isinstance(outcome, RejectedPage):
            refused.append(_refusal(page, outcome, design))
            continue
        face = outcome.reading.side.value
        drawn = draw_upright(page, design)
        if face in sides or drawn is None:
            continue
        sides[face] = _read(outcome, design)
        pictures[face] = as_jpeg(drawn.picture)
    return Tried({"sides": sides, "refused": refused if not sides else []}, pictures)


def _read(outcome: ReadPage, design: Design) -> dict[str, Any]:
    """Each field's value, its doubts, and the bubbles that count as filled."""
    reading = outcome.reading
    side = design.side(reading.side)
    doubts: dict[str, list[str]] = {}
    for doubt in reading.doubts:
        doubts.setdefault(doubt.field, []).append(f"{doubt.kind}: {doubt.evidence}")
    filled = _filled(reading, side)
    return {
        "status": reading.status.value,
        "residual": round(reading.residual_mm, 3),
        "fields": [
            {
                "name": name,
                "value": value,
                "doubts": doubts.get(name, []),
                "filled": filled.get(name, []),
            }
            for name, value in zip(reading.fields, reading.values, strict=True)
        ],
        "doubts": doubts.get("", []),
    }


def _filled(reading: CardReading, side: Side) -> dict[str, list[int]]:
    """Of each field the filled bubbles, counted from 0 through its characters and options."""
    filled: dict[str, list[int]] = {}
    for field in side.fields:
        options = len(field.values)
        filled[field.name] = [
            k * options + option
            for k, group in enumerate(range(*field.groups))
            for option in range(options)
            if int(reading.masks[group]) >> option & 1
        ]
    return filled


def _refusal(page: ScannedPage, outcome: RejectedPage, design: Design) -> dict[str, str]:
    """Why a page is refused, and its picture with what was found on it."""
    good, picture = cv2.imencode(".jpg", overlay_of(page, outcome, design))
    words = f"{outcome.reason}: {outcome.evidence}. {outcome.advice}"
    return {"words": words, "picture": base64.b64encode(picture.tobytes()).decode() if good else ""}
