"""What every model shares: frozen, closed to unknown fields, and silent about its content."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from pas_schemas.clock import parse_end, parse_time, show_time

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Model(BaseModel):
    """A frozen record; `repr` names the type alone, so that no log or traceback can show content."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


def _read_time(value: object) -> object:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("a time that does not say of which time zone")
        return value
    if not isinstance(value, str):
        raise ValueError("not a time such as 2012-11-13T09:30:00Z")
    moment = parse_time(value)
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def _check_end(value: str) -> str:
    parse_end(value)
    return value


def _check_date(value: str) -> str:
    try:
        # Python also reads 2015-W47-3, and its own complaint would quote what stands there.
        if date.fromisoformat(value).isoformat() == value:
            return value
    except ValueError:
        pass
    raise ValueError("not a date such as 1988-02-03")


def blank_to_none(value: object) -> object:
    """Blank content counts as none: the rule that names the field speaks of both."""
    return None if isinstance(value, str) and not value.strip() else value


def none_to_empty(value: object) -> object:
    """Null counts as an empty list: the rule that names the field speaks of both."""
    return () if value is None else value


def _refuse_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _refuse_controls(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return value


def one_of(letters: str) -> Callable[[object], str]:
    """A code among `letters`, or the empty string for anything else: what is wrong with a grade is V-GRADE's to say."""
    allowed = frozenset(letters)

    def check(value: object) -> str:
        return value if isinstance(value, str) and value in allowed else ""

    return check


T = TypeVar("T")
# A JSON array: the array may be a list, what is in it stays strict.
Many = Annotated[tuple[T, ...], Field(strict=False)]
Time = Annotated[datetime, BeforeValidator(_read_time), PlainSerializer(show_time, return_type=str)]
End = Annotated[str, AfterValidator(_check_end)]
Day = Annotated[str, AfterValidator(_check_date)]
Text = Annotated[str, AfterValidator(_refuse_blank)]
# A reference that travels through commands, files and databases: some of them end a text at NUL or at a line's end.
Reference = Annotated[str, AfterValidator(_refuse_controls)]
MaybeText = Annotated[str | None, BeforeValidator(blank_to_none)]
MaybeEnd = Annotated[End | None, BeforeValidator(blank_to_none)]
MaybeTime = Annotated[Time | None, BeforeValidator(blank_to_none)]
