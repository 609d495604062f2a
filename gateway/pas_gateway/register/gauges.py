"""What is counted over the whole register, for whoever watches it: cases, what waits to be sent, what waits to be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from pas_gateway.register import ladders, schema
from pas_gateway.register.dockets import WAITING


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many things wait, and since when the oldest does (milliseconds; None where nothing waits or nobody noted it)."""

    count: int
    since_ms: int | None


def count_cases_by_kind(connection: sa.Connection, now_ms: int, *, apart: bool = False) -> tuple[Counter[str], Counter[str]]:
    """Open cases, and the overdue ones among them, by the kind of their owner: an office itself is nobody's statistic.

    Cases of the compartment are in no statistics at all (domain, `G-PASO`) but its own (`apart`).
    """
    table = schema.cases
    late = sa.func.sum(sa.case((table.c.due_ms < now_ms, 1), else_=0))
    opened, overdue = Counter[str](), Counter[str]()
    counted = sa.and_(table.c.state.in_(WAITING), sa.true() if apart else table.c.reasons.not_like("%G-PASO%"))
    for row in connection.execute(sa.select(table.c.owner, sa.func.count(), late).where(counted).group_by(table.c.owner)):
        kind = row[0].partition(":")[0]
        opened[kind] += row[1]
        overdue[kind] += row[2]
    return opened, overdue


def find_outbox(connection: sa.Connection) -> dict[bool, Waiting]:
    """What waits to be sent: threats to life under True, all else under False."""
    table = schema.outbox
    since = sa.func.min(sa.case((table.c.at_ms > 0, table.c.at_ms)))
    found = {
        bool(row[0]): Waiting(row[1], row[2])
        for row in connection.execute(sa.select(table.c.urgent, sa.func.count(), since).group_by(table.c.urgent))
    }
    return {urgent: found.get(urgent, Waiting(0, None)) for urgent in (True, False)}


def count_unfollowed(connection: sa.Connection, now_ms: int) -> int:
    """How many movements are due whose prisoners nobody has followed."""
    return connection.execute(sa.select(sa.func.count()).select_from(schema.movements).where(schema.to_follow(now_ms))).scalar_one()


def find_unread(connection: sa.Connection) -> dict[str, Waiting]:
    """What must be read and is not, by priority, and since when the oldest waits."""
    return {priority: Waiting(count, since_ms) for priority, count, since_ms in ladders.count_unread(connection)}


def has_counters(connection: sa.Connection) -> bool:
    """Whether anything was ever counted: a question that costs nothing, to see whether there is an answer."""
    return connection.execute(sa.select(schema.counters.c.name).limit(1)).first() is not None
