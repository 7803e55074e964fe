"""What is kept of a page: a JSON-able dict of its texts, and its arrays as bytes.

Workers pack pages here and send them on, the journal stores them, tables are built from them. No
polars, so that a worker need not load it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omr.design import FieldKind, Side
from omr.records import (
    F32,
    U8,
    BarcodeRead,
    BubbleScores,
    CardReading,
    Doubt,
    DoubtKind,
    RejectedPage,
    RejectReason,
    SideName,
    Status,
    Turn,
)

Row = dict[str, Any]

REJECTED, FRONT, BACK = 0, 1, 2
"""What a row is, in one byte, so that sheets can be paired without opening the rows."""

_TAG = {SideName.FRONT: FRONT, SideName.BACK: BACK}


@dataclass(frozen=True, slots=True)
class KeptPage:
    """What is kept of a page that was read."""

    reading: CardReading
    scores: BubbleScores


Outcome = KeptPage | RejectedPage


@dataclass(frozen=True, slots=True)
class Packed:
    """One page as rows travel: what it is, its texts and its arrays."""

    tag: int
    row: Row
    arrays: bytes


@dataclass(frozen=True, slots=True)
class SideArrays:
    """The arrays of n pages of one side, cut out of their joined bytes without a copy."""

    probability: F32  # (n, fields)
    masks: NDArray[np.uint32]  # (n, groups)
    measured: U8  # (n, 4, bubbles): fill, darkness, around, through


def value_names(side: Side) -> tuple[str, ...]:
    """Names of a side's values: its bubbled fields, then its barcode zones."""
    fields = tuple(field.name for field in side.fields)
    return fields + tuple(zone.name for zone in side.zones_of(FieldKind.BARCODE))


def pack(outcome: Outcome) -> Packed:
    """A page's outcome as a row; `unpack` is its inverse."""
    if isinstance(outcome, RejectedPage):
        return Packed(REJECTED, _rejected_row(outcome), b"")
    reading, scores = outcome.reading, outcome.scores
    parts = (
        np.ascontiguousarray(reading.error_probability, "<f4"),
        np.ascontiguousarray(reading.masks, "<u4"),
        *(np.ascontiguousarray(a, np.uint8) for a in _measured(scores)),
    )
    row = {
        "position": reading.position,
        "source": reading.source,
        "frame": reading.frame,
        "sha256": reading.sha256,
        "side": str(reading.side),
        "turn": int(reading.turn),
        "status": str(reading.status),
        "values": list(reading.values),
        "doubts": [[str(d.kind), d.field, d.evidence] for d in reading.doubts],
        "barcodes": [[b.zone, b.text, b.symbology, b.reader] for b in reading.barcodes],
        "residual_mm": float(reading.residual_mm),
        "bitonal": bool(scores.bitonal),
        "design_hash": reading.design_hash,
        "policy_hash": reading.policy_hash,
    }
    return Packed(_TAG[reading.side], row, b"".join(part.tobytes() for part in parts))


def unpack(packed: Packed, side: Side | None) -> Outcome:
    """The outcome that was packed. `side` is the design's face that the row names, if any."""
    row = packed.row
    if side is None:
        return _rejected(row)
    arrays = cut(packed.arrays, 1, side)
    barcodes = tuple(BarcodeRead(*code) for code in row["barcodes"])
    reading = CardReading(
        position=row["position"],
        source=row["source"],
        frame=row["frame"],
        sha256=row["sha256"],
        side=SideName(row["side"]),
        turn=Turn(row["turn"]),
        status=Status(row["status"]),
        fields=value_names(side),
        values=tuple(row["values"]),
        error_probability=arrays.probability[0],
        masks=arrays.masks[0],
        doubts=tuple(Doubt(DoubtKind(kind), *rest) for kind, *rest in row["doubts"]),
        barcodes=barcodes,
        residual_mm=row["residual_mm"],
        design_hash=row["design_hash"],
        policy_hash=row["policy_hash"],
    )
    fill, darkness, around, through = arrays.measured[0]
    scores = BubbleScores(reading.side, fill, darkness, around, through, row["bitonal"], barcodes)
    return KeptPage(reading, scores)


def cut(joined: bytes, count: int, side: Side) -> SideArrays:
    """The arrays of `count` pages of one side from their bytes one after the other.

    Raises ValueError where the bytes are not of that many pages of that side.
    """
    fields, groups, bubbles = len(side.fields), side.group_count, side.bubble_count
    pages = np.frombuffer(joined, np.uint8).reshape(count, 4 * (fields + groups + bubbles))
    middle, last = 4 * fields, 4 * (fields + groups)
    return SideArrays(
        np.ascontiguousarray(pages[:, :middle]).view("<f4"),
        np.ascontiguousarray(pages[:, middle:last]).view("<u4"),
        pages[:, last:].reshape(count, 4, bubbles),
    )


def _measured(scores: BubbleScores) -> tuple[U8, U8, U8, U8]:
    return scores.fill, scores.darkness, scores.around, scores.through


def _rejected_row(page: RejectedPage) -> Row:
    return {
        "position": page.position,
        "source": page.source,
        "frame": page.frame,
        "sha256": page.sha256,
        "status": str(Status.REJECTED),
        "reason": str(page.reason),
        "evidence": page.evidence,
        "advice": page.advice,
        "figures": {name: float(value) for name, value in sorted(page.figures.items())},
        "design_hash": page.design_hash,
        "policy_hash": page.policy_hash,
    }


def _rejected(row: Row) -> RejectedPage:
    return RejectedPage(
        position=row["position"],
        source=row["source"],
        frame=row["frame"],
        sha256=row["sha256"],
        reason=RejectReason(row["reason"]),
        evidence=row["evidence"],
        advice=row["advice"],
        design_hash=row["design_hash"],
        policy_hash=row["policy_hash"],
        figures=dict(row["figures"]),
    )
