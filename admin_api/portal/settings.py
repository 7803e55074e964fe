"""The portal's settings, from the environment; read here and nowhere else.

admin_api/SETTINGS.md lists them, as their fields below say what they are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from admin_api.portal.sealed import SECRET_BYTES, PortalError
from admin_api.setting import said, settings_of


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """Where the portal finds what it reads, and how often it may be asked."""

    file: Path = field(
        metadata=said(
            "PORTAL_FILE",
            "the sealed file; another that is moved into its place (`mv`) is taken up by itself",
            "/srv/kaowu-portal/shown.portal",
        )
    )
    state: Path = field(
        metadata=said(
            "PORTAL_STATE",
            "a folder for counts and copies that the processes share; no other portal's",
            "/var/lib/kaowu-portal",
        )
    )
    secret: bytes = field(
        repr=False,
        metadata=said(
            "PORTAL_SECRET",
            "the file of the portal's secret (`kaowu portal secret`)",
            "/etc/kaowu-portal/portal.key",
        ),
    )
    keys: Mapping[str, str] = field(
        repr=False,
        metadata=said(
            "PORTAL_KEYS",
            "the release clerks' public keys (`kaowu release keys`), read when it starts",
            "/etc/kaowu-portal/keys.toml",
        ),
    )
    work_bits: int = field(
        default=15,
        metadata=said(
            "PORTAL_WORK_BITS",
            "what a browser works before a question, in bits: each more doubles it; up to 30",
            "17",
        ),
    )
    wait_s: int = field(
        default=8,
        metadata=said(
            "PORTAL_WAIT_S",
            "what a browser without script waits instead, in seconds, up to 600",
            "20",
        ),
    )
    per_address: int = field(
        default=120,
        metadata=said(
            "PORTAL_PER_ADDRESS", "questions that an address may ask in ten minutes", "600"
        ),
    )
    per_number: int = field(
        default=12,
        metadata=said("PORTAL_PER_NUMBER", "questions about one number in an hour", "6"),
    )
    per_form: int = field(
        default=3,
        metadata=said(
            "PORTAL_PER_FORM",
            "questions that one form may ask: a look, a transcript, a slip of the pen",
            "3",
        ),
    )
    proxies: frozenset[str] = field(
        default=frozenset(),
        metadata=said(
            "PORTAL_PROXIES",
            "addresses whose X-Forwarded-For is believed, with commas between them",
            "127.0.0.1,::1",
            "none: whoever connects is the one who asks",
        ),
    )

    @property
    def metrics(self) -> Path:
        """Where the processes put down what they count."""
        return self.state / "metrics"


_NAMES = tuple(one.name for one in settings_of(PortalSettings))
_NEEDED = tuple(one.name for one in settings_of(PortalSettings) if not one.default)


def read_settings(given: Mapping[str, str]) -> PortalSettings:
    """The settings of this machine.

    Raises:
        PortalError: one lacks, is unknown or cannot be used.
    """
    if unknown := sorted(n for n in given if n.startswith("PORTAL_") and n not in _NAMES):
        raise PortalError(f"unknown settings: {', '.join(unknown)}; known: {', '.join(_NAMES)}")
    if lacking := [name for name in _NEEDED if not given.get(name)]:
        raise PortalError(f"set {', '.join(lacking)}")
    try:
        secret = Path(given["PORTAL_SECRET"]).read_bytes()
        keys = tomllib.loads(Path(given["PORTAL_KEYS"]).read_text(encoding="utf-8"))
        Path(given["PORTAL_STATE"]).mkdir(parents=True, exist_ok=True)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PortalError(f"the portal's secret, keys or state cannot be used: {error}") from error
    if len(secret) != SECRET_BYTES:
        raise PortalError(f"{given['PORTAL_SECRET']} is no secret; kaowu portal secret makes one")
    plain = PortalSettings(Path(given["PORTAL_FILE"]), Path(given["PORTAL_STATE"]), secret, keys)
    proxies = given.get("PORTAL_PROXIES", "")
    return PortalSettings(
        plain.file,
        plain.state,
        secret,
        keys,
        _whole(given, "PORTAL_WORK_BITS", plain.work_bits, 30),
        _whole(given, "PORTAL_WAIT_S", plain.wait_s, 600),
        _whole(given, "PORTAL_PER_ADDRESS", plain.per_address, 1 << 31),
        _whole(given, "PORTAL_PER_NUMBER", plain.per_number, 1 << 31),
        _whole(given, "PORTAL_PER_FORM", plain.per_form, 1 << 31),
        frozenset(one.strip() for one in proxies.split(",") if one.strip()),
    )


def _whole(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = given.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise PortalError(f"{name} must be a whole number up to {most}, not {text!r}")
    return int(text)
