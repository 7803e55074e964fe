"""Item response theory (项目反应理论): the chance to have an item right, by a person's ability θ.

P(right | θ) = 1 / (1 + exp(−(a·θ + d))), b = −d/a, with θ standard normal among those who sat.
2PL: every item has its own slope a; 1PL: one slope for all. Wrong, blank and several marked are
alike not right, as in marking.
"""
