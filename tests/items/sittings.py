"""Sittings that never were: people of known ability, items of known curves, five options."""

from __future__ import annotations

import numpy as np
import polars as pl

from admin_api.results.responses import PERSONS, Responses
from omr.score.key_file import PaperKey, load_key_file
from omr.score.responses import AnswerMatrix

PERSONS_AT = {"37/01": 150, "37/02": 145, "54/07": 5}
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


def responses(form: str, ability: float, seed: int, keyed: str = KEYED) -> Responses:
    """Three hundred people at three sites, one of them very small; two are void."""
    sites = [place for place, n in PERSONS_AT.items() for _ in range(n)]
    n = len(sites)
    persons = pl.DataFrame(
        {
            "enrolment": range(n),
            "candidate": range(n),
            "ticket": [f"3799{seed:04d}{k:04d}" for k in range(n)],
            "subject": ["1"] * n,
            "region": [place[:2] for place in sites],
            "site": [place[3:] for place in sites],
            "venue": ["一中"] * n,
            "room": ["1"] * n,
            "room_id": [1] * n,
            "seat": [str(k) for k in range(n)],
            "medium": ["card"] * n,
            "page": range(n),
            "void": [k < 2 for k in range(n)],
        },
        schema=PERSONS,
    )
    answers = sitting(n, ability=ability, seed=seed, keyed=keyed, form=form)
    return Responses("2031", form, persons, answers)
