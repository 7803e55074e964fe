"""China Standard Time (北京时间), and whose clock it is.

The service asks a `Clock` and never the machine, so that a test can stand at 23:59:59.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

CST = timezone(timedelta(hours=8), "CST")  # no daylight saving since 1991

Clock = Callable[[], datetime]


def now() -> datetime:
    """This machine's clock, in China Standard Time."""
    return datetime.now(CST)


def written_at(moment: datetime) -> str:
    """A moment as it is stored: ISO 8601 in China Standard Time, to the microsecond."""
    return moment.astimezone(CST).isoformat(timespec="microseconds")


def is_over(day: date, moment: datetime) -> bool:
    """Whether a calendar day is over: from 00:00:00 of the next day, China Standard Time."""
    return moment.astimezone(CST).date() > day


def is_begun(day: date, moment: datetime) -> bool:
    """Whether a calendar day has begun."""
    return moment.astimezone(CST).date() >= day
