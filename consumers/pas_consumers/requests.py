"""The requests an office outside PAS asked or is asked, as the newest notice about each in its own inbox tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    confirmed: dict[tuple[str, str], dict[str, None]] = {}
    ended: set[tuple[str, str, str]] = set()
    for delivery in take_notices(workspace, office):
        if delivery.request is not None:
            found[delivery.request.id] = delivery.request
        elif delivery.apart:
            for notice in delivery.notices:
                place = (str(notice.case), str(notice.office))
                if notice.word == "ACCEPTED" and notice.case and notice.office:
                    confirmed.setdefault(place, {})[delivery.urn] = None
                elif notice.word == "REFUSED" and notice.case and notice.office:
                    ended.add((*place, delivery.urn))
    shown = sorted(found.values(), key=lambda one: (one.due, one.id))
    # A report that stands no longer answers nothing, whichever word came first; what answers in its place has a word of its own.
    answers = {place: [urn for urn in urns if (*place, urn) not in ended] for place, urns in confirmed.items()}
    return [describe_request(_confirm(one, answers)) for one in shown]


def _confirm(request: Request, confirmed: Mapping[tuple[str, str], Sequence[str]]) -> Request:
    """The request, once the compartment's word is heard beside PAS's."""
    asked = tuple(
        replace(one, state="ANSWERED", urn=urns[-1])
        if one.state == "ASKED" and (urns := confirmed.get((request.id.hex(), one.office)))
        else one
        for one in request.asked
    )
    if asked == request.asked:
        return request
    return replace(request, asked=asked, state="OPEN" if any(one.state == "ASKED" for one in asked) else "CLOSED")
