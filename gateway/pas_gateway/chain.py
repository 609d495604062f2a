"""Corrections: a report stands in the place of its direct predecessor, which is withdrawn from everyone, once both are here.

A correction waits, disclosed to nobody, until the report it corrects is here and is the last of its chain; where a correction
came first, the corrected report is held back and never goes out. Only the same agency may correct: an originator's own
offices. What is not so by the deadline of a case becomes a case of PAS, and goes on waiting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from pas_gateway.again import Standing, decide_again, find_standing, holding_of
from pas_gateway.audit import Scribe
from pas_gateway.drafts import about_accepted, notice, notify, withdraw
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan, closed_notices
from pas_gateway.register import chains, queries
from pas_gateway.register.chains import Waiting
from pas_gateway.register.dockets import WAITING
from pas_gateway.register.queries import Accepted, Sent
from pas_gateway.stages import Decided, Waits
from pas_gateway.summaries import withdraw_summaries
from pas_schemas.directory import Estate

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
    for row in rows:
        if len(settling.touched) >= SETTLED_AT_ONCE:
            break
        settling.look_at(row)
    settling.finish()


def release_unmatched(register: sa.Connection, reports: Iterable[bytes], scribe: Scribe, plan: Plan) -> None:
    """People let these corrections go out though what they correct has not come; should it come, they still stand in its place."""
    for row in chains.find_waits(register, reports).values():
        plan.change.waits.append({"report": row.report, "target": row.target, "state": "RELEASED"})
        plan.change.events.append(scribe.event("UNMATCHED_RELEASED", row.report.hex(), office=row.originator))
        plan.chains.add(row.urn)
        for found in queries.find_accepted(register, [row.report], ()):
            plan.drafts.append(notify(about_accepted(found), row.originator, [notice("ACCEPTED", _LET_GO)]))


@dataclass
class _Settling:
    """One transaction's worth; a report is touched once in it, so that each step rests on what the register holds."""

    register: sa.Connection = field(repr=False)
    office: PasOffice = field(repr=False)
    scribe: Scribe
    plan: Plan
    touched: set[bytes] = field(default_factory=set)
    _released: set[bytes] = field(default_factory=set)
    _unmatched: set[bytes] = field(default_factory=set)

    def look_at(self, row: Waiting) -> None:
        if row.report in self.touched:
            return
        if row.target is None:
            if not self._corrections_of(row):
                self._release(row)
            return
        target = self._find_target(row)
        waits = chains.find_waits(self.register, [target.id]).get(target.id) if target is not None else None
        gone = target is not None and any(link.report == target.id for link in chains.find_links(self.register, [target.id]))
        if target is not None and not gone and (waits is None or waits.target is None or waits.state == "RELEASED"):
            self._replace(row, target)
        elif row.state == "WAITING" and (gone or row.until_ms <= self.scribe.now_ms):
            self._tell_unmatched(row)

    def finish(self) -> None:
        """Decides those anew that wait no longer, or wait for a person."""
        ids = self._released | self._unmatched
        if ids:
            knowledge = self.office.know()
            standing = find_standing(self.register, ids, knowledge, self.office, self.scribe, self.plan)
            decide_again(
                standing, knowledge, self.office, self.scribe, self.plan, released=frozenset(self._released),
                unmatched=frozenset(self._unmatched),
            )  # fmt: skip

    def _find_target(self, row: Waiting) -> Accepted | None:
        """The report of that URN which the originator wrote itself, else the one that another of its own offices wrote."""
        own = self.office.snapshot.at(self.scribe.now).own(row.originator)
        found = queries.find_accepted(self.register, (), {(office, row.target or "") for office in own})
        others = [one for one in found if one.id != row.report]
        mine = [one for one in others if one.originator == row.originator]
        chosen = mine or others
        return chosen[0] if len(chosen) == 1 else None

    def _corrections_of(self, row: Waiting) -> bool:
        """Whether a correction waits that has this report for its target."""
        waiting = chains.find_waiting(self.register, [row.urn])
        return any(found is not None and found.id == row.report for found in map(self._find_target, waiting))

    def _release(self, row: Waiting) -> None:
        self.touched.add(row.report)
        if row.target is not None and self._corrections_of(row):
            # It is corrected itself, by one that came before it: held back, it is replaced next.
            self.plan.change.waits.append({"report": row.report, "target": None, "state": "WAITING"})
        else:
            self.plan.change.settled.append(row.report)
            self._released.add(row.report)
        self.plan.chains.add(row.urn)

    def _tell_unmatched(self, row: Waiting) -> None:
        self.touched.add(row.report)
        self._unmatched.add(row.report)
        self.plan.chains.add(row.urn)
        self.plan.change.waits.append({"report": row.report, "target": row.target, "state": "UNMATCHED"})
        self.plan.change.events.append(self.scribe.event("UNMATCHED", row.report.hex(), office=row.originator))
        for found in queries.find_accepted(self.register, [row.report], ()):
            self.plan.drafts.append(notify(about_accepted(found), row.originator, [notice("REFUSED", _UNMATCHED)]))

    def _replace(self, row: Waiting, target: Accepted) -> None:
        """The target ends: withdrawn from all who hold anything of it, told to all who acted on it, live no more, its cases closed."""
        if target.id in self.touched:
            return
        self.touched.add(target.id)
        change, action = self.plan.change, row.action or "CORRECT"
        change.corrections.append({"report": target.id, "successor": row.report, "action": action, "at_ms": self.scribe.now_ms})
        ends = min(target.live_until_ms, self.scribe.now_ms)
        change.superseded.append({"id": target.id, "version": target.version, "live_until_ms": ends})
        change.settled.append(target.id)
        change.closed_cases += [{"id": case.id} for case in queries.find_cases(self.register, [target.id]) if case.state != "CLOSED"]
        change.events.append(self.scribe.event("SUPERSEDED", target.id.hex(), office=row.originator, rules=[action], digests=[row.report]))
        waited = [case.owner for case in queries.find_cases(self.register, [target.id]) if case.state in WAITING]
        self.plan.drafts += closed_notices(about_accepted(target), waited, self.office)
        self._withdraw(row, target, action)
        withdraw_summaries(self.register, target.id, self.office, self.scribe, self.plan)
        self._release(row)

    def _withdraw(self, row: Waiting, target: Accepted, action: str) -> None:
        by_office: dict[str, list[Sent]] = {}
        for sent in queries.find_deliveries(self.register, [target.id]):
            by_office.setdefault(sent.office, []).append(sent)
        acted = chains.find_actioned(self.register, target.id)
        regraded = self._regraded(target.id, row.report) if action == "CORRECT" else frozenset()
        confirm_by = self.office.rulebook.read_by(target.priority, self.scribe.now)  # type: ignore[arg-type]  # as it was accepted
        for office, sent_to in sorted(by_office.items()):
            holding = holding_of(sent_to)
            if not holding.deliveries and office not in acted:
                continue
            had = {item for one in sent_to for item in one.items}
            why = RETRACTED if action == "WITHDRAW" else REGRADED if had & regraded else CORRECTED
            self.plan.drafts.append(withdraw(about_accepted(target), office, confirm_by, [notice("REFUSED", why, office=office)]))
            self.plan.change.states += [{"id": delivery, "state": "WITHDRAWN"} for delivery in holding.deliveries]

    def _regraded(self, target: bytes, successor: bytes) -> frozenset[int]:
        """The target's items that came again word for word under another grade; of a closed text PAS cannot tell."""
        found = self._read([target, successor])
        if target not in found or successor not in found:
            return frozenset()
        new: dict[str, set[str]] = {}
        for item in found[successor].report.items:
            new.setdefault(item.text or "", set()).add(item.grade)
        items = enumerate(found[target].report.items)
        return frozenset(n for n, item in items if item.text and item.text in new and item.grade not in new[item.text])

    def _read(self, ids: Sequence[bytes]) -> Mapping[bytes, Standing]:
        standing = find_standing(self.register, ids, self.office.know(), self.office, self.scribe, Plan())
        return {one.kept.id: one for one in standing}
