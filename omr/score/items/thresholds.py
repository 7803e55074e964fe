"""What makes an item worth a look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where flags begin. Shares are 0–1, differences between correlations too.

    `least_p`, `most_p` and `least_discrimination` are the usual ones. A distractor works too well
    from `rival_from` on; the key is suspected where a distractor's correlation is above the key's
    by `wrong_key_margin` and by two standard errors. `least_drift_delta` is in the units of the
    delta plot, as for ETS's moderate differential functioning. Of fewer than `least_persons`
    nothing is flagged, of fewer than `least_for_irt` no model is estimated, and a group of fewer
    than `least_group` is not shown apart.
    """

    least_p: float = 0.10
    most_p: float = 0.95
    least_discrimination: float = 0.20
    wrong_key_margin: float = 0.05
    rival_from: float = 0.05
    least_taken: float = 0.01
    most_omitted: float = 0.05
    most_several: float = 0.02
    least_drift_delta: float = 1.0
    least_persons: int = 30
    least_for_irt: int = 200
    least_group: int = 10

    def __post_init__(self) -> None:
        if not 0.0 <= self.least_p < self.most_p <= 1.0:
            raise ValueError(f"need 0 <= least_p < most_p <= 1, got {self}")
        if min(self.least_persons, self.least_for_irt, self.least_group) < 2:
            raise ValueError(f"least numbers of people begin at 2, got {self}")
