"""What the register knows of chains of corrections: who waits for whom, and who stands in whose place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import chunks, find_rows

# UNMATCHED: PAS has a case, for the report it corrects did not come in time or is no longer the last of its chain. RELEASED: people let
# it go out all the same; should what it corrects come, it still stands in its place.
WaitState = Literal["WAITING", "UNMATCHED", "RELEASED"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An accepted report of which nothing is disclosed yet: it corrects `target`, or, that being None, is about to be corrected."""

    report: bytes
    urn: str
    originator: str
    target: str | None
    action: str | None
    until_ms: int
    state: WaitState


@dataclass(frozen=True, slots=True)
class Link:
    """A correction that took effect."""

    report: bytes
    successor: bytes
    action: str


_JOINED = sa.join(schema.waiting, schema.reports, schema.waiting.c.report == schema.reports.c.id)
_WAITING = sa.select(schema.waiting, schema.reports.c.urn, schema.reports.c.originator).select_from(_JOINED)
_IN_ORDER = (schema.reports.c.received_at_ms, schema.reports.c.sealed_at_us)


def find_waiting(connection: sa.Connection, targets: Iterable[str]) -> list[Waiting]:
    """Corrections of these URNs that have not taken effect, in the log's order."""
    found: list[Waiting] = []
    for part in chunks(sorted(set(targets))):
        found += _read(connection, _WAITING.where(schema.waiting.c.target.in_(part)).order_by(*_IN_ORDER))
    return found


def find_chained(connection: sa.Connection, urns: Iterable[str]) -> list[Waiting]:
    """Corrections of these URNs, and reports of these URNs that are held back for one, in the log's order."""
    found: list[Waiting] = []
    for part in chunks(sorted(set(urns))):
        held_back = sa.and_(schema.waiting.c.target.is_(None), schema.reports.c.urn.in_(part))
        found += _read(connection, _WAITING.where(sa.or_(schema.waiting.c.target.in_(part), held_back)).order_by(*_IN_ORDER))
    return found


def list_targets(connection: sa.Connection) -> frozenset[str]:
    """Every URN whose correction waits."""
    table = schema.waiting
    return frozenset(filter(None, connection.execute(sa.select(table.c.target).distinct()).scalars()))


def has_due(connection: sa.Connection, now_ms: int) -> bool:
    """Whether time alone settles anything."""
    return connection.execute(sa.select(schema.waiting.c.report).where(_due(now_ms)).limit(1)).first() is not None


def list_due(connection: sa.Connection, now_ms: int) -> list[Waiting]:
    """What time alone settles: those whose target has not come in time, and those held back for a correction."""
    return _read(connection, _WAITING.where(_due(now_ms)).order_by(*_IN_ORDER))


def _due(now_ms: int) -> sa.ColumnElement[bool]:
    table = schema.waiting
    return sa.or_(sa.and_(table.c.state == "WAITING", table.c.until_ms <= now_ms), table.c.target.is_(None))


def find_waits(connection: sa.Connection, reports: Iterable[bytes]) -> dict[bytes, Waiting]:
    """Which of these reports wait."""
    found: list[Waiting] = []
    for part in chunks(sorted(set(reports))):
        found += _read(connection, _WAITING.where(schema.waiting.c.report.in_(part)))
    return {one.report: one for one in found}


def find_links(connection: sa.Connection, reports: Iterable[bytes]) -> list[Link]:
    """The corrections in which one of these reports is either end."""
    table = schema.corrections
    found: dict[bytes, Link] = {}
    for part in chunks(sorted(set(reports))):
        either = sa.or_(table.c.report.in_(part), table.c.successor.in_(part))
        found.update(
            {row.report: Link(row.report, row.successor, row.action) for row in connection.execute(sa.select(table).where(either))}
        )
    return list(found.values())


def find_actioned(connection: sa.Connection, reports: Iterable[bytes]) -> frozenset[tuple[bytes, str]]:
    """Which office said what it did about which of these reports."""
    sent, replies = schema.deliveries.c, schema.replies.c
    joined = sa.join(schema.deliveries, schema.replies, sent.id == replies.delivery)
    acted = sa.select(sent.report, sent.office).select_from(joined).where(replies.receipt == "ACTIONED")
    return frozenset((row.report, row.office) for row in find_rows(connection, acted, sent.report, reports))


def _read(connection: sa.Connection, query: sa.Select[Any]) -> list[Waiting]:
    return [
        Waiting(row.report, row.urn, row.originator, row.target, row.action, row.until_ms, row.state) for row in connection.execute(query)
    ]
