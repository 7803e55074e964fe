"""Checks a release with the public keys alone: no database, no network."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from admin_api.acts.canonical import canonical
from admin_api.errors import Refused, Tampered
from admin_api.release.fileset import (
    FORMAT,
    MANIFEST,
    RESULTS,
    SIGNATURES,
    read_manifest,
    statement_of,
)
from admin_api.release.merkle import Tree, leaf
from admin_api.release.records import RECORDS, Statement, record_bytes
from admin_api.staff.keys import is_signed

PEOPLE = 2  # signatures that a release needs


@dataclass(frozen=True, slots=True)
class Verified:
    """A release that is as it was signed."""

    statement: Statement
    candidates: int
    signed_by: tuple[str, ...]


def load_keys(path: Path) -> dict[str, str]:
    """Public keys by name, from a TOML file of `name = "hex"` lines.

    Raises:
        Refused: it cannot be read or holds something else.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"{path} is no file of public keys: {error}") from error
    bad = [name for name, key in content.items() if not _is_key(key)]
    if bad or not content:
        raise Refused(f'{path} needs a line name = "64 hex digits" for each signer', bad)
    return content


def verify(folder: Path, keys: Mapping[str, str]) -> Verified:
    """Check every byte of a release and its signatures.

    Raises:
        NotFound: the folder is no release.
        Tampered: a file was altered, added or lost, or it lacks two people's signatures.
    """
    statement, candidates = check_files(folder)
    signed = signers(folder, statement, keys)
    if len(signed) < PEOPLE:
        raise Tampered(
            f"{folder} needs the signatures of {PEOPLE} people of the key file, has {len(signed)}",
            signed,
        )
    return Verified(statement, candidates, signed)


def check_files(folder: Path) -> tuple[Statement, int]:
    """Check every byte of a release but its signatures: what is signed, and how many candidates.

    Raises:
        NotFound: the folder is no release.
        Tampered: a file was altered, added or lost.
    """
    manifest = read_manifest(folder)
    try:
        statement = statement_of(manifest)
        content = json.loads(manifest)
        faults = list(_faults(folder, manifest, content, statement))
        candidates = int(content["candidates"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered(f"{folder}: {MANIFEST} is no manifest", [str(error)]) from error
    if faults:
        raise Tampered(f"{folder} is not as it was frozen", faults)
    return statement, candidates


def signers(folder: Path, statement: Statement, keys: Mapping[str, str]) -> tuple[str, ...]:
    """Whose valid signatures lie beside a release; a key counts once, whatever its name."""
    found: dict[str, str] = {}
    for path in sorted((folder / SIGNATURES).glob("*.json")):
        try:
            content = json.loads(path.read_bytes())
            name, signature = str(content["name"]), str(content["signature"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        key = keys.get(name, "")
        if key and is_signed(key, statement.message(), signature):
            found.setdefault(key, name)
    return tuple(sorted(found.values()))


def _faults(
    folder: Path, manifest: bytes, content: dict[str, object], statement: Statement
) -> Iterator[str]:
    if content["format"] != FORMAT:
        yield f"{MANIFEST}: its format is {content['format']!r}, this program knows {FORMAT}"
        return
    if canonical(content).encode() != manifest:
        yield f"{MANIFEST}: not written as a manifest is"
    files = content["files"]
    if not isinstance(files, dict):
        raise TypeError("files is no table")
    for name, about in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            yield f"{name}: missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != about["sha256"]:
            yield f"{name}: altered"
    known = {*files, MANIFEST, SIGNATURES}
    yield from (f"{p.name}: does not belong here" for p in folder.iterdir() if p.name not in known)
    results = folder / RESULTS
    if results.is_file() and _root(results) != statement.root:
        yield f"{RESULTS}: its records do not make up the signed root"


def _root(path: Path) -> str:
    try:
        frame = pl.read_parquet(path)
        if dict(frame.schema) != RECORDS:
            return ""
        return Tree([leaf(record) for record in record_bytes(frame)]).root.hex()
    except (OSError, pl.exceptions.PolarsError):
        return ""


def _is_key(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value))
