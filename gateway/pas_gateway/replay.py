"""`policy replay`: the register's decisions made once more under another rulebook, by what was known when each was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from pas_gateway.again import Standing, judge_again, reopen
from pas_gateway.filing import read_verdicts
from pas_gateway.judge import Bench
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.policy.verdicts import Case, Verdicts
from pas_gateway.register import dockets, history, queries
from pas_gateway.register.dockets import Stored
from pas_gateway.register.history import Past
from pas_gateway.register.queries import Kept
from pas_schemas.border import Rejection, examine
from pas_schemas.clock import from_ms
from pas_schemas.directory import Snapshot
from pas_schemas.errors import PasError
from pas_schemas.rulebook import Rulebook

Row = dict[str, Any]
Pair = tuple[str, int]
# Editions of the directory that are kept open: decisions are made again in about the order in which they were made.
_EDITIONS_KEPT = 4


@dataclass
class Tally:
    """What a replay has found so far, in the shape that `pas policy replay --json` prints.

    `unreadable` are reports whose body was shredded or damaged. `unsure` are among `changed`: those that the rulebook they were decided
    under does not bring out as they were, so that the change may not be the new rulebook's.
    """

    read: int = 0
    changed: list[Row] = field(default_factory=list)
    cases: list[Row] = field(default_factory=list)
    unreadable: int = 0
    unsure: int = 0


class Replay:
    """Decides the history of a register again under `rulebook`; nothing is stored. `editions` gives each edition of the directory."""

    def __init__(self, office: PasOffice, rulebook: Rulebook, editions: Callable[[int], Snapshot]) -> None:
        self._office, self._rulebook, self._editions = office, rulebook, editions
        self._then = lru_cache(_EDITIONS_KEPT)(self._as_it_was)
        own = office.rulebook
        self._borders_differ = (own.markings, own.grading, own.border) != (rulebook.markings, rulebook.grading, rulebook.border)
        self.tally = Tally()

    def run(self, register: sa.Connection) -> Iterator[int]:
        """Yields how many reports were looked at, batch by batch; what was found stands in `tally`. Raises DirectoryError."""
        for batch in history.list_decisions(register):
            self._look_at(register, batch)
            yield len(batch)

    def _look_at(self, register: sa.Connection, batch: Sequence[Past]) -> None:
        kept = {one.id: one for one in queries.find_kept(register, [past.id for past in batch if past.kept])}
        statements = dockets.find_statements(register, kept)
        opened = [self._reopen(past, kept[past.id], statements.get(past.id, ())) for past in batch if past.id in kept]
        found = [made for made in opened if made is not None]
        shared = Knowledge(self._office.names)
        shared.load(register, [made.standing.report for made in found], [])
        late = _moved_later(register, found, shared)
        for made in found:
            self._compare(made, self._known_then(register, made) if made.past.id in late else shared)
        self.tally.read += len(found)
        self.tally.unreadable += len(batch) - len(found)

    def _reopen(self, past: Past, kept: Kept, statements: Sequence[Stored]) -> _Made | None:
        """The decision as it was made, by what had come until then; None where the register no longer holds it as it was."""
        try:
            filed = read_verdicts(kept.verdicts, kept.id, self._office.register_key)
        except (PasError, ValueError, TypeError):
            return None
        own, other = self._then(filed.directory_version)
        kept = replace(kept, unread=tuple(unread for unread in kept.unread if unread.at_ms <= past.decided_at_ms))
        said = [one for one in statements if one.at_ms <= past.decided_at_ms]
        standing, _ = reopen([kept], (), {kept.id: said}, other)
        return _Made(past, standing[0], said, filed.rulebook, own, other) if standing else None

    def _as_it_was(self, version: int) -> tuple[PasOffice, PasOffice]:
        """PAS under an edition of its directory: with its own rulebook, and with the other."""
        own = replace(self._office, snapshot=self._editions(version))
        return own, replace(own, rulebook=self._rulebook)

    def _known_then(self, register: sa.Connection, made: _Made) -> Knowledge:
        knowledge = Knowledge(self._office.names, known_by_ms=made.past.decided_at_ms)
        knowledge.load(register, [made.standing.report], [])
        return knowledge

    def _compare(self, made: _Made, knowledge: Knowledge) -> None:
        before = made.standing.verdicts
        refusing = made.newly_refused() if self._borders_differ else ()
        after = None if refusing else decide_once_more(made.standing, made.past, made.other, knowledge)
        if after == before:
            return
        self.tally.unsure += not made.comes_out(knowledge)
        name = {"urn": made.past.urn, "originator": made.past.originator}
        self.tally.changed += [name | row for row in _pairs(before, after, refusing)]
        self.tally.cases += [name | row for row in _cases(before.cases, after.cases if after else ())]


@dataclass(frozen=True, slots=True)
class _Made:
    """A decision that was made: of what, under which rulebook (digest), and PAS as it was with its own rulebook and with the other."""

    past: Past
    standing: Standing
    statements: Sequence[Stored]
    rulebook: str
    own: PasOffice
    other: PasOffice

    def newly_refused(self) -> tuple[str, ...]:
        """The rules by which the other rulebook would not have let the report in, and its own did."""
        had, has = (self._refused_by(office) for office in (self.own, self.other))
        return tuple(rule for rule in has if rule not in had)

    def _refused_by(self, office: PasOffice) -> list[str]:
        at = from_ms(self.standing.kept.order[0])
        raw = self.standing.source.parts.raw
        found = examine(raw, estate=office.snapshot.at(at), now=at, rulebook=office.rulebook, closed=True)
        return [finding.rule for finding in found.findings] if isinstance(found, Rejection) else []

    def comes_out(self, knowledge: Knowledge) -> bool:
        """Whether the workspace's own rulebook, by which it was made, makes the decision as it was."""
        if self.rulebook != self.own.rulebook.digest:
            return False
        (standing,), _ = reopen([self.standing.kept], (), {self.standing.kept.id: self.statements}, self.own)
        return decide_once_more(standing, self.past, self.own, knowledge) == standing.verdicts


