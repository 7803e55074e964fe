"""The command `kaowu` (考务)."""

from admin_api.cli.main import main

__all__ = ["main"]
