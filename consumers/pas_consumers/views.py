"""A delivery as JSON: the line that `inbox list` prints, and the whole that `inbox show` prints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pas_consumers.delivery import DisclosedItem, Notice, Projection, Request
from pas_consumers.records import Held
from pas_schemas.clock import show_time


def describe_line(held: Held) -> dict[str, Any]:
    """A delivery as `inbox list` shows it: nothing of its content."""
    delivery, body = held.delivery, held.delivery.body
    return {
        "delivery": delivery.id.hex(),
        "kind": delivery.kind,
        "urn": delivery.urn or None,
        "originator": delivery.originator,
        "priority": delivery.priority,
        "received_at": show_time(delivery.received_at),
        "state": held.state,
        "deadline": _time(delivery.deadline),
        "items": len(body.items) if body else 0,
        "obligations": list(body.obligations) if body else [],
    }


def describe_whole(held: Held) -> dict[str, Any]:
    """A delivery as `inbox show` shows it: of conditions not more than conditions and grades, of a withdrawn one the header."""
    body = held.delivery.body
    header = {**describe_line(held), "created_at": held.delivery.created_at}
    del header["items"]
    if held.delivery.kind == "NOTICE":
        asked = {"request": describe_request(held.delivery.request)} if held.delivery.request is not None else {}
        return {**header, "notices": [_notice(notice) for notice in held.delivery.notices], **asked}
    if body is None:
        told = {"notices": [_notice(notice) for notice in held.delivery.notices]} if held.delivery.notices else {}
        return {**header, "items": [], "subjects": [], "conditions": None, **told}
    if held.delivery.kind == "SUMMARY":
        return {**header, **_label(body), "flags": list(body.risk_tags), "advice": body.gist, "subjects": body.people()}
    matter = {} if held.delivery.kind == "CONDITIONS" else _matter(body)
    earlier = {"earlier": [notice.why for notice in held.delivery.notices]} if held.delivery.notices else {}
    return {**header, **_label(body), **matter, **_content(body), **earlier}


def describe_request(request: Request) -> dict[str, Any]:
    """A request in the shape of `pas request list`."""
    asked = [
        {"office": one.office, "state": one.state, "urn": one.urn, "reason": one.reason, "legal_basis": one.legal_basis}
        for one in request.asked
    ]
    return {
        "request": request.id.hex(), "kind": request.kind, "office": request.office, "subject": dict(request.subject),
        "purpose": request.purpose, "legal_basis": request.legal_basis, "questions": list(request.questions),
        "opened_at": show_time(request.opened), "due": show_time(request.due), "state": request.state, "asked": asked,
    }  # fmt: skip


def _label(body: Projection) -> dict[str, Any]:
    """What says how the disclosure must be handled."""
    return {
        "protective_marking": body.protective_marking,
        "handling": body.handling,
        "purpose": body.purpose,
        "legal_basis": body.legal_basis,
        "do_not_share_with_offender": body.do_not_share_with_offender,
    }


def _matter(body: Projection) -> dict[str, Any]:
    return {
        "gist": body.gist,
        "reasons": body.reasons,
        "internal_recipients": list(body.internal_recipients),
        "review_by": body.review_by,
        "operation": body.operation,
        "risk_tags": list(body.risk_tags),
    }


def _content(body: Projection) -> dict[str, Any]:
    everybody = tuple(range(len(body.subjects)))
    return {
        "items": [_item(item, everybody) for item in body.items],
        "subjects": body.people(),
        "conditions": body.conditions,
    }


def _item(item: DisclosedItem, everybody: tuple[int, ...]) -> dict[str, Any]:
    """An item; whom it concerns is said only where that is not everybody named, its source's reference only to own offices."""
    shown: dict[str, Any] = {"text": item.text, "grade": item.grade, "sanitised": item.sanitised}
    if tuple(sorted(item.subjects)) != everybody:
        shown["subjects"] = sorted(item.subjects)
    if item.regraded is not None:
        shown["regraded"] = item.regraded
    own = {"source_reference": item.source_reference, "corroboration": item.corroboration}
    return shown | {name: value for name, value in own.items() if value is not None}


def _notice(notice: Notice) -> dict[str, Any]:
    return {
        "word": notice.word,
        "office": notice.office,
        "item": notice.item,
        "rule": notice.rule,
        "why": notice.why,
        "case": notice.case,
        "due": _time(notice.due),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else show_time(moment)