def decide_once_more(standing: Standing, past: Past, office: PasOffice, knowledge: Knowledge) -> Verdicts:
    """The decision as the gateway makes it, at the moment at which it was made."""
    bench, kept = Bench(from_ms(past.decided_at_ms), office.snapshot, office.rulebook), standing.kept
    unmatched, again = kept.waits == "UNMATCHED", kept.version > 0
    return judge_again(standing, kept.acceptances, knowledge, bench, office, unmatched=unmatched, again=again).verdicts


def _moved_later(register: sa.Connection, batch: Sequence[_Made], shared: Knowledge) -> set[bytes]:
    """Reports on prisoners of whom PAS heard something after it had decided."""
    persons = {made.past.id: shared.used(made.standing.report) for made in batch}
    first = min((made.past.decided_at_ms for made in batch), default=0)
    last = history.find_last_moves(register, {key for keys in persons.values() for key in keys}, first)
    return {made.past.id for made in batch if any(last.get(key, 0) > made.past.decided_at_ms for key in persons[made.past.id])}


def _pairs(before: Verdicts, after: Verdicts | None, refusing: Sequence[str]) -> Iterator[Row]:
    """Each office and item of which another word, or another rule, would be said; one line without them where there were none."""
    had, has = _words(before), _words(after) if after is not None else {}
    refused = {"verdict": "reject", "rule": refusing[0]} if refusing else None
    for office, item in sorted(had.keys() | has.keys()):
        one, other = had.get((office, item)), has.get((office, item), refused)
        if one != other:
            yield {"office": office, "item": item, "before": one, "after": other}
    if refused is not None and not had:
        yield {"office": None, "item": None, "before": None, "after": refused}


def _words(verdicts: Verdicts) -> dict[Pair, Row]:
    return {
        (outcome.office, verdict.item): {"verdict": verdict.word, "rule": verdict.rule}
        for outcome in verdicts.outcomes
        for verdict in outcome.verdicts
    }


def _cases(before: Sequence[Case], after: Sequence[Case]) -> Iterator[Row]:
    """Each owner whose case would open, close or name other reasons."""
    had, has = ({case.owner: list(case.reasons) for case in cases} for cases in (before, after))
    for owner in sorted(had.keys() | has.keys()):
        if had.get(owner) != has.get(owner):
            yield {"owner": owner, "before": had.get(owner), "after": has.get(owner)}
