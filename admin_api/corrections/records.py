"""Corrections (数据修正): what a region says is wrong, and where each stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

PEOPLE_FOR_LATE = 2


class CorrectionKind(StrEnum):
    """What may be corrected. Specialty, level and answers never are."""

    TICKET = "ticket"  # 准考证号 misfilled on a card
    SUBJECT = "subject"  # 科目 misfilled
    FORM = "form"  # 卷型
    BARCODE = "barcode"
    SWAP = "swap"  # two candidates sat, or filled in, each other's card
    ABSENT = "absent"  # 缺考 marked though present, or the reverse
    VIOLATION = "violation"  # 违纪标识 on the card
    NAME = "name"
    ID_KIND = "id_kind"
    ID_NUMBER = "id_number"


ON_CARDS = (
    CorrectionKind.TICKET,
    CorrectionKind.SWAP,
    CorrectionKind.SUBJECT,
    CorrectionKind.FORM,
    CorrectionKind.BARCODE,
    CorrectionKind.ABSENT,
    CorrectionKind.VIOLATION,
)
"""Kinds that change what a card says, in the order in which they are laid over it."""


class Verdict(StrEnum):
    """What somebody other than the proposer said of a correction."""

    APPROVED = "approved"
    REJECTED = "rejected"
    OVERRIDE = "override"  # lets a late one in; two people must


class Standing(StrEnum):
    """Where a correction stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REJECTED = "rejected"
    LATE = "late"  # waits for two people's override, and changes nothing
    CONFLICTING = "conflicting"  # another says something else of the same thing


@dataclass(frozen=True, slots=True)
class Correction:
    """One change that a region proposes. `late` stays with it for ever."""

    id: int
    kind: CorrectionKind
    region: str
    ticket: str
    subject: str
    old: str
    new: str
    reason: str
    evidence: str
    document: str
    who: str
    at: str
    late: bool

    @property
    def target(self) -> tuple[str, str, str]:
        """What it is about: two corrections of one target must agree."""
        return self.kind, self.ticket, self.subject

    def __str__(self) -> str:
        subject = f" subject {self.subject}" if self.subject else ""
        late = ", late" if self.late else ""
        return f"correction {self.id}: {self.kind.value} of {self.ticket}{subject}{late}"


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict on a correction."""

    correction: int
    verdict: Verdict
    who: str


def standings(corrections: Sequence[Correction], said: Iterable[Said]) -> dict[int, Standing]:
    """Where every correction stands, by id."""
    verdicts: dict[int, list[Said]] = {}
    for word in said:
        verdicts.setdefault(word.correction, []).append(word)
    found = {one.id: _alone(one, verdicts.get(one.id, [])) for one in corrections}
    live: dict[tuple[str, str, str], list[Correction]] = {}
    for one in corrections:
        if found[one.id] in (Standing.PROPOSED, Standing.IN_FORCE):
            live.setdefault(one.target, []).append(one)
    for rivals in live.values():
        if len({one.new for one in rivals}) > 1:
            found |= dict.fromkeys((one.id for one in rivals), Standing.CONFLICTING)
    return found


def _alone(one: Correction, said: Sequence[Said]) -> Standing:
    """Where a correction stands but for its rivals."""
    if any(v.verdict is Verdict.REJECTED for v in said):
        return Standing.REJECTED
    if one.late:
        people = {v.who for v in said if v.verdict is Verdict.OVERRIDE}
        return Standing.IN_FORCE if len(people) >= PEOPLE_FOR_LATE else Standing.LATE
    approved = any(v.verdict is Verdict.APPROVED and v.who != one.who for v in said)
    return Standing.IN_FORCE if approved else Standing.PROPOSED
