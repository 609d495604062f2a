"""Corrections: a report stands in the place of its direct predecessor, which is withdrawn from everyone, once both are here.

A correction waits, disclosed to nobody, until the report it corrects is here and is the last of its chain; where a correction
came first, the corrected report is held back and never goes out. Only the same agency may correct: an originator's own
offices. What is not so by the deadline of a case becomes a case of PAS, and goes on waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

import sqlalchemy as sa

from pas_gateway.again import decide_again, find_standing, holding_of, reopen
from pas_gateway.audit import Scribe
from pas_gateway.drafts import about_accepted, notice, notify, withdraw
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan, closed_notices
from pas_gateway.register import chains, dockets, queries
from pas_gateway.register.chains import Waiting
from pas_gateway.register.dockets import WAITING
from pas_gateway.register.queries import Accepted, Sent
from pas_gateway.requests import Ledger, reopen_answered, reopen_confirmed
from pas_gateway.stages import Decided, Waits
from pas_gateway.summaries import withdraw_summaries
from pas_schemas.directory import Estate
from pas_schemas.models.report import Report

T = TypeVar("T")
K = TypeVar("K")
# Corrections that take effect in one transaction.
SETTLED_AT_ONCE = 100

CORRECTED = "Its originator has corrected this report: what you hold of it no longer stands."
REGRADED = "Its originator has graded this report anew: the grade under which you hold it no longer stands."
RETRACTED = "Its originator has withdrawn this report: what you hold of it no longer stands."
_LET_GO = "PAS has let it go out, though the report that it corrects has not come, or was corrected already by another."
_UNMATCHED = "It is disclosed to nobody: the report it corrects has not come, or was corrected already by another. PAS has a case."


def find_waits(register: sa.Connection, decided: Iterable[object], estate: Estate) -> dict[bytes, Waits]:
    """Which of a batch's reports wait: corrections for their target, and reports that a correction has overtaken."""
    reports = [one.verified for one in decided if isinstance(one, Decided)]
    before: dict[str, set[str]] = {}
    for one in chains.find_waiting(register, {verified.report.urn for verified in reports}):
        before.setdefault(one.target or "", set()).add(one.originator)
    waits: dict[bytes, Waits] = {}
    for verified in reports:
        report = verified.report
        if report.supersedes is not None:
            waits[verified.id] = Waits(report.supersedes.urn, report.supersedes.action)
            before.setdefault(report.supersedes.urn, set()).add(report.originator)
        elif any(report.originator in estate.own(other) for other in before.get(report.urn, ())):
            waits[verified.id] = Waits(None, None)
    return waits


