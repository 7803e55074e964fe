"""Back-ups: restored elsewhere they give the same release, and nothing half is taken for whole."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.roles import Role
from admin_api.acts.verify import verify_chain
from admin_api.backup import objects
from admin_api.backup.make import Made, make
from admin_api.backup.manifest import manifests, read_manifest
from admin_api.backup.objects import Objects
from admin_api.backup.restore import counts, restore, verify
from admin_api.errors import NotFound, Refused, StoreError, Tampered
from admin_api.office import Office, open_office
from admin_api.release.service import freeze
from admin_api.settings import Settings, settings_in
from admin_api.staff.service import Newcomer, add, open_key
from tests.office.postgres import Server
from tests.office.walk import PHRASE, Line, Walk

pytestmark = pytest.mark.usefixtures("cheap_keys")


def quiet(_: str) -> None:
    pass


@pytest.fixture
def home(walk: Walk, tmp_path: Path) -> Settings:
    """A copy of an office that published a release."""
    shutil.copytree(walk.line.folder / "home", tmp_path / "home")
    return settings_in(tmp_path / "home")


@pytest.fixture(scope="module")
def kept(walk: Walk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A back-up that tests only look at, or copy."""
    folder = tmp_path_factory.mktemp("kept") / "backup"
    office = open_office(settings_in(walk.line.folder / "home"))
    make(office, folder, quiet)
    office.ledger.engine.dispose()
    return folder


@pytest.fixture
def copied(kept: Path, tmp_path: Path) -> Path:
    """A back-up that may be hurt."""
    return Path(shutil.copytree(kept, tmp_path / "backup"))


def made_of(settings: Settings, folder: Path) -> Made:
    office = open_office(settings)
    try:
        return make(office, folder, quiet)
    finally:
        office.ledger.engine.dispose()


def opened(settings: Settings, walk: Walk) -> Office:
    """A restored office, its secret put into its place."""
    shutil.copy(walk.line.folder / "home" / "secret.key", settings.secret)
    return open_office(settings)


def everything(office: Office) -> dict[str, pl.DataFrame]:
    return {
        table.name: office.ledger.read(select(table).order_by(table.c.id))
        for table in tables.metadata.sorted_tables
    }


