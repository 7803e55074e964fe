"""The present: every fact folded into cards, people, and how they go together."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from sqlalchemy import Connection

from admin_api.corrections import service as corrections
from admin_api.corrections.overlay import overlay_candidates, overlay_cards, overlay_enrolments
from admin_api.intake import work
from admin_api.joining.join import join
from admin_api.joining.reconcile import Counts, matters_of, reconcile
from admin_api.joining.states import Joined
from admin_api.office import Office
from admin_api.registration.frames import (
    read_bags,
    read_boxes,
    read_candidates,
    read_enrolments,
    read_region_boxes,
    read_rooms,
)
from admin_api.review.service import decided_cards
from admin_api.settling.service import Matter
from admin_api.violations import service as violations


@dataclass(frozen=True, slots=True)
class Present:
    """What all facts say now. `matters` are everything open before scores are looked at."""

    cards: pl.DataFrame
    candidates: pl.DataFrame
    enrolments: pl.DataFrame
    joined: Joined
    differences: pl.DataFrame
    penalties: pl.DataFrame
    matters: tuple[Matter, ...]


def present(office: Office, connection: Connection, *, reported: bool = True) -> Present:
    """Fold everything, as of the connection's moment; without `reported` leave corrections and
    violations out.
    """
    exam = office.exam
    overlays = corrections.in_force(connection) if reported else []
    penalties = violations.penalties(connection, exam)
    cards, misfits = overlay_cards(decided_cards(connection, exam), overlays, exam.card)
    candidates = read_candidates(connection)
    enrolled = read_enrolments(connection, exam, candidates)
    enrolments, lost = overlay_enrolments(enrolled, overlays)
    counts = Counts(
        read_bags(connection),
        read_boxes(connection),
        read_region_boxes(connection),
        read_rooms(connection),
    )
    joined = join(cards, enrolments, counts.bags, counts.rooms, exam)
    differences = reconcile(joined, cards, enrolments, counts)
    matters = [
        *matters_of(joined, cards, enrolments, differences),
        *misfits,
        *lost,
        *corrections.open_matters(connection),
        *violations.open_matters(connection),
        *work.open_matters(connection),
    ]
    return Present(
        cards,
        overlay_candidates(candidates, overlays),
        enrolments,
        joined,
        differences,
        penalties if reported else penalties.clear(),
        tuple(matters),
    )
