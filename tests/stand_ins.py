"""Stand-ins for the engine and the drivers, so that runs can be tested without pixels.

A "page" is a small text file: a seed, or a word that makes the reader misbehave. Everything here
is importable by spawned workers.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from omr.batch import WorkerSetup
from omr.design import Design, FieldKind, Side, load_design
from omr.errors import DamagedImage, OmrError, OutputError, SourceError
from omr.policy import Policy, default_policy
from omr.pool import Limits
from omr.progress import Silent
from omr.records import (
    BarcodeRead,
    BubbleScores,
    CardReading,
    Doubt,
    DoubtKind,
    RejectedPage,
    RejectReason,
    ScannedPage,
    SideName,
    Status,
    Turn,
)
from omr.run import RunOrder, run
from omr.score.rows import KeptPage, value_names


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that holds one page."""

    position: int
    source: str
    frame: int = 0


class FileOpener:
    """Opens a `FileRef`."""

    def open(self, ref: FileRef) -> ScannedPage:
        try:
            image = Path(ref.source).read_bytes()
        except OSError as error:
            raise SourceError(f"{ref.source} cannot be opened: {error.strerror}") from error
        if image == b"damaged":
            raise DamagedImage("ends after 7 of 100 bytes")
        return ScannedPage(image, ScannedPage.digest(image), ref.source, ref.position, ref.frame)


def read_fake(page: ScannedPage, design: Design, policy: Policy, trace: Path | None = None) -> Any:
    """A reading made from the page's bytes alone; some words misbehave."""
    words = page.image.decode().split()
    _misbehave(words, page)
    if "reject" in words:
        return RejectedPage(
            page.position,
            page.source,
            page.frame,
            page.sha256,
            RejectReason.STREAK,
            "=a streak at 12.5 mm",
            "Clean the scanner's glass.",
            design.hash,
            policy.hash,
            {"streak_mm": 12.5},
        )
    side = design.side(SideName.BACK if "back" in words else SideName.FRONT)
    return made_up(page, design, side, policy, code=words[-1] if "code" in words else None)


def made_up(
    page: ScannedPage, design: Design, side: Side, policy: Policy, code: str | None = None
) -> KeptPage:
    """A reading of that side, random but the same for the same page."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(page.image).digest()[:8], "big"))
    figures = rng.integers(0, 256, (4, side.bubble_count), np.uint8)
    values = [
        "".join(f.values[rng.integers(len(f.values))] for _ in range(f.length)) for f in side.fields
    ]
    zones = side.zones_of(FieldKind.BARCODE)
    codes = tuple(
        BarcodeRead(z.name, code or f"P{rng.integers(10**9):09d}", "Code128", "zxing")
        for z in zones
    )
    doubts = (Doubt(DoubtKind.FAINT, side.fields[-1].name, "0.20 of the hand; 淡"),)
    doubts = doubts if rng.random() < 0.1 else ()
    reading = CardReading(
        page.position,
        page.source,
        page.frame,
        page.sha256,
        side.name,
        Turn(int(rng.integers(4)) * 90),
        Status.REVIEW if doubts else Status.READ,
        value_names(side),
        (*values, *(c.text for c in codes)),
        rng.random(len(side.fields), np.float32),
        rng.integers(0, 32, side.group_count, np.uint32),
        doubts,
        codes,
        float(rng.random()),
        design.hash,
        policy.hash,
    )
    scores = BubbleScores(side.name, *figures, bool(rng.integers(2)), codes)
    return KeptPage(reading, scores)


def _misbehave(words: Sequence[str], page: ScannedPage) -> None:
    if "slow" in words:
        time.sleep(0.02)
    if "no_room" in words:
        raise OutputError("the trace cannot be written")
    if "raise" in words:
        raise ZeroDivisionError("a fault in the reader")
    if "crash" in words:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "exit" in words:
        os._exit(7)
    if "hang" in words:
        time.sleep(3600)
    if "crash_once" in words:
        mark = Path(page.source + ".crashed")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def write_pages(folder: Path, pages: Sequence[str]) -> list[FileRef]:
    """A file a page."""
    folder.mkdir(parents=True, exist_ok=True)
    refs = []
    for position, words in enumerate(pages):
        path = folder / f"{position:05d}.page"
        path.write_text(words, "utf-8")
        refs.append(FileRef(position, str(path)))
    return refs


def fake_setup(design: str = "quiz-a5") -> WorkerSetup:
    """Workers that read with `read_fake`."""
    return WorkerSetup(load_design(design), default_policy(), read_fake, FileOpener)


def main() -> None:
    """`python -m tests.stand_ins FOLDER OUT WORKERS [FILE_LIMIT]`: a run over a folder of pages.

    FILE_LIMIT bounds the size of every file written, which a program feels as a full disk.
    """
    folder, out, workers, *limit = sys.argv[1:]
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit[0]), int(limit[0])))
    paths = sorted(Path(folder).glob("*.page"))
    refs = [FileRef(position, str(path)) for position, path in enumerate(paths)]
    scores = Path(out).with_name("scores.parquet")
    order = RunOrder(Path(out), fake_setup("two-sided-60"), Limits(int(workers)), "design", scores)
    try:
        run(refs, order, Silent())
    except OmrError as error:
        print(f"omr: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    # Workers import this module by its name; what they are given must come from there too.
    from tests import stand_ins

    stand_ins.main()
