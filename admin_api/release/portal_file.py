"""Makes the candidate portal's sealed file of a published release."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from admin_api.errors import Refused, StoreError
from admin_api.exam.terms import Exam
from admin_api.portal.sealed import (
    FORMAT,
    LENGTH_BYTES,
    MAGIC,
    NONCE,
    SECRET_BYTES,
    key_of,
    numbers_of,
    packed,
    tag_of,
)
from admin_api.release.fileset import RESULTS
from admin_api.release.merkle import Tree, leaf
from admin_api.release.records import ReleaseKind, Statement, record_bytes
from admin_api.release.transcripts import signatures_of
from admin_api.release.verify import verify


def new_secret(path: Path) -> None:
    """Make a portal's secret, readable by its owner alone; one that is there is never replaced.

    Raises:
        Refused: it is there already.
        StoreError: it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Refused(f"{path} is there already; without it no sealed file opens: keep it") from (
            error
        )
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    with open(handle, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))


def write_portal_file(
    folder: Path, keys: Mapping[str, str], exam: Exam, secret_file: Path, out: Path
) -> int:
    """Seal a signed public release, or a withdrawal, for the portal; returns how many records.

    The file is there whole or not at all; put into the place of another it is taken up by itself.

    Raises:
        Refused: the release is military, or the secret is none.
        Tampered: the release is not as it was signed.
        StoreError: the file cannot be written.
    """
    checked = verify(folder, keys)
    if checked.statement.kind == ReleaseKind.MILITARY:
        raise Refused("military results are never public; they have no portal file")
    secret = _secret(secret_file)
    statement = checked.statement
    sealed = sorted(_sealed(folder, statement, secret))
    size = max((len(content) for _, _, content in sealed), default=0)
    header = {
        "format": FORMAT,
        "candidates": len(sealed),
        "record_bytes": size + 16 if sealed else 0,  # with the seal's own mark
        "statement": statement.content(),
        "signatures": [
            [one.name, one.signature] for one in signatures_of(folder, checked.signed_by)
        ],
        "names": _names(exam),
    }
    making = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        _write(making, header, sealed, size)
        os.replace(making, out)
    except OSError as error:
        making.unlink(missing_ok=True)
        raise StoreError(f"{out} cannot be written: {error.strerror}") from error
    return len(sealed)


def _sealed(
    folder: Path, statement: Statement, secret: bytes
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Every record's tag, key and packed content."""
    frame = pl.read_parquet(folder / RESULTS)
    tree = Tree([leaf(record) for record in record_bytes(frame)])
    for index, row in enumerate(frame.iter_rows(named=True)):
        numbers = numbers_of(row["ticket"], row["id_number"])
        key = key_of(secret, statement.release, numbers)
        content = packed(row, tuple(tree.proof(index)))
        yield tag_of(secret, statement.release, numbers), key, content


def _write(
    path: Path, header: dict[str, Any], sealed: list[tuple[bytes, bytes, bytes]], size: int
) -> None:
    """The header stands in front and holds the digest of all behind it: it is written twice."""

    def front(digest: str) -> bytes:
        text = json.dumps(header | {"sha256": digest}, ensure_ascii=False).encode()
        return MAGIC + len(text).to_bytes(LENGTH_BYTES, "little") + text

    digest = hashlib.sha256()
    with open(path, "xb") as file:
        file.write(front(digest.hexdigest()))
        for part in _parts(sealed, size):
            digest.update(part)
            file.write(part)
        file.seek(0)
        file.write(front(digest.hexdigest()))
        file.flush()
        os.fsync(file.fileno())


def _parts(sealed: list[tuple[bytes, bytes, bytes]], size: int) -> Iterator[bytes]:
    yield b"".join(tag for tag, _, _ in sealed)
    for tag, key, content in sealed:
        yield AESGCM(key).encrypt(NONCE, content.ljust(size, b"\0"), tag)


def _secret(path: Path) -> bytes:
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read; kaowu portal secret makes one") from error
    if len(secret) != SECRET_BYTES:
        raise Refused(f"{path} is no portal secret; kaowu portal secret makes one")
    return secret


def _names(exam: Exam) -> dict[str, dict[str, str]]:
    return {
        "regions": dict(exam.regions),
        "subjects": dict(exam.subjects),
        "specialties": {code: one.name for code, one in exam.specialties.items()},
    }
