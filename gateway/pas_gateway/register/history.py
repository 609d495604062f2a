"""What the register knows of decisions that were made: each with its moment, for a replay to make it once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import chunks

# Decisions that are made again with one look at the register.
DECISIONS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Past:
    """An accepted report as it was last decided; `kept` is false where its body was shredded."""

    id: bytes
    originator: str
    urn: str
    decided_at_ms: int
    kept: bool


def count_reports(connection: sa.Connection) -> int:
    """How many reports were ever accepted."""
    return connection.execute(sa.select(sa.func.count()).select_from(schema.reports)).scalar_one()


def list_decisions(connection: sa.Connection) -> Iterator[list[Past]]:
    """Every accepted report, in the log's order, so many at a time."""
    table = schema.reports.c
    kept = table.body.is_not(None).label("kept")
    query = sa.select(table.id, table.originator, table.urn, table.decided_at_ms, kept).order_by(table.received_at_ms, table.sealed_at_us)
    rows = connection.execution_options(yield_per=DECISIONS_AT_ONCE).execute(query)
    for part in rows.partitions():
        yield [Past(row.id, row.originator, row.urn, row.decided_at_ms, bool(row.kept)) for row in part]


def find_last_moves(connection: sa.Connection, prisoners: Iterable[bytes], after_ms: int) -> dict[bytes, int]:
    """Of these prisoners those of whom the log took a movement after a moment, and when it took the last."""
    table = schema.movements.c
    found: dict[bytes, int] = {}
    for part in chunks(sorted(set(prisoners))):
        for number in (table.prisoner, table.removed):
            last = sa.func.max(table.taken_at_ms)
            query = sa.select(number, last).where(number.in_(part), table.taken_at_ms > after_ms).group_by(number)
            for prisoner, taken_at_ms in connection.execute(query):
                found[prisoner] = max(taken_at_ms, found.get(prisoner, 0))
    return found
