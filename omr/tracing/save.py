"""A traced sheet as files: the design, and the proof picture beside it."""

from __future__ import annotations

from pathlib import Path

import cv2

from omr.design import Design
from omr.design_parse import parse_design
from omr.errors import OutputError
from omr.outputs import whole_file, writable_folder
from omr.tracing.proof import draw_proof
from omr.tracing.records import Traced
from omr.tracing.toml import to_toml


def save_traced(
    traced: Traced, out: Path, source: str, *, overwrite: bool
) -> tuple[Design, tuple[Path, Path]]:
    """Write FILE.toml and FILE-proof.png; the design as it reads back, and both paths.

    Raises:
        OutputError: a file is in the way and `overwrite` is not set, `out` is not named for TOML,
            or the folder cannot be written to.
        DesignError: the design cannot be read back; nothing is written.
    """
    if out.suffix.lower() != ".toml":
        raise OutputError(f"{out}: a design's file name must end in .toml")
    proof = out.with_name(f"{out.stem}-proof.png")
    for path in (out, proof):
        if path.exists() and not overwrite:
            raise OutputError(
                f"{path} is there already; choose another name for --out, or overwrite it with "
                "--force"
            )
    text = to_toml(traced, out.stem, source)
    design = parse_design(text, str(out))
    writable_folder(out.parent)
    picture = cv2.imencode(".png", draw_proof(traced))[1].tobytes()
    for path, content in ((out, text.encode()), (proof, picture)):
        with whole_file(path) as partial:
            partial.write_bytes(content)
    return design, (out, proof)
