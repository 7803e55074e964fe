"""Sittings that never were: honest people of a nominal response model, and people who copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from omr.records import F64, U8
from omr.score.similarity.answers import Answers

SITE = 300  # people, of ten rooms


@dataclass(frozen=True, slots=True)
class Exam:
    """Bock's nominal response model (1972, Psychometrika 37, 29-51): a person of ability t chooses
    option o with a chance in proportion to exp(intercept + slope t), each (items, options). The
    first option is right.
    """

    intercept: F64
    slope: F64

    @classmethod
    def made(cls, items: int, options: int, rng: np.random.Generator) -> Exam:
        """An exam of which middling people get about 60 in 100 right; its distractors draw as
        unevenly as real ones do.
        """
        slope = np.concatenate(
            [rng.uniform(0.5, 1.2, (items, 1)), rng.normal(-0.15, 0.15, (items, options - 1))], 1
        )
        intercept = np.concatenate(
            [rng.normal(1.75, 0.9, (items, 1)), rng.normal(0, 0.7, (items, options - 1))], 1
        )
        return cls(intercept, slope)

    def draws(self, ability: F64, taste: F64 | None, item: int) -> F64:
        """(persons, options) what draws people to each option of an item; `taste` (persons, items,
        options) is added, such as what a teacher taught.
        """
        draw = self.intercept[item] + ability[:, None] * self.slope[item]
        return np.asarray(draw if taste is None else draw + taste[:, item], np.float64)

    def chances(self, ability: F64, taste: F64 | None = None) -> F64:
        """(persons, items, options) how likely each option is."""
        items = range(self.intercept.shape[0])
        draw = np.stack([self.draws(ability, taste, item) for item in items], axis=1)
        return np.asarray(softmax(draw, axis=2), np.float64)

    def answers(self, ability: F64, rng: np.random.Generator, taste: F64 | None = None) -> U8:
        """(persons, items) options from 1."""
        persons, items = ability.size, self.intercept.shape[0]
        out = np.empty((persons, items), np.uint8)
        for item in range(items):
            draw = self.draws(ability, taste, item)
            out[:, item] = 1 + np.argmax(draw + rng.gumbel(size=draw.shape), axis=1)
        return out


def sitting(exam: Exam, persons: int, taught_alike: float, rng: np.random.Generator) -> Answers:
    """Honest people in sites of `SITE`, where they are taught alike: a site's own bent towards each
    option, and how able its people are, have the deviation `taught_alike`.
    """
    ability = rng.normal(size=persons)
    if taught_alike:
        sites = np.arange(persons) // SITE
        bent = rng.normal(0, taught_alike, (sites.max() + 1, *exam.intercept.shape))
        chosen = np.concatenate(
            [
                exam.answers(own, rng, np.broadcast_to(bent[site], (own.size, *bent.shape[1:])))
                for site in range(sites.max() + 1)
                if (own := ability[sites == site] + rng.normal(0, taught_alike)).size
            ]
        )
    else:
        chosen = exam.answers(ability, rng)
    return as_answers(chosen, exam.intercept.shape[1])


def as_answers(chosen: U8, options: int) -> Answers:
    """Simulated options as answers: the first is right."""
    return Answers.of(chosen, np.ones(chosen.shape[1], np.uint8), options)


def copied(sources: U8, copiers: U8, share: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(pairs, items) what copiers hand in who took a share of the items from their sources."""
    taken = round(share * sources.shape[1])
    ranks = rng.random(sources.shape).argsort(axis=1).argsort(axis=1)
    return np.where(ranks < taken, sources, copiers).astype(np.uint8)
