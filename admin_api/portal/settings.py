"""The portal's settings, from the environment; read here and nowhere else.

| variable | is | default |
|---|---|---|
| PORTAL_FILE | the sealed file; put another in its place (mv) to swap | |
| PORTAL_SECRET | the file of the portal's secret | |
| PORTAL_KEYS | public keys of the release clerks, TOML | |
| PORTAL_STATE | a folder for counts that the processes share | |
| PORTAL_WORK_BITS | work before a question, in bits | 15 |
| PORTAL_WAIT_S | wait without script, in seconds | 8 |
| PORTAL_PER_ADDRESS | questions an address may ask in ten minutes | 120 |
| PORTAL_PER_NUMBER | questions about one number in an hour | 12 |
| PORTAL_PER_FORM | questions that one form may ask: a look, a transcript, a slip | 3 |
| PORTAL_PROXIES | addresses whose X-Forwarded-For is believed, with commas | none |
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from admin_api.portal.sealed import SECRET_BYTES, PortalError

_NAMES = (
    *("PORTAL_FILE", "PORTAL_SECRET", "PORTAL_KEYS", "PORTAL_STATE", "PORTAL_WORK_BITS"),
    *(
        "PORTAL_WAIT_S",
        "PORTAL_PER_ADDRESS",
        "PORTAL_PER_NUMBER",
        "PORTAL_PER_FORM",
        "PORTAL_PROXIES",
    ),
)


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """Where the portal finds what it reads, and how often it may be asked."""

    file: Path
    state: Path
    secret: bytes = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    work_bits: int = 15
    wait_s: int = 8
    per_address: int = 120
    per_number: int = 12
    per_form: int = 3
    proxies: frozenset[str] = frozenset()

    @property
    def metrics(self) -> Path:
        """Where the processes put down what they count."""
        return self.state / "metrics"


def read_settings(given: Mapping[str, str]) -> PortalSettings:
    """The settings of this machine.

    Raises:
        PortalError: one lacks, is unknown or cannot be used.
    """
    if unknown := sorted(n for n in given if n.startswith("PORTAL_") and n not in _NAMES):
        raise PortalError(f"unknown settings: {', '.join(unknown)}; known: {', '.join(_NAMES)}")
    if lacking := [name for name in _NAMES[:4] if not given.get(name)]:
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
