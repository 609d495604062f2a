"""The rulebook: PAS's lists, words, days, deadlines and patterns, read once and refused unless every value can be enforced."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import Field, ValidationError, model_validator

from pas_schemas.directory import KINDS
from pas_schemas.errors import RulebookError
from pas_schemas.models.complaints import complain, place_of
from pas_schemas.models.words import PRIORITIES, REQUEST_KINDS, RISK_TAGS, Priority, RequestKind
from pas_schemas.needles import needles_of
from pas_schemas.people import ROLES
from pas_schemas.reference import alert_codes, read_data
from pas_schemas.rulebook_times import Calendar, Deadlines, Duration, Ladders, Part, among
from pas_schemas.rules import CODES, COLUMNS, GATES, Word

TextGate = Literal["G-WARRANT", "G-PRIVILEGE", "G-SOURCE"]
TEXT_GATES: tuple[TextGate, ...] = get_args(TextGate)
TEXT_COLUMNS = ["gate", "pattern", "note"]
# The one in use and another it is compared with.
RULEBOOKS_KEPT = 2


# Neither `true` nor 15.0 is a number of minutes.
Whole = Annotated[int, Field(strict=True)]
Tags = Annotated[frozenset[str], among(RISK_TAGS)]
Codes = Annotated[frozenset[str], among(CODES)]


class Markings(Part):
    accepted: frozenset[str]
    held: frozenset[str]


class Border(Part):
    clock_skew_minutes: Whole = Field(ge=0, le=24 * 60)
    fresh_hours: Whole = Field(ge=1, le=24 * 30)


class Grading(Part):
    contradictory: Annotated[frozenset[str], among([s + i for s in "ABCDE" for i in "12345"])]
    corroborated: Annotated[frozenset[str], among("12345")]
    risk_assessed: Codes
    restrictiveness: tuple[str, ...]

    @model_validator(mode="after")
    def _orders_every_code(self) -> Self:
        if sorted(self.restrictiveness) != sorted(CODES):
            raise ValueError("restrictiveness must name each handling code once")
        return self


class Category(Part):
    known: frozenset[str]
    high: frozenset[str]
    alerts: Annotated[frozenset[str], among(sorted(alert_codes()))]
    category_stale_after_days: Whole = Field(ge=1, le=36500)

    @model_validator(mode="after")
    def _knows_the_high(self) -> Self:
        if not self.high <= self.known:
            raise ValueError("a high category must be a known one")
        return self


class TagLists(Part):
    gatekept: Tags
    cat_a_team: Tags
    seniority: Tags
    staff: Tags


class PriorityLists(Part):
    seniority: Annotated[frozenset[str], among(PRIORITIES)]


class Referral(Part):
    within_days: Whole = Field(ge=1, le=3650)
    risk: Tags
    with_: Tags = Field(alias="with")

    @property
    def tags(self) -> frozenset[str]:
        """Every tag that counts in a sum."""
        return self.risk | self.with_


class Cell(Part):
    """What the matrix says of a code and a column: one word for the named, one for the others."""

    named: Word
    other: Word


def _as_cell(value: object) -> object:
    return {"named": value, "other": value} if isinstance(value, str) else value


class Receipts(Part):
    governor_posts: frozenset[str]


class FourEyes(Part):
    """Where two different people decide: by code, marking, gate, or, at such a priority, over what a handling code held."""

    codes: Codes
    markings: frozenset[str]
    gates: Annotated[frozenset[str], among(GATES)]
    overrides: Annotated[frozenset[str], among(PRIORITIES)]


class Deciding(Part):
    """Which roles may decide, second and consent, of which ranks is whoever answers for silence, and for how long at most."""

    decide: Annotated[frozenset[str], among(ROLES)]
    second: Annotated[frozenset[str], among(ROLES)]
    consent: Annotated[frozenset[str], among(ROLES)]
    silence_ranks: frozenset[str]
    silence_days: Whole = Field(ge=1, le=366)


class Retention(Part):
    body_days_after_live: Whole = Field(ge=0, le=3650)


class SummaryRules(Part):
    """What a Person Escort Record summary may flag."""

    flags: Annotated[frozenset[str], among(RISK_TAGS)]


class RequestRule(Part):
    """Which kinds of offices may ask, and be asked, and in what time."""

    asked_by: Annotated[frozenset[str], among(KINDS)]
    answered_by: Annotated[frozenset[str], among(KINDS)]
    due: Duration


class Requests(Part):
    """Who may ask and answer, and by when."""

    ask: Annotated[frozenset[str], among(ROLES)]
    answer: Annotated[frozenset[str], among(ROLES)]
    kinds: dict[RequestKind, RequestRule]

    @model_validator(mode="after")
    def _names_every_kind(self) -> Self:
        if set(self.kinds) != set(REQUEST_KINDS):
            raise ValueError("a rule is needed for each kind of request")
        return self


class _Book(Part):
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
    ladders: Ladders
    calendar: Calendar
    receipts: Receipts
    retention: Retention
    four_eyes: FourEyes
    deciding: Deciding
    summary: SummaryRules
    requests: Requests


class Fault(NamedTuple):
    """One value of a rulebook that is not as it must be: where, of which type of fault, and what is said of it."""

    place: str
    type: str
    said: str


class FaultyRulebookError(RulebookError):
    """Values of a rulebook that are not as they must be: all of them, of which the sentence tells the first."""

    def __init__(self, error: ValidationError) -> None:
        told = error.errors(include_url=False, include_context=False)
        self.faults = tuple(Fault(place_of(one, "the file"), one["type"], complain(one)) for one in told)
        first = self.faults[0]
        super().__init__(f"The rulebook cannot be enforced: {first.place}: {first.said}.", "correct rulebook.toml")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One text rule: `gate` fires when `regex` is found in an item's text; `needles` as `needles_of` tells them."""

    gate: TextGate
    number: int
    regex: re.Pattern[str] = field(repr=False)
    needles: frozenset[str] | None = field(repr=False)

    def may_fire(self, lower: str) -> bool:
        """False where an ASCII text, in lower case, has nothing that the pattern cannot do without."""
        if self.needles is None:
            return True
        for needle in self.needles:  # noqa: SIM110  # a generator would take twice as long
            if needle in lower:
                return True
        return False


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
    ladders: Ladders = field(repr=False)
    calendar: Calendar = field(repr=False)
    receipts: Receipts = field(repr=False)
    retention: Retention = field(repr=False)
    four_eyes: FourEyes = field(repr=False)
    deciding: Deciding = field(repr=False)
    summary: SummaryRules = field(repr=False)
    requests: Requests = field(repr=False)
    patterns: tuple[Pattern, ...] = field(repr=False)

    @cached_property
    def cells(self) -> dict[str, dict[str, tuple[tuple[str, Word], tuple[str, Word]]]]:
        """The matrix as `decide` reads it: by code and column the cell's id with its word for who was named, and for anybody else."""
        return {
            code: {column: ((cell_id := f"H{code}-{column.upper()}", cell.named), (cell_id, cell.other)) for column, cell in row.items()}
            for code, row in self.matrix.items()
        }

    @cached_property
    def clock_skew(self) -> timedelta:
        return timedelta(minutes=self.border.clock_skew_minutes)

    def read_by(self, priority: Priority, since: datetime) -> datetime:
        """When a disclosure must have been read, counted from when the report reached PAS."""
        return self.calendar.after(self.deadlines.read[priority], since)

    def case_due(self, priority: Priority, since: datetime) -> datetime:
        """When a case must have been decided."""
        return self.calendar.after(self.deadlines.case[priority], since)

    def rungs(self, ladder: Literal["disclosure", "case"], priority: Priority, due: datetime) -> tuple[tuple[str, datetime], ...]:
        """When each rung's time comes where `due` has passed, in the order in which it comes."""
        rungs = self.ladders.disclosure[priority] if ladder == "disclosure" else self.ladders.case[priority]
        found = ((name.upper(), self.calendar.after(delay, due)) for name, delay in rungs)
        return tuple(sorted(found, key=lambda rung: rung[1]))

    def request_due(self, kind: RequestKind, since: datetime) -> datetime:
        """When a request must have been answered."""
        return self.calendar.after(self.requests.kinds[kind].due, since)

    def strictest(self, codes: Sequence[str]) -> str:
        """The handling code a label shows for these."""
        return min(codes, key=self.grading.restrictiveness.index)


