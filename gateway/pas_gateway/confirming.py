"""9 replies, in the compartment: an answer to a request about a protected prisoner, of which who asked hears once it holds the report.

PAS's gateway cannot see that report, and is told nothing of what becomes of it; the force says to the compartment too which report answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, notice, notify
from pas_gateway.hearing import check_fresh
from pas_gateway.inquiries import check_answerer
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import protected
from pas_gateway.replies import Inquired
from pas_gateway.signatures import RefusedStatementError, find_signer
from pas_schemas.clock import from_ms, show_time
from pas_schemas.models.request import RequestAnswer

# Answers confirmed in one transaction.
CONFIRMED_AT_ONCE = 100


def keep_answers(register: sa.Connection, inquired: Sequence[Inquired], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds which reports answer what; the force was told by PAS's gateway what is wrong with a word that does not count."""
    known = protected.find_answers(register)
    for one in inquired:
        plan.change.counts["replies"] += 1
        try:
            place = _hear(one, office)
        except RefusedStatementError as refused:
            plan.change.events.append(scribe.event("REQUEST_REFUSED", one.id.hex(), office=one.sender, rules=[refused.word]))
            continue
        if place not in known:
            known.add(place)
            plan.change.answers.append(dict(zip(("request", "office", "report"), place, strict=True)))
            plan.change.events.append(scribe.event("REQUEST_ANSWERED", place[0].hex(), office=place[1]))


def _hear(inquired: Inquired, office: PasOffice) -> tuple[bytes, str, bytes]:
    """Request, office and report; raises RefusedStatementError unless it is an answer, of somebody who may give it."""
    said = inquired.said
    if not isinstance(said, RequestAnswer) or said.choice != "ANSWER" or said.report is None:
        raise RefusedStatementError("SHAPE", "The compartment hears of answers alone.", "requests and refusals go to PAS")
    _, who = find_signer(inquired.data, said, office.snapshot)
    check_fresh(said, inquired.submitted.taken.at, office)
    check_answerer(said, who, office)
    return said.request, said.office, said.report


def confirm(register: sa.Connection, office: PasOffice, scribe: Scribe, plan: Plan) -> bool:
    """Adds word to who asked, of answers of which it was disclosed something; whether there were any.

    Another office's report answers nothing.
    """
    due = protected.find_confirmed(register, CONFIRMED_AT_ONCE)
    for row in due:
        plan.change.confirmed.append((row.request, row.office, row.report))
        if row.originator != row.office:
            plan.change.events.append(scribe.event("REQUEST_REFUSED", row.request.hex(), office=row.office, rules=["REPORT"]))
            continue
        said = About(row.report, row.urn, row.originator, row.priority, show_time(from_ms(row.created_at_ms)), row.received_at_ms)
        told = notice("ACCEPTED", "A force has answered: its report is in this inbox.", office=row.office, case=row.request.hex())
        plan.drafts.append(notify(said, row.reader, [told]))
        plan.change.events.append(scribe.event("REQUEST_DISCLOSED", row.request.hex(), office=row.reader))
    return bool(due)
