"""The requests an office outside PAS asked or is asked, as the newest notice about each in its own inbox tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pas_consumers.cases import take_notices
from pas_consumers.delivery import Request
from pas_consumers.views import describe_request
from pas_transport.workspace import Workspace


def list_requests(workspace: Workspace, office: str) -> list[dict[str, Any]]:
    """Requests in the shape of `pas request list`, those due first coming first.

    Of an answer that came through PAS's compartment its word alone tells; PAS's own gateway knows nothing of it.
    """
    found: dict[bytes, Request] = {}
    confirmed: dict[tuple[str, str], str] = {}
    for delivery in take_notices(workspace, office):
        if delivery.request is not None:
            found[delivery.request.id] = delivery.request
        elif delivery.apart:
            told = [notice for notice in delivery.notices if notice.word == "ACCEPTED" and notice.case and notice.office]
            confirmed.update({(str(notice.case), str(notice.office)): delivery.urn for notice in told})
    shown = sorted(found.values(), key=lambda one: (one.due, one.id))
    return [describe_request(_confirm(one, confirmed)) for one in shown]


def _confirm(request: Request, confirmed: Mapping[tuple[str, str], str]) -> Request:
    """The request, once the compartment's word is heard beside PAS's."""
    asked = tuple(
        replace(one, state="ANSWERED", urn=urn) if one.state == "ASKED" and (urn := confirmed.get((request.id.hex(), one.office))) else one
        for one in request.asked
    )
    if asked == request.asked:
        return request
    return replace(request, asked=asked, state="OPEN" if any(one.state == "ASKED" for one in asked) else "CLOSED")
