"""The desks: endpoints, each with a file of its own."""

from __future__ import annotations

from fastapi import APIRouter

from admin_api.console.desks import home, people, signing_in

DESKS: tuple[APIRouter, ...] = (signing_in.router, home.router, people.router)
