"""9 replies, by the clock: where nobody has read or decided in time, the rungs of its ladder are climbed, each once.

A rung tells the office that holds the disclosure, or PAS, and nobody else: telling anyone else is a decision (domain,
*Certainty of receipt*). The last rung of a disclosure gives PAS a case, through policy, like every other case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import sqlalchemy as sa

from pas_gateway.again import decide_again, find_standing
from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, notice, notify
from pas_gateway.filing import case_id
from pas_gateway.ladder import Posts, Rung, steps_of
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import ladders
from pas_gateway.register.ladders import Late, Unread
from pas_schemas.clock import from_ms, show_time
from pas_schemas.directory import PAS, Estate

# Deliveries, and cases, that are looked at in one transaction.
LOOKED_AT_ONCE = 200

_UNREAD = "It was not read in time: somebody must read it now."
_UNREAD_FOR = "It was not read in time: this is for the post {}."
_TOLD_PAS = "That office has not read it in time: somebody at PAS must see that it does."
_UNCONFIRMED = "The inbox of that office has not confirmed a withdrawal in time: somebody at PAS must see that it does."
_UNDECIDED = "The case was not decided in time: its owner must decide it now."
_UNDECIDED_FOR = "A case was not decided in time: this is for the post {}."


def climb(register: sa.Connection, office: PasOffice, scribe: Scribe, plan: Plan) -> bool:
    """Adds to a plan what time alone brings of what is late; whether anything was to be looked at."""
    due = ladders.find_due(register, scribe.now_ms, LOOKED_AT_ONCE)
    climbed = ladders.find_rungs(register, [late.id for late in due])
    turn = _Turn(office, scribe, plan)
    for late in due:
        turn.look_at(late, climbed.get((late.id, late.due_ms), {}))
    turn.finish(register)
    return bool(due)


@dataclass
class _Turn:
    """One transaction's worth; `cases` are the deliveries because of which PAS gets one, `_over` those because of which it need not, and
    `_orphans` the reports with a case that is due and whose owner is gone: decided again, it is somebody else's."""

    office: PasOffice = field(repr=False)
    scribe: Scribe
    plan: Plan
    _cases: dict[bytes, list[Late]] = field(default_factory=dict)
    _over: dict[bytes, set[bytes]] = field(default_factory=dict)
    _orphans: set[bytes] = field(default_factory=set)

    def look_at(self, late: Late, climbed: Mapping[str, int]) -> None:
        now_ms, later = self.scribe.now_ms, list[int]()
        for step in steps_of(late, self.office.rulebook) if late.waits else ():
            if step.rung in climbed:
                continue
            if step.at_ms <= now_ms:
                self._take(step.rung, late)
            else:
                later.append(step.at_ms)
        if not late.waits and "CASE" in climbed:
            self._over.setdefault(late.report, set()).add(late.id)
        table, name = ("cases", late.id.hex()) if late.kind == "CASE" else ("deliveries", late.id)
        self.plan.change.climbs.append({"table": table, "id": name, "was": late.climb_ms, "next": min(later, default=None)})

    def _take(self, rung: Rung, late: Late) -> None:
        change = self.plan.change
        change.rungs.append({
            "subject": late.id, "due_ms": late.due_ms, "rung": rung, "report": late.report, "office": late.owner,
            "at_ms": self.scribe.now_ms, "open": 0,
        })  # fmt: skip
        change.counts["escalated"] += 1
        change.events.append(self.scribe.event("ESCALATED", late.id.hex(), office=late.owner, rules=[rung], digests=[late.report]))
        if rung == "CASE":
            self._cases.setdefault(late.report, []).append(late)
            return
        if late.kind == "CASE" and not self._estate.is_active(late.owner):
            self._orphans.add(late.report)
            if rung == "OWNER":
                return
        to, told = self._word(rung, late)
        self.plan.drafts.append(notify(_about(late), to, [told]))

    def _word(self, rung: Rung, late: Late) -> tuple[str, dict[str, object]]:
        """Who is told on a rung, and what: of a case no more than that there is one."""
        posts = ", ".join(self._posts.on(rung, late.owner))
        if rung in ("REMIND", "DEPUTY"):
            return late.owner, notice("OVERDUE", _UNREAD_FOR.format(posts) if posts else _UNREAD, due_ms=late.due_ms)
        why, case = _UNDECIDED_FOR.format(posts) if posts else _UNDECIDED, late.id.hex()
        if rung == "OWNER":
            return late.owner, notice("OVERDUE", why, case=case, due_ms=late.due_ms)
        return PAS, notice("OVERDUE", why, office=late.owner if late.owner != PAS else None, case=case, due_ms=late.due_ms)

    def finish(self, register: sa.Connection) -> None:
        """Decides anew those of which PAS gets a case, or need have it no more; one whose body is gone is told without."""
        self.plan.change.relieved += [delivery for over in self._over.values() for delivery in sorted(over)]
        reports = self._cases.keys() | self._over.keys() | self._orphans
        knowledge = self.office.know()
        standing = find_standing(register, reports, knowledge, self.office, self.scribe, self.plan) if reports else []
        again = []
        for one in standing:
            over = self._over.get(one.kept.id, set())
            new = tuple(Unread(late.id, late.owner, self.scribe.now_ms) for late in self._cases.get(one.kept.id, ()))
            left = tuple(unread for unread in one.kept.unread if unread.delivery not in over)
            again.append(replace(one, kept=replace(one.kept, unread=(*left, *new))))
        having = {one.kept.id for one in standing if not one.kept.superseded}
        for row in self.plan.change.rungs:
            row["open"] = int(row["rung"] == "CASE" and row["report"] in having)
        self._tell_pas(having)
        decide_again(again, knowledge, self.office, self.scribe, self.plan)

    def _tell_pas(self, having: set[bytes]) -> None:
        for report, found in self._cases.items():
            case = case_id(self.office, report, PAS) if report in having else None
            for late in found:
                why = _UNCONFIRMED if late.kind == "WITHDRAWAL" else _TOLD_PAS
                told = notice("OVERDUE", why, office=late.owner, case=case, due_ms=late.due_ms)
                self.plan.drafts.append(notify(_about(late), PAS, [told]))

    @cached_property
    def _estate(self) -> Estate:
        return self.office.snapshot.at(self.scribe.now)

    @cached_property
    def _posts(self) -> Posts:
        return Posts(self.office.snapshot, self.office.rulebook, self.scribe.now)


def _about(late: Late) -> About:
    """What the words of a rung are about: of a summary, itself, for its reader hears of no report."""
    if late.summary is not None:
        return About(late.summary, "", PAS, late.priority, show_time(from_ms(late.created_at_ms)), late.received_at_ms)
    return About(late.report, late.urn, late.originator, late.priority, show_time(from_ms(late.created_at_ms)), late.received_at_ms)
