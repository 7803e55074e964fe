"""Errors as answers: a status, what is wrong, and each fault; for a page, a notice above it."""

from __future__ import annotations

from pydantic import BaseModel

from admin_api.errors import (
    KaowuError,
    NotAllowed,
    NotFound,
    Refused,
    StoreError,
    Tampered,
    TooLate,
    Unsettled,
)
from omr.errors import OmrError

MOST_FINDINGS = 200


class Problem(BaseModel):
    """Why a request was not carried out. `kind` is the error's name, `findings` each fault."""

    kind: str
    error: str
    findings: list[str] = []


_STATUSES: dict[type[KaowuError], int] = {
    NotAllowed: 403,
    NotFound: 404,
    TooLate: 409,
    Refused: 422,
    Unsettled: 409,
    Tampered: 409,
    StoreError: 503,
}


def status_of(error: OmrError) -> int:
    """The HTTP status for an error."""
    for kind in type(error).__mro__:
        if kind in _STATUSES:
            return _STATUSES[kind]
    return 422


def problem_of(error: OmrError) -> Problem:
    """An error as an answer."""
    words, findings = getattr(error, "what", str(error)), getattr(error, "findings", ())
    kind = next((k.__name__ for k in type(error).__mro__ if k in _STATUSES), "Refused")
    return Problem(kind=kind, error=words, findings=list(findings[:MOST_FINDINGS]))
