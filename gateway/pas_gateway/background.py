"""What PAS should know beside a case: which reports add up with it, and what was decided before on the same people."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from pas_gateway.again import reopen
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.policy.cases import adding_up
from pas_gateway.register import Store, queries, requests
from pas_gateway.register.queries import Accepted, CaseRow
from pas_schemas.clock import from_ms, show_time
from pas_schemas.models.report import Report

# What a person has answered; an open case tells nothing yet, and a closed one nothing any more.
_ANSWERED = ("ACCEPTED", "DECIDED")


def find_background(store: Store, office: PasOffice, case_id: str) -> dict[str, Any]:
    """For the eyes of PAS alone: `adds_up` names the reports R-REFERRAL is about, `earlier` the decided cases on the same people,
    `applications` what offices asked PAS about them.

    All are None where the report's body is no longer kept: nobody can tell any more whom it was about.
    """
    with store.reading() as register:
        (case,) = queries.find_case(register, case_id)
        standing, _ = reopen(queries.find_kept(register, [case.report]), (), {}, office)
        if not standing:
            return {"adds_up": None, "earlier": None, "applications": None}
        (one,) = standing
        knowledge = office.know()
        knowledge.load(register, [one.report], [])
        return {
            "adds_up": _adding_up(one.report, case, knowledge, one.kept.order, office) if "R-REFERRAL" in case.reasons else [],
            "earlier": _earlier(register, case, knowledge.on_same(one.report)),
            "applications": _applications(register, knowledge.index(one.report)),
        }


def _adding_up(report: Report, case: CaseRow, knowledge: Knowledge, order: tuple[int, int], office: PasOffice) -> list[dict[str, Any]]:
    """As it was when the case opened: a category that was stated since takes no report away."""
    opened = from_ms(case.opened_at_ms)
    situation = knowledge.situation(report, now=opened, estate=office.snapshot.at(opened), order=order)
    ids = adding_up(report, situation, office.rulebook)
    return [_show(one) for one in knowledge.on_same(report) if one.id in ids]


def _earlier(register: sa.Connection, case: CaseRow, reports: list[Accepted]) -> list[dict[str, Any]]:
    urns = {one.id: one.urn for one in reports if one.id != case.report}
    decided = [other for other in queries.find_cases(register, urns) if other.state in _ANSWERED]
    return [
        {"case": other.id, "urn": urns[other.report], "owner": other.owner, "reasons": list(other.reasons), "state": other.state}
        for other in sorted(decided, key=lambda other: (other.opened_at_ms, other.id))
    ]


def _applications(register: sa.Connection, persons: frozenset[bytes]) -> list[dict[str, Any]]:
    """Who applied to PAS about the same people, and when; what was asked is shown by `pas request list`."""
    everybody = persons | queries.find_merged(register, persons)
    return [
        {"request": each.id.hex(), "kind": each.kind, "office": each.office, "at": show_time(from_ms(each.at_ms)), "state": each.state}
        for each in requests.find_on(register, everybody)
    ]


def _show(one: Accepted) -> dict[str, Any]:
    return {
        "urn": one.urn, "originator": one.originator, "created_at": show_time(from_ms(one.created_at_ms)), "risk_tags": sorted(one.tags),
    }  # fmt: skip
