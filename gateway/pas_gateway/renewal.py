"""What an office cannot read, sealed to it again: decided anew first, and said where something cannot be sealed again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from pas_gateway.again import Standing, decide_again, find_standing
from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, Draft, about, about_accepted, about_matter, notice, notify, withdraw
from pas_gateway.handover import Copy, send_copies
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan, decide_notices
from pas_gateway.register import dockets, queries, sealed
from pas_gateway.register.dockets import WAITING
from pas_gateway.register.queries import Sent
from pas_gateway.summaries import renew_summaries
from pas_gateway.vault import unlock_body
from pas_schemas.directory import PAS
from pas_schemas.models.words import SHOWN

CLOSED = "A code 4 text was closed by its originator to the key the office had then: PAS cannot seal it again, its originator can."
UNHEARD = "Words of PAS about this were signed with a key that had ended when the log had them, and cannot be read: ask PAS for them."
LAPSED = "Words of PAS about this waited so long to be sent that they may not be readable any more: if they are not, ask PAS for them."
LEFT = "What was released to this office waited so long that it may not be readable, and today's rules release it no more: see to it."


def renew_holdings(
    register: sa.Connection, recipient: str, reports: Collection[bytes], person: bytes, office: PasOffice, scribe: Scribe, plan: Plan
) -> frozenset[bytes]:
    """Adds to the plan what is taken back and sealed again; returns the reports with a text that only its originator can seal again.

    `person` is the digest of who asked for it.
    """
    knowledge = office.know()
    standing = find_standing(register, reports, knowledge, office, scribe, plan)
    decide_again(standing, knowledge, office, scribe, plan, anew=recipient)
    late = sealed.find_late(register, recipient, "WITHDRAWAL", reports, office.list_cut(scribe.now))
    _withdraw_again(register, recipient, late, standing, office, scribe, plan)
    renewed = _withdrawn(recipient, plan)
    plan.change.events += [scribe.event("RESEALED", report.hex(), office=recipient, digests=[person]) for report in sorted(renewed)]
    closed = [one for one in standing if one.kept.id in renewed and _holds_closed(one, recipient)]
    plan.drafts += [draft for one in closed for draft in _tell_closed(one, recipient)]
    return frozenset(one.kept.id for one in closed)


def _withdrawn(recipient: str, plan: Plan) -> set[bytes]:
    return {draft.about.report for draft in plan.drafts if draft.office == recipient and draft.kind == "WITHDRAWAL"}


def _withdraw_again(
    register: sa.Connection,
    recipient: str,
    late: Sequence[Any],
    standing: Sequence[Standing],
    office: PasOffice,
    scribe: Scribe,
    plan: Plan,
) -> None:
    """What withdrawals took back that came too late is taken back now, before anything that goes out."""
    due = sorted({row.report for row in late} - _withdrawn(recipient, plan))
    held = {one.kept.id: one.held_by(recipient).deliveries for one in standing}
    matters = _find_matters(register, due, scribe)
    plan.drafts[:0] = [withdraw(said, recipient, office.rulebook.read_by(said.priority, scribe.now)) for said in matters]
    ended = [row.id for row in late] + [delivery for report in due for delivery in held.get(report, ())]
    plan.change.states += [{"id": delivery, "state": "WITHDRAWN"} for delivery in ended]


def tell_unheard(
    register: sa.Connection, recipient: str, reports: Collection[bytes], office: PasOffice, scribe: Scribe, plan: Plan
) -> None:
    """Adds to the plan word that notices about these reports came too late: what they said lies nowhere but in them."""
    _tell_lost(
        register, recipient, sealed.find_late(register, recipient, "NOTICE", reports, office.list_cut(scribe.now)), UNHEARD, scribe, plan
    )


def _tell_lost(register: sa.Connection, recipient: str, late: Sequence[Any], why: str, scribe: Scribe, plan: Plan) -> None:
    plan.change.states += [{"id": row.id, "state": "WITHDRAWN"} for row in late]
    for said in _find_matters(register, sorted({row.report for row in late}), scribe):
        plan.drafts.append(notify(said, recipient, [notice("REFUSED", why, office=recipient)]))


def renew_lapsed(register: sa.Connection, ids: Collection[bytes], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds to the plan what comes after deliveries that waited, sealed, for so long that their office may not take them.

    What stands released goes out anew, as to an office that cannot read what it has (ADR 0029); what does not, PAS is told.
    """
    waited = [one for one in queries.find_deliveries_by_id(register, ids).values() if one.state == "SEALED"]
    for recipient in {one.office for one in waited}:
        by_kind: dict[str, list[Sent]] = {}
        for one in waited:
            by_kind.setdefault("SHOWN" if one.kind in SHOWN else one.kind, []).append(one)
        _renew_shown(register, recipient, by_kind.get("SHOWN", []), by_kind.get("WITHDRAWAL", []), office, scribe, plan)
        _renew_summaries(register, by_kind.get("SUMMARY", []), office, scribe, plan)
        _tell_lost(register, recipient, by_kind.get("NOTICE", []), LAPSED, scribe, plan)
        _ask_again(register, recipient, by_kind.get("NOTICE", []), office, scribe, plan)
    plan.change.events += [scribe.event("LAPSED", one.id.hex(), office=one.office, digests=[one.report]) for one in waited]


