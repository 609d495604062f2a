"""What contradicts itself, is missing or says nothing, in a rulebook that the gateway would load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from pas_gateway.policy.cases import adds_up_alone
from pas_gateway.scrutiny.findings import Finding
from pas_schemas.identifiers import is_reference
from pas_schemas.models.words import PRIORITIES
from pas_schemas.reference import read_data
from pas_schemas.rulebook import Cell, Rulebook, read_rulebook
from pas_schemas.rules import CODES, COLUMNS, Word

# From least to most.
_WIDTH: Final[dict[Word, int]] = {"refuse": 0, "hold": 1, "release": 2}
_STRANGERS: Final = tuple(column for column in COLUMNS if column != "own")
# Whoever is considered for an item of these cells was named for it (tests/policy/README.md, 67).
_NAMED_ALONE: Final = tuple((code, column) for code in "123" for column in ("lea", "prison", "nonpros"))
# A Monday; clocks are tried from each hour of a week, so that nights and weekends are among them.
_MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
_HOURS = [_MONDAY + timedelta(hours=hour) for hour in range(7 * 24)]


def in_values(book: Rulebook) -> Iterator[Finding]:
    """Findings on a rulebook that can be loaded, in the order of its tables."""
    yield from _grading(book)
    yield from _categories(book)
    yield from _lists(book)
    yield from _matrix(book)
    yield from _clocks(book)
    yield from _rungs(book)
    yield from _people(book)


def _grading(book: Rulebook) -> Iterator[Finding]:
    shut = book.grading.contradictory
    yield from (Finding("GRADE_SHUT", "grading.contradictory", s) for s in "ABCDE" if shut.issuperset(s + i for i in "12345"))
    yield from (Finding("GRADE_SHUT", "grading.contradictory", i) for i in "12345" if shut.issuperset(s + i for s in "ABCDE"))
    order = book.grading.restrictiveness
    for place, stricter in enumerate(order):
        for laxer in order[place + 1 :]:
            if _goes_further(book.matrix[stricter], book.matrix[laxer]):
                yield Finding("ORDER_REVERSED", "grading.restrictiveness", f"{stricter} before {laxer}")


def _goes_further(one: dict[str, Cell], other: dict[str, Cell]) -> bool:
    """Whether a code lets strangers have more than the other does, and nowhere less."""
    widths = [
        (_WIDTH[mine], _WIDTH[theirs])
        for column in _STRANGERS
        for mine, theirs in ((one[column].named, other[column].named), (one[column].other, other[column].other))
    ]
    return all(mine >= theirs for mine, theirs in widths) and any(mine > theirs for mine, theirs in widths)


def _categories(book: Rulebook) -> Iterator[Finding]:
    category = book.category
    if category.high >= category.known:
        yield Finding("DEAD_RULE", "category.high", "R-REFERRAL: every known category is high")
    for name, values in (("high", category.high), ("alerts", category.alerts)):
        if not values:
            yield Finding("RULE_NARROWED", f"category.{name}", "G-CATA")


def _lists(book: Rulebook) -> Iterator[Finding]:
    empty = {
        ("markings.held", "G-MARKING"): not book.markings.held,
        ("grading.risk_assessed", "V-RISK"): not book.grading.risk_assessed,
        ("tags.cat_a_team", "R-CATA"): not book.tags.cat_a_team,
        ("tags.seniority", "R-SENIORITY"): not (book.tags.seniority or book.priorities.seniority),
        ("referral.risk", "R-REFERRAL"): not adds_up_alone(book.referral.tags, book.referral),
    }
    yield from (Finding("DEAD_RULE", place, rule) for (place, rule), dead in empty.items() if dead)
    narrowed = {
        ("tags.gatekept", "G-CATA"): not book.tags.gatekept,
        ("tags.staff", "G-STAFF"): not book.tags.staff,
        ("tags.seniority", "R-SENIORITY"): not book.tags.seniority and bool(book.priorities.seniority),
        ("priorities.seniority", "R-SENIORITY"): bool(book.tags.seniority) and not book.priorities.seniority,
        ("grading.contradictory", "V-GRADE"): not book.grading.contradictory,
        ("grading.corroborated", "V-GRADE"): not book.grading.corroborated,
    }
    yield from (Finding("RULE_NARROWED", place, rule) for (place, rule), is_so in narrowed.items() if is_so)
    alone = [tag for tag in sorted(book.referral.risk) if book.referral.with_ <= {tag}]
    yield from (Finding("NO_EFFECT", "referral.risk", f"{tag}: nothing in referral.with adds up with it") for tag in alone)


def _matrix(book: Rulebook) -> Iterator[Finding]:
    shipped = read_rulebook(read_data("rulebook.toml"), b"gate,pattern,note\n").matrix
    for code in CODES:
        row = book.matrix[code]
        for column in COLUMNS:
            if _WIDTH[row[column].named] < _WIDTH[row[column].other]:
                yield Finding("NAMING_NARROWS", f"matrix.{code}.{column}", f"H{code}-{column.upper()}")
            elif (code, column) in _NAMED_ALONE and row[column].other != shipped[code][column].other:
                yield Finding("NO_EFFECT", f"matrix.{code}.{column}.other", "whoever is considered for such an item was named for it")
        own, police = row["own"], row["police"]
        if _WIDTH[own.named] < _WIDTH[police.named] or _WIDTH[own.other] < _WIDTH[police.other]:
            yield Finding("OWN_NARROWED", f"matrix.{code}.own", f"H{code}-OWN")


def _clocks(book: Rulebook) -> Iterator[Finding]:
    gravest_first = PRIORITIES[::-1]
    longest = timedelta(0)
    for name, due in (("read", book.read_by), ("case", book.case_due)):
        for graver, lesser in pairwise(gravest_first):
            if any(due(graver, since) > due(lesser, since) for since in _HOURS):
                yield Finding("DEADLINES_DISORDERED", f"deadlines.{name}", f"{graver} after {lesser}")
        longest = max([longest, *(due(priority, since) - since for priority in PRIORITIES for since in _HOURS)])
    if timedelta(days=book.retention.body_days_after_live) < longest:
        yield Finding("RETENTION_SHORT", "retention.body_days_after_live", f"the longest clock runs for {longest.days} days and more")
    idle = sorted(day for day in book.calendar.holidays if day.strftime("%A").upper() in book.calendar.weekend)
    yield from (Finding("NO_EFFECT", "calendar.holidays", f"{day}: a day of the weekend") for day in idle)


def _rungs(book: Rulebook) -> Iterator[Finding]:
    for name, ladders in (("disclosure", book.ladders.disclosure), ("case", book.ladders.case)):
        for priority, ladder in ladders.items():
            for (lower, sooner), (upper, later) in pairwise(ladder):
                if any(book.calendar.after(sooner, since) > book.calendar.after(later, since) for since in _HOURS):
                    yield Finding("LADDER_DISORDERED", f"ladders.{name}.{priority}", f"{upper} before {lower}")


def _people(book: Rulebook) -> Iterator[Finding]:
    lists: Sequence[tuple[str, frozenset[str]]] = (
        ("receipts.governor_posts", book.receipts.governor_posts), ("deciding.decide", book.deciding.decide),
        ("deciding.second", book.deciding.second), ("deciding.consent", book.deciding.consent),
        ("requests.ask", book.requests.ask), ("requests.answer", book.requests.answer),
        ("deciding.silence_ranks", book.deciding.silence_ranks), ("markings.accepted", book.markings.accepted),
    )  # fmt: skip
    yield from (Finding("NOBODY_MAY", place, place.rpartition(".")[2]) for place, values in lists if not values)
    for post in sorted(book.receipts.governor_posts):
        if not is_reference(post):
            yield Finding("UNKNOWN_POST", "receipts.governor_posts", repr(post))
    asked = book.four_eyes
    if "G-PASO" not in asked.gates:
        yield Finding("ONE_PERSON", "four_eyes.gates", "G-PASO")
    for name, values in (("codes", asked.codes), ("markings", asked.markings), ("overrides", asked.overrides)):
        if not values:
            yield Finding("RULE_NARROWED", f"four_eyes.{name}", "two people")
