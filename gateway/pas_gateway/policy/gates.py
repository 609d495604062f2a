"""The gates: what a person must see first (domain, *Gates*)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pas_gateway.policy.situation import Situation
from pas_gateway.policy.whereabouts import State
from pas_schemas.border import ANY_PRISON, bad_pin
from pas_schemas.directory import Standing
from pas_schemas.identifiers import is_nomis, is_pnc
from pas_schemas.models.report import Item, Report, Subject
from pas_schemas.rulebook import Rulebook


class PersonFacts(NamedTuple):
    """What the rules need to know of a subject or associate; `prison` and `written` are None for one who is in no prison.

    `released_since`: from custody, after the report came.
    """

    is_subject: bool
    prison: str | None
    written: str | None
    resolves: bool
    unverified: bool
    high: bool
    released_since: bool


class ItemFacts(NamedTuple):
    """What the rules need to know of one item: where its subjects are, where they were when it was written, which gates it sets off."""

    item: int
    code: str
    prisons: frozenset[str]
    written: frozenset[str]
    unidentified: bool
    unverified: bool
    gatekept: bool
    released_since: bool = False


def person_facts(person: Subject, situation: Situation, rulebook: Rulebook) -> PersonFacts:
    """The facts of one person, whatever items concern them."""
    number = person.noms_number
    state = situation.whereabouts.get(number) if number is not None else None
    passes = person.pnc_id is not None and is_pnc(person.pnc_id) and person.pnc_id not in situation.doubted
    if person.role == "ASSOCIATE":
        return PersonFacts(False, None, None, True, False, _associate_is_high(state, rulebook), released_since=False)
    return PersonFacts(
        is_subject=True,
        prison=state.prison if state is not None else None,
        written=situation.written.get(number) if number is not None else None,
        # A malformed NOMIS number never does, whatever else is said.
        resolves=(number is None or is_nomis(number)) and (state is not None or passes),
        unverified=state is not None and person.pnc_id is not None and not passes,
        high=is_high(state, situation, rulebook),
        released_since=state is not None and state.released_at is not None and state.released_at > situation.came_at,
    )


def item_facts(report: Report, index: int, item: Item, everybody: Sequence[PersonFacts], gatekept: bool) -> ItemFacts:
    """The facts of an item; `everybody` are the report's persons and `gatekept` is what the report as a whole says for G-CATA."""
    people = everybody if item.subjects is None else [everybody[subject] for subject in report.subjects_of(item)]
    prisons, written = set(), set()
    on_somebody = unresolved = unverified = released_since = False
    for person in people:
        gatekept |= person.high
        if not person.is_subject:
            continue
        on_somebody = True
        unresolved |= not person.resolves
        unverified |= person.unverified
        released_since |= person.released_since
        if person.prison is not None:
            prisons.add(person.prison)
        if person.written is not None:
            written.add(person.written)
    unidentified = unresolved or not on_somebody
    return ItemFacts(
        index, item.handling, frozenset(prisons), frozenset(written), unidentified, unverified, gatekept, released_since
    )  # fmt: skip


def category_of(state: State | None, situation: Situation, rulebook: Rulebook) -> str | None:
    """The category a prisoner is known to be in; None where it is none, unlisted or stated too long ago, or alerts were never stated."""
    book = rulebook.category
    if state is None or state.alerts is None or state.category not in book.known or state.category_at is None:
        return None
    return None if (situation.now - state.category_at).total_seconds() > book.category_stale_after_days * 86400 else state.category


def is_high(state: State | None, situation: Situation, rulebook: Rulebook) -> bool:
    """A high category, an alert of that weight, or a category (or alerts) nobody can vouch for."""
    category = category_of(state, situation, rulebook)
    if state is None or category is None:
        return True
    return category in rulebook.category.high or not rulebook.category.alerts.isdisjoint(state.alerts or ())


def _associate_is_high(state: State | None, rulebook: Rulebook) -> bool:
    """An associate counts only when last stated to be high, however long ago, or under one of the alerts."""
    if state is None:
        return False
    return state.category in rulebook.category.high or not rulebook.category.alerts.isdisjoint(state.alerts or ())


def holds_everybody(report: Report, situation: Situation, rulebook: Rulebook) -> tuple[str, ...]:
    """The gates that hold the whole report for everybody, in table order."""
    said = report.declarations
    suspected = {suspicion.gate for suspicion in situation.suspicions}
    markings, marking = rulebook.markings, report.protective_marking
    fired = {
        "G-PIN": situation.again and bad_pin(report, situation.now),
        # The border lets none in that is not accepted; one that came before the rulebook changed is a person's to see.
        "G-MARKING": marking in markings.held or marking not in markings.accepted,
        "G-WARRANT": "G-WARRANT" in suspected,
        "G-PRIVILEGE": "G-PRIVILEGE" in suspected,
        "G-VISOR": said.visor_derived and said.visor_permission is None,
        "G-SOURCE": "G-SOURCE" in suspected,
    }
    return tuple(gate for gate, fires in fired.items() if fires)


def is_gatekept(report: Report, rulebook: Rulebook) -> bool:
    """G-CATA for the report as a whole: terrorism declared, or a tag of that weight."""
    return report.declarations.terrorism or not rulebook.tags.gatekept.isdisjoint(report.risk_tags)


@dataclass(frozen=True, slots=True)
class Staff:
    """G-STAFF as it fired: `prisons` None means any prison."""

    prisons: frozenset[str] | None

    def refuses(self, office: str, standing: Standing | None) -> bool:
        """Whether the office is the security of such a prison; of one that the directory lacks the id says so."""
        kind, _, code = office.partition(":")
        if standing is not None:
            kind, code = standing.kind, standing.prison or ""
        return kind == "security" and (self.prisons is None or code in self.prisons)


def staff_concern(report: Report, rulebook: Rulebook) -> Staff | None:
    """Whose staff the report concerns; None where it concerns none."""
    prisons = frozenset(report.declarations.concerns_staff)
    if ANY_PRISON in prisons or (not prisons and not rulebook.tags.staff.isdisjoint(report.risk_tags)):
        return Staff(None)
    return Staff(prisons) if prisons else None
