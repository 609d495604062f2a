"""The cases an office outside PAS owns, as the DECIDE notices in its own inbox tell them."""

from __future__ import annotations

from typing import Any

from pas_consumers.delivery import Delivery, Notice
from pas_consumers.inbox import Inbox
from pas_schemas.clock import show_time
from pas_transport.workspace import Workspace


def list_cases(workspace: Workspace, office: str) -> list[dict[str, Any]]:
    """Cases in the shape of `pas cases list`, those due first coming first; of one told twice the newest word counts."""
    with Inbox.of(workspace, office) as inbox:
        inbox.take()
        held = [one.delivery for one in inbox.list().held if one.delivery.kind == "NOTICE"]
    found: dict[str, dict[str, Any]] = {}
    for delivery in sorted(held, key=lambda delivery: delivery.n):
        notices = [notice for notice in delivery.notices if notice.word == "DECIDE" and notice.case is not None]
        for case in dict.fromkeys(notice.case for notice in notices):
            found[str(case)] = _case(delivery, office, [notice for notice in notices if notice.case == case])
    return sorted(found.values(), key=lambda case: (case["due"] or "", case["case"]))


def _case(delivery: Delivery, office: str, notices: list[Notice]) -> dict[str, Any]:
    due = next((notice.due for notice in notices if notice.due is not None), None)
    return {
        "case": notices[0].case,
        "urn": delivery.urn,
        "owner": office,
        "reasons": sorted({notice.rule for notice in notices if notice.rule is not None}),
        "priority": delivery.priority,
        "opened_at": show_time(delivery.decided_at),
        "due": show_time(due) if due is not None else None,
        "state": "OPEN",
        "held": [{"item": notice.item, "office": notice.office, "rule": notice.rule} for notice in notices if notice.item is not None],
    }
