"""`kaowu import`: files from the regions and the rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import As, Encoding, here, signer
from admin_api.registration import service
from admin_api.registration.service import Stored

import_app = typer.Typer(
    help="Take files in: whole or not at all, each once.", no_args_is_help=True
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="A .dbf, .xlsx or .csv file.")]


@import_app.command()
def roster(
    file: File,
    as_: As,
    encoding: Encoding = None,
    military: Annotated[
        bool, typer.Option("--military", help="Everybody in it is military.")
    ] = False,
) -> None:
    """Import candidates and their enrolments (报名库)."""
    service.need_file(file)
    office = here()
    person = signer(office, as_)
    _tell(file, service.import_roster(office, person, file, encoding=encoding, military=military))


@import_app.command()
def attendance(file: File, as_: As, encoding: Encoding = None) -> None:
    """Import who came (签到表)."""
    service.need_file(file)
    office = here()
    _tell(file, service.import_attendance(office, signer(office, as_), file, encoding=encoding))


@import_app.command()
def materials(file: File, as_: As, encoding: Encoding = None) -> None:
    """Import what was handed in: bags, boxes, regions (回收单)."""
    service.need_file(file)
    office = here()
    _tell(file, service.import_materials(office, signer(office, as_), file, encoding=encoding))


@import_app.command("cbt-answers")
def computer_answers(file: File, as_: As, encoding: Encoding = None) -> None:
    """Import answers given on computers (机考作答)."""
    service.need_file(file)
    office = here()
    person = signer(office, as_)
    _tell(file, service.import_computer_answers(office, person, file, encoding=encoding))


@import_app.command()
def history(file: File, as_: As, encoding: Encoding = None) -> None:
    """Import scores of earlier years, for rolling (历年成绩)."""
    service.need_file(file)
    office = here()
    _tell(file, service.import_history(office, signer(office, as_), file, encoding=encoding))


def _tell(file: Path, stored: Stored) -> None:
    if stored.again:
        typer.echo(f"{file}: imported before; nothing changed")
        return
    report = stored.report
    known = f", {stored.known} known as they stand" if stored.known else ""
    typer.echo(f"{file}: {stored.new} rows taken{known}")
    if report.repeated:
        typer.echo(f"  {report.repeated} rows stood there twice and were taken once")
    if report.deleted:
        typer.echo(f"  {report.deleted} records marked as deleted were left out")
    for warning in report.warnings:
        typer.echo(f"  note: {warning}")
