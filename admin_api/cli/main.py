"""`kaowu`: one sub-command a desk, each in its own file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from admin_api.acts.roles import Role
from admin_api.cli.audit import audit_app
from admin_api.cli.backup import backup_app, restore
from admin_api.cli.corrections import corrections_app
from admin_api.cli.desk import passphrase_of
from admin_api.cli.explain import explain
from admin_api.cli.imports import import_app
from admin_api.cli.intake import intake
from admin_api.cli.key import key_app
from admin_api.cli.plan import cluster_app
from admin_api.cli.portal import portal_app
from admin_api.cli.rehearse import rehearse
from admin_api.cli.release import release_app
from admin_api.cli.results import reconcile, results, score, settle
from admin_api.cli.review import review_app
from admin_api.cli.serve import serve
from admin_api.cli.settings import settings
from admin_api.cli.similarity import similarity_app
from admin_api.cli.staff import staff_app
from admin_api.cli.stats import stats
from admin_api.cli.violations import violations_app
from admin_api.office import found_office
from admin_api.settings import read_settings
from admin_api.staff.service import Newcomer
from omr.errors import OmrError

app = typer.Typer(
    help="The examination office: from answer cards to released scores.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(staff_app, name="staff")
app.add_typer(import_app, name="import")
app.add_typer(review_app, name="review")
app.add_typer(corrections_app, name="corrections")
app.add_typer(violations_app, name="violations")
app.add_typer(key_app, name="key")
app.add_typer(release_app, name="release")
app.add_typer(audit_app, name="audit")
app.add_typer(backup_app, name="backup")
app.add_typer(similarity_app, name="similarity")
app.add_typer(portal_app, name="portal")
app.add_typer(cluster_app, name="cluster")
for command in (restore, reconcile, score, results, explain, settle, rehearse, serve, settings):
    app.command()(command)
app.command()(intake)
app.command()(stats)


@app.command()
def init(
    exam: Annotated[Path, typer.Argument(metavar="EXAM.toml", help="Calendar, papers, lines.")],
    admin: Annotated[str, typer.Option(metavar="NAME", help="The first administrator.")],
) -> None:
    """Set up this machine's office for an exam, with its first administrator."""
    own = read_settings()
    phrase = passphrase_of(own, admin, new=True)
    office = found_office(own, exam, Newcomer(admin, Role.ADMINISTRATOR, phrase))
    typer.echo(f"{own.home}: {office.exam.year} {office.exam.name}, run by {admin}")
    typer.echo(f"Keep a copy of {own.secret} in a safe: without it no answer key opens.")


def main() -> None:
    """The entry point: our own errors are told in words, with their exit code."""
    try:
        app()
    except OmrError as error:
        print(f"kaowu: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
