"""`status`: what an operator types first."""

from __future__ import annotations

from typing import Any

from pas_gateway.realm import realm_of
from pas_gateway.register import Store
from pas_gateway.survey import take_survey
from pas_schemas.clock import from_ms, show_time
from pas_transport.log import Log
from pas_transport.workspace import Workspace

COUNTED = ("accepted", "rejected", "quarantined", "duplicate", "movements", "replies", "sent")


def status(workspace: Workspace, store: Store, log: Log) -> dict[str, Any]:
    """Lag per topic, what waits to be sent and to be read, open and overdue cases, key ages in days, last checkpoint."""
    found = take_survey(workspace, store, log)
    lag = dict.fromkeys(realm_of(workspace).inputs, 0)
    for partition, behind in found.lag.items():
        lag[partition.topic] += behind
    oldest = min((waiting.since_ms for waiting in found.unread.values() if waiting.since_ms is not None), default=None)
    return {
        "at": show_time(found.at),
        "lag": lag,
        "stopped": [f"{partition.topic} {partition.number}" for partition in found.stopped],
        "outbox": sum(waiting.count for waiting in found.outbox.values()),
        "unread": sum(waiting.count for waiting in found.unread.values()),
        "unread_oldest": _show(oldest),
        "unread_due": _show(found.unread_due_ms),
        "cases": {"open": sum(found.open_cases.values()), "overdue": sum(found.overdue_cases.values())},
        "keys": {use: age.days for use, age in found.key_ages.items()},
        "directory": {"version": found.directory_version, "expires": show_time(found.directory_expires)},
        # The evidence log is not built yet.
        "checkpoint": None,
        "counts": {name: found.counts.get(name, 0) for name in COUNTED},
    }


def _show(at_ms: int | None) -> str | None:
    return show_time(from_ms(at_ms)) if at_ms is not None else None
