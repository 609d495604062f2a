"""The rulebook: PAS's lists, words, days, deadlines and patterns, read once and refused unless every value can be enforced."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pas_schemas.errors import RulebookError
from pas_schemas.models.complaints import complain, place_of
from pas_schemas.models.words import PRIORITIES, RISK_TAGS, Priority
from pas_schemas.needles import needles_of
from pas_schemas.people import ROLES
from pas_schemas.reference import alert_codes, read_data
from pas_schemas.rules import CODES, COLUMNS, GATES, Word

TEXT_GATES = ("G-WARRANT", "G-PRIVILEGE", "G-SOURCE")
TEXT_COLUMNS = ["gate", "pattern", "note"]
_DURATION = re.compile(r"([1-9][0-9]{0,4}) (minute|hour|day|working day)s?")
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def _among(allowed: Sequence[str]) -> AfterValidator:
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


def _as_day(value: object) -> object:
    """A date, or one written in quotes; a number would be read as seconds since 1970."""
    if isinstance(value, str) and len(value) == len("2026-12-25"):
        return date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("write a date as 2026-12-25")


Duration = Annotated[str, AfterValidator(_as_duration)]
Day = Annotated[date, BeforeValidator(_as_day)]
# Neither `true` nor 15.0 is a number of minutes.
Whole = Annotated[int, Field(strict=True)]
Tags = Annotated[frozenset[str], _among(RISK_TAGS)]
Codes = Annotated[frozenset[str], _among(CODES)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Markings(_Part):
    accepted: frozenset[str]
    held: frozenset[str]


class Border(_Part):
    clock_skew_minutes: Whole = Field(ge=0, le=24 * 60)
    fresh_hours: Whole = Field(ge=1, le=24 * 30)


class Grading(_Part):
    contradictory: Annotated[frozenset[str], _among([s + i for s in "ABCDE" for i in "12345"])]
    corroborated: Annotated[frozenset[str], _among("12345")]
    risk_assessed: Codes
    restrictiveness: tuple[str, ...]

    @model_validator(mode="after")
    def _orders_every_code(self) -> Self:
        if sorted(self.restrictiveness) != sorted(CODES):
            raise ValueError("restrictiveness must name each handling code once")
        return self


class Category(_Part):
    known: frozenset[str]
    high: frozenset[str]
    alerts: Annotated[frozenset[str], _among(sorted(alert_codes()))]
    category_stale_after_days: Whole = Field(ge=1, le=36500)

    @model_validator(mode="after")
    def _knows_the_high(self) -> Self:
        if not self.high <= self.known:
            raise ValueError("a high category must be a known one")
        return self


class TagLists(_Part):
    gatekept: Tags
    cat_a_team: Tags
    seniority: Tags
    staff: Tags


class PriorityLists(_Part):
    seniority: Annotated[frozenset[str], _among(PRIORITIES)]


class Referral(_Part):
    within_days: Whole = Field(ge=1, le=3650)
    risk: Tags
    with_: Tags = Field(alias="with")

    @property
    def tags(self) -> frozenset[str]:
        """Every tag that counts in a sum."""
        return self.risk | self.with_


class Cell(_Part):
    """What the matrix says of a code and a column: one word for the named, one for the others."""

    named: Word
    other: Word


def _as_cell(value: object) -> object:
    return {"named": value, "other": value} if isinstance(value, str) else value


class Deadlines(_Part):
    read: dict[Priority, Duration]
    case: dict[Priority, Duration]

    @model_validator(mode="after")
    def _names_every_priority(self) -> Self:
        if set(self.read) != set(PRIORITIES) or set(self.case) != set(PRIORITIES):
            raise ValueError("a deadline is needed for each priority")
        return self


class Calendar(_Part):
    weekend: Annotated[frozenset[str], _among(_DAYS)]
    holidays: frozenset[Day]

    @model_validator(mode="after")
    def _leaves_a_working_day(self) -> Self:
        if len(self.weekend) == len(_DAYS):
            raise ValueError("a week needs a working day")
        return self

    def works(self, day: date) -> bool:
        return _DAYS[day.weekday()] not in self.weekend and day not in self.holidays


class Receipts(_Part):
    governor_posts: frozenset[str]


class FourEyes(_Part):
    """Where two different people decide: by code, marking, gate, or, at such a priority, over what a handling code held."""

    codes: Codes
    markings: frozenset[str]
    gates: Annotated[frozenset[str], _among(GATES)]
    overrides: Annotated[frozenset[str], _among(PRIORITIES)]


class Deciding(_Part):
    """Which roles may decide, second and consent, and of which ranks is whoever answers for silence."""

    decide: Annotated[frozenset[str], _among(ROLES)]
    second: Annotated[frozenset[str], _among(ROLES)]
    consent: Annotated[frozenset[str], _among(ROLES)]
    silence_ranks: frozenset[str]


class Retention(_Part):
    body_days_after_live: Whole = Field(ge=0, le=3650)


class _Book(_Part):
    edition: Whole = Field(ge=1)
    title: str
    markings: Markings
    border: Border
    grading: Grading
    category: Category
    tags: TagLists
    priorities: PriorityLists
    referral: Referral
    matrix: dict[str, dict[str, Cell]]
    deadlines: Deadlines
    calendar: Calendar
    receipts: Receipts
    retention: Retention
    four_eyes: FourEyes
    deciding: Deciding


@dataclass(frozen=True, slots=True)
class Pattern:
    """One text rule: `gate` fires when `regex` is found in an item's text; `needles` as `needles_of` tells them."""

    gate: Literal["G-WARRANT", "G-PRIVILEGE", "G-SOURCE"]
    number: int
    regex: re.Pattern[str] = field(repr=False)
    needles: frozenset[str] | None = field(repr=False)

    def fires(self, text: str, lower: str | None) -> bool:
        """Whether the text sets it off; `lower` is the text in lower case where it is ASCII, else None."""
        if lower is not None and self.needles is not None and not any(needle in lower for needle in self.needles):
            return False
        return self.regex.search(text) is not None