def settle(register: sa.Connection, rows: Sequence[Waiting], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds to a plan what becomes of those that wait: nothing, where nothing has come that they waited for."""
    settling = _Settling(register, office, scribe, plan)
    for start in range(0, len(rows), SETTLED_AT_ONCE):
        if settling.full:
            break
        settling.look_at(rows[start : start + SETTLED_AT_ONCE])
    settling.finish()


def release_unmatched(register: sa.Connection, reports: Iterable[bytes], scribe: Scribe, plan: Plan) -> None:
    """People let these corrections go out though what they correct has not come; should it come, they still stand in its place."""
    for row in chains.find_waits(register, reports).values():
        plan.change.waits.append({"report": row.report, "target": row.target, "state": "RELEASED"})
        plan.change.events.append(scribe.event("UNMATCHED_RELEASED", row.report.hex(), office=row.originator))
        plan.chains.add(row.urn)
        for found in queries.find_accepted(register, [row.report], ()):
            plan.drafts.append(notify(about_accepted(found), row.originator, [notice("ACCEPTED", _LET_GO)]))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the register knows of those that wait: who wrote what by each URN, which corrections of a URN wait, which reports wait
    themselves, and which were replaced."""

    written: Mapping[str, Sequence[Accepted]]
    corrections: Mapping[str, Sequence[Waiting]]
    waits: Mapping[bytes, Waiting]
    replaced: frozenset[bytes]


@dataclass
class _Settling:
    """One transaction's worth; a report is touched once in it, so that each step rests on what the register holds."""

    register: sa.Connection = field(repr=False)
    office: PasOffice = field(repr=False)
    scribe: Scribe
    plan: Plan
    _estate: Estate = field(init=False, repr=False)
    _touched: set[bytes] = field(default_factory=set)
    _replaced: list[tuple[Waiting, Accepted]] = field(default_factory=list)
    _released: set[bytes] = field(default_factory=set)
    _unmatched: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._estate = self.office.snapshot.at(self.scribe.now)

    @property
    def full(self) -> bool:
        return len(self._touched) >= SETTLED_AT_ONCE

    def look_at(self, rows: Sequence[Waiting]) -> None:
        """Finds out what becomes of them, by a few questions to the register whatever their number."""
        seen = self._see(rows)
        for row in rows:
            if not self.full and row.report not in self._touched:
                self._look_at(row, seen)

    def finish(self) -> None:
        """Ends what was replaced, and decides those anew that wait no longer, or wait for a person."""
        if self._replaced:
            self._end_replaced()
        for found in queries.find_accepted(self.register, self._unmatched, ()):
            self.plan.drafts.append(notify(about_accepted(found), found.originator, [notice("REFUSED", _UNMATCHED)]))
        ids = self._released | self._unmatched
        if ids:
            knowledge = self.office.know()
            standing = find_standing(self.register, ids, knowledge, self.office, self.scribe, self.plan)
            decide_again(
                standing, knowledge, self.office, self.scribe, self.plan, released=frozenset(self._released),
                unmatched=frozenset(self._unmatched),
            )  # fmt: skip

    def _see(self, rows: Sequence[Waiting]) -> _Seen:
        corrections = _by(chains.find_waiting(self.register, [row.urn for row in rows]), lambda one: one.target or "")
        all_rows = (*rows, *chain.from_iterable(corrections.values()))
        names = {(office, row.target) for row in all_rows if row.target is not None for office in self._estate.own(row.originator)}
        found = queries.find_accepted(self.register, (), names)
        ids = [one.id for one in found]
        replaced = frozenset(link.report for link in chains.find_links(self.register, ids))
        return _Seen(_by(found, lambda one: one.urn), corrections, chains.find_waits(self.register, ids), replaced)

    def _look_at(self, row: Waiting, seen: _Seen) -> None:
        if row.target is None:
            if not self._is_corrected(row, seen):
                self._release(row, seen)
            return
        target = self._find_target(row, seen)
        waits = seen.waits.get(target.id) if target is not None else None
        replaced = target is not None and target.id in seen.replaced
        if target is not None and not replaced and (waits is None or waits.target is None or waits.state == "RELEASED"):
            self._replace(row, target, seen)
        elif row.state == "WAITING" and (replaced or row.until_ms <= self.scribe.now_ms):
            self._tell_unmatched(row)

    def _find_target(self, row: Waiting, seen: _Seen) -> Accepted | None:
        """The report of that URN which the originator wrote itself, else the one that another of its own offices wrote."""
        own = self._estate.own(row.originator)
        others = [one for one in seen.written.get(row.target or "", ()) if one.originator in own and one.id != row.report]
        mine = [one for one in others if one.originator == row.originator]
        chosen = mine or others
        return chosen[0] if len(chosen) == 1 else None

    def _is_corrected(self, row: Waiting, seen: _Seen) -> bool:
        """Whether a correction waits that has this report for its target."""
        targets = (self._find_target(one, seen) for one in seen.corrections.get(row.urn, ()))
        return any(found is not None and found.id == row.report for found in targets)

    def _release(self, row: Waiting, seen: _Seen) -> None:
        self._touched.add(row.report)
        if row.target is not None and self._is_corrected(row, seen):
            # It is corrected itself, by one that came before it: held back, it is replaced next.
            self.plan.change.waits.append({"report": row.report, "target": None, "state": "WAITING"})
        else:
            self.plan.change.settled.append(row.report)
            self._released.add(row.report)
        self.plan.chains.add(row.urn)

    def _tell_unmatched(self, row: Waiting) -> None:
        self._touched.add(row.report)
        self._unmatched.add(row.report)
        self.plan.chains.add(row.urn)
        self.plan.change.waits.append({"report": row.report, "target": row.target, "state": "UNMATCHED"})
        self.plan.change.events.append(self.scribe.event("UNMATCHED", row.report.hex(), office=row.originator))

    def _replace(self, row: Waiting, target: Accepted, seen: _Seen) -> None:
        if target.id not in self._touched:
            self._touched.add(target.id)
            self._replaced.append((row, target))
            self._release(row, seen)

    def _end_replaced(self) -> None:
        """The targets end: withdrawn from all who hold anything of them, told to all who acted on them, live no more, cases closed."""
        ids = [target.id for _, target in self._replaced]
        cases = _by(queries.find_cases(self.register, ids), lambda case: case.report)
        sent = _by(queries.find_deliveries(self.register, ids), lambda one: one.report)
        acted, regraded = chains.find_actioned(self.register, ids), self._find_regraded()
        change = self.plan.change
        for row, target in self._replaced:
            action = row.action or "CORRECT"
            change.corrections.append({"report": target.id, "successor": row.report, "action": action, "at_ms": self.scribe.now_ms})
            ends = min(target.live_until_ms, self.scribe.now_ms)
            change.superseded.append({"id": target.id, "version": target.version, "live_until_ms": ends})
            change.settled.append(target.id)
            change.closed_cases += [{"id": case.id} for case in cases.get(target.id, ()) if case.state != "CLOSED"]
            event = self.scribe.event("SUPERSEDED", target.id.hex(), office=row.originator, rules=[action], digests=[row.report])
            change.events.append(event)
            waited = [case.owner for case in cases.get(target.id, ()) if case.state in WAITING]
            self.plan.drafts += closed_notices(about_accepted(target), waited, self.office)
            self._withdraw(target, action, sent.get(target.id, ()), acted, regraded.get(target.id, frozenset()))
        self._ask_again()
        for report in dockets.find_statements(self.register, ids):
            withdraw_summaries(self.register, report, self.office, self.scribe, self.plan)

    def _ask_again(self) -> None:
        """Requests that one of the targets answered."""
        replaced = {target.id: None if row.action == "WITHDRAW" else row.report for row, target in self._replaced}
        reopen_requests = reopen_confirmed if self.office.realm.apart else reopen_answered
        reopen_requests(replaced, Ledger(self.register, self.office, self.scribe, self.plan))

    def _withdraw(
        self, target: Accepted, action: str, deliveries: Sequence[Sent], acted: Container[tuple[bytes, str]], regraded: frozenset[int]
    ) -> None:
        confirm_by = self.office.rulebook.read_by(target.priority, self.scribe.now)
        for office, sent_to in sorted(_by(deliveries, lambda one: one.office).items()):
            holding = holding_of(sent_to)
            if not holding.deliveries and (target.id, office) not in acted:
                continue
            had = {item for one in sent_to for item in one.items}
            why = RETRACTED if action == "WITHDRAW" else REGRADED if had & regraded else CORRECTED
            self.plan.drafts.append(withdraw(about_accepted(target), office, confirm_by, [notice("REFUSED", why, office=office)]))
            self.plan.change.states += [{"id": delivery, "state": "WITHDRAWN"} for delivery in holding.deliveries]

    def _find_regraded(self) -> dict[bytes, frozenset[int]]:
        """Of each target that is corrected, the items that came again word for word under another grade; PAS sees no closed text."""
        pairs = [(target.id, row.report) for row, target in self._replaced if row.action != "WITHDRAW"]
        opened, _ = reopen(queries.find_kept(self.register, chain.from_iterable(pairs)), (), {}, self.office)
        reports = {one.kept.id: one.report for one in opened}
        return {old: _regraded(reports[old], reports[new]) for old, new in pairs if old in reports and new in reports}


def _regraded(target: Report, successor: Report) -> frozenset[int]:
    new: dict[str, set[str]] = {}
    for item in successor.items:
        new.setdefault(item.text or "", set()).add(item.grade)
    items = enumerate(target.items)
    return frozenset(n for n, item in items if item.text and item.text in new and item.grade not in new[item.text])


def _by(rows: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Rows that have a key in common, in their order."""
    found: dict[K, list[T]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
