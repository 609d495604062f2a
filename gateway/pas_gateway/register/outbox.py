"""What waits to be sent: sealed deliveries by their topics, threats to life by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import among


class Waiting(NamedTuple):
    """What waits for one partition of one topic: sealed records, when they were laid there, and the note that goes before them."""

    number: int
    topic: str
    partition: int
    records: bytes
    at_ms: int
    note: bytes | None

    def __repr__(self) -> str:
        return f"Waiting(number={self.number}, topic={self.topic!r})"


_WAITING = sa.select(*(schema.outbox.c[name] for name in Waiting._fields)).order_by(schema.outbox.c.number)


def has_outbox(connection: sa.Connection, urgent: int, without: Iterable[str] = ()) -> bool:
    """Whether anything of that urgency waits to be sent, but for these topics."""
    return connection.execute(sa.select(schema.outbox.c.number).where(_waiting(urgent, without)).limit(1)).first() is not None


def take_outbox(connection: sa.Connection, urgent: int, without: Iterable[str], limit: int) -> list[Waiting]:
    """The rows that were laid there first, but for these topics."""
    return [Waiting._make(row) for row in connection.execute(_WAITING.where(_waiting(urgent, without)).limit(limit))]


def _waiting(urgent: int, without: Iterable[str]) -> sa.ColumnElement[bool]:
    return sa.and_(schema.outbox.c.urgent == urgent, schema.outbox.c.topic.not_in(sorted(without)))


def drop_outbox(connection: sa.Connection, numbers: Sequence[int]) -> None:
    """Takes out what the log has. It is sealed, and lies in the log: SQLite need not write zeros over every page of it."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        connection.exec_driver_sql("PRAGMA secure_delete = FAST")
    try:
        connection.execute(schema.outbox.delete().where(among(connection, schema.outbox.c.number, numbers)))
    finally:
        if sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")


def count_outbox(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(schema.outbox)).scalar_one()