@dataclass(frozen=True)
class Rulebook:
    """An edition that can be enforced; `digest` is the hex SHA-256 of the rulebook and its text rules."""

    edition: int
    digest: str
    markings: Markings
    border: Border
    grading: Grading
    category: Category
    tags: TagLists
    priorities: PriorityLists
    referral: Referral
    matrix: dict[str, dict[str, Cell]] = field(repr=False)
    deadlines: Deadlines = field(repr=False)
    calendar: Calendar = field(repr=False)
    receipts: Receipts = field(repr=False)
    retention: Retention = field(repr=False)
    four_eyes: FourEyes = field(repr=False)
    deciding: Deciding = field(repr=False)
    patterns: tuple[Pattern, ...] = field(repr=False)

    @property
    def clock_skew(self) -> timedelta:
        return timedelta(minutes=self.border.clock_skew_minutes)

    def read_by(self, priority: Priority, since: datetime) -> datetime:
        """When a disclosure must have been read, counted from when the report reached PAS."""
        return self._after(self.deadlines.read[priority], since)

    def case_due(self, priority: Priority, since: datetime) -> datetime:
        """When a case must have been decided."""
        return self._after(self.deadlines.case[priority], since)

    def strictest(self, codes: Sequence[str]) -> str:
        """The handling code a label shows for these."""
        return min(codes, key=self.grading.restrictiveness.index)

    def _after(self, duration: str, since: datetime) -> datetime:
        match = _DURATION.fullmatch(duration)
        if match is None:  # cannot be: checked when the rulebook was read
            raise RulebookError("a deadline of the rulebook is not a duration")
        number, unit = int(match[1]), match[2]
        if unit != "working day":
            return since + timedelta(**{f"{unit}s": number})
        due = since
        while number:
            due += timedelta(days=1)
            number -= self.calendar.works(due.date())
        return due


