"""The reference of all settings, made of their own words: `kaowu settings` and SETTINGS.md."""

from __future__ import annotations

from collections.abc import Iterable

from admin_api.portal.settings import PortalSettings
from admin_api.setting import Setting, settings_of
from admin_api.settings import Settings

OTHERS = (
    Setting(
        "NUMBA_CACHE_DIR",
        "where numba keeps compiled kernels; needed by every `kaowu` and `omr` command where "
        "neither the program's folder nor the user's own can be written",
        "beside the program",
        "/var/cache/kaowu",
    ),
    Setting(
        "PGPASSFILE",
        "PostgreSQL's password file, for a URL without a password; readable by its owner alone",
        "`~/.pgpass`",
        "/run/secrets/pgpass",
    ),
    Setting(
        "PROMETHEUS_MULTIPROC_DIR",
        "where the portal's processes count; `kaowu portal serve` sets it itself, within "
        "PORTAL_STATE",
        "leave it unset",
        "",
    ),
    Setting("POSTGRES_USER", "the database's owner; for the image of PostgreSQL", "", "kaowu"),
    Setting("POSTGRES_DB", "the database's name; for the image of PostgreSQL", "", "kaowu"),
    Setting(
        "POSTGRES_PASSWORD_FILE",
        "the owner's password; for the image of PostgreSQL, when it makes the database",
        "",
        "/run/secrets/database_password",
    ),
)
"""What is read by the libraries and programs beside us, where deploy/ sets it or we do."""

_HEAD = """\
# Settings

What a machine is told by its environment. `kaowu settings` prints this page, and
`kaowu settings > admin_api/SETTINGS.md` renews it; the words stand beside the fields in settings.py
and portal/settings.py. A variable that begins with KAOWU_ or PORTAL_ and is not listed here is
refused by the commands that read such variables. `omr` reads no settings: what it needs stands on
its command line.
"""
_PARTS = (
    ("The office and the console", "Read by the `kaowu` commands that open an office."),
    ("The candidates' portal", "Read by `kaowu portal serve` alone."),
    ("Of others", "Read by what we stand on."),
)


def reference() -> str:
    """The whole page, in Markdown."""
    told = (settings_of(Settings), settings_of(PortalSettings), OTHERS)
    parts = [
        f"## {title}\n\n{words}\n\n{_table(settings)}"
        for (title, words), settings in zip(_PARTS, told, strict=True)
    ]
    return "\n".join((_HEAD, *parts))


def _table(settings: Iterable[Setting]) -> str:
    lines = ["| variable | is | default | example |", "|---|---|---|---|"]
    for one in settings:
        example = f"`{one.example}`" if one.example else ""
        default = one.default or "must be set"
        lines.append(f"| {one.name} | {one.meaning} | {default} | {example} |")
    return "\n".join(lines) + "\n"
