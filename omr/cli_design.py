"""The command `omr design`: list, check, show, print, import, trace and edit card designs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from omr.design import Design, Field, FieldKind, Side, builtin_names
from omr.errors import DesignError, OmrError, SourceError
from omr.importers.any import load_any

design_app = typer.Typer(
    help="Card designs: list the built-in ones, check your own, show and print them.",
    no_args_is_help=True,
)

import_app = typer.Typer(help="Turn other systems' card designs into ours.", no_args_is_help=True)
design_app.add_typer(import_app, name="import")

Name = Annotated[str, typer.Argument(help="A built-in design's name, or a TOML file.")]
Out = Annotated[Path, typer.Option("--out", help="The PDF to write.")]
Roster = Annotated[
    Path | None,
    typer.Option(help="CSV or XLSX with number (准考证号), name (姓名) and, if wanted, barcode."),
]
Template = Annotated[Path, typer.Argument(help="OMRChecker's template.json, or its folder.")]
Config = Annotated[
    Path | None, typer.Option(help="Its config.json; only looked at, nothing of it is needed.")
]
Toml = Annotated[Path, typer.Option("--out", help="The design to write, FILE.toml.")]
Blank = Annotated[
    Path,
    typer.Argument(
        metavar="BLANK", help="A picture or PDF of the blank sheet, upright; two pages: its sides."
    ),
]
Page = Annotated[
    str | None,
    typer.Option(help="The sheet's size, such as A4, letter or 210x297; else by the file's dpi."),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that are there already.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Print though the check finds faults.")]


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """An error of ours becomes its message and its exit code."""
    try:
        yield
    except OmrError as error:
        typer.echo(f"omr: {error}", err=True)
        raise typer.Exit(error.exit_code) from error


@design_app.command("list")
def list_designs() -> None:
    """List the built-in designs."""
    for name in builtin_names():
        design = load_any(name)
        typer.echo(f"{name:<16} {_page(design):<22} {design.title}")


@design_app.command("check")
def check(file: Name) -> None:
    """Look for faults in a design; exit code 2 if there are any."""
    from omr.design_check import check_design

    with _told():
        design = load_any(file)
        findings = check_design(design)
        for finding in findings:
            typer.echo(finding)
        if findings:
            typer.echo(f"{design.source}: {len(findings)} to mend", err=True)
            raise typer.Exit(DesignError.exit_code)
        typer.echo(f"{design.source}: no fault found; hash {design.hash}")


@design_app.command("show")
def show(name: Name) -> None:
    """Say what is on a card."""
    with _told():
        design = load_any(name)
    typer.echo(f"{design.name}: {design.title}")
    typer.echo(f"  {_page(design)}, {design.ink.value} ink, from {design.source}")
    look = design.bubbles
    typer.echo(f"  bubbles: {look.shape.value} {look.width_mm:g} × {look.height_mm:g} mm")
    typer.echo(f"  hash: {design.hash}")
    for side in design.sides:
        _show_side(side)


@design_app.command("print")
def print_cards(name: Name, out: Out, roster: Roster = None, anyway: Anyway = False) -> None:
    """Print the blank card, or one card for each candidate of a roster, to a PDF."""
    from omr.design_check import check_design
    from omr.press import load_roster, print_design

    with _told():
        design = load_any(name)
        findings = check_design(design)
        if findings and not anyway:
            raise DesignError(design.source, (*findings, "or print it so with --anyway"))
        rows = load_roster(roster) if roster else ()
        print_design(design, out, roster=rows)
    cards = f"{len(rows)} cards" if rows else "the blank card"
    typer.echo(f"{out}: {cards} of {design.name}, {design.hash[:8]}. Print at 100 %, not fitted.")


@import_app.command("omrchecker")
def import_omrchecker(
    template: Template, out: Toml, config: Config = None, force: Force = False
) -> None:
    """Turn an OMRChecker template.json into a design; its pictures are put beside it."""
    from omr.importers.omrchecker import TEMPLATE, import_template
    from omr.importers.written import write_design

    with _told():
        file = template / TEMPLATE if template.is_dir() else template
        imported = import_template(file, config)
        for path in write_design(imported, out, overwrite=force):
            typer.echo(f"{path}: written")
        design = load_any(out)
    bubbles = sum(side.bubble_count for side in design.sides)
    typer.echo(
        f"{design.name}: {len(imported.fields)} fields, {bubbles} bubbles, {design.hash[:8]}"
    )
    for label, parts in imported.joined.items():
        typer.echo(f"  {label} is put together from {', '.join(parts)}")


@design_app.command("trace")
def trace(blank: Blank, out: Toml, page: Page = None, force: Force = False) -> None:
    """Trace a blank sheet: its marks, bubbles and fields as a design, and a picture to check it.

    What the fields are called and mean no picture says: rename and confirm them.
    """
    from omr.batch import file_opener, list_files
    from omr.tracing import page_size, save_traced, trace_sheet, traced_words

    with _told():
        opener = file_opener()
        try:
            pages = [opener.open(ref) for ref in list_files([blank])]
        except OmrError as error:
            raise SourceError(f"{blank}: {error}") from error
        traced = trace_sheet(pages, page_size(page) if page else None)
        design, (file, proof) = save_traced(
            traced, out, _seen_from(out.parent, blank), overwrite=force
        )
    for line in traced_words(traced):
        typer.echo(line)
    typer.echo(f"{file}: written, {design.hash[:8]}; {proof}: every bubble with its field")
    typer.echo("Next:")
    typer.echo(f"  1. look at {proof}: is every bubble outlined, and nothing else?")
    typer.echo(f"  2. omr design studio {file}: rename the fields, mend kinds and values")
    typer.echo(f"  3. omr design check {file}; omr design show {file}")


@design_app.command("studio")
def studio(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The design, a TOML file; built in: with --out.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="A new file to save to; FILE stays as it is.")
    ] = None,
    background: Annotated[
        Path | None, typer.Option(help="The blank sheet; else what the design was traced from.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only say the address.")] = False,
) -> None:
    """Edit a design over its blank sheet, in a page of the browser on this machine."""
    from admin_api.studio.serve import Opening, run_studio

    with _told():
        run_studio(Opening(file, out, background), port, browser=not no_browser)


def _seen_from(folder: Path, file: Path) -> str:
    """A file's path from a folder, so that both can move together; its own where there is none."""
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive
        return file.as_posix()


