"""`kaowu settings`: what the environment may tell."""

from __future__ import annotations

import typer

from admin_api.settings_reference import reference


def settings() -> None:
    """Print the reference of all settings."""
    typer.echo(reference(), nl=False)
