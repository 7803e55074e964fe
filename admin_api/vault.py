"""The vault: files kept for ever under their SHA-256; page images, evidence, documents."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from admin_api.errors import NotFound, StoreError, Tampered
from omr.outputs import sync_folder


@dataclass(frozen=True, slots=True)
class Vault:
    """A folder of files named for their content. Putting the same content twice is one file."""

    folder: Path

    def put(self, content: bytes) -> str:
        """Keep a content; it is on the disk when this returns its SHA-256.

        Raises:
            StoreError: the folder cannot be written; nothing half-written is left under a name.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.path_of(digest)
        if path.is_file() and path.stat().st_size == len(content):
            return digest
        write_whole(path, content)
        return digest

    def get(self, digest: str) -> bytes:
        """A content by its SHA-256.

        Raises:
            NotFound: it is not in the vault.
            Tampered: the file is not what its name says.
        """
        return read_whole(
            self.path_of(digest),
            digest,
            lacking=f"the vault {self.folder} has no {digest}; restore its backup",
        )

    def path_of(self, digest: str) -> Path:
        """Where a content lies, or would lie."""
        return self.folder / digest[:2] / digest


def read_whole(path: Path, digest: str, lacking: str) -> bytes:
    """A file that has to have this SHA-256.

    Raises:
        NotFound: it is not there; `lacking` says what to do.
        Tampered: it is not what was put there.
        StoreError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(lacking) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise Tampered(
            f"{path} was altered: it is not what was put there; restore it from a back-up"
        )
    return content


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, on the disk, or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(draft, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
            for folder in (path.parent, path.parent.parent):
                sync_folder(folder)  # a power cut must not leave a row without its picture
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path.parent} cannot be written ({error.strerror}); free some space or mend its "
            "rights, then run the same command again"
        ) from error
