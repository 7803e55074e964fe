"""A release on disk: an immutable folder of files, their manifest, and signatures beside them.

results.parquet     a row a candidate
facts.parquet       SHA-256 over every fact that went in, block by block
manifest.json       what it rests on, and the files' own SHA-256; its hash names the release
signatures/*.json   two people's Ed25519 signatures
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from admin_api.acts.canonical import canonical
from admin_api.errors import NotFound, StoreError
from admin_api.release.merkle import Tree, leaf
from admin_api.release.records import RECORDS, ReleaseKind, Statement, record_bytes
from omr.outputs import sync_folder

FORMAT = "kaowu-release-1"
RESULTS, FACTS, MANIFEST, SIGNATURES = (
    "results.parquet",
    "facts.parquet",
    "manifest.json",
    "signatures",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A release's bytes before they are written; the same facts give the same bytes."""

    files: Mapping[str, bytes]
    statement: Statement

    @property
    def hash(self) -> str:
        """What names the release."""
        return self.statement.release


def draft(
    kind: ReleaseKind, records: pl.DataFrame, facts: pl.DataFrame, rests_on: Mapping[str, Any]
) -> Draft:
    """Put a release together. `rests_on` is what the manifest says beside files and counts; it
    names the exam under "exam" with its year and name.
    """
    ordered = records.select(pl.col(n).cast(k) for n, k in RECORDS.items()).sort("ticket")
    root = Tree([leaf(record) for record in record_bytes(ordered)]).root.hex()
    files = {RESULTS: parquet_bytes(ordered), FACTS: parquet_bytes(facts)}
    manifest = {
        **rests_on,
        "format": FORMAT,
        "kind": kind.value,
        "candidates": ordered.height,
        "root": root,
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
    }
    files[MANIFEST] = canonical(manifest).encode()
    return Draft(files, statement_of(files[MANIFEST]))


def statement_of(manifest: bytes) -> Statement:
    """What is signed of a manifest.

    Raises:
        ValueError, KeyError, TypeError: it is no manifest.
    """
    content = json.loads(manifest)
    return Statement(
        hashlib.sha256(manifest).hexdigest(),
        content["root"],
        content["kind"],
        content["exam"]["year"],
        content["exam"]["name"],
    )


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """A frame as Parquet: the same rows give the same bytes."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=3, row_group_size=100_000)
    return buffer.getvalue()


def write(parent: Path, release: Draft) -> Path:
    """Write a release's folder, whole or not at all; one that is there already is left alone.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    folder = parent / release.hash
    if folder.is_dir():
        return folder
    making = parent / f".{release.hash}.{os.getpid()}"
    try:
        shutil.rmtree(making, ignore_errors=True)
        (making / SIGNATURES).mkdir(parents=True)
        for name, content in release.files.items():
            _put(making / name, content)
        os.replace(making, folder)
        sync_folder(parent)
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        raise StoreError(
            f"the release cannot be written to {parent} ({error.strerror}); free some space and "
            "freeze again: it gives the same release"
        ) from error
    return folder


def add_signature(folder: Path, name: str, public_key: str, signature: str) -> None:
    """Put a person's signature beside a release.

    Raises:
        StoreError: it cannot be written.
    """
    content = {"name": name, "public_key": public_key, "signature": signature}
    path = folder / SIGNATURES / f"{name}.json"
    making = path.with_name(f".{name}.{os.getpid()}")
    try:
        _put(making, canonical(content).encode())
        os.replace(making, path)
    except OSError as error:
        making.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def read_manifest(folder: Path) -> bytes:
    """A release's manifest as it stands.

    Raises:
        NotFound: the folder is no release.
    """
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise NotFound(f"{folder} holds no release: {MANIFEST} cannot be read") from error


def _put(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
