"""This machine's settings, from the environment; read here and nowhere else.

| variable | is | default |
|---|---|---|
| KAOWU_HOME | the folder for the vault, the secret and, with SQLite, the database | ./kaowu |
| KAOWU_DATABASE | a database URL, `postgresql://…` or `sqlite:///…` | SQLite in KAOWU_HOME |
| KAOWU_PASSPHRASES | a folder with a file for each person, its passphrase in it | ask |
| KAOWU_SCANS | the folder under which operators may name folders of scans | none |
| KAOWU_WORKERS | how many processes read cards | the machine's cores |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from admin_api.errors import Refused

KNOWN = ("KAOWU_HOME", "KAOWU_DATABASE", "KAOWU_PASSPHRASES", "KAOWU_SCANS", "KAOWU_WORKERS")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are on this machine."""

    home: Path
    database: str
    passphrases: Path | None = None
    workers: int | None = None
    scans: Path | None = None

    @property
    def vault(self) -> Path:
        """Where files lie under their SHA-256."""
        return self.home / "vault"

    @property
    def secret(self) -> Path:
        """The key under which answer keys are sealed."""
        return self.home / "secret.key"


def settings_in(home: Path) -> Settings:
    """A home with its own SQLite database."""
    return Settings(home, f"sqlite:///{home.absolute() / 'kaowu.db'}")


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this machine.

    Raises:
        Refused: a variable that begins with KAOWU_ and is none of ours, or a value out of range.
    """
    given = os.environ if environment is None else environment
    if unknown := sorted(n for n in given if n.startswith("KAOWU_") and n not in KNOWN):
        raise Refused(
            "unknown settings; unset them or mend their names",
            [f"{name} (known: {', '.join(KNOWN)})" for name in unknown],
        )
    plain = settings_in(Path(given.get("KAOWU_HOME") or "kaowu"))
    workers = given.get("KAOWU_WORKERS")
    if workers and not (workers.isascii() and workers.isdigit() and int(workers) > 0):
        raise Refused(f"KAOWU_WORKERS must be a whole number from 1, not {workers!r}")
    phrases = given.get("KAOWU_PASSPHRASES")
    return Settings(
        plain.home,
        given.get("KAOWU_DATABASE") or plain.database,
        Path(phrases) if phrases else None,
        int(workers) if workers else None,
        Path(given["KAOWU_SCANS"]) if given.get("KAOWU_SCANS") else None,
    )