def read_rulebook(book: bytes, text_rules: bytes) -> Rulebook:
    """The rulebook of these two files; RulebookError, naming the place, if a value cannot be enforced."""
    try:
        parsed = tomllib.loads(book.decode("utf-8"))
        for row in parsed.get("matrix", {}).values():
            row.update({column: _as_cell(value) for column, value in row.items()})
        checked = _Book.model_validate(parsed)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        said = f"{place_of(first, 'the file')}: {complain(first)}"
        raise RulebookError(f"The rulebook cannot be enforced: {said}.", "correct rulebook.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise RulebookError(f"The rulebook is not readable TOML: {error}.", "correct rulebook.toml") from None
    _check_matrix(checked)
    if not checked.four_eyes.markings <= checked.markings.accepted:
        raise RulebookError("The rulebook asks two people about a marking it does not accept.", "correct four_eyes in rulebook.toml")
    if not checked.markings.held <= checked.markings.accepted:
        raise RulebookError("The rulebook holds a marking it does not accept.", "correct markings in rulebook.toml")
    digest = hashlib.sha256(hashlib.sha256(book).digest() + hashlib.sha256(text_rules).digest()).hexdigest()
    values = {name: getattr(checked, name) for name in _Book.model_fields if name != "title"}
    return Rulebook(digest=digest, patterns=_read_patterns(text_rules), **values)


def shipped_rulebook() -> Rulebook:
    """The example rulebook that ships with the broker."""
    return read_rulebook(read_data("rulebook.toml"), read_data("text_rules.csv"))


def _check_matrix(book: _Book) -> None:
    if set(book.matrix) != set(CODES) or any(set(row) != set(COLUMNS) for row in book.matrix.values()):
        raise RulebookError("The rulebook's matrix must have every handling code and column, and no other.", "correct [matrix.N]")
    closed = {word for column in COLUMNS if column != "own" for word in (book.matrix["4"][column].named, book.matrix["4"][column].other)}
    # PAS holds no key to a code 4 text: a word other than refuse could not be enforced outside the originating agency.
    if closed != {"refuse"} or book.matrix["4"]["own"].other != "refuse":
        raise RulebookError("Code 4 cannot leave the originating agency: its text is closed to PAS.", "write refuse in [matrix.4]")
    if any(cell.other != "refuse" for cell in book.matrix["5"].values()):
        raise RulebookError("Code 5 goes to named recipients only.", "write refuse for the others in [matrix.5]")


def _read_patterns(text_rules: bytes) -> tuple[Pattern, ...]:
    patterns = []
    try:
        reader = csv.DictReader(io.StringIO(text_rules.decode("utf-8"), newline=""), strict=True)
        header, rows = reader.fieldnames, list(reader)
    except (UnicodeDecodeError, csv.Error):
        raise RulebookError("The text rules are not readable CSV.", "correct text_rules.csv") from None
    if header != TEXT_COLUMNS:
        raise RulebookError(
            "The text rules do not begin with the names of their columns.", f"begin text_rules.csv with {','.join(TEXT_COLUMNS)}"
        )
    for number, row in enumerate(rows, start=1):
        gate, pattern = row["gate"], row["pattern"]
        if gate not in TEXT_GATES or not pattern:
            raise RulebookError(f"Text rule {number} names no gate that reads text.", f"use one of {', '.join(TEXT_GATES)}")
        if None in row:  # an unquoted comma would cut the pattern short
            raise RulebookError(f"Text rule {number} has more than {len(TEXT_COLUMNS)} columns.", "put a pattern with a comma in quotes")
        try:
            regex = re.compile(pattern, re.IGNORECASE)
            patterns.append(Pattern(gate, number, regex, needles_of(regex)))  # type: ignore[arg-type]  # checked above
        except (re.error, OverflowError, RecursionError) as error:
            raise RulebookError(f"Text rule {number} is no regular expression: {error}.", "correct text_rules.csv") from None
    return tuple(patterns)


def screen(text: str, patterns: Sequence[Pattern]) -> list[Pattern]:
    """The text rules that a text sets off."""
    # Outside ASCII a letter may match another that lower() does not make of it.
    lower = text.lower() if text.isascii() else None
    return [pattern for pattern in patterns if pattern.fires(text, lower)]
