"""`status`: what an operator types first."""

from __future__ import annotations

from typing import Any

from pas_gateway.office import PAS
from pas_gateway.register import Store, queries
from pas_gateway.supervisor import INPUTS
from pas_schemas.clock import from_ms, show_time, to_ms
from pas_transport.log import Log
from pas_transport.workspace import Workspace

COUNTED = ("accepted", "rejected", "quarantined", "duplicate", "movements", "replies", "sent")


def status(workspace: Workspace, store: Store, log: Log) -> dict[str, Any]:
    """Lag per topic, the unread disclosure due first, open and overdue cases, key ages in days, last checkpoint."""
    now = workspace.clock.now()
    snapshot = workspace.directory()
    ends, starts = log.ends(INPUTS), log.starts(INPUTS)
    with store.reading() as register:
        positions = queries.list_positions(register, log.identity)
        opened, overdue = queries.count_cases(register, to_ms(now))
        unread = queries.find_oldest_unread(register)
        waiting = queries.count_outbox(register)
        counters = queries.read_counters(register)
    lag: dict[str, int] = dict.fromkeys(INPUTS, 0)
    for part, end in ends.items():
        lag[part.topic] += end - max(positions.get((part.topic, part.number), 0), starts[part])
    ages = {use: (now - key.start).days for use in ("sign", "open", "compartment") if (key := snapshot.key(PAS, use, now)) is not None}
    return {
        "at": show_time(now),
        "lag": lag,
        "outbox": waiting,
        "unread_due": show_time(from_ms(unread)) if unread is not None else None,
        "cases": {"open": opened, "overdue": overdue},
        "keys": ages,
        "directory": {"version": snapshot.version, "expires": show_time(snapshot.expires_at)},
        "checkpoint": None,
        "counts": {
            name: counters.get(name, 0) for name in ("accepted", "rejected", "quarantined", "duplicate", "movements", "replies", "sent")
        },
    }
