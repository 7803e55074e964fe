"""What a release says of each candidate, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from admin_api.acts.canonical import canonical

RECORDS: dict[str, pl.DataType] = {
    "ticket": pl.String(),
    "name": pl.String(),
    "id_kind": pl.String(),
    "id_number": pl.String(),
    "file_number": pl.String(),
    "region": pl.String(),
    "specialty": pl.String(),
    "level": pl.String(),
    "unit": pl.String(),  # of military candidates
    "subjects": pl.List(
        pl.Struct(
            {
                "subject": pl.String(),
                "state": pl.String(),
                "score": pl.String(),
                "passed": pl.Boolean(),
                "carried": pl.String(),  # the year that a pass was carried from, or ""
            }
        )
    ),
    "qualified": pl.Boolean(),
}
"""The columns of results.parquet: a row a candidate, in the order of tickets."""


class ReleaseKind(StrEnum):
    """What a release is."""

    PUBLIC = "public"
    MILITARY = "military"  # 军队: never public, exported to the 干部局
    WITHDRAWAL = "withdrawal"  # takes the place of a release that must not stand


@dataclass(frozen=True, slots=True)
class Statement:
    """What the two signatures of a release are over: small enough to travel with a transcript."""

    release: str  # SHA-256 of the manifest
    root: str  # of the Merkle tree over the records
    kind: str
    year: int
    exam: str

    def message(self) -> bytes:
        """The bytes that are signed."""
        return b"kaowu-release\0" + canonical(self.content()).encode()

    def content(self) -> dict[str, str | int]:
        """As it is written down."""
        return {
            "release": self.release,
            "root": self.root,
            "kind": self.kind,
            "year": self.year,
            "exam": self.exam,
        }


def record_bytes(frame: pl.DataFrame) -> Iterator[bytes]:
    """Every record as the tree hashes it, in the frame's order."""
    for row in frame.iter_rows(named=True):
        yield canonical(row).encode()
