"""Everything that the office's service raises on purpose; the message says what to do next.

OmrError
└── KaowuError
    ├── NotAllowed      this person may not do this, or not alone
    ├── NotFound        what was named is not there, or not for this person's eyes
    ├── Refused         input or a request that breaks a rule; `findings`, one for each fault
    │   └── TooLate     after the calendar's day; names the deadline
    ├── Unsettled       a step that needs everything before it settled; `findings`
    ├── Tampered        stored facts, a chain or a release that are not as they were signed
    └── StoreError      the database or the vault cannot be used
        └── StoreLost   the database went away in the middle; nothing of the step was stored
"""

from __future__ import annotations

from collections.abc import Iterable

from omr.errors import OmrError

MOST_LISTED = 50


class KaowuError(OmrError):
    """The root of the office's errors."""

    exit_code = 1


class NotAllowed(KaowuError):
    """The person's role, region or part in the matter forbids the act."""

    exit_code = 5


class NotFound(KaowuError):
    """There is no such thing, or it belongs to a region that this person does not see."""

    exit_code = 2


class _WithFindings(KaowuError):
    def __init__(self, what: str, findings: Iterable[str] = ()) -> None:
        self.what = what
        self.findings = tuple(findings)
        listed = "".join(f"\n  {finding}" for finding in self.findings[:MOST_LISTED])
        more = len(self.findings) - MOST_LISTED
        super().__init__(what + listed + (f"\n  and {more} more" if more > 0 else ""))


class Refused(_WithFindings):
    """Taken whole or refused whole: nothing of it was stored."""

    exit_code = 2


class TooLate(Refused):
    """After the deadline in the exam's calendar."""

    exit_code = 6


class Unsettled(_WithFindings):
    """Something before this step is still open."""

    exit_code = 7


class Tampered(_WithFindings):
    """What is stored is not what was signed. Stop, keep everything, call the auditor."""

    exit_code = 8


class StoreError(KaowuError):
    """The database or the vault cannot be opened, read or written."""

    exit_code = 4


class StoreLost(StoreError):
    """The connection broke, or the server ended. What was not over is not stored: it may be done
    again.
    """
