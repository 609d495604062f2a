"""The order of a report's life at PAS, a batch at a time; no other file knows it.

2 intake   a batch of records of one partition or several, as the log gave them
3 verify   opened, sender proved, fresh, of the agreed shape, through border and validation
4 decide   repeats and taken URNs told apart, then office by office and item by item
5 review   cases opened for what a person must see
6 seal     each recipient's projection, sealed to that recipient alone
7 route    into the outbox
10 audit   one event for each transition

All of it is computed on a snapshot, outside any lock; then one transaction checks that the snapshot still holds, and
writes. Where another worker wrote about the same people first, the decisions are made again: if all of them come out the
same, what was sealed stands. If not, that too is an ordinary outcome: ClashError, and the batch is computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

import sqlalchemy as sa

from pas_gateway.again import decide_again, find_standing
from pas_gateway.audit import Scribe
from pas_gateway.chain import release_unmatched, settle
from pas_gateway.chasing import chase
from pas_gateway.climbing import climb
from pas_gateway.confirming import confirm, keep_inquiries
from pas_gateway.decisions import plan_statements
from pas_gateway.drawing import Came, Drawn, Outcome, draw
from pas_gateway.feed import NOTHING_READ, Moved, ReadAhead, find_circles
from pas_gateway.handover import send_copies
from pas_gateway.inquiries import plan_inquiries
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan, plan_circle, plan_decided, plan_rejected, plan_repeated, plan_unprovable
from pas_gateway.policy.whereabouts import Row
from pas_gateway.precedents import name_earlier
from pas_gateway.protecting import plan_protections, renew_veil
from pas_gateway.regaining import regain_reports
from pas_gateway.register import Advance, ClashError, LostPartitionError, Store, chains, dockets, queries, relearning, write_change
from pas_gateway.renewal import copy_again, renew_holdings, renew_lapsed, tell_unheard
from pas_gateway.replies import Answered, Arrived, Inquired, Protecting, Veiled, plan_replies, plan_veil, read_reply
from pas_gateway.route import audible, route
from pas_gateway.stages import Decided, Rejected, Repeated, Submitted, Unprovable, Waits
from pas_gateway.summaries import end_summaries, renew_summaries
from pas_gateway.verify import verify, verify_movement
from pas_schemas.topics import COMPARTMENT, DAY_MS, REPLIES
from pas_transport.log import Taken

# Prisoners whose movements were taken in before, and who are followed in one transaction.
PRISONERS_AT_ONCE = 500
# Cases that open again in one transaction, the silence accepted on them being over.
SILENCES_AT_ONCE = 200
# Reports accounted for in one transaction after the register was restored.
REGAINED_AT_ONCE = 100
# Bodies shredded in one transaction.
BODIES_AT_ONCE = 500
# How often a batch is decided again and comes out the same before it is computed anew.
CONFIRMED_AT_MOST = 8


@dataclass(frozen=True)
class Pipeline:
    """Takes batches of input records through every stage into the register."""

    office: PasOffice = field(repr=False)
    store: Store = field(repr=False)

    def take_reports(self, records: Sequence[Taken], advances: Sequence[Advance]) -> Plan:
        """Steps 2 to 10 for a batch of reports and refusals; the plan is computed and not yet written."""
        scribe, plan = self._begin(advances)
        came = [verify(Submitted(taken), self.office, scribe.now) for taken in records]  # 2 intake, 3 verify
        plan.lap("verify")
        with self.store.reading() as register:
            drawn = draw(register, came, self.office, scribe)  # 4 decide
            plan.use(drawn.used)
            for each in drawn.outcomes:  # 5 review
                _plan(each, drawn.waits, self.office, scribe, plan)
            send_copies(drawn.copies, self.office, scribe, plan)
            if drawn.later:
                standing = find_standing(register, drawn.later, drawn.knowledge, self.office, scribe, plan)
                decide_again(standing, drawn.knowledge, self.office, scribe, plan)
            else:
                plan.confirm = partial(self._confirm, came, drawn)
            self._seal(register, plan, scribe)  # 6 seal, 7 route, 10 audit
        return plan

    def _confirm(self, came: Sequence[Came], drawn: Drawn) -> dict[bytes, int] | None:
        """The versions of persons on which a batch comes out the same at this moment; None where any of it comes out otherwise."""
        scribe, _ = self._begin(())
        with self.store.reading() as register:
            again = draw(register, came, self.office, scribe)
        return again.used if again == drawn else None

    def take_movements(
        self, records: Sequence[Taken], advances: Sequence[Advance], read_ahead: ReadAhead = NOTHING_READ, *, behind: bool = False
    ) -> Plan:
        """Movements: kept, and every live report that names one who moved decided again; where a crowd waits `behind` them, later."""
        scribe, plan = self._begin(advances)
        moved: dict[bytes, Moved] = {}
        for submitted in map(Submitted, records):
            one = verify_movement(submitted, self.office, read_ahead)
            if isinstance(one, Unprovable):
                plan_unprovable(one, self.office, scribe, plan)
            else:
                moved.setdefault(one.id, one)
                plan.change.counts["movements"] += 1
        with self.store.reading() as register:
            known = queries.find_movement_ids(register, list(moved))
            fresh = [one for key, one in moved.items() if key not in known]
            follows = {one.id: one.row.at <= scribe.now and not behind for one in fresh}
            plan.change.movements += [one.as_register_row(followed=follows[one.id]) for one in fresh]
            prisoners = {key for one in fresh for key in one.prisoners}
            plan.change.touched |= prisoners
            plan.change.events += [one.tell(scribe) for one in fresh]
            for circle in find_circles(register, [one.row for one in fresh]):
                plan_circle(circle, scribe, plan)
            self._follow(
                register, [one.row for one in fresh], {key for one in fresh if follows[one.id] for key in one.prisoners}, plan, scribe
            )
            self._seal(register, plan, scribe)
        return plan

    def follow_due(self, ranges: Sequence[queries.Range] | None = None) -> Plan | None:
        """Movements told ahead whose time has come, and those that were kept and not followed, of all prisoners or of those in some
        ranges; None where there are none. Of whoever moved several times since, only where that led counts."""
        scribe, plan = self._begin(())
        with self.store.reading() as register:
            prisoners = queries.find_due_prisoners(register, scribe.now_ms, PRISONERS_AT_ONCE, ranges)
            if not prisoners:
                return None
            plan.change.followed |= prisoners
            # Whoever decides meanwhile by a clock at which they had not moved yet decides again.
            plan.change.touched |= prisoners
            self._follow(register, (), prisoners, plan, scribe)
            self._seal(register, plan, scribe)
        return plan

    def end_silences(self) -> Plan | None:
        """Cases whose accepted silence is over open again; None where there are none."""
        scribe, plan = self._begin(())
        with self.store.reading() as register:
            due = dockets.find_silences_due(register, scribe.now_ms, SILENCES_AT_ONCE)
            if not due:
                return None
            plan.change.events += [scribe.event("SILENCE_ENDED", case) for case, _ in due]
            plan.change.case_states += [{"id": case, "silent_until_ms": None} for case, _ in due]
            knowledge = self.office.know()
            standing = find_standing(register, {report for _, report in due}, knowledge, self.office, scribe, plan)
            decide_again(standing, knowledge, self.office, scribe, plan)
            self._seal(register, plan, scribe)
        return plan

    def climb_due(self) -> Plan | None:
        """Rungs whose time has come, of what nobody has read or decided; None where there are none."""
        return self._take_due(climb)

    def reseal(self, recipient: str, reports: Sequence[bytes], person: bytes) -> tuple[Plan, frozenset[bytes]]:
        """What an office holds of these reports, sealed to it again; second, those with a text that PAS cannot seal again."""
        scribe, plan = self._begin(())
        with self.store.reading() as register:
            closed = renew_holdings(register, recipient, reports, person, self.office, scribe, plan)
            self._seal(register, plan, scribe)
        return plan, closed

    def say_again(self, recipient: str, reports: Sequence[bytes]) -> Plan:
        """Word to an office that notices about these reports cannot be read."""
        scribe, plan = self._begin(())
        with self.store.reading() as register:
            tell_unheard(register, recipient, reports, self.office, scribe, plan)
            self._seal(register, plan, scribe)
        return plan

    def renew_lapsed(self, topic: str, ids: Sequence[bytes]) -> Plan:
        """What comes after records that waited for a topic for so long that their reader may not take them any more."""
        scribe, plan = self._begin(())
        with self.store.reading() as register:
            if topic == REPLIES.name:
                renew_veil(register, self.office, scribe, plan)
            elif topic == COMPARTMENT.name:
                copy_again(register, ids, self.office, scribe, plan)
            else:
                renew_lapsed(register, ids, self.office, scribe, plan)
            self._seal(register, plan, scribe)
        return plan

    def regain(self, log: str) -> Plan | None:
        """After the register was restored, once all is taken in again: every report on which more had been sent than it knew is decided
        anew, by what offices have; None where there is none."""
        scribe, plan = self._begin(())
        with self.store.reading() as register:
            reports = relearning.list_regained(register, log, REGAINED_AT_ONCE)
            if not reports:
                return None
            plan.regained |= set(reports)
            regain_reports(register, reports, self.office, scribe, plan)
            self._seal(register, plan, scribe)
        return plan

    def note_jump(self) -> Plan:
        """The clock jumped: said in the audit, and nothing else comes of it."""
        scribe, plan = self._begin(())
        plan.change.events.append(scribe.event("CLOCK_JUMPED", ""))
        return plan

    def settle(self, urns: frozenset[str] | None) -> Plan | None:
        """Corrections of these URNs that can take effect now; of None, those whose time is over. None where nothing changes."""
        scribe, plan = self._begin(())
        with self.store.reading() as register:
            rows = chains.list_due(register, scribe.now_ms) if urns is None else chains.find_chained(register, urns)
            settle(register, rows, self.office, scribe, plan)
            self._seal(register, plan, scribe)
        return plan if plan.chains else None

    def chase_requests(self) -> Plan | None:
        """Requests whose answers came, and those that nobody has answered in time; None where there are none."""
        return self._take_due(confirm if self.office.realm.apart else chase)

    def end_summaries(self) -> Plan | None:
        """Escorts' summaries on reports that are live no more; None where there are none."""
        return self._take_due(end_summaries)

    def _take_due(self, find: Callable[[sa.Connection, PasOffice, Scribe, Plan], bool]) -> Plan | None:
        """What `find` adds to a plan, sealed; None where it says that there was nothing."""
        scribe, plan = self._begin(())
        with self.store.reading() as register:
            if not find(register, self.office, scribe, plan):
                return None
            self._seal(register, plan, scribe)
        return plan

    def shred_due(self) -> Plan | None:
        """Bodies no longer kept: no item has been live for as long as the rulebook says; None where there are none."""
        scribe, plan = self._begin(())
        kept_ms = self.office.rulebook.retention.body_days_after_live * DAY_MS
        with self.store.reading() as register:
            plan.change.shredded += queries.find_bodies_due(register, scribe.now_ms - kept_ms, BODIES_AT_ONCE)
        plan.change.events += [scribe.event("BODY_SHREDDED", report.hex()) for report in plan.change.shredded]
        return plan if plan.change.shredded else None

    def set_aside(self, record: Taken, advances: Sequence[Advance], failure: str) -> Plan:
        """A record that no stage could handle: quarantined, so that those behind it go on."""
        scribe, plan = self._begin(advances)
        sentence = f"The gateway could not handle this record ({failure})."
        plan_unprovable(Unprovable(Submitted(record), "FAILED", sentence), self.office, scribe, plan)
        return plan

    def _follow(self, register: sa.Connection, fresh: Sequence[Row], prisoners: set[bytes], plan: Plan, scribe: Scribe) -> None:
        """Intelligence follows the prisoner: live reports that name those who moved are decided again.

        Whoever writes meanwhile about one of the numbers that are one person with theirs, under whichever of them, comes between.
        """
        knowledge = self.office.know(fresh)
        everyone = queries.find_merged(register, prisoners)
        everyone |= {self.office.names.beside(key) for key in everyone}
        plan.use(queries.find_versions(register, everyone))
        live = {found.id for _, found in queries.find_reports_on(register, everyone) if found.live_until_ms > scribe.now_ms}
        if live:
            standing = find_standing(register, live, knowledge, self.office, scribe, plan)
            decide_again(standing, knowledge, self.office, scribe, plan)
            renew_summaries(register, standing, knowledge, self.office, scribe, plan)

    def take_replies(self, records: Sequence[Taken], advances: Sequence[Advance]) -> Plan:
        """9 replies: receipts move the states of deliveries; accepted conditions, and what people decided, are decided on again."""
        scribe, plan = self._begin(advances)
        answers: list[Answered] = []
        arrived: list[Arrived] = []
        inquired: list[Inquired] = []
        protecting: list[Protecting] = []
        for submitted in map(Submitted, records):
            one = read_reply(submitted, self.office)
            if isinstance(one, Unprovable):
                plan_unprovable(one, self.office, scribe, plan)
            elif isinstance(one, Arrived):
                arrived.append(one)
            elif isinstance(one, Inquired):
                inquired.append(one)
            elif isinstance(one, Protecting):
                protecting.append(one)
            elif isinstance(one, Veiled):
                plan_veil(one, self.office, scribe, plan)
            else:
                answers.append(one)
        with self.store.reading() as register:
            plan_protections(register, protecting, self.office, scribe, plan)
            (keep_inquiries if self.office.realm.apart else plan_inquiries)(register, inquired, self.office, scribe, plan)
            accepting = plan_replies(register, answers, self.office, scribe, plan)
            knowledge = self.office.know()
            ruled = plan_statements(register, arrived, knowledge, self.office, scribe, plan)
            others = accepting.keys() - {one.kept.id for one in ruled.standing}
            standing = find_standing(register, others, knowledge, self.office, scribe, plan) if others else []
            release_unmatched(register, ruled.unmatched, scribe, plan)
            decide_again([*standing, *ruled.standing], knowledge, self.office, scribe, plan, accepting, released=ruled.unmatched)
            renew_summaries(register, ruled.standing, knowledge, self.office, scribe, plan)
            self._seal(register, plan, scribe)
        return plan

    def commit(self, plan: Plan) -> None:
        """The one transaction of a batch; ClashError where the snapshot no longer holds, and what it came to does not either."""
        plan.change.counts["events"] = len(plan.change.events)
        for _ in range(CONFIRMED_AT_MOST):
            try:
                return write_change(self.store, plan.change)
            except LostPartitionError:
                raise
            except ClashError:
                used = plan.confirm()
                if used is None:
                    raise
                plan.change.used = used
        raise ClashError("Others wrote about the persons of this batch again and again.", "the batch is decided again")

    def _begin(self, advances: Sequence[Advance]) -> tuple[Scribe, Plan]:
        scribe, plan = self.office.scribe(), Plan()
        plan.change.at_ms = scribe.now_ms
        plan.change.advances += advances
        return scribe, plan

    def _seal(self, register: sa.Connection, plan: Plan, scribe: Scribe) -> None:
        plan.lap("decide")
        fresh = [row["report"] for row in plan.change.handed]
        said = list(audible(register, plan.drafts, fresh, self.office))
        plan.drafts = name_earlier(register, said, self.office, scribe)
        reports = {draft.about.report for draft in plan.drafts}
        relearnt = relearning.find_relearnt(register, reports - plan.regained)
        routed = route(plan.drafts, queries.find_last_numbers(register, reports), self.office, scribe, relearnt)
        plan.change.recalled += routed.recalled
        plan.change.deliveries += routed.deliveries
        plan.change.outbox += routed.outbox
        plan.change.events += routed.events
        plan.lap("seal")


def _plan(outcome: Outcome, waits: Mapping[bytes, Waits], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    match outcome:
        case Decided():
            plan_decided(outcome, waits.get(outcome.verified.id), office, scribe, plan)
        case Repeated():
            plan_repeated(outcome, scribe, plan)
        case Rejected():
            plan_rejected(outcome, scribe, plan)
        case Unprovable():
            plan_unprovable(outcome, office, scribe, plan)
        case _:
            assert_never(outcome)
