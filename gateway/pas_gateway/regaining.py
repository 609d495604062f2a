"""After the register was restored: what offices were sent that it did not know is held against what they should have."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from pas_gateway.again import decide_again, find_standing
from pas_gateway.audit import Scribe
from pas_gateway.drafts import about_matter, notice, notify
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import dockets, queries, relearning
from pas_schemas.directory import PAS
from pas_schemas.models.words import TO_READ

_UNEXPLAINED = "An office was sent something about a report that this register, restored from a backup, does not have: see the runbook."


def regain_reports(register: sa.Connection, reports: Collection[bytes], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Decides them anew by what offices have, and accounts for what was sent; of what no report here explains PAS is told."""
    knowledge = office.know()
    standing = find_standing(register, reports, knowledge, office, scribe, plan)
    decide_again(standing, knowledge, office, scribe, plan, even_same=True)
    # A summary goes out under the id of what a person signed on its report.
    here = {found.id for found in queries.find_accepted(register, reports, ())} | dockets.find_statement_ids(register, reports)
    for (report, name), sent in relearning.find_relearnt(register, reports).items():
        plan.change.recalled += [one.id for one in sent]
        plan.change.events.append(scribe.event("RELEARNT", report.hex(), office=name, digests=[one.id for one in sent]))
        if report not in here and any(one.kind in TO_READ for one in sent):
            said = about_matter(report, name, scribe.now)
            plan.drafts.append(notify(said, PAS, [notice("REFUSED", _UNEXPLAINED, office=name)]))
