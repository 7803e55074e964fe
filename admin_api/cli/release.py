"""`kaowu release`: freeze, sign, verify, publish, withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin_api.cli.desk import As, here, signer
from admin_api.release import service
from admin_api.release.service import Release
from admin_api.release.transcript import check_code
from admin_api.release.transcripts import write_transcripts
from admin_api.release.verify import load_keys, verify
from omr.outputs import whole_file

release_app = typer.Typer(help="Signed releases of results.", no_args_is_help=True)
Hash = Annotated[str, typer.Argument(metavar="RELEASE", help="Its hash, or how that begins.")]
Keys = Annotated[Path, typer.Option(help='Public keys: lines of name = "hex".')]


@release_app.command()
def freeze(
    as_: As,
    supersedes: Annotated[str, typer.Option(help="The published release it replaces.")] = "",
    reason: Annotated[str, typer.Option(help="Why it replaces that one.")] = "",
) -> None:
    """Freeze the results; refuses while anything is open, and lists it."""
    office = here()
    person = signer(office, as_)
    for one in service.freeze(office, person, supersedes=supersedes, reason=reason):
        typer.echo(f"{_line(one)}\n  {service.folder_of(office, one.hash)}")


@release_app.command("list")
def list_releases() -> None:
    """List every release."""
    with here().ledger.moment() as connection:
        shown = service.published(connection)
        for one in service.releases(connection):
            now = "  <- in force" if shown and shown.hash == one.hash else ""
            typer.echo(_line(one) + now)


@release_app.command()
def sign(release: Hash, as_: As) -> None:
    """Sign a release, after checking every byte of it; two people must."""
    office = here()
    typer.echo(_line(service.sign(office, signer(office, as_), release)))


@release_app.command("verify")
def verify_folder(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A release's folder.")],
    keys: Keys,
) -> None:
    """Check a release with the public keys alone; needs no office."""
    found = verify(folder, load_keys(keys))
    typer.echo(f"{folder.name} holds: {found.candidates} candidates, kind {found.statement.kind}")
    typer.echo(f"  signed by {' and '.join(found.signed_by)}")


@release_app.command()
def publish(release: Hash, as_: As) -> None:
    """Publish a release that two people signed."""
    office = here()
    found = service.publish(office, signer(office, as_), release)
    typer.echo(f"{found.statement.release[:12]} is published: {found.candidates} candidates")


@release_app.command()
def withdraw(release: Hash, why: Annotated[str, typer.Option(help="The reason.")], as_: As) -> None:
    """Make the release that takes a published one's place; sign and publish it like any other."""
    office = here()
    typer.echo(_line(service.withdraw(office, signer(office, as_), release, why)))


@release_app.command("export-military")
def export_military(
    release: Hash,
    to: Annotated[Path, typer.Option(help="A new folder.")],
    as_: As,
) -> None:
    """Copy the signed military results (军队) to a folder of their own."""
    office = here()
    found = service.export_military(office, signer(office, as_), release, to)
    typer.echo(f"{to}: {found.candidates} military candidates, signed")


@release_app.command("keys")
def write_keys(out: Annotated[Path, typer.Option(help="The file to write.")]) -> None:
    """Write the release clerks' public keys, for `verify` anywhere."""
    with here().ledger.moment() as connection:
        keys = service.release_keys(connection)
    lines = [f'"{name}" = "{key}"\n' for name, key in sorted(keys.items())]
    with whole_file(out) as partial:
        partial.write_text("".join(lines), encoding="utf-8")
    typer.echo(f"{out}: {len(keys)} public keys")


@release_app.command()
def transcripts(
    release: Hash,
    out: Annotated[Path, typer.Option(help="The PDF to write.")],
    ticket: Annotated[str, typer.Option(help="One candidate; else all.")] = "",
) -> None:
    """Print transcripts (成绩单) of a signed release, each with a code that verifies offline."""
    office = here()
    with office.ledger.moment() as connection:
        found = service.find(connection, release)
        keys = service.release_keys(connection)
    folder = service.folder_of(office, found.hash)
    count = write_transcripts(folder, keys, office.exam, out, ticket)
    typer.echo(f"{out}: {count} transcripts")


@release_app.command("check-transcript")
def check_transcript(
    code: Annotated[str, typer.Argument(help="What the transcript's code says.")], keys: Keys
) -> None:
    """Check a transcript's code with the public keys alone; needs no office."""
    record = check_code(code, load_keys(keys))
    typer.echo(f"{record['year']} {record['exam']}, release {record['release'][:12]}: it holds")
    typer.echo(f"{record['ticket']} {record['name']}")
    for one in record["subjects"]:
        passed = "passed" if one["passed"] else "carried" if one["carried"] else ""
        typer.echo(f"  {one['subject']}: {one['score'] or one['state']} {passed}".rstrip())


def _line(one: Release) -> str:
    signed = f"signed by {', '.join(one.signed_by)}" if one.signed_by else "not signed"
    steps = f", {', '.join(one.steps)}" if one.steps else ""
    supersedes = f", supersedes {one.supersedes[:12]}" if one.supersedes else ""
    return f"{one.hash} {one.kind.value}: {signed}{steps}{supersedes}"
