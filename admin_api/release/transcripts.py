"""Transcripts of a release, straight from its files: no database needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from admin_api.errors import NotFound
from admin_api.exam.terms import Exam
from admin_api.release.fileset import RESULTS, SIGNATURES
from admin_api.release.merkle import Tree, leaf
from admin_api.release.records import record_bytes
from admin_api.release.transcript import Signature, code_of
from admin_api.release.transcript_pdf import print_transcripts
from admin_api.release.verify import PEOPLE, verify

Page = tuple[Mapping[str, Any], str]


def write_transcripts(
    folder: Path, keys: Mapping[str, str], exam: Exam, out: Path, ticket: str = ""
) -> int:
    """Print the transcripts of a signed release, of one candidate or of all; returns how many.

    Raises:
        NotFound: nobody in it has that ticket.
        Tampered: the release is not as it was signed.
        OutputError: the PDF cannot be written.
    """
    checked = verify(folder, keys)
    pages = pages_of(folder, keys, ticket)
    first = next(pages, None)
    if first is None:
        raise NotFound(f"there is no transcript for {ticket or 'anybody'} in this release")

    def every() -> Iterator[Page]:
        yield first
        yield from pages

    return print_transcripts(out, exam, checked.statement, every())


def pages_of(folder: Path, keys: Mapping[str, str], ticket: str = "") -> Iterator[Page]:
    """Records of a verified release with the text of their codes, in the order of tickets."""
    checked = verify(folder, keys)
    frame = pl.read_parquet(folder / RESULTS)
    tree = Tree([leaf(record) for record in record_bytes(frame)])
    signatures = signatures_of(folder, checked.signed_by)
    for index, row in enumerate(frame.iter_rows(named=True)):
        if not ticket or row["ticket"] == ticket:
            yield row, code_of(row, tree.proof(index), checked.statement, signatures)


def signatures_of(folder: Path, names: Sequence[str]) -> list[Signature]:
    """The first two people's signatures beside a release."""
    return [_signature(folder, name) for name in names[:PEOPLE]]


def _signature(folder: Path, name: str) -> Signature:
    content = json.loads((folder / SIGNATURES / f"{name}.json").read_bytes())
    return Signature(name, content["signature"])
