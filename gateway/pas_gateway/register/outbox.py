"""What waits to be sent: sealed deliveries by their topics, threats to life by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from pas_gateway.register import schema


def has_outbox(connection: sa.Connection, urgent: int, without: Iterable[str] = ()) -> bool:
    """Whether anything of that urgency waits to be sent, but for these topics."""
    return bool(take_outbox(connection, urgent, without, 1))


def take_outbox(connection: sa.Connection, urgent: int, without: Iterable[str], limit: int) -> list[Any]:
    """The rows that were laid there first, but for these topics."""
    table = schema.outbox
    wanted = sa.and_(table.c.urgent == urgent, table.c.topic.not_in(sorted(without)))
    return list(connection.execute(sa.select(table).where(wanted).order_by(table.c.number).limit(limit)))


def count_outbox(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(schema.outbox)).scalar_one()
