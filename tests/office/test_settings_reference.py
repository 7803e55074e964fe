"""Every setting is documented, and the page is what the settings themselves say."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin_api.portal import settings as portal
from admin_api.portal.sealed import SECRET_BYTES
from admin_api.setting import settings_of
from admin_api.settings import Settings, read_settings
from admin_api.settings_reference import OTHERS, reference
from tests.office.walk import Line

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "admin_api" / "SETTINGS.md"
OURS = settings_of(Settings), settings_of(portal.PortalSettings)
DOCUMENTED = {one.name for one in (*OURS[0], *OURS[1], *OTHERS)}
# A variable of ours wherever it is named, and whatever is taken from the environment by its name.
NAMED = re.compile(r"""\b(?:KAOWU|PORTAL)_[A-Z_]*[A-Z]\b|environ\S*["']([A-Z_]+)["']""")


def named_in(*packages: str) -> Iterator[tuple[str, str]]:
    """Every variable that a source file names, with the file."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            for found in NAMED.finditer(path.read_text(encoding="utf-8")):
                yield found[1] or found[0], path.relative_to(ROOT).as_posix()


def test_every_variable_that_is_read_is_documented() -> None:
    found = dict(named_in("admin_api", "omr", "scanner_drivers"))
    lost = {name: file for name, file in found.items() if name not in DOCUMENTED}
    assert lost == {}, "give each a field with said(...), or a line in settings_reference.OTHERS"
    assert {"KAOWU_HOME", "PROMETHEUS_MULTIPROC_DIR"} <= set(found), "nothing was looked at"


def test_the_page_is_what_the_settings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "the settings were changed: kaowu settings > admin_api/SETTINGS.md renews the page"
    )


def test_the_command_prints_the_page(tmp_path: Path) -> None:
    assert Line(tmp_path)("settings").out == reference()


@pytest.mark.parametrize("kind", [Settings, portal.PortalSettings])
def test_every_field_says_what_it_is(kind: type) -> None:
    assert len(settings_of(kind)) == len(dataclasses.fields(kind)), "a field lacks said(...)"
    for one in settings_of(kind):
        assert one.meaning, one
        assert one.example, one


def test_every_example_of_the_office_is_taken() -> None:
    found = read_settings({one.name: one.example for one in OURS[0]})
    assert None not in dataclasses.astuple(found)


def test_every_example_of_the_portal_is_taken(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(SECRET_BYTES))
    (tmp_path / "keys").write_text("")
    files = {
        "PORTAL_SECRET": str(tmp_path / "secret"),
        "PORTAL_KEYS": str(tmp_path / "keys"),
        "PORTAL_STATE": str(tmp_path / "state"),
    }
    found = portal.read_settings({one.name: one.example for one in OURS[1]} | files)
    assert found.proxies == {"127.0.0.1", "::1"}


def test_omr_and_the_drivers_read_no_environment() -> None:
    for package in ("omr", "scanner_drivers"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\b(os\.environ|getenv)\b", text), path