def released(office: Office) -> str:
    """What a freeze of the present comes to: computed anew from every fact."""
    return freeze(office, open_key(office.ledger, "lin", PHRASE))[0].hash


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_restored_on_either_database_it_is_the_same_office(
    walk: Walk, kept: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    settings = settings_in(tmp_path / "elsewhere")
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        settings = Settings(settings.home, server.database())
    restore(settings, kept, "", quiet)
    office, first = opened(settings, walk), open_office(settings_in(walk.line.folder / "home"))
    before = everything(first)
    for name, frame in everything(office).items():
        assert frame.equals(before[name]), name
    for image in before["page"]["image"]:
        assert office.vault.get(image) == first.vault.get(image)
    with office.ledger.moment() as connection:
        assert verify_chain(connection).holds
    assert released(office).startswith(walk.release)
    if kind == "postgresql":  # and back again
        again = made_of(settings, tmp_path / "second")
        third = settings_in(tmp_path / "third")
        restore(third, tmp_path / "second", "", quiet)
        assert again.manifest.head == read_manifest(again.path).head
        assert released(opened(third, walk)).startswith(walk.release)
    with pytest.raises(Refused, match="nothing may be written over it"):
        restore(settings, kept, "", quiet)


def test_the_second_one_copies_only_what_is_new(home: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    first, second = made_of(home, folder), made_of(home, folder)
    assert first.new > first.files > 0
    assert second.new == 0
    office = open_office(home)
    an = open_key(office.ledger, "an", PHRASE)
    add(office.ledger, an, Newcomer("newcomer", Role.OPERATOR, PHRASE), office.exam)
    third = made_of(home, folder)
    assert third.new == 2  # the last parts of the acts and of the staff
    assert third.manifest.acts == counts(third.manifest)["act"] == first.manifest.acts + 1
    assert verify(folder, "", quiet).manifest == third.manifest
    assert len(manifests(folder)) == 3 - (first.path == second.path)


def test_the_secret_does_not_go_along(home: Settings, kept: Path) -> None:
    secret = home.secret.read_bytes()
    for path in kept.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()


def all_objects(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "objects").rglob("*") if path.is_file())


def test_any_flipped_byte_is_noticed_before_anything_is_written(
    copied: Path, tmp_path: Path
) -> None:
    manifest = read_manifest(manifests(copied)[0])
    hurt = [
        next(part.object for part in manifest.parts if part.table == "result"),
        manifest.vault,
        manifest.releases[0][1],
        Objects(copied).get(manifest.vault).decode().split()[0],
    ]
    for name in hurt:
        path = copied / "objects" / name[:2] / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(Tampered, match="was altered"):
            verify(copied, "", quiet)
        elsewhere = settings_in(tmp_path / name[:8])
        with pytest.raises(Tampered):
            restore(elsewhere, copied, "", quiet)
        path.write_bytes(content)
        restore(elsewhere, copied, "", quiet)  # what came before it does no harm
    path = manifests(copied)[0]
    path.write_bytes(path.read_bytes().replace(b'"acts"', b'"Acts"'))
    with pytest.raises(Tampered, match="altered or renamed"):
        verify(copied, "", quiet)


def test_what_is_missing_is_named(copied: Path, tmp_path: Path) -> None:
    name = read_manifest(manifests(copied)[0]).parts[0].object
    (copied / "objects" / name[:2] / name).unlink()
    with pytest.raises(NotFound, match=name):
        verify(copied, "", quiet)
    with pytest.raises(NotFound, match="there are: none"):
        verify(tmp_path, "", quiet)
    with pytest.raises(NotFound, match="no one back-up 1999"):
        restore(settings_in(tmp_path / "new"), copied, "1999", quiet)


@pytest.mark.parametrize("hurt", ["gone", "altered"])
def test_a_vault_that_lacks_a_file_gives_no_backup(
    home: Settings, tmp_path: Path, hurt: str
) -> None:
    office = open_office(home)
    file = office.vault.path_of(office.ledger.read(select(tables.page.c.image))["image"][0])
    if hurt == "gone":
        file.unlink()
    else:
        file.write_bytes(b"another picture")
    with pytest.raises((NotFound, Tampered)):
        make(office, tmp_path / "backup", quiet)
    assert manifests(tmp_path / "backup") == []


def test_a_schema_that_the_program_does_not_know(copied: Path, tmp_path: Path) -> None:
    path = manifests(copied)[0]
    found = json.loads(path.read_bytes())
    found["revision"] = "9999"
    content = json.dumps(found).encode()
    digest = hashlib.sha256(content).hexdigest()
    path.unlink()
    (copied / f"2026-01-01T00-00-00-00000001.{digest}.json").write_bytes(content)
    with pytest.raises(StoreError, match="with the program that made it"):
        restore(settings_in(tmp_path / "new"), copied, "", quiet)


def test_a_full_disk_is_told_and_the_next_one_goes_on(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, written = tmp_path / "backup", 0
    real = os.replace

    def full(source: Path, target: Path) -> None:
        nonlocal written
        written += 1
        if written == 7:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(objects.os, "replace", full)
        with pytest.raises(StoreError, match=r"No space left.*free some space"):
            made_of(home, folder)
    assert manifests(folder) == []
    assert len(all_objects(folder)) == 6
    assert not [path for path in folder.rglob(".*") if path.name != ".lock"]
    made = made_of(home, folder)
    assert made.new == len(all_objects(folder)) - 6 - (1 + len(made.manifest.releases))


def test_two_at_once(home: Settings, tmp_path: Path) -> None:
    with (
        objects.alone(tmp_path / "backup"),
        pytest.raises(StoreError, match="another back-up writes"),
    ):
        made_of(home, tmp_path / "backup")


def test_killed_in_the_middle(walk: Walk, home: Settings, tmp_path: Path) -> None:
    """Whatever a kill leaves of a back-up or of a restoring, the same command goes on."""
    folder = tmp_path / "backup"
    command = [sys.executable, "-m", "admin_api.cli.main"]
    own = os.environ | {"KAOWU_HOME": str(home.home), "KAOWU_DATABASE": home.database}

    def killed_at(words: list[str], seen: int, place: Path, env: dict[str, str]) -> None:
        process = subprocess.Popen([*command, *words], env=env, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while process.poll() is None and sum(1 for p in place.rglob("*") if p.is_file()) < seen:
            assert time.monotonic() < until
        process.send_signal(signal.SIGKILL)
        process.wait()

    killed_at(["backup", "make", str(folder)], 5, folder, own)
    made_of(home, folder)
    assert verify(folder, "", quiet).manifest.rows
    new = settings_in(tmp_path / "new")
    elsewhere = own | {"KAOWU_HOME": str(new.home), "KAOWU_DATABASE": new.database}
    killed_at(["restore", str(folder)], 3, new.home, elsewhere)
    restore(new, folder, "", quiet)
    assert released(opened(new, walk)).startswith(walk.release)


def test_the_commands(walk: Walk, home: Settings, tmp_path: Path) -> None:
    line = Line(tmp_path)
    said = line("backup", "make", tmp_path / "backup")
    assert "The secret that opens answer keys is not in it" in said.out
    listed = line("backup", "list", tmp_path / "backup").out
    assert listed.count("head") == 1
    name = listed.split()[0]
    assert "is whole" in line("backup", "verify", tmp_path / "backup", "--name", name).out
    said = line("restore", tmp_path / "backup", code=2)
    assert "there is an office" in said.err
    line.settings = {"KAOWU_HOME": str(tmp_path / "other")}
    assert "Put the office's secret into" in line("restore", tmp_path / "backup").out
    assert "secret.key cannot be read" in line("release", "list", code=4).err
    shutil.copy(home.secret, tmp_path / "other" / "secret.key")
    assert walk.release[:12] in line("release", "list").out
    assert "acts hold;" in line("audit", "verify").out
