"""Simulated cards as files: images and their truth."""

from __future__ import annotations

from pathlib import Path

from omr.design import Design
from omr.errors import OutputError
from omr.simulate.mix import Mix
from omr.simulate.render import simulate_card
from omr.simulate.truth import PageTruth, write_truth

TRUTH_FILE = "truth.jsonl"


def simulate(design: Design, mix: Mix, cards: int, seed: int, out: Path) -> list[PageTruth]:
    """Write `cards` cards into a folder, made if need be: one image a side, and truth.jsonl.

    Raises:
        OutputError: the folder cannot be written.
    """
    truths = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for index in range(cards):
            for page in simulate_card(design, mix, seed, index):
                (out / page.truth.file).write_bytes(page.image)
                truths.append(page.truth)
        write_truth(truths, out / TRUTH_FILE)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error}; choose another folder") from error
    return truths