def digest_of(book: bytes, text_rules: bytes) -> str:
    """The hex digest by which every decision names its rulebook."""
    return hashlib.sha256(hashlib.sha256(book).digest() + hashlib.sha256(text_rules).digest()).hexdigest()


@lru_cache(maxsize=RULEBOOKS_KEPT)
def read_rulebook(book: bytes, text_rules: bytes) -> Rulebook:
    """The rulebook of these two files; RulebookError, naming the place, if a value cannot be enforced."""
    try:
        parsed = tomllib.loads(book.decode("utf-8"))
        for row in parsed.get("matrix", {}).values():
            row.update({column: _as_cell(value) for column, value in row.items()})
        checked = _Book.model_validate(parsed)
    except ValidationError as error:
        raise FaultyRulebookError(error) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise RulebookError(f"The rulebook is not readable TOML: {error}.", "correct rulebook.toml") from None
    _check_matrix(checked)
    if not checked.four_eyes.markings <= checked.markings.accepted:
        raise RulebookError("The rulebook asks two people about a marking it does not accept.", "correct four_eyes in rulebook.toml")
    if not checked.markings.held <= checked.markings.accepted:
        raise RulebookError("The rulebook holds a marking it does not accept.", "correct markings in rulebook.toml")
    digest = digest_of(book, text_rules)
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
        gate, pattern = next((gate for gate in TEXT_GATES if gate == row["gate"]), None), row["pattern"]
        if gate is None or not pattern:
            raise RulebookError(f"Text rule {number} names no gate that reads text.", f"use one of {', '.join(TEXT_GATES)}")
        if None in row:  # an unquoted comma would cut the pattern short
            raise RulebookError(f"Text rule {number} has more than {len(TEXT_COLUMNS)} columns.", "put a pattern with a comma in quotes")
        try:
            regex = re.compile(pattern, re.IGNORECASE)
            patterns.append(Pattern(gate, number, regex, needles_of(regex)))
        except (re.error, OverflowError, RecursionError) as error:
            raise RulebookError(f"Text rule {number} is no regular expression: {error}.", "correct text_rules.csv") from None
    return tuple(patterns)


def screen(text: str, patterns: Sequence[Pattern]) -> list[Pattern]:
    """The text rules that a text sets off."""
    # Outside ASCII a letter may match another that lower() does not make of it.
    if text.isascii():
        lower = text.lower()
        patterns = [pattern for pattern in patterns if pattern.may_fire(lower)]
    return [pattern for pattern in patterns if pattern.regex.search(text)]
