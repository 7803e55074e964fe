"""What deploy/ and the runbook name is there: commands with their options, settings, files, links.

The units are also checked by systemd itself, where it is installed.
"""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from sqlalchemy import make_url

from admin_api.cli.main import app as kaowu
from admin_api.portal.settings import PortalSettings
from admin_api.setting import settings_of
from admin_api.settings import Settings, read_settings
from admin_api.settings_reference import OTHERS
from omr.cli import app as omr
from omr.cluster.keys import AUTHORITY, CERTIFICATE, KEY

ROOT = Path(__file__).parents[2]
OFFICE = ROOT / "admin_api"
DEPLOY = OFFICE / "deploy"
UNITS = (
    "kaowu-console.service",
    "kaowu-portal.service",
    "kaowu-reader.service",
    "kaowu-scheduler.service",
)
PAGES = (
    OFFICE / "RUNBOOK.md",
    DEPLOY / "README.md",
    OFFICE / "SETTINGS.md",
    ROOT / "omr" / "cluster" / "README.md",
)
PROGRAMS = "/opt/kaowu/.venv/bin/"
COMMANDS: dict[str, Any] = {
    "kaowu": typer.main.get_command(kaowu),
    "omr": typer.main.get_command(omr),
}
FOR_OFFICE = {one.name for one in settings_of(Settings)}
FOR_PORTAL = {one.name for one in settings_of(PortalSettings)}
FOR_OTHERS = {one.name for one in OTHERS}
# A command in a block of code, by itself or in a container or a unit.
TYPED = re.compile(r"(?:docker .*\s(?:console|kaowu) |ExecStart=\S*/)?((?:kaowu|omr) .*)")


def check(line: str) -> None:
    """Pass a command line that the program takes: the command is there, and all its options."""
    name, *words = shlex.split(line, comments=True)
    words = words[: next((n for n, w in enumerate(words) if w in ("|", ">", "&&", ";")), None)]
    command = COMMANDS[name]
    while words and hasattr(command, "commands"):
        word = words.pop(0)
        assert word in command.commands, f"{line}: there is no {word}"
        command = command.commands[word]
    if words:  # a command that is only mentioned has no arguments
        try:
            command.make_context(name, words)
        except Exception as error:  # whatever the parser raises
            pytest.fail(f"{line}: {error!r}")


def typed_in(page: Path) -> Iterator[str]:
    """The command lines of a page: those in its blocks, and those within its sentences."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    for line in "\n".join(blocks).splitlines():
        if found := TYPED.fullmatch(line.strip()):
            yield found[1]
    sentences = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`([^`]+)`", sentences):
        words = " ".join(span.split())
        if words.split(" ")[0] in COMMANDS:
            yield words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_pages_is_there(page: Path) -> None:
    found = list(typed_in(page))
    assert found
    for line in found:
        check(line)


@pytest.mark.parametrize("line", ["kaowu retract 37/1/4", "kaowu reconcile --bag 4", "omr fax"])
def test_a_command_that_is_not_there_is_noticed(line: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_the_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        assert other.exists(), target
        if anchor:
            assert anchor in anchors(other), target


def anchors(page: Path) -> set[str]:
    """What the headings of a page are linked by."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


# ── units ────────────────────────────────────────────────────────────────────────────────────


def service(unit: str) -> list[tuple[str, str]]:
    """The lines of a unit's [Service]; a name may come again."""
    text = (DEPLOY / unit).read_text(encoding="utf-8")
    lines = text.partition("[Service]")[2].partition("[Install]")[0].splitlines()
    return [
        (line.partition("=")[0], line.partition("=")[2])
        for line in lines
        if line and not line.startswith("#")
    ]


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_starts_a_command_that_is_there(unit: str) -> None:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str
    parsed.read(DEPLOY / unit)
    assert parsed["Install"]["WantedBy"] == "multi-user.target"
    start = parsed["Service"]["ExecStart"]
    assert start.startswith(PROGRAMS)
    check(start.removeprefix(PROGRAMS))
    lines = service(unit)
    lent = {value.partition(":")[0] for name, value in lines if name == "LoadCredential"}
    used = set(re.findall(r"%d/(\S+)", " ".join(value for _, value in lines)))
    if start.endswith("--keys %d"):  # the folder as a whole
        used |= {AUTHORITY, CERTIFICATE, KEY}
    assert used == lent


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_sets_what_is_documented(unit: str) -> None:
    words = " ".join(value for name, value in service(unit) if name == "Environment").split()
    names = {word.partition("=")[0] for word in words}
    known = FOR_PORTAL if "portal" in unit else FOR_OFFICE
    assert names <= known | FOR_OTHERS


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_may_write_to_its_own_folders_only(unit: str) -> None:
    lines = dict(service(unit))
    assert lines["ProtectSystem"] == "strict"
    assert "ReadWritePaths" not in lines
    assert lines["NoNewPrivileges"] == lines["PrivateTmp"] == "yes"
    assert lines["Restart"] == "on-failure"
    assert lines.get("DynamicUser") == "yes" or lines["User"] == "kaowu"
    assert "MemoryDenyWriteExecute" not in lines, "neither numba nor polars starts with it"


