"""What the register knows of requests: what was asked of whom, how far each is, and what is to be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import Row, find_rows
from pas_schemas.models.words import SHOWN

# A force has said nothing; says that a report answers which is not here yet; is answered; the office that asked holds something of it.
ASKED, PUBLISHED, ANSWERED, DISCLOSED, REFUSED = "ASKED", "PUBLISHED", "ANSWERED", "DISCLOSED", "REFUSED"
OPEN, CLOSED = "OPEN", "CLOSED"
WAITING: Final = (ASKED, PUBLISHED)
# The state of a delivery whose access has ended: who asked holds nothing by it.
TAKEN_BACK: Final = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Ask:
    """An office that was asked; `statement` and `sealed` are what it said last."""

    office: str
    state: str
    report: bytes | None = None
    statement: bytes | None = None
    sealed: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Asking:
    """A request with everybody it was put to, by office."""

    id: bytes
    kind: str
    office: str
    person: bytes | None = field(repr=False)
    at_ms: int
    due_ms: int
    state: str
    look_ms: int | None
    sealed: bytes = field(repr=False)
    asks: dict[str, Ask]

    @property
    def late(self) -> list[str]:
        """Who has not answered."""
        return [ask.office for ask in self.asks.values() if ask.state in WAITING]

    def with_ask(self, ask: Ask) -> Asking:
        """The same, one of those who were asked being further."""
        return replace(self, asks={**self.asks, ask.office: ask})


def find_requests(connection: sa.Connection, ids: Iterable[bytes]) -> dict[bytes, Asking]:
    """Requests by id."""
    table = schema.requests
    return {one.id: one for one in _with_asks(connection, find_rows(connection, sa.select(table), table.c.id, ids))}


def find_answered_by(connection: sa.Connection, reports: Iterable[bytes]) -> dict[bytes, Asking]:
    """Requests that one of these reports is said to answer, by id."""
    table = schema.asks
    # By the index, which begins with the state.
    query = sa.select(table.c.request).where(table.c.state.in_((PUBLISHED, ANSWERED, DISCLOSED)))
    return find_requests(connection, {row.request for row in find_rows(connection, query, table.c.report, reports)})


def list_requests(connection: sa.Connection, *, only_open: bool) -> list[Asking]:
    """Every request, those due first coming first."""
    table = schema.requests
    query = sa.select(table).order_by(table.c.due_ms, table.c.id)
    rows = connection.execute(query.where(table.c.state == OPEN) if only_open else query).all()
    return _with_asks(connection, rows)


@dataclass(frozen=True, slots=True)
class Applied:
    """A request as far as it tells that there was one; `waits` says whether the office that asks still waits for an answer."""

    id: bytes
    kind: str
    office: str
    person: bytes = field(repr=False)
    at_ms: int
    state: str
    waits: bool


def find_on(connection: sa.Connection, persons: Iterable[bytes]) -> list[Applied]:
    """Requests about these people (keyed hashes); those about protected ones leave no hash, and are never among them."""
    table, asks = schema.requests, schema.asks.c
    waits = sa.exists().where(asks.request == table.c.id, asks.state.in_((*WAITING, ANSWERED))).label("waits")
    rows = find_rows(connection, sa.select(table, waits).order_by(table.c.at_ms, table.c.id), table.c.person, persons)
    return [Applied(row.id, row.kind, row.office, row.person, row.at_ms, row.state, bool(row.waits)) for row in rows]


def has_due(connection: sa.Connection, now_ms: int) -> bool:
    """Whether time, or a report that came, brings anything."""
    return any(connection.execute(query.limit(1)).first() is not None for query in _due(now_ms))


def find_due(connection: sa.Connection, now_ms: int, most: int) -> dict[bytes, Asking]:
    """Requests to look at now, so many of each sort at most: overdue, with a report that came, or with one that was disclosed."""
    ids = {row[0] for query in _due(now_ms) for row in connection.execute(query.limit(most))}
    return find_requests(connection, ids)


def find_disclosed(connection: sa.Connection, office: str, reports: Iterable[bytes]) -> set[bytes]:
    """Of these reports those of which an office was sent something that was not taken back."""
    table = schema.deliveries
    query = sa.select(table.c.report).where(table.c.office == office, table.c.kind.in_(SHOWN), table.c.state != TAKEN_BACK)
    return {row.report for row in find_rows(connection, query, table.c.report, reports)}


def is_on(connection: sa.Connection, report: bytes, persons: Iterable[bytes]) -> bool:
    """Whether a report is on any of these, by their keyed hashes."""
    table = schema.subjects
    return any(find_rows(connection, sa.select(table.c.key).where(table.c.report == report), table.c.key, persons))


def _due(now_ms: int) -> tuple[sa.Select[Any], ...]:
    requests, asks, deliveries = schema.requests, schema.asks, schema.deliveries
    mine = sa.join(asks, requests, asks.c.request == requests.c.id)
    sent = sa.and_(
        deliveries.c.report == asks.c.report, deliveries.c.office == requests.c.office, deliveries.c.kind.in_(SHOWN),
        deliveries.c.state != TAKEN_BACK,
    )  # fmt: skip
    came = sa.exists().where(schema.reports.c.id == asks.c.report)
    return (
        sa.select(requests.c.id).where(requests.c.look_ms <= now_ms),
        sa.select(asks.c.request).where(asks.c.state == PUBLISHED, came),
        sa.select(asks.c.request).select_from(mine).where(asks.c.state == ANSWERED, sa.exists().where(sent)),
    )


def _with_asks(connection: sa.Connection, rows: Iterable[Any]) -> list[Asking]:
    found = list(rows)
    table = schema.asks
    by_request: dict[bytes, dict[str, Ask]] = {}
    for row in find_rows(connection, sa.select(table).order_by(table.c.office), table.c.request, (one.id for one in found)):
        ask = Ask(row.office, row.state, row.report, row.statement, row.sealed)
        by_request.setdefault(row.request, {})[row.office] = ask
    return [
        Asking(
            row.id, row.kind, row.office, row.person, row.at_ms, row.due_ms, row.state, row.look_ms, row.sealed, by_request.get(row.id, {})
        )
        for row in found
    ]


def request_row(one: Asking) -> Row:
    """A new request as its table has it."""
    return {
        "id": one.id, "kind": one.kind, "office": one.office, "person": one.person, "at_ms": one.at_ms, "due_ms": one.due_ms,
        "state": one.state, "look_ms": one.look_ms, "sealed": one.sealed,
    }  # fmt: skip


def ask_row(request: bytes, ask: Ask) -> Row:
    """One of those asked as its table has it."""
    values = {"state": ask.state, "report": ask.report, "statement": ask.statement, "sealed": ask.sealed}
    return {"request": request, "office": ask.office, **values}
