"""A traced sheet as files: the design, and the proof picture beside it."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

import cv2
import numpy as np

from omr.design import Design
from omr.design_parse import parse_design
from omr.errors import OutputError
from omr.outputs import whole_file, writable_folder
from omr.records import U8
from omr.tracing.proof import draw_proof
from omr.tracing.records import Traced
from omr.tracing.toml import reference_name, to_toml

_REFERENCE_PX_PER_MM = 150 / 25.4


def save_traced(
    traced: Traced, out: Path, source: str, *, overwrite: bool
) -> tuple[Design, tuple[Path, Path]]:
    """Write FILE.toml and FILE-proof.png; the design as it reads back, and both paths.

    Where there are no marks, FILE-page.png is the picture by which cards are found.

    Raises:
        OutputError: a file is in the way and `overwrite` is not set, `out` is not named for TOML,
            or the folder cannot be written to.
        DesignError: the design cannot be read back; nothing is written.
    """
    if out.suffix.lower() != ".toml":
        raise OutputError(f"{out}: a design's file name must end in .toml")
    proof = out.with_name(f"{out.stem}-proof.png")
    text = to_toml(traced, out.stem, source)
    files = {out: text.encode(), proof: as_png(draw_proof(traced))}
    if traced.unmarked and len(traced.sides) == 1:
        files[out.with_name(reference_name(out.stem))] = reference_picture(traced)
    for path in files:
        if path.exists() and not overwrite:
            raise OutputError(
                f"{path} is there already; choose another name for --out, or overwrite it with "
                "--force"
            )
    design = parse_traced(traced, text, str(out))
    writable_folder(out.parent)
    for path, content in files.items():
        with whole_file(path) as partial:
            partial.write_bytes(content)
    return design, (out, proof)


def parse_traced(traced: Traced, text: str, source: str) -> Design:
    """The design in a text that `to_toml` made, its picture in it."""
    if traced.unmarked and len(traced.sides) == 1:
        inline = "base64:" + b64encode(reference_picture(traced)).decode()
        text = re.sub(r'^picture = ".*"$', f'picture = "{inline}"', text, flags=re.MULTILINE)
    return parse_design(text, source)


def reference_picture(traced: Traced) -> bytes:
    """The straightened front in grey, at about 150 dpi."""
    sheet = traced.sides[0].sheet
    scale = min(1.0, _REFERENCE_PX_PER_MM / sheet.px_per_mm)
    small = cv2.resize(sheet.value, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return as_png(np.asarray(small, np.uint8))


def as_png(picture: U8) -> bytes:
    """The picture as a file."""
    return cv2.imencode(".png", picture)[1].tobytes()