def _renew_shown(
    register: sa.Connection,
    recipient: str,
    shown: Sequence[Sent],
    withdrawals: Sequence[Sent],
    office: PasOffice,
    scribe: Scribe,
    plan: Plan,
) -> None:
    reports = {one.report for one in (*shown, *withdrawals)}
    live = {found.id for found in queries.find_accepted(register, reports, ()) if found.live_until_ms > scribe.now_ms}
    knowledge = office.know()
    standing = find_standing(register, live, knowledge, office, scribe, plan)
    decide_again(standing, knowledge, office, scribe, plan, anew=recipient)
    _withdraw_again(register, recipient, withdrawals, standing, office, scribe, plan)
    left = live.intersection(one.report for one in shown) - _withdrawn(recipient, plan)
    for said in _find_matters(register, sorted(left), scribe):
        plan.drafts.append(notify(said, PAS, [notice("REFUSED", LEFT, office=recipient)]))


def _renew_summaries(register: sa.Connection, unsent: Sequence[Sent], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    if not unsent:
        return
    knowledge = office.know()
    reports = dockets.find_subjects(register, [one.report for one in unsent])
    standing = find_standing(register, reports, knowledge, office, scribe, plan)
    renew_summaries(register, standing, knowledge, office, scribe, plan, {one.id for one in unsent})
    plan.change.states += [{"id": one.id, "state": "WITHDRAWN"} for one in unsent]


def _ask_again(register: sa.Connection, recipient: str, lost: Sequence[Sent], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Of a notice the register has no words, but the cases that still wait for its office it has."""
    cases = queries.find_cases(register, {one.report for one in lost})
    waiting = {case.report for case in cases if case.owner == recipient and case.state in WAITING}
    for one in find_standing(register, waiting, office.know(), office, scribe, plan) if waiting else ():
        mine = [case for case in one.verdicts.cases if case.owner == recipient]
        said = about(one.report, one.kept.id, one.kept.order[0])
        plan.drafts += decide_notices(said, mine, one.verdicts, one.report, office, scribe)


def copy_again(register: sa.Connection, reports: Collection[bytes], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds to the plan the copies of these reports for the compartment, sealed anew."""
    knowledge = office.know()
    standing = find_standing(register, reports, knowledge, office, scribe, plan)
    key = office.register_key
    copies = [
        Copy(it.id, report, unlock_body(it.body, it.data_key, it.id, key), it.order, knowledge.persons(report))
        for report, it in ((one.report, one.kept) for one in standing)
    ]
    send_copies(copies, office, scribe, plan)


def _find_matters(register: sa.Connection, reports: Sequence[bytes], scribe: Scribe) -> list[About]:
    """What is said of these reports; of a summary, a request or a reply, which deliveries may be about too, no more than its id."""
    found = {one.id: about_accepted(one) for one in queries.find_accepted(register, reports, ())}
    return [found.get(report) or about_matter(report, PAS, scribe.now) for report in reports]


def _holds_closed(one: Standing, recipient: str) -> bool:
    texts = one.held_by(recipient).texts
    return any(item.handling == "4" for index, item in enumerate(one.report.items) if index in texts)


def _tell_closed(one: Standing, recipient: str) -> Iterator[Draft]:
    said = about(one.report, one.kept.id, one.kept.order[0])
    for told in dict.fromkeys((recipient, one.report.originator)):
        yield notify(said, told, [notice("REFUSED", CLOSED, office=recipient)])
