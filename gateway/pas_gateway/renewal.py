"""What an office holds of some reports, sealed to it again: decided anew first, and said where a text cannot be sealed again."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from pas_gateway.again import Standing, decide_again, find_standing
from pas_gateway.audit import Scribe
from pas_gateway.drafts import Draft, about, notice, notify
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan

CLOSED = "A code 4 text was closed by its originator to the key the office had then: PAS cannot seal it again, its originator can."


def renew_holdings(
    register: sa.Connection, recipient: str, reports: Collection[bytes], person: bytes, office: PasOffice, scribe: Scribe, plan: Plan
) -> frozenset[bytes]:
    """Adds to the plan what is taken back and sealed again; returns the reports with a text that only its originator can seal again.

    `person` is the digest of who asked for it.
    """
    knowledge = office.know()
    standing = find_standing(register, reports, knowledge, office, scribe, plan)
    decide_again(standing, knowledge, office, scribe, plan, anew=recipient)
    renewed = {draft.about.report for draft in plan.drafts if draft.office == recipient and draft.kind == "WITHDRAWAL"}
    plan.change.events += [scribe.event("RESEALED", report.hex(), office=recipient, digests=[person]) for report in sorted(renewed)]
    closed = [one for one in standing if one.kept.id in renewed and _holds_closed(one, recipient)]
    plan.drafts += [draft for one in closed for draft in _tell_closed(one, recipient)]
    return frozenset(one.kept.id for one in closed)


def _holds_closed(one: Standing, recipient: str) -> bool:
    texts = one.held_by(recipient).texts
    return any(item.handling == "4" for index, item in enumerate(one.report.items) if index in texts)


def _tell_closed(one: Standing, recipient: str) -> Iterator[Draft]:
    said = about(one.report, one.kept.id, one.kept.order[0])
    for told in dict.fromkeys((recipient, one.report.originator)):
        yield notify(said, told, [notice("REFUSED", CLOSED, office=recipient)])
