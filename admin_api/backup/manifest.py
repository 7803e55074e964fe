"""What a back-up is made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from admin_api.errors import NotFound, StoreError, Tampered
from admin_api.vault import write_whole

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a table, by ids, as a Parquet object."""

    table: str
    rows: int
    object: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One moment of an office.

    `head` is the last act's hash. `vault` is an object: the SHA-256 of each file of the vault that
    the rows name, a line each. `releases` are the files of release folders, by path and object.
    """

    at: str
    exam: str
    revision: str
    acts: int
    head: str
    parts: tuple[Part, ...]
    vault: str
    releases: tuple[tuple[str, str], ...]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(part.rows for part in self.parts)


def write_manifest(folder: Path, made: Manifest) -> Path:
    """Enter a back-up into its folder: from now on it is there."""
    content = json.dumps({"format": FORMAT, **asdict(made)}, ensure_ascii=False, indent=1).encode()
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{made.at.replace(':', '-')}-{made.acts:08d}.{digest}.json"
    write_whole(path, content)
    return path


def read_manifest(path: Path) -> Manifest:
    """A back-up's manifest.

    Raises:
        StoreError: it cannot be read, or is of another format.
        Tampered: it is not what its name says.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != path.name.split(".")[-2]:
        raise Tampered(f"{path} was altered or renamed; take another copy of this back-up")
    found = json.loads(content)
    if found.pop("format") != FORMAT:
        raise StoreError(f"{path} was made by a newer program; use that one")
    found["parts"] = tuple(Part(**part) for part in found["parts"])
    found["releases"] = tuple((path, digest) for path, digest in found["releases"])
    return Manifest(**found)


def manifests(folder: Path) -> list[Path]:
    """The back-ups of a folder, oldest first."""
    return sorted(path for path in folder.glob("*.*.json") if not path.name.startswith("."))


def name_of(path: Path) -> str:
    """How people call a back-up: by its moment and the number of its last act."""
    return path.name.partition(".")[0]


def named(folder: Path, name: str) -> Path:
    """The back-up whose file's name begins so; the newest for "".

    Raises:
        NotFound: there is none, or there are several.
    """
    every = manifests(folder)
    found = [path for path in every if path.name.startswith(name)] if name else every[-1:]
    if len(found) != 1:
        known = ", ".join(name_of(path) for path in every) or "none"
        raise NotFound(f"{folder} has no one back-up {name}".rstrip() + f"; there are: {known}")
    return found[0]
