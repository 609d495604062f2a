"""Shifting a story: every date in it by the same whole number of days, so that it happens today."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)")


def days_until(latest: datetime, now: datetime) -> int:
    """How many whole days a story may be shifted so that its latest moment is not ahead of `now`; less than one day behind it."""
    return (now - latest) // timedelta(days=1)


def shift(value: Any, days: int) -> Any:
    """The JSON value with every date and every time in it `days` later; a text that merely mentions a date stays as it is."""
    match value:
        case dict():
            return {name: shift(each, days) for name, each in value.items()}
        case list():
            return [shift(each, days) for each in value]
        case str():
            return _shift_text(value, days)
        case _:
            return value


def _shift_text(text: str, days: int) -> str:
    if _DATE.fullmatch(text):
        return _later(text, days)
    time = _TIME.fullmatch(text)
    return _later(time[1], days) + time[2] if time else text


def _later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
