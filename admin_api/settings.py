"""This machine's settings, from the environment; read here and nowhere else.

SETTINGS.md lists them, as their fields below say what they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from admin_api.errors import Refused
from admin_api.setting import said, settings_of


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are on this machine."""

    home: Path = field(
        metadata=said(
            "KAOWU_HOME",
            "the folder for the vault, the releases, the secret and, with SQLite, the database",
            "/var/lib/kaowu",
            "`kaowu`, in the folder where the command is run",
        )
    )
    database: str = field(
        metadata=said(
            "KAOWU_DATABASE",
            "the database's URL, `postgresql://…` or `sqlite:///…`",
            "postgresql:///kaowu?host=/run/postgresql",
            "SQLite, `kaowu.db` in KAOWU_HOME",
        )
    )
    passphrases: Path | None = field(
        default=None,
        metadata=said(
            "KAOWU_PASSPHRASES",
            "a folder with a file for each person, its passphrase in it; for rehearsals and tests, "
            "never where real people sign",
            "/tmp/rehearsal/phrases",
            "the command asks",
        ),
    )
    workers: int | None = field(
        default=None,
        metadata=said(
            "KAOWU_WORKERS",
            "how many processes read cards; a whole number from 1",
            "8",
            "the cores that the process may use",
        ),
    )
    scans: Path | None = field(
        default=None,
        metadata=said(
            "KAOWU_SCANS",
            "the folder under which operators may name folders of scans in the console",
            "/srv/scans",
            "none: scans are handed in by the browser",
        ),
    )

    scanners: Mapping[str, str] = field(
        default_factory=dict,
        metadata=said(
            "KAOWU_SCANNERS",
            "the scanners that operators may start in the console: a name and a driver each "
            "(scanner_drivers/README.md), with semicolons between them",
            "left=sane:fujitsu:fi-7160:1234;right=escl:http://10.0.0.7",
            "none: scans come as files",
        ),
    )

    cluster: str = field(
        default="",
        metadata=said(
            "KAOWU_CLUSTER",
            "the address of the cluster that reads cards (`omr cluster scheduler`); its machines "
            "must see the vault at the same path",
            "tls://10.0.0.2:8786",
            "none: this machine reads them",
        ),
    )
    cluster_keys: Path | None = field(
        default=None,
        metadata=said(
            "KAOWU_CLUSTER_KEYS",
            "the folder of the keys of a cluster at `tls://…` (`omr cluster keys`)",
            "/etc/kaowu/cluster",
            "none: a cluster at `tcp://…`, in a network of its own",
        ),
    )

    @property
    def processes(self) -> int:
        """How many processes, or threads, work at once: as set, else one a core that we may use."""
        return self.workers or len(os.sched_getaffinity(0))

    @property
    def vault(self) -> Path:
        """Where files lie under their SHA-256."""
        return self.home / "vault"

    @property
    def secret(self) -> Path:
        """The key under which answer keys are sealed."""
        return self.home / "secret.key"


KNOWN = tuple(one.name for one in settings_of(Settings))


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
        _scanners(given.get("KAOWU_SCANNERS", "")),
        given.get("KAOWU_CLUSTER", ""),
        Path(given["KAOWU_CLUSTER_KEYS"]) if given.get("KAOWU_CLUSTER_KEYS") else None,
    )


def _scanners(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for one in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, driver = one.partition("=")
        name, driver = name.strip(), driver.strip()
        if not (equals and driver) or not name.isalnum() or name in found:
            raise Refused(
                f"KAOWU_SCANNERS: {one!r} is no scanner; write name=driver, names of letters and "
                "digits, each once"
            )
        found[name] = driver
    return found
