"""Answers and defects in, scans with their truth out: seeded, and the same on every run.

    mix = load_mix("everyday")
    for page in simulate_card(design, mix, seed=1, index=0):
        page.image, page.truth

A mix says how often each defect comes and how strong it is; mixes that come with the package are
in `omr/simulate/mixes`. `plan_card` decides everything about a card without drawing it.
"""

from omr.simulate.mix import Mix, MixError, builtin_mixes, load_mix
from omr.simulate.plan import CardPlan, plan_card
from omr.simulate.render import render_card, simulate_card
from omr.simulate.scene import Scene
from omr.simulate.truth import PageTruth, SimulatedPage, read_truth, write_truth
from omr.simulate.write import simulate

__all__ = [
    "CardPlan",
    "Mix",
    "MixError",
    "PageTruth",
    "Scene",
    "SimulatedPage",
    "builtin_mixes",
    "load_mix",
    "plan_card",
    "read_truth",
    "render_card",
    "simulate",
    "simulate_card",
    "write_truth",
]