def test_copies_are_made_every_night() -> None:
    start = dict(service("kaowu-backup.service"))["ExecStart"]
    check(start.removeprefix(PROGRAMS))
    lines = dict(service("kaowu-backup.service"))
    assert lines["ReadWritePaths"] == start.split()[-1]
    assert lines["ProtectSystem"] == "strict"
    timer = (DEPLOY / "kaowu-backup.timer").read_text(encoding="utf-8")
    assert "OnCalendar=*-*-* 01:30:00\n" in timer
    assert "Persistent=true\n" in timer


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    every = (*UNITS, "kaowu-backup.service", "kaowu-backup.timer")
    for unit in every:
        text = (DEPLOY / unit).read_text(encoding="utf-8")
        text = re.sub(f"{PROGRAMS}(kaowu|omr)", "/bin/true", text)
        (tmp_path / unit).write_text(text, encoding="utf-8")
    units = [str(tmp_path / unit) for unit in every]
    said = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    ours = [line for line in said.stderr.splitlines() if "kaowu" in line]
    assert (said.returncode, ours) == (0, [])


def given(file: str) -> dict[str, str]:
    """The settings of an example, those too that stand behind a comment mark."""
    lines = (DEPLOY / file).read_text(encoding="utf-8").splitlines()
    return dict(re.fullmatch(r"(?:# )?([A-Z_]+)=(.+)", one).groups() for one in lines if "=" in one)


def test_the_examples_of_settings_are_taken() -> None:
    office, portal = given("kaowu.env.example"), given("portal.env.example")
    assert set(office) <= FOR_OFFICE | FOR_OTHERS
    assert set(portal) <= FOR_PORTAL
    assert read_settings(office).workers == 8
    of_unit = dict(service("kaowu-console.service"))
    assert office["KAOWU_HOME"] == f"/var/lib/{of_unit['StateDirectory']}"
    assert office["NUMBA_CACHE_DIR"] == f"/var/cache/{of_unit['CacheDirectory']}"


# ── containers ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def volumes(service: dict[str, Any]) -> set[str]:
    return {one.partition(":")[0] for one in service.get("volumes", [])}


def test_containers_start_commands_that_are_there(compose: dict[str, Any]) -> None:
    for name in ("console", "portal", "scheduler", "reader"):
        check(shlex.join(compose["services"][name]["command"]))


def test_containers_are_told_what_is_documented(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services["console"]["environment"]) <= FOR_OFFICE | FOR_OTHERS
    assert set(services["portal"]["environment"]) <= FOR_PORTAL | FOR_OTHERS
    assert set(services["database"]["environment"]) <= FOR_OTHERS


def test_no_secret_stands_in_the_compose_file(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert make_url(services["console"]["environment"]["KAOWU_DATABASE"]).password is None
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    for service in services.values():
        for value in map(str, service.get("environment", {}).values()):
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_the_portal_shares_nothing_with_the_office(compose: dict[str, Any]) -> None:
    services = compose["services"]
    portal = services["portal"]
    assert [one for one in portal["volumes"] if one.startswith("./")] == [
        "./shown:/srv/kaowu-portal:ro"
    ]
    assert set(portal["secrets"]) == {"portal_secret", "portal_keys"}
    for other in (services[name] for name in services.keys() - {"portal"}):
        assert not set(portal["networks"]) & set(other["networks"])
        assert not volumes(portal) & volumes(other)
        assert not set(portal["profiles"]) & set(other["profiles"])
    assert compose["networks"]["office"]["internal"] is True
    assert services["database"]["networks"] == ["office"]
    assert "ports" not in services["database"]


def test_what_a_service_uses_is_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service["networks"]) <= set(compose["networks"])
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        assert {one for one in volumes(service) if not one.startswith(".")} <= set(
            compose["volumes"]
        )
        assert "/" not in service["image"], "plain official names only"
    assert int(compose["services"]["database"]["image"].partition(":")[2]) >= 15


def test_the_image_is_built_of_files_that_are_there(compose: dict[str, Any]) -> None:
    build = compose["services"]["console"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    text = (ROOT / build["dockerfile"]).read_text(encoding="utf-8")
    assert re.search(r"^FROM python:3\.1\d-slim$", text, re.MULTILINE)
    for name in (".ci/system-packages", ".ci/npm_files.py", "constraints.txt"):
        assert name in text
        assert (ROOT / name).is_file()
