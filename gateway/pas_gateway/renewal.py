"""What an office holds of some reports, sealed to it again: decided anew first, and said where something cannot be sealed again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa

from pas_gateway.again import Standing, decide_again, find_standing
from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, Draft, about, about_accepted, notice, notify, withdraw
from pas_gateway.office import PAS, PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import queries, sealed
from pas_schemas.clock import show_time

CLOSED = "A code 4 text was closed by its originator to the key the office had then: PAS cannot seal it again, its originator can."
UNHEARD = "Words of PAS about this were signed with a key that had ended when the log had them, and cannot be read: ask PAS for them."


def renew_holdings(
    register: sa.Connection, recipient: str, reports: Collection[bytes], person: bytes, office: PasOffice, scribe: Scribe, plan: Plan
) -> frozenset[bytes]:
    """Adds to the plan what is taken back and sealed again; returns the reports with a text that only its originator can seal again.

    `person` is the digest of who asked for it.
    """
    knowledge = office.know()
    standing = find_standing(register, reports, knowledge, office, scribe, plan)
    decide_again(standing, knowledge, office, scribe, plan, anew=recipient)
    _withdraw_again(register, recipient, reports, standing, office, scribe, plan)
    renewed = _withdrawn(recipient, plan)
    plan.change.events += [scribe.event("RESEALED", report.hex(), office=recipient, digests=[person]) for report in sorted(renewed)]
    closed = [one for one in standing if one.kept.id in renewed and _holds_closed(one, recipient)]
    plan.drafts += [draft for one in closed for draft in _tell_closed(one, recipient)]
    return frozenset(one.kept.id for one in closed)


def _withdrawn(recipient: str, plan: Plan) -> set[bytes]:
    return {draft.about.report for draft in plan.drafts if draft.office == recipient and draft.kind == "WITHDRAWAL"}


def _withdraw_again(
    register: sa.Connection, recipient: str, reports: Collection[bytes], standing: Sequence[Standing], office: PasOffice, scribe: Scribe,
    plan: Plan,
) -> None:  # fmt: skip
    """What a withdrawal took back that came too late is taken back now, before anything that goes out."""
    late = sealed.find_late(register, recipient, "WITHDRAWAL", reports, office.list_cut(scribe.now))
    due = sorted({row.report for row in late} - _withdrawn(recipient, plan))
    held = {one.kept.id: one.held_by(recipient).deliveries for one in standing}
    matters = _find_matters(register, due, scribe)
    plan.drafts[:0] = [
        withdraw(said, recipient, office.rulebook.read_by(said.priority, scribe.now))  # type: ignore[arg-type]  # as it was accepted
        for said in matters
    ]
    ended = [row.id for row in late] + [delivery for report in due for delivery in held.get(report, ())]
    plan.change.states += [{"id": delivery, "state": "WITHDRAWN"} for delivery in ended]


def tell_unheard(
    register: sa.Connection, recipient: str, reports: Collection[bytes], office: PasOffice, scribe: Scribe, plan: Plan
) -> None:
    """Adds to the plan word that notices about these reports came too late: what they said lies nowhere but in them."""
    late = sealed.find_late(register, recipient, "NOTICE", reports, office.list_cut(scribe.now))
    plan.change.states += [{"id": row.id, "state": "WITHDRAWN"} for row in late]
    for said in _find_matters(register, sorted({row.report for row in late}), scribe):
        plan.drafts.append(notify(said, recipient, [notice("REFUSED", UNHEARD, office=recipient)]))


def _find_matters(register: sa.Connection, reports: Sequence[bytes], scribe: Scribe) -> list[About]:
    """What is said of these reports; of a summary, a request or a reply, which deliveries may be about too, no more than its id."""
    found = {one.id: about_accepted(one) for one in queries.find_accepted(register, reports, ())}
    return [found.get(report) or About(report, "", PAS, "ROUTINE", show_time(scribe.now), scribe.now_ms) for report in reports]


def _holds_closed(one: Standing, recipient: str) -> bool:
    texts = one.held_by(recipient).texts
    return any(item.handling == "4" for index, item in enumerate(one.report.items) if index in texts)


def _tell_closed(one: Standing, recipient: str) -> Iterator[Draft]:
    said = about(one.report, one.kept.id, one.kept.order[0])
    for told in dict.fromkeys((recipient, one.report.originator)):
        yield notify(said, told, [notice("REFUSED", CLOSED, office=recipient)])
