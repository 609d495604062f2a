"""Time as the broker tells it: UTC, with millisecond steps, written as RFC 3339 with Z."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

# Ends remembered: of a report the same are read three times, and many reports are reviewed on one day.
ENDS_KEPT = 1024


class Clock(Protocol):
    """What tells the time; tests and drills use one that they move."""

    def now(self) -> datetime: ...


class RunningClock:
    """The machine's clock, shifted by a fixed number of milliseconds (`PAS_CLOCK`)."""

    def __init__(self, shift_ms: int = 0) -> None:
        self.shift = timedelta(milliseconds=shift_ms)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


def parse_time(text: str) -> datetime:
    """An RFC 3339 time in UTC with `Z`; raises ValueError for anything else."""
    if not _TIME.fullmatch(text):
        raise ValueError("not an RFC 3339 UTC time with Z")
    return datetime.fromisoformat(text)


@lru_cache(maxsize=ENDS_KEPT)
def parse_end(text: str) -> datetime:
    """A time, or a date, which ends at 00:00 UTC of that day (domain, *Matrix*); raises ValueError otherwise."""
    if _DATE.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    return parse_time(text)


def show_time(moment: datetime) -> str:
    """RFC 3339 UTC with `Z`, to the millisecond where there are any."""
    moment = moment.astimezone(UTC).replace(tzinfo=None)
    # Not strftime: it writes the year 999 with three digits.
    return moment.isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds") + "Z"


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down: how times travel."""
    since = moment - EPOCH
    # Whole numbers alone, and several times as fast as dividing the difference.
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def from_ms(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
