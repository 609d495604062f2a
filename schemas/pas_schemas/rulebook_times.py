"""The rulebook's times: deadlines, the ladders that follow them, and the days on which people work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pas_schemas.errors import RulebookError
from pas_schemas.identifiers import REFERENCE
from pas_schemas.models.words import PRIORITIES, Priority

_DURATION = re.compile(r"([1-9][0-9]{0,4}) (minute|hour|day|working day)s?")
_DELAY = re.compile(r"(0|[1-9][0-9]{0,4}) (minute|hour|day|working day)s?")
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def among(allowed: Sequence[str]) -> AfterValidator:
    """Refuses a list that holds a word not among these."""

    def check(values: frozenset[str]) -> frozenset[str]:
        unknown = sorted(values - set(allowed))
        if unknown:
            raise ValueError(f"unknown word {unknown[0]!r}")
        return values

    return AfterValidator(check)


def _as_duration(text: str) -> str:
    if not _DURATION.fullmatch(text):
        raise ValueError("write a duration as '15 minutes', '8 hours', '3 days' or '1 working day'")
    return text


def _as_delay(text: str) -> str:
    if not _DELAY.fullmatch(text):
        raise ValueError("write a delay as '0 minutes', '8 hours', '3 days' or '1 working day'")
    return text


def _as_day(value: object) -> object:
    """A date, or one written in quotes; a number would be read as seconds since 1970."""
    if isinstance(value, str) and len(value) == len("2026-12-25"):
        return date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("write a date as 2026-12-25")


Duration = Annotated[str, AfterValidator(_as_duration)]
Delay = Annotated[str, AfterValidator(_as_delay)]
Post = Annotated[str, Field(pattern=f"^{REFERENCE}$")]
Day = Annotated[date, BeforeValidator(_as_day)]


class Part(BaseModel):
    """A table of the rulebook: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Deadlines(Part):
    read: dict[Priority, Duration]
    case: dict[Priority, Duration]

    @model_validator(mode="after")
    def _names_every_priority(self) -> Self:
        if set(self.read) != set(PRIORITIES) or set(self.case) != set(PRIORITIES):
            raise ValueError("a deadline is needed for each priority")
        return self


class DisclosureLadder(Part):
    """How long after its deadline what nobody has read has its office reminded, its deputy told, and PAS given a case."""

    remind: Delay
    deputy: Delay
    case: Delay


class CaseLadder(Part):
    """How long after its time a case that nobody decided has its owner, the duty supervisor and the Head of PAS told."""

    owner: Delay
    duty: Delay
    head: Delay


class LadderPosts(Part):
    governor: Post
    others: Post
    duty: Post
    head: Post


class Ladders(Part):
    disclosure: dict[Priority, DisclosureLadder]
    case: dict[Priority, CaseLadder]
    posts: LadderPosts

    @model_validator(mode="after")
    def _names_every_priority(self) -> Self:
        if set(self.disclosure) != set(PRIORITIES) or set(self.case) != set(PRIORITIES):
            raise ValueError("a ladder is needed for each priority")
        return self


class Calendar(Part):
    weekend: Annotated[frozenset[str], among(_DAYS)]
    holidays: frozenset[Day]

    @model_validator(mode="after")
    def _leaves_a_working_day(self) -> Self:
        if len(self.weekend) == len(_DAYS):
            raise ValueError("a week needs a working day")
        return self

    @property
    def last(self) -> date | None:
        """The last holiday it names: after it each day of a working week counts as a working day."""
        return max(self.holidays, default=None)

    def works(self, day: date) -> bool:
        return _DAYS[day.weekday()] not in self.weekend and day not in self.holidays

    def after(self, delay: str, since: datetime) -> datetime:
        """That long after a moment; a working day ends when the clock stands where it stood, a day or more later."""
        match = _DELAY.fullmatch(delay)
        if match is None:  # cannot be: checked when the rulebook was read
            raise RulebookError("a duration of the rulebook is none")
        number, unit = int(match[1]), match[2]
        if unit != "working day":
            return since + timedelta(**{f"{unit}s": number})
        due = since
        while number:
            due += timedelta(days=1)
            number -= self.works(due.date())
        return due
