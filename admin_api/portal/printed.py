"""A transcript (成绩单) from a sealed record, with its code that verifies offline."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from admin_api.portal.sealed import Found
from admin_api.release.records import Statement
from admin_api.release.transcript import Signature, code_of
from admin_api.release.transcript_pdf import print_transcripts


@dataclass(frozen=True, slots=True)
class _Specialty:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class _Names:
    """What of an exam stands on a transcript."""

    year: int
    name: str
    regions: Mapping[str, str]
    subjects: Mapping[str, str]
    specialties: Mapping[str, _Specialty]


def transcript(found: Found) -> bytes:
    """One candidate's transcript as PDF."""
    header = found.header
    statement = Statement(**header["statement"])
    names = header["names"]
    exam = _Names(
        statement.year,
        statement.exam,
        names["regions"],
        names["subjects"],
        {code: _Specialty(code, name) for code, name in names["specialties"].items()},
    )
    signatures = [Signature(name, signature) for name, signature in header["signatures"]]
    code = code_of(found.record, found.proof, statement, signatures)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transcript.pdf"
        print_transcripts(path, exam, statement, iter([(found.record, code)]))
        return path.read_bytes()