def _page(design: Design) -> str:
    sides = "one side" if len(design.sides) == 1 else "two sides"
    return f"{design.width_mm:g} × {design.height_mm:g} mm, {sides}"


def _show_side(side: Side) -> None:
    typer.echo(f"{side.name.value}: {side.bubble_count} bubbles in {side.group_count} rows")
    for track in side.tracks:
        size = f"{track.size_mm[0]:g} × {track.size_mm[1]:g} mm"
        typer.echo(f"  track    {track.edge.value}, {len(track.numbers)} marks of {size}")
    for corner in side.corners:
        typer.echo(
            f"  mark     {corner.shape.value} {corner.size_mm:g} mm "
            f"at {corner.x_mm:g}, {corner.y_mm:g}"
        )
    for same in _alike(side.fields):
        typer.echo(f"  {_field_line(same)}")
    for zone in side.zones:
        what = "/".join(zone.symbologies) if zone.kind is FieldKind.BARCODE else "kept as an image"
        size = f"{zone.width_mm:g} × {zone.height_mm:g} mm at {zone.x_mm:g}, {zone.y_mm:g}"
        typer.echo(f"  {zone.kind.value:<9}{zone.name} {zone.title}: {what}, {size}")


def _alike(fields: tuple[Field, ...]) -> Iterator[tuple[Field, ...]]:
    """Runs of fields that one table of the file made."""
    run: list[Field] = []
    for field in fields:
        if run and run[-1].line != field.line:
            yield tuple(run)
            run = []
        run.append(field)
    if run:
        yield tuple(run)


def _field_line(run: tuple[Field, ...]) -> str:
    first = run[0]
    name = first.name if len(run) == 1 else f"{first.name} … {run[-1].name}"
    values = (
        "".join(first.values) if all(len(v) == 1 for v in first.values) else "/".join(first.values)
    )
    length = f" × {first.length}" if first.length > 1 else ""
    title = f" {first.title}" if first.title else ""
    notes = [first.role.value, *(["required"] if first.required else [])]
    notes += [f"same as {first.same_as}"] if first.same_as else []
    return f"{first.kind.value:<9}{name}{title}: {values}{length} ({', '.join(notes)})"
