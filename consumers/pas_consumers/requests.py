"""The requests an office outside PAS asked or is asked, as the newest notice about each in its own inbox tells it."""

from __future__ import annotations

from typing import Any

from pas_consumers.cases import take_notices
from pas_consumers.delivery import Request
from pas_consumers.views import describe_request
from pas_transport.workspace import Workspace


def list_requests(workspace: Workspace, office: str) -> list[dict[str, Any]]:
    """Requests in the shape of `pas request list`, those due first coming first."""
    found: dict[bytes, Request] = {}
    for delivery in take_notices(workspace, office):
        if delivery.request is not None:
            found[delivery.request.id] = delivery.request
    return [describe_request(one) for one in sorted(found.values(), key=lambda one: (one.due, one.id))]
