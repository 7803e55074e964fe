"""`kaowu backup` and `kaowu restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.backup.make import make as make_backup
from admin_api.backup.manifest import Manifest, manifests, name_of, read_manifest
from admin_api.backup.restore import restore as restore_backup
from admin_api.backup.restore import verify as verify_backup
from admin_api.cli.desk import here
from admin_api.settings import read_settings

backup_app = typer.Typer(help="Copies of the whole office.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where back-ups are kept.")]
Name = Annotated[
    str, typer.Option("--name", help="Which: how its file's name begins; else the newest.")
]


@backup_app.command()
def make(folder: Folder) -> None:
    """Back up the database, the vault and the releases; what DIR has is not copied again."""
    made = make_backup(here(), folder, _say)
    typer.echo(
        f"{made.path}\n{_told(made.manifest)}, {made.files} files of the vault; "
        f"{made.new} of all that were new"
    )
    typer.echo("The secret that opens answer keys is not in it: keep that elsewhere.")


@backup_app.command("list")
def list_(folder: Folder) -> None:
    """Say which back-ups there are."""
    for path in manifests(folder):
        typer.echo(f"{name_of(path)}  {_told(read_manifest(path))}")


@backup_app.command()
def verify(folder: Folder, name: Name = "") -> None:
    """Read all of a back-up and compare it with what was put there."""
    whole = verify_backup(folder, name, _say)
    typer.echo(f"{name_of(whole.path)} is whole: {_told(whole.manifest)}, {whole.files} files")


def restore(folder: Folder, name: Name = "") -> None:
    """Make an office out of a back-up, in an empty home and an empty database."""
    settings = read_settings()
    manifest = restore_backup(settings, folder, name, _say)
    typer.echo(f"{settings.home}: restored, {_told(manifest)}; the chain holds")
    if not settings.secret.is_file():
        typer.echo(f"Put the office's secret into {settings.secret}, mode 0600; then go on.")


def _told(manifest: Manifest) -> str:
    return f"{manifest.exam}, {manifest.acts} acts, {manifest.rows} rows, head {manifest.head}"


def _say(words: str) -> None:
    typer.echo(words, err=True)
