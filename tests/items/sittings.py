"""Sittings that never were: people of known ability, items of known curves, five options."""

from __future__ import annotations

import numpy as np

from omr.score.key_file import PaperKey, load_key_file
from omr.score.responses import AnswerMatrix

KEYED = "ABCDEABCDEABCDEABCDE"


def key_of(answers: str = KEYED, form: str = "") -> PaperKey:
    text = f'paper = "2031"\nform = "{form}"\nversion = 1\n[[section]]\nanswers = "{answers}"\n'
    return load_key_file(text.encode())


def sitting(
    persons: int, *, ability: float = 0.0, seed: int = 7, keyed: str = KEYED, form: str = ""
) -> AnswerMatrix:
    """Answers to twenty items whose right options are `KEYED`, and a key that says `keyed`. A wrong
    answer is any other option.
    """
    items = np.random.default_rng(1)
    slope, intercept = items.uniform(0.9, 1.6, 20), items.uniform(-0.8, 1.5, 20)
    chance = np.random.default_rng(seed)
    theta = chance.normal(ability, 1, (persons, 1))
    right = chance.random((persons, 20)) < 1 / (1 + np.exp(-(slope * theta + intercept)))
    truth = np.array(["ABCDE".index(letter) for letter in KEYED])
    wrong = (truth + chance.integers(1, 5, (persons, 20))) % 5
    picked = np.where(right, truth, wrong)
    return AnswerMatrix((1 << picked).astype(np.uint8), key_of(keyed, form))
