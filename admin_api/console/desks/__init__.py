"""The desks: endpoints, each with a file of its own."""

from __future__ import annotations

from fastapi import APIRouter

from admin_api.console.desks import (
    auditing,
    bags,
    corrections,
    files,
    grading,
    home,
    people,
    releasing,
    signing_in,
    similarity,
    statistics,
    violations,
)

DESKS: tuple[APIRouter, ...] = (
    signing_in.router,
    home.router,
    bags.router,
    grading.router,
    corrections.router,
    violations.router,
    files.router,
    releasing.router,
    similarity.router,
    statistics.router,
    auditing.router,
    people.router,
)
