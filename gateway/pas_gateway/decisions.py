"""9 replies: what people decide. Each statement is verified, heard, kept, and then policy runs again with it as an input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, assert_never

import sqlalchemy as sa

from pas_gateway.again import Standing
from pas_gateway.audit import Scribe
from pas_gateway.casebook import name_items
from pas_gateway.docket import Docket, open_dockets
from pas_gateway.drafts import About, about, notice, notify
from pas_gateway.filing import case_id
from pas_gateway.hearing import check_fresh, hear
from pas_gateway.judge import Bench
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import dockets, queries
from pas_gateway.register.dockets import WAITING
from pas_gateway.replies import Arrived
from pas_gateway.signatures import RefusedStatementError, Said, Signed, verify_signed
from pas_gateway.vault import lock_statement
from pas_schemas.clock import show_time, to_ms
from pas_schemas.directory import PAS
from pas_schemas.models.decision import Consent, Decision, Second, Summary
from pas_schemas.models.words import NoticeWord

_ASKED: dict[str, tuple[NoticeWord, str]] = {
    "REGRADE": ("REGRADE_ASKED", "The case was returned: the originator is asked to grade the item anew."),
    "CODE_2": ("CODE_2_ASKED", "The case was returned: the originator is asked for handling code 2."),
    "CONSENT": ("CONSENT_ASKED", "The case was returned: the originator is asked for its consent."),
}
_ANSWERED = "The originator has answered what it was asked: the case waits for its owner again."
_NO_CASE = RefusedStatementError("CASE", "That office owns no such case.", "see `pas cases list`")
_GONE = RefusedStatementError("GONE", "PAS no longer keeps the report of that case.", "nothing can be decided on it")


class Ruled(NamedTuple):
    """Reports that people said something about; `unmatched` are corrections that go out though what they correct has not come."""

    standing: list[Standing]
    unmatched: frozenset[bytes]


def plan_statements(
    register: sa.Connection, arrived: Sequence[Arrived], knowledge: Knowledge, office: PasOffice, scribe: Scribe, plan: Plan
) -> Ruled:
    """Adds what these statements change; returns the reports that are to be decided again with them."""
    if not arrived:
        return Ruled([], frozenset())
    sitting = _Sitting(register, knowledge, office, scribe, plan)
    sitting.look_up([one.said for one in arrived])
    for one in arrived:
        sitting.take(one)
    return sitting.finish()


@dataclass
class _Sitting:
    """One batch of statements, taken in the log's order: a second person may agree with what came just before."""

    register: sa.Connection = field(repr=False)
    knowledge: Knowledge = field(repr=False)
    office: PasOffice = field(repr=False)
    scribe: Scribe
    plan: Plan
    # Which report a case, statement or delivery of an office is about: one that names another office's is told nothing.
    _about: dict[tuple[str, str | bytes], bytes] = field(default_factory=dict)
    _known: set[bytes] = field(default_factory=set)
    _dockets: dict[bytes, Docket] = field(default_factory=dict, repr=False)

    def look_up(self, said: Iterable[Said]) -> None:
        """Which report each statement is about."""
        for one in said:
            match one:
                case Decision() | Summary():
                    found = {row.id: (row.owner, row.report) for row in queries.find_cases_by_id(self.register, [one.case])}
                    self._about.update({(owner, case): report for case, (owner, report) in found.items()})
                case Second():
                    stored = dockets.find_by_digest(self.register, [one.statement])
                    self._about.update({(each.owner, digest): each.report for digest, each in stored.items()})
                case Consent():
                    sent = queries.find_deliveries_by_id(self.register, [one.delivery])
                    self._about.update({(each.office, key): each.report for key, each in sent.items()})

    def take(self, arrived: Arrived) -> None:
        """One statement: kept, or refused with one sentence, an audit event, and nothing changed."""
        docket: Docket | None = None
        signed: Signed | None = None
        try:
            signed = replace(verify_signed(arrived.data, self.office.snapshot), taken_ms=to_ms(arrived.submitted.taken.at))
            if signed.id in self._known or dockets.find_statement_ids(self.register, [signed.id]):
                return
            docket = self._docket(signed)
            check_fresh(signed.said, arrived.submitted.taken.at, self.office)
            hear(signed, docket, self.scribe.now, self.office)
        except RefusedStatementError as refused:
            if signed is not None:
                # Its author heard that it counts for nothing, and may want something else by when it would: whoever sends it again.
                self._known.add(signed.id)
                self.plan.change.refused.append({"id": signed.id})
            self._refuse(arrived, docket, refused)
            return
        self._keep(signed, docket, arrived)

    def _docket(self, signed: Signed) -> Docket:
        report = self._about.get((signed.said.office, _subject(signed.said)))
        if report is None:
            raise _NO_CASE
        if report not in self._dockets:
            self._dockets.update(open_dockets(self.register, [report], self.knowledge, self.office, self.scribe))
        docket = self._dockets.get(report)
        if docket is None:
            raise _GONE
        return docket

    def _keep(self, signed: Signed, docket: Docket, arrived: Arrived) -> None:
        said, change = signed.said, self.plan.change
        self._known.add(signed.id)
        self._about[said.office, signed.digest] = docket.id
        change.counts["replies"] += 1
        change.statements.append({
            "id": signed.id, "report": docket.id, "owner": said.office, "digest": signed.digest,
            "at_ms": to_ms(arrived.submitted.taken.at), "sealed": lock_statement(signed.data, signed.id, self.office.register_key),
        })  # fmt: skip
        word = "AGREED" if isinstance(said, Second) else "WRITTEN" if isinstance(said, Summary) else said.choice
        name = {Decision: "DECISION", Summary: "SUMMARY", Second: "SECOND", Consent: "CONSENT"}[type(said)]
        change.events.append(self.scribe.event(name, signed.id.hex(), office=said.office, rules=[word], digests=[signed.digest, docket.id]))
        docket.add(signed, self.knowledge, self._bench, self.office)
        self._move_case(signed, docket)

    def _move_case(self, signed: Signed, docket: Docket) -> None:
        """The state of the case it answers; one that is answered whole is closed where the report is filed again."""
        said, complete = signed.said, docket.judged.approved.complete
        match said:
            case Decision():
                docket.states[said.office] = "RETURNED" if said.choice == "RETURN" else "OPEN" if signed.digest in complete else "PROPOSED"
                if said.choice == "RETURN" and said.asks is not None:
                    self._ask_originator(said, docket)
            case Consent():
                # A grant may want somebody at PAS too; a new grade counts when all who must have signed it.
                if said.choice != "REGRADE" or signed.digest in complete:
                    self._tell_answered(docket)
            case Second() if said.statement in complete:
                if docket.state(said.office) == "PROPOSED":
                    # What was proposed in this same batch: the case waits for nobody's agreement any more.
                    docket.states[said.office] = "OPEN"
                if any(one.digest == said.statement and isinstance(one.said, Consent) for one in docket.signed):
                    self._tell_answered(docket)

    def _tell_answered(self, docket: Docket) -> None:
        """Who returned a case, and PAS, hear that it is theirs again, where the answer alone does not settle it."""
        said = about(docket.standing.report, docket.id, docket.standing.kept.order[0])
        for row in docket.rows.values():
            state = docket.state(row.owner)
            if docket.case(row.owner) is None or (state != "RETURNED" and (row.owner != PAS or state not in WAITING)):
                continue
            if state == "RETURNED":
                docket.states[row.owner] = "OPEN"
            self.plan.drafts.append(notify(said, row.owner, [notice("ACCEPTED", _ANSWERED, case=row.id)]))

    def _ask_originator(self, said: Decision, docket: Docket) -> None:
        word, why = _ASKED[said.asks or ""]
        items, report = docket.items(said.office, self.office), docket.standing.report
        case = docket.case(said.office)
        named = [(items[pair.item], pair.office) for pair in said.pairs if pair.item in items]
        pairs = named or list(dict.fromkeys((pair.item, pair.office) for pair in (case.held if case else ())))
        own = [(item, office) for item, office in pairs if item < len(report.items)]
        told = [notice(word, why, office=office, item=item) for item, office in own] or [notice(word, why)]
        lines = name_items(told, self.office.register_id_key, docket.id, report.originator)
        self.plan.drafts.append(notify(about(report, docket.id, docket.standing.kept.order[0]), report.originator, lines))

    def _refuse(self, arrived: Arrived, docket: Docket | None, refused: RefusedStatementError) -> None:
        """Its office is told: with the report only where it is known to own the case, for nobody else hears that there is one."""
        event = self.scribe.event("DECISION_REFUSED", arrived.id.hex(), office=arrived.sender, rules=[refused.word])
        self.plan.change.events.append(event)
        self.plan.change.counts["replies"] += 1
        if docket is None:
            at = arrived.submitted.taken.at
            said, case = About(arrived.id, "", arrived.sender, "ROUTINE", show_time(at), to_ms(at)), None
        else:
            said = about(docket.standing.report, docket.id, docket.standing.kept.order[0])
            case = arrived.said.case if isinstance(arrived.said, Decision | Summary) else None
        self.plan.drafts.append(notify(said, arrived.sender, [notice("REFUSED", refused.sentence, case=case)]))

    def finish(self) -> Ruled:
        """The reports with all that was signed about them."""
        changed = [docket for docket in self._dockets.values() if docket.new]
        # Nobody else may have decided the report anew meanwhile, whether or not this changes what was decided.
        self.plan.change.rested.update({docket.id: docket.standing.kept.version for docket in changed})
        for docket in changed:
            self.plan.use(self.knowledge.used(docket.standing.report))
            self.plan.change.case_states += [
                {"id": case_id(self.office, docket.id, owner), "state": state}
                for owner, state in docket.states.items()
                if docket.case(owner) is not None
            ]
        unmatched = [one for one in changed if one.standing.kept.waits == "UNMATCHED" and one.judged.approved.unmatched]
        return Ruled([docket.standing for docket in changed], frozenset(docket.id for docket in unmatched))

    @property
    def _bench(self) -> Bench:
        return Bench(self.scribe.now, self.office.snapshot, self.office.rulebook)


def _subject(said: Said) -> str | bytes:
    """What a statement is about, as it names it."""
    match said:
        case Decision() | Summary():
            return said.case
        case Second():
            return said.statement
        case Consent():
            return said.delivery
        case _:
            assert_never(said)
